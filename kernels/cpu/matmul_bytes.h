// Products of quantised weights with activations in 8 bits.
//
// For every output: y = sum over blocks b of 32 inputs, in order, of
//     scale_x[b] * (scale_w[b] * (codes . q)) - min_w[b] * (scale_x[b] * sum(q)),
// where formats without a minimum take their offset off the integer sum instead, which is exact. A row's
// float operations are the same in both kernels below, so its bits do not depend on the number of rows.
#pragma once

#include "kernels/cpu/matmul_codes.h"

namespace kvasir::kernels {

/// What decides a register tile's instructions.
struct BlockKind {
    bool halves = false;  ///< scales per 16 inputs
    bool hasMin = false;
    bool wide = false;  ///< codes of more than 6 bits
};

constexpr BlockKind blockKind(const QuantFormat& format) {
    return {format.sub == 16, format.hasMin, format.bits > 6};
}

static inline const ActivationBlock* activationBlocks(const std::byte* row, std::int64_t columns) {
    return reinterpret_cast<const ActivationBlock*>(row + columns);
}

template <typename S>
inline void quantiseRowWith(const float* x, std::int64_t columns, std::byte* row) {
    using F = typename S::Floats;
    using I = typename S::Ints;
    auto* q = reinterpret_cast<std::int8_t*>(row);
    auto* blocks = reinterpret_cast<ActivationBlock*>(row + columns);
    for (std::int64_t b = 0; b < columns / kBlock; ++b) {
        const F first = S::load(x + b * kBlock);
        const F second = S::load(x + b * kBlock + kGroup);
        const float largest = S::reduceMax(S::max(S::abs(first), S::abs(second)));
        // Below this, the inverse would overflow; what is lost is below 1e-35 of anything visible.
        const bool some = largest > 1e-35F;
        const float scale = some ? largest / 127.0F : 0.0F;
        const F inverse = S::broadcast(some ? 127.0F / largest : 0.0F);
        const I a = S::roundToInts(S::mul(first, inverse));
        const I c = S::roundToInts(S::mul(second, inverse));
        S::storeInt8(q + b * kBlock, a);
        S::storeInt8(q + b * kBlock + kGroup, c);
        const std::int32_t sums[2] = {S::reduceAdd(a), S::reduceAdd(c)};
        ActivationBlock& out = blocks[b];
        out.scale = scale;
        out.sum = scale * static_cast<float>(sums[0] + sums[1]);
        out.minusSum = -(sums[0] + sums[1]);
        out.unused = 0;
        for (int i = 0; i < 2; ++i) {
            out.halfSums[i] = scale * static_cast<float>(sums[i]);
            out.minusHalf[i] = -sums[i];
        }
    }
}

/// The start of an integer sum: formats with a constant offset take it off here.
template <typename S, BlockKind kind>
inline typename S::Ints startSum(const ActivationBlock& x, int half, int offsetShift) {
    if constexpr (kind.hasMin) return S::zeroInts();
    return S::broadcastShifted(kind.halves ? x.minusHalf[half] : x.minusSum, offsetShift);
}

/// The float part of a block; `first` and `second` are the integer sums of the halves (`second` without
/// meaning when scales are per 32).
template <typename S, BlockKind kind>
inline typename S::Floats finishBlock(typename S::Floats sum, typename S::Floats scaled,
                                      const BlockScales<S>& w, const ActivationBlock& x) {
    sum = S::fused(scaled, S::broadcast(x.scale), sum);
    if constexpr (!kind.hasMin) return sum;
    if constexpr (!kind.halves) return S::fusedSubtract(w.min[0], S::broadcast(x.sum), sum);
    sum = S::fusedSubtract(w.min[0], S::broadcast(x.halfSums[0]), sum);
    return S::fusedSubtract(w.min[1], S::broadcast(x.halfSums[1]), sum);
}

// --------------------------------------------------------------------------------------------- few rows

/// R rows times one group, codes straight from the packed weight.
template <typename S, QuantFormat format, int R>
inline void multiplyDirect(const ProductTile& tile, std::int64_t group, std::int64_t row, const ByteRows& x) {
    using F = typename S::Floats;
    using I = typename S::Ints;
    using B = typename S::Bytes;
    constexpr BlockKind kind = blockKind(format);
    const PackedMatrix& w = *tile.weight;
    const std::byte* codes = w.group(group);
    const std::byte* scales = codes + w.scaleOffset;
    const std::byte* rows = x.data + row * x.stride;
    F sum[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
        sum[r] = S::zero();
    for (std::int64_t b = 0; b < w.columns / kBlock; ++b) {
        B u[kVectors];
        loadCodes<S, format>(codes + b * codeBytes(format), u);
        const BlockScales<S> s = loadScales<S, format>(scales, b);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
            const std::byte* xr = rows + r * x.stride;
            const ActivationBlock& a = activationBlocks(xr, w.columns)[b];
            const auto* q = reinterpret_cast<const std::int8_t*>(xr) + b * kBlock;
            I first = startSum<S, kind>(a, 0, format.offsetShift);
            I second = kind.halves ? startSum<S, kind>(a, 1, format.offsetShift) : S::zeroInts();
#pragma GCC unroll 4
            for (int j = 0; j < kVectors / 2; ++j) {
                S::template dot<kind.wide>(first, u[j], S::broadcastInputs(q + 4 * j));
            }
#pragma GCC unroll 4
            for (int j = kVectors / 2; j < kVectors; ++j) {
                S::template dot<kind.wide>(kind.halves ? second : first, u[j], S::broadcastInputs(q + 4 * j));
            }
            F scaled = S::mul(S::toFloats(first), s.scale[0]);
            if constexpr (kind.halves) scaled = S::fused(S::toFloats(second), s.scale[1], scaled);
            sum[r] = finishBlock<S, kind>(sum[r], scaled, s, a);
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
        writeGroup<S>(tile, row + r, group, sum[r]);
}

template <typename S, QuantFormat format>
inline void multiplyFewRows(const ProductTile& tile, const ByteRows& x) {
    for (std::int64_t g = tile.firstGroup; g < tile.firstGroup + tile.groups; ++g) {
        switch (tile.rows) {
            case 1:
                multiplyDirect<S, format, 1>(tile, g, 0, x);
                break;
            case 2:
                multiplyDirect<S, format, 2>(tile, g, 0, x);
                break;
            case 3:
                multiplyDirect<S, format, 3>(tile, g, 0, x);
                break;
            default:
                multiplyDirect<S, format, 4>(tile, g, 0, x);
                break;
        }
    }
}

// -------------------------------------------------------------------------------------------- many rows

/// Inputs that are unpacked at a time: with two groups, half of a small first-level cache.
constexpr std::int64_t kSlice = 512;
constexpr std::int64_t kSliceBlocks = kSlice / kBlock;

/// Two groups' slice, unpacked. Scales and minima per sub-block: at most two per 32 inputs.
struct BytePanel {
    alignas(64) std::byte codes[2][kSliceBlocks][kVectors * 64];
    alignas(64) float scales[2][kSliceBlocks][2][kGroup];
    alignas(64) float mins[2][kSliceBlocks][2][kGroup];
};

template <typename S, QuantFormat format>
inline void unpackSlice(const PackedMatrix& w, std::int64_t group, std::int64_t firstBlock,
                        std::int64_t blocks, int to, BytePanel& panel) {
    const std::byte* codes = w.group(group) + firstBlock * codeBytes(format);
    const std::byte* scales = w.group(group) + w.scaleOffset;
    for (std::int64_t b = 0; b < blocks; ++b) {
        typename S::Bytes u[kVectors];
        loadCodes<S, format>(codes + b * codeBytes(format), u);
        for (int j = 0; j < kVectors; ++j)
            S::storeBytes(panel.codes[to][b] + 64 * j, u[j]);
        const BlockScales<S> s = loadScales<S, format>(scales, firstBlock + b);
        for (int i = 0; i < kBlock / format.sub; ++i) {
            S::store(panel.scales[to][b][i], s.scale[i]);
            if constexpr (format.hasMin) S::store(panel.mins[to][b][i], s.min[i]);
        }
    }
}

/// Where a register tile finds its inputs and keeps its sums between slices.
struct TileRows {
    const std::byte* x = nullptr;  ///< the tile's first row
    std::int64_t stride = 0;
    std::int64_t columns = 0;
    std::int64_t firstBlock = 0;
    std::int64_t blocks = 0;
    int offsetShift = 0;
    float* sums = nullptr;  ///< (rows, 2 groups of 16)
};

constexpr std::int64_t kSumStride = 2 * kGroup;

/// Integer sums of R rows and C groups over half a block or a whole one.
template <typename S, BlockKind kind, int R, int C>
inline void dotBlock(const std::byte* const (&codes)[C], const std::int8_t* q, std::int64_t stride, int first,
                     int last, typename S::Ints (&sum)[R][C]) {
    for (int j = first; j < last; ++j) {
        typename S::Bytes u[C];
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c)
            u[c] = S::loadBytes(codes[c] + 64 * j);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const typename S::Bytes inputs = S::broadcastInputs(q + r * stride + 4 * j);
#pragma GCC unroll 4
            for (int c = 0; c < C; ++c)
                S::template dot<kind.wide>(sum[r][c], u[c], inputs);
        }
    }
}

/// R rows times C groups of a panel, over one slice.
template <typename S, BlockKind kind, int R, int C>
inline void multiplyTile(const BytePanel& panel, int firstGroup, const TileRows& rows) {
    using F = typename S::Floats;
    using I = typename S::Ints;
    F sum[R][C];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) {
            sum[r][c] = S::load(rows.sums + r * kSumStride + (firstGroup + c) * kGroup);
        }
    }
    for (std::int64_t b = 0; b < rows.blocks; ++b) {
        const std::int64_t block = rows.firstBlock + b;
        const std::byte* codes[C];
        for (int c = 0; c < C; ++c)
            codes[c] = panel.codes[firstGroup + c][b];
        const auto* q = reinterpret_cast<const std::int8_t*>(rows.x) + block * kBlock;
        const std::byte* meta =
            rows.x + rows.columns + block * static_cast<std::int64_t>(sizeof(ActivationBlock));
        const auto activation = [&](int r) -> const ActivationBlock& {
            return *reinterpret_cast<const ActivationBlock*>(meta + r * rows.stride);
        };
        F scaled[R][C];
#pragma GCC unroll 2
        for (int half = 0; half < (kind.halves ? 2 : 1); ++half) {
            I ints[R][C];
#pragma GCC unroll 8
            for (int r = 0; r < R; ++r) {
                const I start = startSum<S, kind>(activation(r), half, rows.offsetShift);
#pragma GCC unroll 4
                for (int c = 0; c < C; ++c)
                    ints[r][c] = start;
            }
            constexpr int kPart = kind.halves ? kVectors / 2 : kVectors;
            dotBlock<S, kind, R, C>(codes, q, rows.stride, half * kPart, (half + 1) * kPart, ints);
#pragma GCC unroll 4
            for (int c = 0; c < C; ++c) {
                const F s = S::load(panel.scales[firstGroup + c][b][half]);
#pragma GCC unroll 8
                for (int r = 0; r < R; ++r) {
                    const F f = S::toFloats(ints[r][c]);
                    scaled[r][c] = half == 0 ? S::mul(f, s) : S::fused(f, s, scaled[r][c]);
                }
            }
        }
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) {
            BlockScales<S> w;
            if constexpr (kind.hasMin) {
                w.min[0] = S::load(panel.mins[firstGroup + c][b][0]);
                if constexpr (kind.halves) w.min[1] = S::load(panel.mins[firstGroup + c][b][1]);
            }
#pragma GCC unroll 8
            for (int r = 0; r < R; ++r) {
                sum[r][c] = finishBlock<S, kind>(sum[r][c], scaled[r][c], w, activation(r));
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) {
            S::store(rows.sums + r * kSumStride + (firstGroup + c) * kGroup, sum[r][c]);
        }
    }
}

/// `count` rows (at most R) times the panel's groups.
template <typename S, BlockKind kind, int R>
inline void multiplyRows(const BytePanel& panel, int groups, std::int64_t count, const TileRows& rows) {
    if (count < R) {
        if constexpr (R > 1) multiplyRows<S, kind, R - 1>(panel, groups, count, rows);
        return;
    }
    int group = 0;
    for (; group + S::kByteGroups <= groups; group += S::kByteGroups) {
        multiplyTile<S, kind, R, S::kByteGroups>(panel, group, rows);
    }
    for (; group < groups; ++group)
        multiplyTile<S, kind, R, 1>(panel, group, rows);
}

template <typename S, BlockKind kind>
inline void multiplySlice(const BytePanel& panel, int groups, std::int64_t count, TileRows rows) {
    constexpr int kRows = kind.halves ? S::kByteRowsSub16 : S::kByteRows;
    for (std::int64_t r = 0; r < count; r += kRows) {
        multiplyRows<S, kind, kRows>(panel, groups, count - r < kRows ? count - r : kRows, rows);
        rows.x += kRows * rows.stride;
        rows.sums += kRows * kSumStride;
    }
}

template <typename S, QuantFormat format>
inline void multiplyManyRows(const ProductTile& tile, const ByteRows& x, std::byte* scratch) {
    static_assert(sizeof(BytePanel) + kTileRows * kSumStride * sizeof(float) <= kProductScratch);
    auto& panel = *reinterpret_cast<BytePanel*>(scratch);
    auto* sums = reinterpret_cast<float*>(scratch + sizeof(BytePanel));
    const PackedMatrix& w = *tile.weight;
    const std::int64_t blocks = w.columns / kBlock;
    for (std::int64_t g = tile.firstGroup; g < tile.firstGroup + tile.groups; g += 2) {
        const int groups = tile.firstGroup + tile.groups - g < 2 ? 1 : 2;
        __builtin_memset(sums, 0, static_cast<std::size_t>(tile.rows * kSumStride) * sizeof(float));
        for (std::int64_t b = 0; b < blocks; b += kSliceBlocks) {
            const std::int64_t count = blocks - b < kSliceBlocks ? blocks - b : kSliceBlocks;
            for (int i = 0; i < groups; ++i)
                unpackSlice<S, format>(w, g + i, b, count, i, panel);
            const TileRows rows{x.data, x.stride, w.columns, b, count, format.offsetShift, sums};
            multiplySlice<S, blockKind(format)>(panel, groups, tile.rows, rows);
        }
        for (std::int64_t r = 0; r < tile.rows; ++r) {
            for (int i = 0; i < groups; ++i) {
                writeGroup<S>(tile, r, g + i, S::load(sums + r * kSumStride + i * kGroup));
            }
        }
    }
}

template <typename S>
inline void multiplyBytesWith(const ProductTile& tile, const ByteRows& x, std::byte* scratch) {
    withFormat(tile.weight->type, [&]<QuantFormat format>() {
        if (tile.rows <= kDirectRows) {
            multiplyFewRows<S, format>(tile, x);
        } else {
            multiplyManyRows<S, format>(tile, x, scratch);
        }
    });
}

}  // namespace kvasir::kernels
