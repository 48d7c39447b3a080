#include "tests/kernels/attention_cache.h"

namespace kvasir::kernels::test {
namespace {

std::vector<double> expectedAttention(const Cache& cache, const std::vector<float>& queries,
                                      const std::vector<std::int32_t>& positions) {
    const AttentionShape& shape = cache.shape;
    std::vector<double> out(queries.size(), 0);
    for (std::size_t row = 0; row < positions.size(); ++row) {
        for (std::int64_t h = 0; h < shape.heads; ++h) {
            const std::int64_t g = h / (shape.heads / shape.kvHeads);
            const std::size_t at = (row * shape.heads + h) * shape.headSize;
            const std::vector<double> p = probabilities(cache, queries.data() + at, positions[row], g);
            for (std::int64_t r = 0; r < cache.count; ++r) {
                for (int i = 0; i < shape.headSize; ++i)
                    out[at + i] += p[r] * double{cache.row(cache.values, g, r)[i]};
            }
        }
    }
    return out;
}

std::vector<float> attend(Backend& backend, const Cache& cache, const std::vector<float>& queries,
                          const std::vector<std::int32_t>& positions, const std::vector<KvSpan>& spans) {
    std::vector<float> out(queries.size(), std::nanf(""));
    backend.attention(cache.shape, queries.data(), positions.data(),
                      static_cast<std::int64_t>(positions.size()), spans, out.data());
    return out;
}

class Attention : public OnEveryBackend {
protected:
    /// In float32, and as the back end does it by default.
    void check(Cache cache, const std::vector<std::int32_t>& positions, const std::vector<KvSpan>& spans) {
        const std::vector<float> queries = randomQueries(cache.shape, positions.size(), 5);
        const std::vector<double> expected = expectedAttention(cache, queries, positions);
        for (const bool strict : {true, false}) {
            cache.shape.strict = strict;
            const std::vector<float> out = attend(*m_backend, cache, queries, positions, spans);
            // Tensor cores take queries and probabilities in 16 bits; probabilities times the scales of 8-bit
            // values in bfloat16.
            const double rounded = cache.type == KvType::Int8 && positions.size() == 1 ? 1.2e-2 : 4e-3;
            const double tolerance = onGpu() && !strict && m_tensorCores ? rounded : 2e-5;
            for (std::size_t i = 0; i < out.size(); ++i)
                ASSERT_NEAR(out[i], expected[i], tolerance) << "element " << i << (strict ? ", strict" : "");
        }
    }
    bool m_tensorCores = true;
};

ON_EVERY_BACKEND(Attention);

TEST_P(Attention, agreesWithDoublePrecision) {
    const AttentionShape shapes[] = {{4, 2, 64, 0.125F, 0}, {7, 1, 80, 0.1F, 0}, {3, 3, 128, 0.08F, 0},
                                     {2, 1, 20, 0.2F, 0},   {6, 2, 7, 0.4F, 0},  {2, 2, 256, 0.0625F, 0}};
    for (const AttentionShape& shape : shapes) {
        for (const KvType type : {KvType::F32, KvType::F16, KvType::Int8}) {
            SCOPED_TRACE(shape.headSize);
            const Cache cache(shape, type, 150, 3);
            check(cache, lastPositions(150, 41), Pieces(cache, {150}, false).spans);
        }
    }
}

TEST_P(Attention, manyKeysAndSplits) {
    const AttentionShape shape{4, 2, 32, 0.18F, 0};
    for (const KvType type : {KvType::F16, KvType::Int8}) {
        const Cache cache(shape, type, 2600, 3);
        check(cache, lastPositions(2600, 3), Pieces(cache, {2600}).spans);
        check(cache, {0, 5, 1023, 1024, 1025, 2047, 2048, 2599}, Pieces(cache, {1000, 1, 1599}).spans);
    }
}

TEST_P(Attention, theHeadSizesOfModels) {
    for (const std::int32_t size : {64, 128, 256}) {
        for (const std::int32_t group : {1, 3, 4, 7}) {
            const AttentionShape shape{2 * group, 2, size, static_cast<float>(1 / std::sqrt(size)), 0};
            SCOPED_TRACE(testing::Message() << size << ", group " << group);
            const Cache cache(shape, KvType::F16, 700, 3);
            const Pieces pieces(cache, {300, 1, 399}, false);
            for (const std::int32_t n : {1, 2, 5, 9, 70})
                check(cache, lastPositions(700, n), pieces.spans);
        }
    }
}

TEST_P(Attention, oneRowOverKeysInEightBits) {
    for (const std::int32_t size : {64, 128, 256}) {
        for (const std::int32_t group : {1, 4, 16, 17}) {
            const AttentionShape shape{2 * group, 2, size, static_cast<float>(1 / std::sqrt(size)), 0};
            SCOPED_TRACE(testing::Message() << size << ", group " << group);
            const Cache cache(shape, KvType::Int8, 700, 3);
            const Pieces pieces(cache, {300, 1, 399}, false);
            for (const std::int32_t position : {0, 63, 64, 300, 699})
                check(cache, {position}, pieces.spans);
        }
    }
    const AttentionShape sliding{4, 1, 128, 0.09F, 100};
    const Cache cache(sliding, KvType::Int8, 500, 3);
    check(cache, {450}, Pieces(cache, {200, 300}, false).spans);
}

TEST_P(Attention, longPromptsInChunks) {
    for (const std::int32_t size : {64, 128, 256}) {
        const AttentionShape shape{4, 2, size, static_cast<float>(1 / std::sqrt(size)), 0};
        const Cache cache(shape, KvType::F16, 1100, 3);
        check(cache, lastPositions(1100, 333), Pieces(cache, {500, 600}, false).spans);
        // From the first token on: most rows see few keys.
        Cache start = cache;
        start.count = 1100;
        check(start, lastPositions(400, 400), Pieces(cache, {1100}, false).spans);
    }
}

TEST_P(Attention, oneRowOverManyKeys) {
    const AttentionShape shape{8, 2, 128, 0.09F, 0};
    const Cache cache(shape, KvType::F16, 9000, 3);
    check(cache, {8999}, Pieces(cache, {8000, 1000}, false).spans);
    check(cache, lastPositions(9000, 20), Pieces(cache, {8000, 1000}, false).spans);
}

TEST_P(Attention, slidingWindowsOfModels) {
    for (const std::int32_t size : {64, 256}) {
        for (const std::int32_t reach : {1, 100, 512}) {
            const AttentionShape shape{4, 1, size, 0.1F, reach};
            const Cache cache(shape, KvType::F16, 1300, 3);
            const Pieces pieces(cache, {700, 600}, false);
            check(cache, {3, 64, 700, 1090, 1150, 1299}, pieces.spans);
            check(cache, lastPositions(1300, 200), pieces.spans);
        }
    }
}

TEST_P(Attention, compressedHeadsOfModels) {
    const AttentionShape shape{8, 2, 64, 0.125F, 0};
    Cache cache(shape, KvType::F16, 500, 3);
    std::int32_t at = 0;
    for (std::int32_t& position : cache.positions) {
        if (&position == &cache.positions[500]) at = 17;
        position = at;
        at += 1 + (position * 7 + 3) % 5;
    }
    const Pieces pieces(cache, {364, 136});
    check(cache, {16, 17, 60, 100, 101, 1000, 5000}, pieces.spans);
    std::vector<std::int32_t> rows(150);
    std::iota(rows.begin(), rows.end(), 300);
    check(cache, rows, pieces.spans);
}

TEST_P(Attention, slidingWindows) {
    for (const std::int32_t reach : {1, 40, 64, 700}) {
        const AttentionShape shape{2, 1, 16, 0.25F, reach};
        const Cache cache(shape, KvType::F32, 1300, 3);
        check(cache, {3, 64, 700, 1090, 1150, 1299}, Pieces(cache, {700, 600}).spans);
    }
}

TEST_P(Attention, compressedHeadsKeepTheirOwnPositions) {
    const AttentionShape shape{4, 2, 16, 0.25F, 0};
    Cache cache(shape, KvType::F16, 90, 3);
    std::int32_t at = 0;
    for (std::int32_t& position : cache.positions) {
        if (&position == &cache.positions[90]) at = 17;
        position = at;
        at += 1 + (position * 7 + 3) % 5;
    }
    check(cache, {16, 17, 60, 100, 101, 1000}, Pieces(cache, {64, 26}).spans);
}

TEST_P(Attention, aQueryThatSeesNothingGetsZeros) {
    const AttentionShape shape{2, 1, 16, 0.25F, 0};
    Cache cache(shape, KvType::F16, 70, 3);
    for (std::int32_t& position : cache.positions)
        position += 10;
    const Pieces pieces(cache, {70});
    const std::vector<std::int32_t> positions{3, 9, 10, 80};
    const std::vector<float> queries = randomQueries(shape, 4, 5);
    const std::vector<float> out = attend(*m_backend, cache, queries, positions, pieces.spans);
    for (std::size_t i = 0; i < 64; ++i)
        EXPECT_EQ(out[i], 0.0F);
    check(cache, positions, pieces.spans);
    const std::vector<float> without = attend(*m_backend, cache, queries, positions, {});
    for (const float x : without)
        EXPECT_EQ(x, 0.0F);
}

TEST_P(Attention, aLargeScoreDoesNotOverflow) {
    const AttentionShape shape{1, 1, 16, 100.0F, 0};
    const Cache cache(shape, KvType::F32, 200, 3);
    check(cache, {150, 199}, Pieces(cache, {200}).spans);
}

TEST_P(Attention, theSameBitsInEveryCompany) {
    if (onGpu())
        GTEST_SKIP() << "the GPU's kernels differ by the number of rows; docs/cuda.md states the margin";
    const auto alone = withThreads(1);
    const auto many = withThreads(7);
    for (const std::int32_t sliding : {0, 300}) {
        const AttentionShape shape{6, 2, 48, 0.15F, sliding};
        const Cache cache(shape, sliding == 0 ? KvType::Int8 : KvType::F16, 2200, 3);
        const Pieces whole(cache, {2200}, false);
        const Pieces cut(cache, {1, 63, 65, 900, 0, 1100, 71});
        const std::vector<std::int32_t> positions = lastPositions(2200, 37);
        const std::vector<float> queries = randomQueries(shape, 37, 5);
        const std::vector<float> together = attend(*m_backend, cache, queries, positions, whole.spans);
        EXPECT_TRUE(sameBits(together, attend(*m_backend, cache, queries, positions, cut.spans)));
        EXPECT_TRUE(sameBits(together, attend(*alone, cache, queries, positions, whole.spans)));
        EXPECT_TRUE(sameBits(together, attend(*many, cache, queries, positions, cut.spans)));
        const std::size_t width = std::size_t{6} * 48;
        for (std::size_t row = 0; row < 37; ++row) {
            // Alone, and with no later keys in the cache than it sees.
            const std::int64_t keys = positions[row] + 1;
            KvSpan span = whole.spans[0];
            span.count = keys;
            const std::vector<float> query(queries.begin() + row * width,
                                           queries.begin() + (row + 1) * width);
            const std::vector<float> single = attend(*m_backend, cache, query, {positions[row]}, {span});
            ASSERT_TRUE(sameBits(single.data(), together.data() + row * width, width)) << "row " << row;
        }
    }
}

}  // namespace
}  // namespace kvasir::kernels::test
