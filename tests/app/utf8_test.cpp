#include "app/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace kvasir::utf8 {
namespace {

TEST(Utf8, DecodesEveryLength) {
    const std::string text = "a\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80";
    EXPECT_EQ(codePoints(text), (std::vector<char32_t>{U'a', 0xE9, 0x65E5, 0x1F600}));
    const CodePoint emoji = decode(text, 6);
    EXPECT_EQ(emoji.begin, 6U);
    EXPECT_EQ(emoji.end, 10U);
}

TEST(Utf8, RefusesWhatIsNoCharacterByteByByte) {
    for (const std::string& bad :
         {std::string("\xC0\x80"), std::string("\xED\xA0\x80"), std::string("\xF4\x90\x80\x80"),
          std::string("\xE0\x80\x80"), std::string("\x80"), std::string("\xFF"), std::string("\xE6\x97")}) {
        const std::vector<char32_t> points = codePoints(bad);
        ASSERT_EQ(points.size(), bad.size());
        for (const char32_t point : points)
            EXPECT_EQ(point, 0xFFFDU);
    }
    EXPECT_EQ(codePoints("\xE6\x97x"), (std::vector<char32_t>{0xFFFD, 0xFFFD, U'x'}));
}

TEST(Utf8, CompleteLengthStopsBeforeABegunCharacter) {
    EXPECT_EQ(completeLength(""), 0U);
    EXPECT_EQ(completeLength("abc"), 3U);
    const std::string text = "a\xF0\x9F\x98\x80";
    for (std::size_t cut = 2; cut < text.size(); ++cut)
        EXPECT_EQ(completeLength(text.substr(0, cut)), 1U) << cut;
    EXPECT_EQ(completeLength(text), text.size());
    EXPECT_EQ(completeLength("a\x80"), 2U) << "an error stays: it will never be completed";
}

}  // namespace
}  // namespace kvasir::utf8
