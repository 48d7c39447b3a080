// A layer's keys and values for tests of attention and window scores, and what they should give.
#pragma once

#include <limits>
#include <numeric>

#include "kernels/cpu/half.h"
#include "tests/kernels/support.h"

namespace kvasir::kernels::test {

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
inline std::vector<double> probabilities(const Cache& cache, const float* query, std::int32_t position,
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

inline std::vector<float> randomQueries(const AttentionShape& shape, std::size_t n, unsigned seed) {
    return randomFloats(n * shape.heads * shape.headSize, seed, 1.5F);
}

inline std::vector<std::int32_t> lastPositions(std::int64_t count, std::int32_t n) {
    std::vector<std::int32_t> positions(static_cast<std::size_t>(n));
    std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(count) - n);
    return positions;
}

}  // namespace kvasir::kernels::test
