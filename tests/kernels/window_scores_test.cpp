#include "tests/kernels/attention_cache.h"

namespace kvasir::kernels::test {
namespace {

class WindowScores : public OnEveryBackend {
protected:
    static std::vector<float> score(Backend& backend, const Cache& cache, const std::vector<float>& queries,
                                    const std::vector<std::int32_t>& positions,
                                    const std::vector<KvSpan>& spans, std::int64_t before) {
        std::vector<float> s(static_cast<std::size_t>(cache.shape.heads * before), std::nanf(""));
        backend.windowScores(cache.shape, queries.data(), positions.data(),
                             static_cast<std::int64_t>(positions.size()), spans, before, s.data());
        return s;
    }

    /// Scores of all but the last `window` keys by queries at their positions, against double precision.
    void check(const Cache& cache, std::int32_t window, double relative) const {
        const std::int64_t heads = cache.shape.heads, group = heads / cache.shape.kvHeads,
                           size = cache.shape.headSize;
        const std::int64_t before = cache.count - window;
        const std::vector<std::int32_t> positions = lastPositions(cache.count, window);
        const std::vector<float> queries = randomQueries(cache.shape, window, 5);
        const std::vector<float> s =
            score(*m_backend, cache, queries, positions, Pieces(cache, {13, cache.count - 13}).spans, before);
        for (std::int64_t h = 0; h < heads; ++h) {
            std::vector<double> expected(static_cast<std::size_t>(cache.count), 0);
            for (std::int64_t w = 0; w < window; ++w) {
                const std::vector<double> p =
                    probabilities(cache, queries.data() + (w * heads + h) * size,
                                  positions[static_cast<std::size_t>(w)], h / group);
                for (std::size_t j = 0; j < p.size(); ++j)
                    expected[j] += p[j];
            }
            for (std::int64_t j = 0; j < before; ++j) {
                ASSERT_NEAR(s[static_cast<std::size_t>(h * before + j)],
                            expected[static_cast<std::size_t>(j)],
                            1e-6 + relative * expected[static_cast<std::size_t>(j)])
                    << size << " " << window << " " << h << " " << j;
            }
        }
    }
};

ON_EVERY_BACKEND(WindowScores);

TEST_P(WindowScores, agreeWithDoublePrecision) {
    for (const std::int32_t sliding : {0, 500}) {
        for (const std::int64_t count : {20, 200, 2500}) {
            const AttentionShape shape{6, 2, 24, 0.2F, sliding};
            // On the GPU 8-bit keys are read through 16-bit floats.
            check(Cache(shape, count == 200 ? KvType::F16 : KvType::Int8, count, 3), 8,
                  onGpu() ? 1e-3 : 1e-5);
        }
    }
}

TEST_P(WindowScores, theHeadSizesOfModels) {
    for (const std::int32_t size : {64, 128, 256}) {
        for (const std::int32_t window : {1, 8, 40, 64, 100}) {
            const AttentionShape shape{6, 2, size, static_cast<float>(1 / std::sqrt(size)), 0};
            // Tensor cores take queries in 16 bits.
            check(Cache(shape, KvType::F16, 400, 3), window, onGpu() ? 5e-3 : 1e-5);
        }
    }
}

// More tiles of keys than a GPU has places for: each block goes through several, of which some are not seen
// at all.
TEST_P(WindowScores, longDocuments) {
    for (const std::int32_t sliding : {0, 20000}) {
        const AttentionShape shape{4, 1, 64, 0.125F, sliding};
        check(Cache(shape, KvType::F16, 60001, 3), sliding == 0 ? 8 : 19, onGpu() ? 5e-3 : 1e-4);
    }
}

TEST_P(WindowScores, massOfEachQueryIsThatOfItsHeads) {
    struct Case {
        std::int32_t heads, kvHeads, size, sliding;
        KvType type;
        std::int64_t count;
        std::int32_t n;
        std::vector<std::int32_t> chosen;
    };
    const std::vector<Case> cases{
        {6, 2, 24, 0, KvType::F32, 200, 1, {}},     {6, 2, 24, 50, KvType::Int8, 1100, 33, {5, 0, 2}},
        {6, 2, 64, 0, KvType::F16, 2300, 5, {1}},   {14, 2, 64, 0, KvType::F16, 300, 33, {7, 2, 12, 3}},
        {9, 1, 128, 100, KvType::F16, 700, 70, {}}, {4, 2, 256, 0, KvType::F16, 130, 2, {3}}};
    for (const Case& c : cases) {
        const AttentionShape shape{c.heads, c.kvHeads, c.size, static_cast<float>(1 / std::sqrt(c.size)),
                                   c.sliding};
        const Cache cache(shape, c.type, c.count, 3);
        const std::vector<std::int32_t> positions = lastPositions(c.count, c.n);
        const std::vector<float> queries = randomQueries(shape, c.n, 5);
        const Pieces pieces(cache, {13, c.count - 13});
        const std::int64_t before = c.count - c.n / 2, group = c.heads / c.kvHeads;
        std::vector<float> mass(static_cast<std::size_t>(c.kvHeads * c.n * before), std::nanf(""));
        m_backend->attentionMass(shape, queries.data(), positions.data(), c.n, c.chosen, pieces.spans, before,
                                 mass.data());
        const double relative = onGpu() ? 5e-3 : 1e-5;
        for (std::int64_t g = 0; g < c.kvHeads; ++g) {
            for (std::int64_t row = 0; row < c.n; ++row) {
                std::vector<double> expected(static_cast<std::size_t>(c.count), 0);
                for (std::int64_t h = g * group; h < (g + 1) * group; ++h) {
                    if (!c.chosen.empty() && std::ranges::find(c.chosen, h) == c.chosen.end()) continue;
                    const std::vector<double> p =
                        probabilities(cache, queries.data() + (row * c.heads + h) * c.size,
                                      positions[static_cast<std::size_t>(row)], g);
                    for (std::size_t j = 0; j < p.size(); ++j)
                        expected[j] += p[j];
                }
                for (std::int64_t j = 0; j < before; ++j) {
                    const double wanted = expected[static_cast<std::size_t>(j)];
                    ASSERT_NEAR(mass[static_cast<std::size_t>((g * c.n + row) * before + j)], wanted,
                                1e-6 + relative * wanted)
                        << c.size << " " << g << " " << row << " " << j;
                }
            }
        }
    }
}

TEST_P(WindowScores, equalKeysHaveEqualScores) {
    const AttentionShape shape{2, 1, 40, 0.2F, 0};
    Cache cache(shape, KvType::F16, 1500, 3);
    for (std::int64_t r = 1; r < cache.count; ++r)
        std::copy_n(cache.keys.begin(), 40, cache.keys.begin() + r * 40);
    const std::vector<float> s = score(*m_backend, cache, randomQueries(shape, 8, 5), lastPositions(1500, 8),
                                       Pieces(cache, {1500}).spans, 1492);
    for (std::size_t j = 0; j < 1492; ++j)
        ASSERT_EQ(s[j], s[0]) << j;
}

TEST_P(WindowScores, theSameBitsForEverySplitAndThreads) {
    const AttentionShape shape{4, 2, 32, 0.2F, 0};
    const Cache cache(shape, KvType::F16, 2300, 3);
    const std::vector<float> queries = randomQueries(shape, 11, 5);
    const std::vector<std::int32_t> positions = lastPositions(2300, 11);
    const auto once = score(*m_backend, cache, queries, positions, Pieces(cache, {2300}).spans, 2289);
    const auto many = withThreads(6);
    EXPECT_TRUE(
        sameBits(once, score(*many, cache, queries, positions, Pieces(cache, {100, 2000, 200}).spans, 2289)));
}

TEST_P(WindowScores, nothingBeforeTheWindow) {
    const AttentionShape shape{2, 1, 16, 0.2F, 0};
    const Cache cache(shape, KvType::F16, 8, 3);
    m_backend->windowScores(shape, randomQueries(shape, 8, 5).data(), lastPositions(8, 8).data(), 8,
                            Pieces(cache, {8}).spans, 0, nullptr);
}

}  // namespace
}  // namespace kvasir::kernels::test
