#include <limits>
#include <numeric>

#include "kernels/cpu/half.h"
#include "tests/kernels/support.h"

namespace kvasir::kernels::test {
namespace {

/// Keys, values and positions of one layer, as one list; spans are cut from it.
struct Cache {
    Cache(const AttentionShape& attention, KvType kind, std::int64_t rows, unsigned seed)
        : shape(attention), type(kind), count(rows) {
        const auto elements = static_cast<std::size_t>(shape.kvHeads * count * shape.headSize);
        keys = randomFloats(elements, seed);
        values = randomFloats(elements, seed + 1);
        if (type == KvType::F16) {
            for (auto* data : {&keys, &values}) {
                for (float& x : *data)
                    x = halfToFloat(floatToHalf(x));
            }
        }
        if (type == KvType::Int8) {
            keyScales = roundRows(keys);
            valueScales = roundRows(values);
        }
        for (std::int64_t g = 0; g < shape.kvHeads; ++g) {
            for (std::int64_t r = 0; r < count; ++r)
                positions.push_back(static_cast<std::int32_t>(r));
        }
    }
    const float* row(const std::vector<float>& data, std::int64_t g, std::int64_t r) const {
        return data.data() + (g * count + r) * shape.headSize;
    }

    AttentionShape shape;
    KvType type;
    std::int64_t count;
    std::vector<float> keys;
    std::vector<float> values;
    std::vector<float> keyScales;  ///< (G, count), Int8 only
    std::vector<float> valueScales;
    std::vector<std::int32_t> positions;  ///< (G, count)

private:
    /// Every element becomes a whole multiple of its row's scale, which is returned.
    std::vector<float> roundRows(std::vector<float>& data) const {
        std::vector<float> scales;
        for (auto at = data.begin(); at != data.end(); at += shape.headSize) {
            float largest = 0;
            std::for_each(at, at + shape.headSize,
                          [&](float x) { largest = std::max(largest, std::fabs(x)); });
            const float scale = largest / 127;
            scales.push_back(scale);
            std::for_each(at, at + shape.headSize, [&](float& x) { x = std::nearbyint(x / scale) * scale; });
        }
        return scales;
    }
};

/// The cache's rows in pieces, each with memory and a stride of its own.
struct Pieces {
    struct Piece {
        std::vector<std::byte> keys;
        std::vector<std::byte> values;
        std::vector<float> keyScales;
        std::vector<float> valueScales;
        std::vector<std::int32_t> positions;
    };

    Pieces(const Cache& cache, const std::vector<std::int64_t>& counts, bool explicitPositions = true) {
        pieces.reserve(counts.size());
        std::int64_t first = 0;
        for (const std::int64_t count : counts) {
            add(cache, first, count, explicitPositions);
            first += count;
        }
        EXPECT_EQ(first, cache.count);
    }

    std::vector<Piece> pieces;
    std::vector<KvSpan> spans;

private:
    void add(const Cache& cache, std::int64_t first, std::int64_t count, bool explicitPositions) {
        const std::int64_t stride = count + 3;
        const std::int64_t size = cache.shape.headSize;
        const auto bytes =
            static_cast<std::size_t>(cache.shape.kvHeads * stride * size * bytesOf(cache.type));
        // What lies beyond the valid rows is NaN in both float types, and so are its scales: reading it would
        // show.
        const auto rows = static_cast<std::size_t>(cache.shape.kvHeads * stride);
        Piece piece{std::vector<std::byte>(bytes, std::byte{0xFF}),
                    std::vector<std::byte>(bytes, std::byte{0xFF}), std::vector<float>(rows, std::nanf("")),
                    std::vector<float>(rows, std::nanf("")), std::vector<std::int32_t>(rows, -1)};
        for (std::int64_t g = 0; g < cache.shape.kvHeads; ++g) {
            for (std::int64_t r = 0; r < count; ++r) {
                const std::int64_t from = g * cache.count + first + r, to = g * stride + r;
                const float *keyScale = nullptr, *valueScale = nullptr;
                if (cache.type == KvType::Int8) {
                    piece.keyScales[to] = *(keyScale = &cache.keyScales[from]);
                    piece.valueScales[to] = *(valueScale = &cache.valueScales[from]);
                }
                write(cache.type, cache.row(cache.keys, g, first + r), keyScale, size, piece.keys, to);
                write(cache.type, cache.row(cache.values, g, first + r), valueScale, size, piece.values, to);
                piece.positions[to] = cache.positions[from];
            }
        }
        pieces.push_back(std::move(piece));
        const Piece& kept = pieces.back();
        const bool scaled = cache.type == KvType::Int8;
        spans.push_back({.type = cache.type,
                         .keys = kept.keys.data(),
                         .values = kept.values.data(),
                         .stride = stride,
                         .count = count,
                         .positions = explicitPositions ? kept.positions.data() : nullptr,
                         .first = static_cast<std::int32_t>(first),
                         .keyScales = scaled ? kept.keyScales.data() : nullptr,
                         .valueScales = scaled ? kept.valueScales.data() : nullptr});
    }
    static void write(KvType type, const float* from, const float* scale, std::int64_t size,
                      std::vector<std::byte>& to, std::int64_t row) {
        for (std::int64_t i = 0; i < size; ++i) {
            const std::uint16_t half = floatToHalf(from[i]);
            const std::size_t at = static_cast<std::size_t>(row * size + i);
            if (type == KvType::F16) std::memcpy(&to[at * 2], &half, 2);
            if (type == KvType::F32) std::memcpy(&to[at * 4], from + i, 4);
            if (type == KvType::Int8) to[at] = static_cast<std::byte>(std::lround(from[i] / *scale));
        }
    }
};

/// Softmax probabilities of one query and head over all rows of the cache, in double.
std::vector<double> probabilities(const Cache& cache, const float* query, std::int32_t position,
                                  std::int64_t g) {
    std::vector<double> p(static_cast<std::size_t>(cache.count), 0);
    double largest = -std::numeric_limits<double>::infinity();
    std::vector<bool> visible(p.size());
    for (std::int64_t r = 0; r < cache.count; ++r) {
        const std::int32_t at = cache.positions[g * cache.count + r];
        visible[r] = at <= position && (cache.shape.sliding == 0 || at > position - cache.shape.sliding);
        if (!visible[r]) continue;
        const float* key = cache.row(cache.keys, g, r);
        for (int i = 0; i < cache.shape.headSize; ++i)
            p[r] += double{query[i]} * double{key[i]};
        p[r] *= double{cache.shape.scale};
        largest = std::max(largest, p[r]);
    }
    double sum = 0;
    for (std::size_t r = 0; r < p.size(); ++r) {
        p[r] = visible[r] ? std::exp(p[r] - largest) : 0;
        sum += p[r];
    }
    for (double& x : p)
        x = sum > 0 ? x / sum : 0;
    return p;
}

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

std::vector<float> randomQueries(const AttentionShape& shape, std::size_t n, unsigned seed) {
    return randomFloats(n * shape.heads * shape.headSize, seed, 1.5F);
}

std::vector<std::int32_t> lastPositions(std::int64_t count, std::int32_t n) {
    std::vector<std::int32_t> positions(static_cast<std::size_t>(n));
    std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(count) - n);
    return positions;
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

class WindowScores : public Attention {
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
