#include "app/repeated_passages.h"

#include <gtest/gtest.h>

namespace kvasir {
namespace {

std::vector<TextToken> tokensOfTenBytes(std::uint32_t count) {
    std::vector<TextToken> tokens(count);
    for (std::uint32_t i = 0; i < count; ++i)
        tokens[i] = {static_cast<TokenId>(i), 10 * i, 10 * i + 10};
    return tokens;
}

TEST(WithBest, TakesWholePassagesWithinTheBudget) {
    const std::vector<TextToken> tokens = tokensOfTenBytes(20);
    using Tokens = std::vector<std::int64_t>;
    const std::vector<ByteRange> passages{{100, 140}, {15, 45}, {120, 150}, {190, 200}, {500, 600}};
    EXPECT_EQ(withBest({}, tokens, passages, 0), Tokens());
    EXPECT_EQ(withBest({}, tokens, passages, 3), Tokens({12, 13, 14}))
        << "what is too long makes room for others";
    EXPECT_EQ(withBest({}, tokens, passages, 8), Tokens({1, 2, 3, 4, 10, 11, 12, 13}))
        << "any byte of a token";
    EXPECT_EQ(withBest({}, tokens, passages, 100), Tokens({1, 2, 3, 4, 10, 11, 12, 13, 14, 19}))
        << "each token once";
    EXPECT_EQ(withBest({10, 11}, tokens, passages, 2), Tokens({10, 11, 12, 13}))
        << "what is there costs nothing";
    EXPECT_EQ(withBest({}, {}, passages, 100), Tokens());
    EXPECT_EQ(withBest({7}, tokens, {}, 100), Tokens({7}));
}

TEST(WholeSentences, BeginWhereSearchFoundThem) {
    Passages passages;
    for (const auto& [begin, end] : {std::pair(0U, 40U), std::pair(41U, 90U), std::pair(100U, 180U)}) {
        passages.items.emplace_back();
        passages.items.back().begin = begin;
        passages.items.back().end = end;
    }
    const auto whole = [&](std::uint32_t begin, std::uint32_t end) {
        const std::vector<ByteRange> found{{begin, end}};
        const std::vector<ByteRange> ranges = wholeSentences(passages, found);
        return ranges.empty() ? std::pair(0U, 0U) : std::pair(ranges[0].begin, ranges[0].end);
    };
    EXPECT_EQ(whole(0, 60), std::pair(0U, 90U)) << "to the end of the last";
    EXPECT_EQ(whole(20, 120), std::pair(41U, 180U)) << "from the beginning of the first";
    EXPECT_EQ(whole(110, 130), std::pair(100U, 180U)) << "the one it lies in";
    EXPECT_EQ(whole(90, 100), std::pair(0U, 0U)) << "nothing but a gap";
    EXPECT_EQ(whole(180, 300), std::pair(0U, 0U));
    EXPECT_TRUE(wholeSentences({}, std::vector<ByteRange>{{0, 10}}).empty());
}

TEST(ByAttention, PutsFirstWhatIsLookedAtMost) {
    const std::vector<TextToken> tokens = tokensOfTenBytes(40);
    Passages passages;
    for (const auto& [begin, end] : {std::pair(0U, 100U), std::pair(100U, 200U), std::pair(200U, 210U),
                                     std::pair(210U, 310U), std::pair(320U, 400U)}) {
        passages.items.emplace_back();
        passages.items.back().begin = begin;
        passages.items.back().end = end;
    }
    std::vector<float> scores(40, 0.0F);
    scores[3] = 1.25F;  // one token of ten
    for (std::size_t i = 10; i < 20; ++i)
        scores[i] = 0.5F;  // all of them
    scores[20] = 1.2F;     // a passage of one token
    scores[31] = 100;      // between passages
    scores[35] = 1;        // one of eight
    const std::vector<ByteRange> best = byAttention(passages, tokens, scores);
    ASSERT_EQ(best.size(), 4U) << "what is not looked at is left out";
    EXPECT_EQ(best[0].begin, 100U);
    EXPECT_EQ(best[1].begin, 200U) << "few tokens weigh little: 1.2 by eight, not by one";
    EXPECT_EQ(best[2].begin, 0U) << "of equals the earlier";
    EXPECT_EQ(best[3].begin, 320U);
    EXPECT_TRUE(byAttention({}, tokens, scores).empty());
    EXPECT_TRUE(byAttention(passages, {}, {}).empty());
}

}  // namespace
}  // namespace kvasir
