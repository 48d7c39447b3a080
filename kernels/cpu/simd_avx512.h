// Vectors of 16 lanes on AVX-512 with VNNI. Included by the source compiled for it alone.
//
// Every simd_*.h has one struct with the same static functions; kernels are templates over it. `Floats` and
// `Ints` hold 16 lanes, `Bytes` 64: 4 neighbouring inputs for each of 16 outputs.
#pragma once

#include <cstddef>
#include <cstdint>

#include <immintrin.h>

namespace kvasir::kernels {

struct Avx512 {
    static constexpr const char* kName = "avx512-vnni";
    // Register tiles: rows times groups of 16 outputs; sized so that accumulators stay in 32 registers.
    static constexpr int kByteRows = 6;
    static constexpr int kByteRowsSub16 = 4;
    static constexpr int kByteGroups = 2;
    static constexpr int kFloatRows = 6;
    static constexpr int kFloatVectors = 4;

    using Floats = __m512;
    using Ints = __m512i;
    using Bytes = __m512i;

    static Floats zero() { return _mm512_setzero_ps(); }
    static Floats broadcast(float x) { return _mm512_set1_ps(x); }
    static Floats load(const float* p) { return _mm512_loadu_ps(p); }
    static void store(float* p, Floats x) { _mm512_storeu_ps(p, x); }
    static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
    static Floats sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
    static Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
    static Floats div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
    static Floats min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
    static Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
    static Floats abs(Floats a) { return _mm512_abs_ps(a); }
    /// a * b + c
    static Floats fused(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
    /// c - a * b
    static Floats fusedSubtract(Floats a, Floats b, Floats c) { return _mm512_fnmadd_ps(a, b, c); }
    static Floats round(Floats a) {
        return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    }
    /// y * 2^n; n is whole.
    static Floats scaleByPower(Floats y, Floats n) { return _mm512_scalef_ps(y, n); }
    static float reduceAdd(Floats a) { return _mm512_reduce_add_ps(a); }
    static float reduceMax(Floats a) { return _mm512_reduce_max_ps(a); }
    /// Lanes outside [low, high) become `other`.
    static Floats keepLanes(Floats a, int low, int high, Floats other) {
        const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const __mmask16 keep = _mm512_cmpge_epi32_mask(lane, _mm512_set1_epi32(low)) &
                               _mm512_cmplt_epi32_mask(lane, _mm512_set1_epi32(high));
        return _mm512_mask_blend_ps(keep, other, a);
    }

    static Floats loadHalf(const void* p) {
        return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
    }
    static void storeHalf(void* p, Floats x) {
        _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
    }
    static Floats loadBfloat(const void* p) {
        const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
        return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
    }
    static Floats loadInt8(const void* p) {
        return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p))));
    }

    static Ints zeroInts() { return _mm512_setzero_si512(); }
    static Ints broadcastShifted(std::int32_t x, int shift) {
        return _mm512_sll_epi32(_mm512_set1_epi32(x), _mm_cvtsi32_si128(shift));
    }
    static Floats toFloats(Ints a) { return _mm512_cvtepi32_ps(a); }
    static Ints roundToInts(Floats a) { return _mm512_cvtps_epi32(a); }
    static std::int32_t reduceAdd(Ints a) { return _mm512_reduce_add_epi32(a); }
    static void storeInt8(std::int8_t* p, Ints a) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(a));
    }

    static Bytes loadBytes(const void* p) { return _mm512_loadu_si512(p); }
    static void storeBytes(void* p, Bytes a) { _mm512_storeu_si512(p, a); }
    /// 4 inputs for all 16 outputs.
    static Bytes broadcastInputs(const std::int8_t* p) {
        std::int32_t four = 0;
        __builtin_memcpy(&four, p, sizeof(four));
        return _mm512_set1_epi32(four);
    }
    static Bytes both(Bytes a, std::uint8_t mask) {
        return _mm512_and_si512(a, _mm512_set1_epi8(static_cast<char>(mask)));
    }
    static Bytes either(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
    /// Shifts 16-bit lanes, to the left when `by` is positive; the caller masks what comes from the
    /// neighbour.
    template <int by>
    static Bytes shift(Bytes a) {
        if constexpr (by > 0) return _mm512_slli_epi16(a, by);
        if constexpr (by < 0) return _mm512_srli_epi16(a, -by);
        return a;
    }
    /// Input `index` (0..3) of every output.
    template <int index>
    static Ints extract(Bytes a) {
        return _mm512_and_si512(_mm512_srli_epi32(a, 8 * index), _mm512_set1_epi32(0xFF));
    }
    /// sum += the 4 products of each output. `wide`: codes may exceed 63.
    template <bool wide>
    static void dot(Ints& sum, Bytes codes, Bytes inputs) {
        sum = _mm512_dpbusd_epi32(sum, codes, inputs);
    }

    /// to[column][row] = from[row][column] for 16 rows and columns.
    static void transpose16(const float* from, std::ptrdiff_t fromStride, float* to,
                            std::ptrdiff_t toStride) {
        __m512 a[16];
        __m512 b[16];
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i)
            a[i] = _mm512_loadu_ps(from + i * fromStride);
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) {
            b[2 * i] = _mm512_unpacklo_ps(a[2 * i], a[2 * i + 1]);
            b[2 * i + 1] = _mm512_unpackhi_ps(a[2 * i], a[2 * i + 1]);
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            a[4 * i] = _mm512_shuffle_ps(b[4 * i], b[4 * i + 2], 0x44);
            a[4 * i + 1] = _mm512_shuffle_ps(b[4 * i], b[4 * i + 2], 0xEE);
            a[4 * i + 2] = _mm512_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0x44);
            a[4 * i + 3] = _mm512_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0xEE);
        }
        // a[4 q + c] now holds, in its 128-bit lane l, rows 4q..4q+3 of column 4 l + c.
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) {
            const __m512 low01 = _mm512_shuffle_f32x4(a[c], a[4 + c], 0x44);
            const __m512 high01 = _mm512_shuffle_f32x4(a[c], a[4 + c], 0xEE);
            const __m512 low23 = _mm512_shuffle_f32x4(a[8 + c], a[12 + c], 0x44);
            const __m512 high23 = _mm512_shuffle_f32x4(a[8 + c], a[12 + c], 0xEE);
            _mm512_storeu_ps(to + c * toStride, _mm512_shuffle_f32x4(low01, low23, 0x88));
            _mm512_storeu_ps(to + (4 + c) * toStride, _mm512_shuffle_f32x4(low01, low23, 0xDD));
            _mm512_storeu_ps(to + (8 + c) * toStride, _mm512_shuffle_f32x4(high01, high23, 0x88));
            _mm512_storeu_ps(to + (12 + c) * toStride, _mm512_shuffle_f32x4(high01, high23, 0xDD));
        }
    }
};

}  // namespace kvasir::kernels
