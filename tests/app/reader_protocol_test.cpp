#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "app/reader/protocol.h"

namespace kvasir::reader {
namespace {

PageText twoWords() {
    PageText page;
    page.text = "onetwo";
    page.words = {{0, 3, {1, 2, 3, 4}, Join::Paragraph}, {3, 6, {5, 6, 7, 8}, Join::Space}};
    return page;
}

/// Every shortened form of a message, and one that is too long, must be refused.
template <typename Decode>
void expectExactLength(const std::string& payload, Decode decode) {
    ASSERT_TRUE(decode(payload));
    for (std::size_t length = 0; length < payload.size(); ++length) {
        EXPECT_FALSE(decode(std::string_view(payload).substr(0, length))) << length;
    }
    EXPECT_FALSE(decode(payload + 'x'));
}

TEST(ReaderProtocol, RoundTripsPages) {
    const auto page = decodePageText(encode(twoWords()));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->text, "onetwo");
    ASSERT_EQ(page->words.size(), 2U);
    EXPECT_EQ(page->words[1].join, Join::Space);
    EXPECT_EQ(page->words[1].box.bottom, 8);
}

TEST(ReaderProtocol, RefusesEveryOtherLength) {
    expectExactLength(encode(twoWords()), decodePageText);
    expectExactLength(encode(Hello{1, {{"limits", true, ""}, {"network", false, "why"}}}), decodeHello);
    expectExactLength(encode(Opened{FileFormat::Pdf, {{1, 2}, {3, 4}}}), decodeOpened);
    expectExactLength(encode(OpenRequest{"word", "pdf", 7}), decodeOpenRequest);
    expectExactLength(encode(std::vector<Document::OutlineItem>{{"Title", 3, 1}}), decodeOutline);
    expectExactLength(encode(Refused{Refusal::Locked, FileFormat::Pdf}), decodeRefused);
    expectExactLength(encodePage(5), decodePage);
    expectExactLength(encodeOffset(5), decodeOffset);
}

TEST(ReaderProtocol, RefusesWordsOutsideTheText) {
    PageText page = twoWords();
    page.words[1].end = 7;
    EXPECT_FALSE(decodePageText(encode(page)));
    page = twoWords();
    page.words[1].begin = 2;
    EXPECT_FALSE(decodePageText(encode(page))) << "words that overlap";
    page = twoWords();
    page.words[0].end = 0;
    EXPECT_FALSE(decodePageText(encode(page))) << "a word of nothing";
    page = twoWords();
    page.words[0].box.left = std::nanf("");
    EXPECT_FALSE(decodePageText(encode(page)));
    page = twoWords();
    page.words[0].join = static_cast<Join>(9);
    EXPECT_FALSE(decodePageText(encode(page)));
    page = twoWords();
    page.status = static_cast<PageStatus>(200);
    EXPECT_FALSE(decodePageText(encode(page)));
}

TEST(ReaderProtocol, CountsNeverReserveMoreThanFollows) {
    std::string payload = encode(Opened{FileFormat::Pdf, {{1, 2}}});
    const std::uint32_t many = kMaxPages;
    std::memcpy(payload.data() + 1, &many, sizeof many);
    EXPECT_FALSE(decodeOpened(payload));
    EXPECT_FALSE(decodeOpened(encode(Opened{FileFormat::Pdf, {{-1, 2}}})));
}

TEST(ReaderProtocol, ImagesHaveExactlyTheirPixels) {
    const std::string head = encodeImageHead(3, 2);
    const std::string good = head + std::string(24, 'p');
    ASSERT_TRUE(decodeImage(good));
    EXPECT_EQ(decodeImage(good)->pixels.size(), 24U);
    EXPECT_FALSE(decodeImage(head + std::string(23, 'p')));
    EXPECT_FALSE(decodeImage(encodeImageHead(0, 0)));
    EXPECT_FALSE(decodeImage(encodeImageHead(0xFFFFFFFF, 0xFFFFFFFF) + std::string(4, 'p')));
    EXPECT_FALSE(decodeImage(encodeImageHead(65536, 65536)));
}

TEST(ReaderProtocol, OutlinesHaveSaneLevelsAndPages) {
    using Items = std::vector<Document::OutlineItem>;
    EXPECT_TRUE(decodeOutline(encode(Items{{"a", -1, 0}})));
    EXPECT_FALSE(decodeOutline(encode(Items{{"a", -2, 0}})));
    EXPECT_FALSE(decodeOutline(encode(Items{{"a", 0, -1}})));
}

}  // namespace
}  // namespace kvasir::reader
