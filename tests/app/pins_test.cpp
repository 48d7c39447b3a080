// Pins as places of a document: words, tokens, bounds, and what people write to name them.
#include "app/pins.h"

#include <gtest/gtest.h>

#include "tests/app/app_support.h"

namespace kvasir {
namespace {

ByteRange rangeOf(const Document& document, const std::string& words) {
    const std::size_t at = document.text.find(words);
    EXPECT_NE(at, std::string::npos) << words;
    return {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + words.size())};
}

std::string textOf(const Document& document, const ByteRange& range) {
    return document.text.substr(range.begin, range.end - range.begin);
}

TEST(Pins, TakeWholeWordsWithoutBlanks) {
    const auto document = test::textDocument("The fee is 900 euros.\n\n  It is due in May.\n");
    const auto pinned = [&](const std::string& words) {
        const auto whole = wholeWords(*document, rangeOf(*document, words));
        return whole ? textOf(*document, *whole) : "none";
    };
    EXPECT_EQ(pinned("ee is 90"), "fee is 900");
    EXPECT_EQ(pinned(" is "), "is");
    EXPECT_EQ(pinned("euros.\n\n  It"), "euros.\n\n  It");
    EXPECT_EQ(pinned("\n\n"), "none");
    EXPECT_EQ(wholeWords(*document, {}), std::nullopt);
    EXPECT_EQ(wholeWords(*document, {5000, 6000}), std::nullopt);
}

/// A word there may be a whole paragraph.
TEST(Pins, TakeOfJapaneseWhatIsSelected) {
    const auto document = test::textDocument("甲は、60日前までに書面で通知する。違約金はない。\n");
    ByteRange range = rangeOf(*document, "60日前までに");
    const auto whole = wholeWords(*document, range);
    ASSERT_TRUE(whole);
    EXPECT_EQ(textOf(*document, *whole), "60日前までに");
    range.begin += 3;  // inside a character of three bytes
    range.end -= 1;
    EXPECT_EQ(textOf(*document, *wholeWords(*document, range)), "日前までに");
}

TEST(Pins, JoinWhatOverlaps) {
    EXPECT_EQ(joinedRanges({{50, 60}, {0, 5}, {3, 8}, {8, 9}, {20, 20}}),
              (std::vector<ByteRange>{{0, 9}, {50, 60}}));
    EXPECT_TRUE(joinedRanges({}).empty());
}

TEST(Pins, CountTheTokensTheyShareAByteWith) {
    const std::vector<std::uint32_t> begins{0, 4, 8, 9, 15};
    const auto count = [&](const std::vector<ByteRange>& ranges) { return countTokens(begins, ranges); };
    EXPECT_EQ(count({{0, 4}}), 1);
    EXPECT_EQ(count({{0, 5}}), 2);
    EXPECT_EQ(count({{5, 6}}), 1);
    EXPECT_EQ(count({{5, 6}, {7, 9}}), 2) << "no token twice";
    EXPECT_EQ(count({{3, 100}}), 5);
    EXPECT_EQ(count({{16, 17}, {17, 18}}), 1);
    EXPECT_EQ(count({}), 0);
    EXPECT_EQ(countTokens({}, std::vector<ByteRange>{{0, 9}}), 0);
}

TEST(Pins, GrowUpToTheirBound) {
    std::string text;
    for (int i = 0; i < 6000; ++i)
        text += "w" + std::to_string(i % 10) + " ";
    const auto document = test::textDocument(text);
    std::vector<std::uint32_t> begins(6000);
    for (std::uint32_t i = 0; i < begins.size(); ++i)
        begins[i] = 3 * i;
    const std::vector<ByteRange> pins{{0, 6}};
    const auto more = withPin(*document, pins, {30, 35}, begins);
    ASSERT_TRUE(more);
    EXPECT_EQ(*more, (std::vector<ByteRange>{{0, 6}, {30, 35}}));
    EXPECT_EQ(*withPin(*document, pins, {1, 5}, begins), (std::vector<ByteRange>{{0, 6}})) << "it is pinned";
    EXPECT_EQ(*withPin(*document, pins, {4, 11}, begins), (std::vector<ByteRange>{{0, 11}}));
    EXPECT_EQ(withPin(*document, pins, {2, 3}, begins).error().code, ErrorCode::InvalidArgument);
    // 4,096 with those that there are, and one more.
    EXPECT_TRUE(withPin(*document, pins, {300, 300 + 3 * 4094}, begins));
    const auto much = withPin(*document, pins, {300, 300 + 3 * 4095}, begins);
    ASSERT_FALSE(much);
    EXPECT_EQ(much.error().code, ErrorCode::TooLarge);
    EXPECT_NE(much.error().what.find("101 %"), std::string::npos) << much.error().what;
    EXPECT_EQ(much.error().where, "4097 tokens, at most 4096");
    EXPECT_TRUE(withPin(*document, pins, {300, 300 + 3 * 4095}, {})) << "not known yet: asking finds out";
}

TEST(Pins, AreFoundByTheirWords) {
    const auto document =
        test::textDocument("The fee of\nitem 2 is 90 euros.\n\nThe fee  of item 20 is 10 euros.\n");
    const auto found = [&](const std::string& words) {
        std::vector<std::string> texts;
        for (const ByteRange& place : placesOf(*document, words))
            texts.push_back(textOf(*document, place));
        return texts;
    };
    using List = std::vector<std::string>;
    EXPECT_EQ(found("The fee of item 2"), List{"The fee of\nitem 2"}) << "and not the one of item 20";
    EXPECT_EQ(found(" item \t 20\n"), List{"item 20"});
    EXPECT_EQ(found("euros. The"), List{"euros.\n\nThe"});
    EXPECT_EQ(found("The fee of item").size(), 2U);
    EXPECT_TRUE(found("the fee").empty()) << "letter for letter";
    EXPECT_TRUE(found("fe").empty());
    EXPECT_TRUE(found(" \n").empty());
    EXPECT_TRUE(found("").empty());
    const auto japanese = test::textDocument("甲は、60日前までに\n書面で通知 する。\n");
    const std::vector<ByteRange> places = placesOf(*japanese, "までに書面で通知する");
    ASSERT_EQ(places.size(), 1U);
    EXPECT_EQ(textOf(*japanese, places[0]), "までに\n書面で通知 する");
    EXPECT_TRUE(placesOf(Document(), "a").empty());
}

TEST(Pins, AreNamedByPageAndLines) {
    const auto text = test::textDocument("one\ntwo three\n\nfour\n");
    EXPECT_EQ(textOf(*text, *linesOf(*text, "2")), "two three");
    EXPECT_EQ(textOf(*text, *linesOf(*text, "1:1-2")), "one\ntwo three");
    EXPECT_EQ(textOf(*text, *linesOf(*text, "2-4")), "two three\n\nfour");
    EXPECT_EQ(linesOf(*text, "3").error().code, ErrorCode::NotFound) << "nothing stands there";
    EXPECT_EQ(linesOf(*text, "4-99").error().code, ErrorCode::NotFound);
    EXPECT_EQ(linesOf(*text, "2:1").error().code, ErrorCode::NotFound);
    for (const char* wrong :
         {"", "0", "-1", "3-2", "a", "1:", "1:2-", "1-2-3", "1:2:3", "99999999999", "1 2"})
        EXPECT_EQ(linesOf(*text, wrong).error().code, ErrorCode::InvalidArgument) << wrong;
    EXPECT_EQ(placeText(*text, 5), "line 2");

    Document pages;
    pages.text = "one\ntwo\n\nthree";
    pages.words = {{0, 3, {}}, {4, 7, {}}, {9, 14, {}}};
    pages.lines = {{0, 3, 0, 1}, {4, 7, 1, 2}, {9, 14, 2, 3}};
    Page page;
    page.end = 7;
    page.lastLine = 2;
    pages.pages = {page, page};
    pages.pages[1].begin = 9;
    pages.pages[1].end = 14;
    pages.pages[1].firstLine = 2;
    pages.pages[1].lastLine = 3;
    EXPECT_EQ(textOf(pages, *linesOf(pages, "2:1")), "three");
    EXPECT_EQ(textOf(pages, *linesOf(pages, "1:1-2")), "one\ntwo");
    EXPECT_EQ(linesOf(pages, "1").error().code, ErrorCode::InvalidArgument) << "which page?";
    EXPECT_EQ(linesOf(pages, "2:2").error().code, ErrorCode::NotFound);
    EXPECT_EQ(placeText(pages, 9), "page 2, line 1");
    const std::vector<PinnedPassage> passages = pinnedPassages(pages, std::vector<ByteRange>{{4, 14}});
    EXPECT_EQ(passages, (std::vector<PinnedPassage>{{{4, 14}, 0, 1}}));
}

}  // namespace
}  // namespace kvasir
