// Reading units of packed weights: codes as bytes, scales and offsets as floats.
// Order of codes in a unit's 16 bytes: byte j of word v holds element 8v + j in its low nibble and 8v + 4 + j
// in its high one. So four neighbouring elements are the bytes of one register after one mask.
// High bits follow the same bytes: 5-bit codes: bit 8j + w of the word belongs to element 4w + j; 6-bit
// codes: bits 8j + 2 (w % 4) of word w / 4.
#pragma once

#include <type_traits>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/packed_weight.h"

namespace kvasir::kernels::cuda {

template <TensorType T>
constexpr QuantFormat kFormat = quantFormat(T);

/// What a half unit's codes (or the whole unit's) become: scale * code - offset.
struct UnitScales {
    float scale[2];
    float offset[2];  ///< minimum, or scale * QuantFormat::offset()
};

/// A unit's scales as they lie in memory: what is made of them waits for the load, so it is made later.
template <TensorType T>
struct RawScales {
    std::uint32_t part;
    __half2 super;
};

template <TensorType T>
__device__ __forceinline__ RawScales<T> loadScales(const Planes& planes, std::int64_t unit) {
    constexpr QuantFormat f = kFormat<T>;
    RawScales<T> raw{};
    const std::uint8_t* at = planes.scales + unit * scaleBytes(f);
    if constexpr (scaleBytes(f) == 4) {
        raw.part = __ldcs(reinterpret_cast<const std::uint32_t*>(at));
    } else {
        raw.part = __ldcs(reinterpret_cast<const std::uint16_t*>(at));
    }
    if constexpr (f.super) raw.super = planes.super[unit / 8];
    return raw;
}

/// By its bits: 2^23 + 128 + byte, less that.
__device__ __forceinline__ float signedByte(std::uint32_t word, int index) {
    const std::uint32_t bits =
        __byte_perm(word ^ 0x80808080U, 0x4B000000U, 0x7440U + static_cast<unsigned>(index));
    return __uint_as_float(bits) - 8388736.0F;
}

template <TensorType T>
__device__ __forceinline__ UnitScales expand(const RawScales<T>& raw) {
    constexpr QuantFormat f = kFormat<T>;
    UnitScales out;
    if constexpr (!f.super && f.hasMin) {
        const float2 both = __half22float2(*reinterpret_cast<const __half2*>(&raw.part));
        out.scale[0] = both.x;
        out.offset[0] = both.y;
    } else if constexpr (!f.super) {
        out.scale[0] = __half2float(__ushort_as_half(static_cast<unsigned short>(raw.part)));
    } else {
        const float2 d = __half22float2(raw.super);
        out.scale[0] = d.x * signedByte(raw.part, 0);
        if constexpr (f.sub == 16) out.scale[1] = d.x * signedByte(raw.part, 1);
        if constexpr (f.hasMin) out.offset[0] = d.y * signedByte(raw.part, f.sub == 32 ? 1 : 2);
        if constexpr (f.hasMin && f.sub == 16) out.offset[1] = d.y * signedByte(raw.part, 3);
    }
    if constexpr (f.sub == 32) out.scale[1] = out.scale[0];
    if constexpr (!f.hasMin) {
        constexpr float kOffset = f.bits == 8 ? 0.0F : static_cast<float>(f.offset());
        out.offset[0] = out.scale[0] * kOffset;
        out.offset[1] = out.scale[1] * kOffset;
    } else if constexpr (f.sub == 32) {
        out.offset[1] = out.offset[0];
    }
    return out;
}

/// A unit's codes as they lie in memory.
template <TensorType T>
struct RawUnit {
    uint4 codes;
    uint4 more;  ///< the second half of 8-bit codes
    std::uint32_t high[2];
};

template <TensorType T>
__device__ __forceinline__ RawUnit<T> loadUnit(const Planes& planes, std::int64_t unit) {
    constexpr QuantFormat f = kFormat<T>;
    RawUnit<T> raw;
    const auto* at = reinterpret_cast<const uint4*>(planes.codes + unit * codeBytes(f));
    raw.codes = __ldcs(at);
    if constexpr (f.bits == 8) raw.more = __ldcs(at + 1);
    if constexpr (f.bits == 5)
        raw.high[0] = __ldcs(reinterpret_cast<const std::uint32_t*>(planes.high) + unit);
    if constexpr (f.bits == 6) {
        const uint2 both = __ldcs(reinterpret_cast<const uint2*>(planes.high) + unit);
        raw.high[0] = both.x;
        raw.high[1] = both.y;
    }
    return raw;
}

__device__ __forceinline__ std::uint32_t component(const uint4& four, int index) {
    return index == 0 ? four.x : index == 1 ? four.y : index == 2 ? four.z : four.w;
}

/// Codes of elements 4w .. 4w + 3, one a byte; `w` known when compiled. Q8_0: signed.
template <TensorType T>
__device__ __forceinline__ std::uint32_t fourCodes(const RawUnit<T>& raw, int w) {
    constexpr QuantFormat f = kFormat<T>;
    if constexpr (f.bits == 8) return component(w < 4 ? raw.codes : raw.more, w % 4);
    const std::uint32_t word = component(raw.codes, w / 2);
    std::uint32_t four = (w % 2 == 0 ? word : word >> 4) & 0x0F0F0F0FU;
    if constexpr (f.bits == 5) four |= ((raw.high[0] >> w) & 0x01010101U) << 4;
    if constexpr (f.bits == 6) four |= ((raw.high[w / 4] >> (2 * (w % 4))) & 0x03030303U) << 4;
    return four;
}

/// Code j of a word as a float, by its bits: 2^23 + code, minus 2^23. `kSigned` for Q8_0.
template <bool kSigned>
__device__ __forceinline__ float codeFloat(std::uint32_t four, int j) {
    if constexpr (kSigned) return signedByte(four, j);
    const std::uint32_t bits = __byte_perm(four, 0x4B000000U, 0x7440U + static_cast<unsigned>(j));
    return __uint_as_float(bits) - 8388608.0F;
}

/// Elements 4w .. 4w + 3 of a unit.
template <TensorType T>
__device__ __forceinline__ float4 fourValues(const RawUnit<T>& raw, const UnitScales& scales, int w) {
    constexpr bool kSigned = kFormat<T>.bits == 8;
    const std::uint32_t four = fourCodes<T>(raw, w);
    const float scale = scales.scale[w / 4], offset = scales.offset[w / 4];
    return {codeFloat<kSigned>(four, 0) * scale - offset, codeFloat<kSigned>(four, 1) * scale - offset,
            codeFloat<kSigned>(four, 2) * scale - offset, codeFloat<kSigned>(four, 3) * scale - offset};
}

/// Calls function(std::integral_constant<TensorType, type>) for the quantised type.
#pragma nv_exec_check_disable
template <typename Function>
__host__ __device__ __forceinline__ void forQuantised(TensorType type, const Function& function) {
    switch (type) {
#define KVASIR_CASE(name)                                                 \
    case TensorType::name:                                                \
        function(std::integral_constant<TensorType, TensorType::name>()); \
        break;
        KVASIR_CASE(Q4_0)
        KVASIR_CASE(Q4_1)
        KVASIR_CASE(Q5_0)
        KVASIR_CASE(Q5_1)
        KVASIR_CASE(Q8_0)
        KVASIR_CASE(Q2_K)
        KVASIR_CASE(Q3_K)
        KVASIR_CASE(Q4_K)
        KVASIR_CASE(Q5_K)
        KVASIR_CASE(Q6_K)
#undef KVASIR_CASE
        default:
            break;
    }
}

/// The same for every type.
#pragma nv_exec_check_disable
template <typename Function>
void forEveryType(TensorType type, const Function& function) {
    if (type == TensorType::F32) return function(std::integral_constant<TensorType, TensorType::F32>());
    if (type == TensorType::F16) return function(std::integral_constant<TensorType, TensorType::F16>());
    if (type == TensorType::BF16) return function(std::integral_constant<TensorType, TensorType::BF16>());
    forQuantised(type, function);
}

}  // namespace kvasir::kernels::cuda
