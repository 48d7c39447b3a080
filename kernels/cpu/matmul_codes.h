// Reading packed codes and scales into vectors (packed_weight.h has the layout).
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace kvasir::kernels {

/// Vectors of codes per 32 inputs.
constexpr int kVectors = kBlock / 4;

template <typename S, QuantFormat format, int j>
inline typename S::Bytes loadCodeVector(const std::byte* codes) {
    using B = typename S::Bytes;
    if constexpr (format.bits == 8) return S::loadBytes(codes + 64 * j);
    const B pair = S::loadBytes(codes + 64 * (j % 4));
    const B low = S::both(S::template shift < j<4 ? 0 : -4>(pair), 0x0F);
    if constexpr (format.bits == 5) {
        const B fifth = S::loadBytes(codes + 256);
        return S::either(low, S::both(S::template shift<4 - j>(fifth), 0x10));
    }
    if constexpr (format.bits == 6) {
        const B sixth = S::loadBytes(codes + 256 + 64 * (j / 4));
        return S::either(low, S::both(S::template shift<4 - 2 * (j % 4)>(sixth), 0x30));
    }
    return low;
}

/// All codes of 16 outputs and 32 inputs.
template <typename S, QuantFormat format>
inline void loadCodes(const std::byte* codes, typename S::Bytes (&out)[kVectors]) {
    out[0] = loadCodeVector<S, format, 0>(codes);
    out[1] = loadCodeVector<S, format, 1>(codes);
    out[2] = loadCodeVector<S, format, 2>(codes);
    out[3] = loadCodeVector<S, format, 3>(codes);
    out[4] = loadCodeVector<S, format, 4>(codes);
    out[5] = loadCodeVector<S, format, 5>(codes);
    out[6] = loadCodeVector<S, format, 6>(codes);
    out[7] = loadCodeVector<S, format, 7>(codes);
}

/// Scales and minima of 16 outputs for the sub-blocks of 32 inputs.
template <typename S>
struct BlockScales {
    typename S::Floats scale[2];
    typename S::Floats min[2];
};

template <typename S, QuantFormat format>
inline BlockScales<S> loadScales(const std::byte* scales, std::int64_t block) {
    BlockScales<S> out;
    constexpr int kKinds = format.hasMin ? 2 : 1;
    if constexpr (!format.super) {
        const std::byte* at = scales + block * kKinds * kGroup * 2;
        out.scale[0] = S::loadHalf(at);
        if constexpr (format.hasMin) out.min[0] = S::loadHalf(at + kGroup * 2);
        return out;
    }
    constexpr int kPerSuper = kSuperBlock / kBlock;
    constexpr int kSubs = kBlock / format.sub;
    constexpr int kSubBlocks = kSuperBlock / format.sub;
    const std::byte* at = scales + block / kPerSuper * scaleBytes(format, kSuperBlock);
    const std::byte* factors = at + kKinds * kGroup * 2 + block % kPerSuper * kSubs * kGroup;
    for (int i = 0; i < kSubs; ++i) {
        out.scale[i] = S::mul(S::loadHalf(at), S::loadInt8(factors + i * kGroup));
        if constexpr (format.hasMin) {
            out.min[i] =
                S::mul(S::loadHalf(at + kGroup * 2), S::loadInt8(factors + (kSubBlocks + i) * kGroup));
        }
    }
    return out;
}

/// Calls f.template operator()<format>() with the format of a quantised type.
template <typename Function>
inline void withFormat(TensorType type, const Function& f) {
    switch (type) {
        case TensorType::Q4_0:
            f.template operator()<quantFormat(TensorType::Q4_0)>();
            break;
        case TensorType::Q4_1:
            f.template operator()<quantFormat(TensorType::Q4_1)>();
            break;
        case TensorType::Q5_0:
            f.template operator()<quantFormat(TensorType::Q5_0)>();
            break;
        case TensorType::Q5_1:
            f.template operator()<quantFormat(TensorType::Q5_1)>();
            break;
        case TensorType::Q8_0:
            f.template operator()<quantFormat(TensorType::Q8_0)>();
            break;
        case TensorType::Q2_K:
            f.template operator()<quantFormat(TensorType::Q2_K)>();
            break;
        case TensorType::Q3_K:
            f.template operator()<quantFormat(TensorType::Q3_K)>();
            break;
        case TensorType::Q4_K:
            f.template operator()<quantFormat(TensorType::Q4_K)>();
            break;
        case TensorType::Q5_K:
            f.template operator()<quantFormat(TensorType::Q5_K)>();
            break;
        case TensorType::Q6_K:
            f.template operator()<quantFormat(TensorType::Q6_K)>();
            break;
        case TensorType::F32:
        case TensorType::F16:
        case TensorType::BF16:
            break;
    }
}

/// The first `count` of 16 lanes to p.
template <typename S>
inline void storeLanes(float* p, typename S::Floats x, std::int64_t count) {
    if (count >= kGroup) {
        S::store(p, x);
        return;
    }
    float lanes[kGroup];
    S::store(lanes, x);
    for (std::int64_t i = 0; i < count; ++i) {
        p[i] = lanes[i];
    }
}

/// Adds the bias and writes a group's results of one row.
template <typename S>
inline void writeGroup(const ProductTile& tile, std::int64_t row, std::int64_t group,
                       typename S::Floats sum) {
    const std::int64_t first = group * kGroup;
    const std::int64_t count = tile.weight->rows - first;
    float* y = tile.y + row * tile.weight->rows + first;
    if (tile.bias == nullptr) {
        storeLanes<S>(y, sum, count);
        return;
    }
    float bias[kGroup] = {};
    for (std::int64_t i = 0; i < (count < kGroup ? count : kGroup); ++i) {
        bias[i] = tile.bias[first + i];
    }
    storeLanes<S>(y, S::add(sum, S::load(bias)), count);
}

}  // namespace kvasir::kernels
