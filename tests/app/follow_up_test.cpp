#include "app/follow_up.h"

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kvasir {
namespace {

TEST(FollowUp, BeginsWithAReferenceOrIsNoWholeSentence) {
    for (const char* question : {"And for the second year?",
                                 "what about model B?",
                                 "How about Sundays?",
                                 "Why?",
                                 "Why not?",
                                 "But what if it rains?",
                                 "Is it refundable?",
                                 "How long is it valid?",
                                 "Does that include VAT?",
                                 "In the second year?",
                                 "For model B?",
                                 "the same for motorcycles?",
                                 "When do they end?",
                                 "What is its weight?",
                                 "How much?",
                                 "And?",
                                 "Then who pays?",
                                 "What else?",
                                 "How many of them are there?",
                                 "それはいつまでですか。",
                                 "では、課長は？",
                                 "じゃあ2年目は？",
                                 "同じ条件は部長にも適用されますか。",
                                 "二輪車の場合は？",
                                 "その理由は何ですか。",
                                 "休日は？",
                                 "乙地ではどうですか。",
                                 "屋根なしなら？",
                                 "なぜですか。",
                                 "いくらですか。"})
        EXPECT_TRUE(looksLikeFollowUp(question)) << question;
}

TEST(FollowUp, AQuestionWithItsOwnWordsStandsByItself) {
    for (const char* question :
         {"What is the rent in the second year?", "Who hears an appeal against a grievance?",
          "Is this agreement governed by English law?", "In which year was the bridge built?",
          "How long does it take to repay the deposit?", "Is it allowed to keep animals?",
          "For how many days may a vehicle stay?", "Why does the rent stop after a fire in the premises?",
          "List the kilns that are prohibited.", "At what temperature is the sample kept?", "", "   ", "???",
          "部長の日当はいくらですか。", "この規程はいつから施行されますか。",
          "防犯カメラの映像はどれだけ保管されますか。", "契約を解約するには何か月前に通知しますか。"})
        EXPECT_FALSE(looksLikeFollowUp(question)) << question;
}

/// Rows of a table by their columns' names.
std::vector<std::map<std::string, std::string>> rowsOf(const std::string& path) {
    std::vector<std::map<std::string, std::string>> rows;
    std::vector<std::string> columns;
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line.front() == '#') continue;
        std::vector<std::string> cells;
        std::istringstream stream(line);
        for (std::string cell; std::getline(stream, cell, '\t');)
            cells.push_back(cell);
        if (columns.empty()) {
            columns = cells;
            continue;
        }
        auto& row = rows.emplace_back();
        for (std::size_t i = 0; i < std::min(cells.size(), columns.size()); ++i)
            row[columns[i]] = cells[i];
    }
    return rows;
}

/// Of the sets that answers are measured with (docs/decisions/turns.md).
TEST(FollowUp, TellsTheMeasuringQuestionsApart) {
    const std::string folder = KVASIR_FIXTURES "/../questions/";
    int wrong = 0, asked = 0;
    for (const char* file : {"questions.tsv", "generated/questions.tsv"}) {
        for (auto& row : rowsOf(folder + file)) {
            ++asked;
            if (!looksLikeFollowUp(row["question"])) continue;
            ++wrong;
            std::printf("taken for a follow-up: %s\n", row["question"].c_str());
        }
    }
    EXPECT_EQ(asked, 36 + 132);
    EXPECT_LE(wrong, 2);
    int missed = 0, pairs = 0;
    for (auto& row : rowsOf(folder + "generated/followups.tsv")) {
        const bool follows = !row["after"].empty();
        pairs += follows ? 1 : 0;
        if (looksLikeFollowUp(row["question"]) == follows) continue;
        ++missed;
        std::printf("not told: %s\n", row["question"].c_str());
    }
    EXPECT_EQ(pairs, 20);
    EXPECT_LE(missed, 1);
}

}  // namespace
}  // namespace kvasir
