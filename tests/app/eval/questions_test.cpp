#include "app/eval/questions.h"

#include <gtest/gtest.h>

#include "tests/app/app_support.h"

namespace kvasir::eval {
namespace {

TEST(Questions, AreReadByColumnNames) {
    const test::ScratchFolder folder;
    const auto questions =
        readQuestions(folder.write("q.tsv",
                                   "# a comment\r\nquestion\tid\tdocument\texpected\tpages\tkind\r\n"
                                   "Who?\tq1\ta.pdf\tAnn | Anne\t3,4\tplain\r\n\r\nWhy?\tq2\tb.txt\r\n"
                                   "Where?\tq3\ta.pdf\tNOT IN DOCUMENT\r\n"));
    ASSERT_TRUE(questions) << questions.error().message();
    ASSERT_EQ(questions->size(), 3U);
    const Question& first = questions->front();
    EXPECT_EQ(first.id, "q1");
    EXPECT_EQ(first.document, "a.pdf");
    EXPECT_EQ(first.text, "Who?");
    EXPECT_EQ(first.kind, "plain");
    EXPECT_EQ(first.places, (std::vector<std::int32_t>{3, 4}));
    EXPECT_TRUE(first.judged && first.expected.answerable());
    EXPECT_FALSE((*questions)[1].judged);
    EXPECT_TRUE((*questions)[2].judged);
    EXPECT_FALSE((*questions)[2].expected.answerable());
}

TEST(Questions, GoOnFromRowsAbove) {
    const test::ScratchFolder folder;
    const auto read = [&](const std::string& rows) {
        return readQuestions(folder.write("q.tsv", "id\tdocument\tquestion\tafter\n" + rows));
    };
    const auto questions = read("q1\ta\tHow much?\t\nq2\ta\tAnd then?\tq1\nq3\ta\tAnd for B?\tq2\n");
    ASSERT_TRUE(questions) << questions.error().message();
    EXPECT_EQ((*questions)[0].after, "");
    EXPECT_EQ((*questions)[2].after, "q2");
    for (const char* rows :
         {"q1\ta\tHow much?\tq2\n", "q1\ta\tHow much?\tq1\n", "q1\ta\tHow much?\t\nq2\tb\tAnd then?\tq1\n"}) {
        const auto refused = read(rows);
        ASSERT_FALSE(refused) << rows;
        EXPECT_EQ(refused.error().code, ErrorCode::Damaged);
    }
}

TEST(Questions, SayWhatIsWrongWithAFile) {
    const test::ScratchFolder folder;
    const auto codeOf = [&](const std::string& text) {
        const auto questions = readQuestions(folder.write("q.tsv", text));
        EXPECT_FALSE(questions) << text;
        return questions ? ErrorCode::Internal : questions.error().code;
    };
    EXPECT_EQ(readQuestions(folder.path() / "none.tsv").error().code, ErrorCode::NotFound);
    EXPECT_EQ(codeOf(""), ErrorCode::Empty);
    EXPECT_EQ(codeOf("document\tquestion\n"), ErrorCode::Empty);
    EXPECT_EQ(codeOf("document\tquestion\na.pdf\n"), ErrorCode::Damaged);
    EXPECT_EQ(codeOf("id\nq1\n"), ErrorCode::Damaged);
    for (const char* pages : {"x", "0", "-1", "1,,2", "1;2", "99999999999"})
        EXPECT_EQ(codeOf(std::string("document\tquestion\tpages\na\tb\t") + pages + "\n"),
                  ErrorCode::Damaged);
}

}  // namespace
}  // namespace kvasir::eval
