#include "app/eval/judge.h"

#include <gtest/gtest.h>

namespace kvasir::eval {
namespace {

bool right(const char* answer, const char* expected) {
    return isRight(answer, expectedFromText(expected));
}

TEST(Judge, WantsOneSpellingOfEveryFact) {
    EXPECT_TRUE(right("It is twelve years.", "twelve years | 12 years"));
    EXPECT_TRUE(right("12 YEARS, of course", "twelve years | 12 years"));
    EXPECT_FALSE(right("ten years", "twelve years | 12 years"));
    EXPECT_TRUE(right("97 % of the products, at most 12 per cent", "97% | 97 percent & 12% | 12 per cent"));
    EXPECT_FALSE(right("97 %", "97% | 97 percent & 12%"));
}

TEST(Judge, TakesNoFactThatIsAPartOfAnother) {
    EXPECT_FALSE(right("112 years", "12 years"));
    EXPECT_FALSE(right("1.12 years", "12 years"));
    EXPECT_FALSE(right("The costar", "star"));
    EXPECT_FALSE(right("27,4501", "27,450"));
    EXPECT_FALSE(right("3.57", "3.5"));
    EXPECT_TRUE(right("the rent (27450 GBP)", "27,450"));
    EXPECT_TRUE(right("at 10:15:02.113", "10:15:02"));
    EXPECT_FALSE(right("at 10:15:02:11", "10:15:02"));
}

TEST(Judge, WidthsAndBlanksDoNotMatter) {
    EXPECT_TRUE(right("単価は７９５，０００円です。", "795,000"));
    EXPECT_TRUE(right("5 時間 以内", "5時間"));
    EXPECT_TRUE(right("nine\n  months", "nine months"));
}

TEST(Judge, ReadsWhatIsExpected) {
    EXPECT_FALSE(expectedFromText("NOT IN DOCUMENT").answerable());
    EXPECT_FALSE(expectedFromText("").answerable());
    const Expected expected = expectedFromText("a | b & c");
    ASSERT_EQ(expected.facts.size(), 2U);
    EXPECT_EQ(expected.facts[0], (std::vector<std::string>{"a", "b"}));
    EXPECT_FALSE(isRight("anything", expectedFromText(" &  | ")) && expectedFromText(" &  | ").answerable());
}

TEST(Judge, CountsSharedWordsAsSquadDoes) {
    using std::string_view;
    EXPECT_DOUBLE_EQ(sharedWords("The cat sat.", string_view("a cat SAT")), 1.0);
    EXPECT_DOUBLE_EQ(sharedWords("cat", string_view("dog")), 0.0);
    EXPECT_DOUBLE_EQ(sharedWords("cat cat dog", string_view("cat dog dog bird")), 2.0 * 2 / 7);
    EXPECT_DOUBLE_EQ(sharedWords("", string_view("")), 1.0);
    EXPECT_DOUBLE_EQ(sharedWords("", string_view("word")), 0.0);
    EXPECT_DOUBLE_EQ(sharedWords("五時間", string_view("七時間")), 2.0 * 2 / 6);
    EXPECT_DOUBLE_EQ(sharedWords("It is 12 years", expectedFromText("twelve years | 12 years")), 2.0 * 2 / 6);
}

}  // namespace
}  // namespace kvasir::eval
