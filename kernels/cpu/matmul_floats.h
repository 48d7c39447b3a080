// Products of any weights with float32 activations: weights become float32, exactly, a panel at a time.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/matmul_codes.h"

namespace kvasir::kernels {

/// Inputs per panel; with four groups half of a small first-level cache.
constexpr std::int64_t kFloatSlice = 64;
constexpr std::int64_t kPanelStride = kPanelGroups * kGroup;

/// value = scale * (code - offset) - min, in that order: the values of dequantiseRow.
template <typename S, QuantFormat format>
inline void expandSlice(const PackedMatrix& w, std::int64_t group, std::int64_t firstBlock,
                        std::int64_t blocks, float* panel) {
    using F = typename S::Floats;
    const std::byte* codes = w.group(group) + firstBlock * codeBytes(format);
    const F offset = S::broadcast(static_cast<float>(format.offset()));
    for (std::int64_t b = 0; b < blocks; ++b) {
        typename S::Bytes u[kVectors];
        loadCodes<S, format>(codes + b * codeBytes(format), u);
        const BlockScales<S> s = loadScales<S, format>(w.group(group) + w.scaleOffset, firstBlock + b);
#pragma GCC unroll 8
        for (int j = 0; j < kVectors; ++j) {
            constexpr int kSubVectors = format.sub / 4;
            float* to = panel + (b * kBlock + 4 * j) * kPanelStride;
            const auto put = [&](int index, typename S::Ints code) {
                F value = S::mul(s.scale[j / kSubVectors], S::sub(S::toFloats(code), offset));
                if constexpr (format.hasMin) value = S::sub(value, s.min[j / kSubVectors]);
                S::store(to + index * kPanelStride, value);
            };
            put(0, S::template extract<0>(u[j]));
            put(1, S::template extract<1>(u[j]));
            put(2, S::template extract<2>(u[j]));
            put(3, S::template extract<3>(u[j]));
        }
    }
}

/// Inputs [first, first + count) of one group to a panel's columns.
template <typename S>
inline void loadSlice(const PackedMatrix& w, std::int64_t group, std::int64_t first, std::int64_t count,
                      float* panel) {
    const std::byte* from = w.group(group);
    switch (w.type) {
        case TensorType::F32:
            for (std::int64_t k = 0; k < count; ++k) {
                S::store(panel + k * kPanelStride,
                         S::load(reinterpret_cast<const float*>(from) + (first + k) * kGroup));
            }
            break;
        case TensorType::F16:
            for (std::int64_t k = 0; k < count; ++k) {
                S::store(panel + k * kPanelStride, S::loadHalf(from + (first + k) * kGroup * 2));
            }
            break;
        case TensorType::BF16:
            for (std::int64_t k = 0; k < count; ++k) {
                S::store(panel + k * kPanelStride, S::loadBfloat(from + (first + k) * kGroup * 2));
            }
            break;
        default:
            withFormat(w.type, [&]<QuantFormat format>() {
                expandSlice<S, format>(w, group, first / kBlock, count / kBlock, panel);
            });
    }
}

template <typename S>
inline void multiplyFloatsWith(const ProductTile& tile, const float* x, std::byte* scratch) {
    static_assert((kFloatSlice + kTileRows) * kPanelStride * sizeof(float) <= kProductScratch);
    auto* panel = reinterpret_cast<float*>(scratch);
    float* sums = panel + kFloatSlice * kPanelStride;
    const PackedMatrix& w = *tile.weight;
    __builtin_memset(sums, 0, static_cast<std::size_t>(tile.rows * kPanelStride) * sizeof(float));
    for (std::int64_t k = 0; k < w.columns; k += kFloatSlice) {
        const std::int64_t count = w.columns - k < kFloatSlice ? w.columns - k : kFloatSlice;
        for (std::int64_t i = 0; i < tile.groups; ++i) {
            loadSlice<S>(w, tile.firstGroup + i, k, count, panel + i * kGroup);
        }
        const GemmShape shape{.m = tile.rows,
                              .n = tile.groups,
                              .k = count,
                              .strideA = w.columns,
                              .strideB = kPanelStride,
                              .strideC = kPanelStride,
                              .accumulate = true};
        gemm<S>(shape, x + k, panel, sums);
    }
    for (std::int64_t r = 0; r < tile.rows; ++r) {
        for (std::int64_t i = 0; i < tile.groups; ++i) {
            writeGroup<S>(tile, r, tile.firstGroup + i, S::load(sums + r * kPanelStride + i * kGroup));
        }
    }
}

}  // namespace kvasir::kernels
