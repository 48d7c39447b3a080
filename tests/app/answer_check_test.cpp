// Verdicts on pairs of answers, and what the full reading looked at besides.
#include "app/answer_check.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/app/app_support.h"

namespace kvasir {
namespace {

Answer said(const std::string& text, const std::vector<std::int32_t>& pages = {3}) {
    Answer answer;
    answer.text = text;
    for (const std::int32_t page : pages) {
        Citation citation;
        citation.page = page;
        answer.citations.push_back(citation);
    }
    return answer;
}

Verdict verdict(const std::string& a, const std::string& b) {
    const Verdict one = compareTexts(said(a), said(b));
    EXPECT_EQ(one, compareTexts(said(b), said(a))) << "whichever comes first: " << a << " / " << b;
    return one;
}

TEST(CompareAnswers, TheSameWords) {
    EXPECT_EQ(verdict("The fee is 107 euros.", "The fee is 107 euros."), Verdict::SameWords);
    EXPECT_EQ(compareFacts(said("Yes."), said("Yes.")), Verdict::SameFacts);
}

TEST(CompareAnswers, OtherWordsWithTheSameFacts) {
    EXPECT_EQ(verdict("The fee is 1,200 euros, due on 1 April 2025.", "1200 euros, payable by 2025-04-01."),
              Verdict::SameFacts);
    EXPECT_EQ(verdict("It may not be assigned before 2026.", "Before 2026 it cannot be assigned."),
              Verdict::SameFacts);
    EXPECT_EQ(verdict("\"The fee is 107 euros a month\"\n\nAnswer: 107 euros",
                      "\"fee is 107 euros\"\n\nAnswer: 107 euros each month"),
              Verdict::SameFacts);
}

TEST(CompareAnswers, EveryKindOfFactCounts) {
    EXPECT_EQ(verdict("The fee is 107 euros.", "The fee is 170 euros."), Verdict::Different);
    EXPECT_EQ(verdict("It ends after 60 days.", "It ends after 60 months."), Verdict::Different);
    EXPECT_EQ(verdict("It ends on 1 April 2025.", "It ends on 1 May 2025."), Verdict::Different);
    EXPECT_EQ(verdict("It is renewed in 2026.", "It is not renewed in 2026."), Verdict::Different);
    EXPECT_EQ(verdict("Notice of 60 days.", "Notice of 60 days, unless agreed otherwise."),
              Verdict::Different);
    EXPECT_EQ(verdict("\"payable within ten days\" 10", "\"assigned without consent\" 10"),
              Verdict::Different);
    EXPECT_EQ(verdict("通知は60日前です。", "通知は60日前ではない。"), Verdict::Different);
    EXPECT_EQ(verdict("The tenant pays.", "The landlord pays."), Verdict::Different)
        << "without any fact the words must be the same";
}

TEST(CompareAnswers, AnotherNumberOfTheQuotedRowIsAnotherAnswer) {
    const std::string row = "\"NS-200 Split-case pump, 110 kW motor 720 27,450 16\"\n\nAnswer: ";
    EXPECT_EQ(verdict(row + "£16", row + "110 kW"), Verdict::Different);
    EXPECT_EQ(verdict(row + "£27,450", row + "£720"), Verdict::Different);
    EXPECT_EQ(verdict(row + "£27,450", row + "The price is £27,450."), Verdict::SameFacts);
    EXPECT_EQ(verdict(row + "£27,450", row + "The NS-200 costs £27,450 and takes 16 weeks."),
              Verdict::SameFacts)
        << "one says more";
    EXPECT_EQ(verdict(row + "£27,450", row + "see the table"), Verdict::SameFacts) << "the other says none";
}

TEST(CompareAnswers, PagesAndNotFoundCount) {
    EXPECT_EQ(compareFacts(said("107 euros", {3}), said("107 euros a month", {4})), Verdict::Different);
    EXPECT_EQ(compareFacts(said("107 euros", {3, 4, 3}), said("107 euros a month", {4, 3})),
              Verdict::SameFacts);
    Answer missing = said("107 euros a month");
    missing.answerable = false;
    EXPECT_EQ(compareFacts(said("107 euros"), missing), Verdict::Different);
}

TEST(LookedAtMost, NamesThePassagesThatWereNotCarried) {
    const std::shared_ptr<const Document> document = test::textDocument(test::leaseText(12));
    std::vector<TextToken> tokens;  // a word each
    for (std::uint32_t at = 0; at < document->text.size();) {
        const auto end = std::min(document->text.find_first_of(" \n", at), document->text.size());
        if (end > at) tokens.push_back({1, at, static_cast<std::uint32_t>(end)});
        at = static_cast<std::uint32_t>(end) + 1;
    }
    std::vector<float> attention(tokens.size(), 0.01F);
    std::vector<bool> carried(tokens.size(), true);
    const auto mark = [&](const std::string& sentence, float mass, bool isCarried) {
        const std::size_t begin = document->text.find(sentence);
        ASSERT_NE(begin, std::string::npos);
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            if (tokens[i].begin < begin || tokens[i].begin >= begin + sentence.size()) continue;
            attention[i] = mass;
            carried[i] = isCarried;
        }
    };
    mark("The fee of item 3 is 121 euros a month", 0.5F, false);
    mark("The fee of item 5 is 135 euros a month", 2.0F, false);
    mark("The fee of item 7 is 149 euros a month", 9.0F, true);
    attention[1] = 1000;  // the first tokens draw attention whatever they say
    carried[1] = false;
    const std::vector<LookedAt> looked = lookedAtMost(findPassages(*document), tokens, attention, carried);
    ASSERT_EQ(looked.size(), 2U);
    EXPECT_NE(looked[0].quote.find("item 5"), std::string::npos) << looked[0].quote;
    EXPECT_NE(looked[1].quote.find("item 3"), std::string::npos) << looked[1].quote;
    EXPECT_GT(looked[0].share, looked[1].share);
    EXPECT_EQ(document->text.substr(looked[0].begin, 6), looked[0].quote.substr(0, 6));
    EXPECT_TRUE(lookedAtMost(findPassages(*document), tokens, {}, carried).empty());
    EXPECT_TRUE(
        lookedAtMost(findPassages(*document), tokens, std::vector<float>(tokens.size(), 0.0F), carried)
            .empty());
}

}  // namespace
}  // namespace kvasir
