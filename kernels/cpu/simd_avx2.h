// Vectors of 16 lanes on AVX2, FMA and F16C: pairs of registers. Included by the source compiled for it
// alone. What each function does is said in simd_avx512.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include <immintrin.h>

namespace kvasir::kernels {

struct Avx2 {
    static constexpr const char* kName = "avx2";
    static constexpr int kByteRows = 2;
    static constexpr int kByteRowsSub16 = 2;
    static constexpr int kByteGroups = 1;
    static constexpr int kFloatRows = 6;
    static constexpr int kFloatVectors = 1;

    struct Floats {
        __m256 low;
        __m256 high;
    };
    struct Ints {
        __m256i low;
        __m256i high;
    };
    using Bytes = Ints;

    static Floats zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
    static Floats broadcast(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
    static Floats load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
    static void store(float* p, Floats x) {
        _mm256_storeu_ps(p, x.low);
        _mm256_storeu_ps(p + 8, x.high);
    }
    static Floats add(Floats a, Floats b) {
        return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
    }
    static Floats sub(Floats a, Floats b) {
        return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
    }
    static Floats mul(Floats a, Floats b) {
        return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
    }
    static Floats div(Floats a, Floats b) {
        return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
    }
    static Floats min(Floats a, Floats b) {
        return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
    }
    static Floats max(Floats a, Floats b) {
        return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
    }
    static Floats abs(Floats a) {
        const __m256 sign = _mm256_set1_ps(-0.0F);
        return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
    }
    static Floats fused(Floats a, Floats b, Floats c) {
        return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
    }
    static Floats fusedSubtract(Floats a, Floats b, Floats c) {
        return {_mm256_fnmadd_ps(a.low, b.low, c.low), _mm256_fnmadd_ps(a.high, b.high, c.high)};
    }
    static Floats round(Floats a) {
        constexpr int kMode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        return {_mm256_round_ps(a.low, kMode), _mm256_round_ps(a.high, kMode)};
    }
    static Floats scaleByPower(Floats y, Floats n) {
        const Ints power = roundToInts(n);
        return {scaleByPower(y.low, power.low), scaleByPower(y.high, power.high)};
    }
    static float reduceAdd(Floats a) {
        const __m256 eight = _mm256_add_ps(a.low, a.high);
        __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        four = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(four, _mm_shuffle_ps(four, four, 1)));
    }
    static float reduceMax(Floats a) {
        const __m256 eight = _mm256_max_ps(a.low, a.high);
        __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        four = _mm_max_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_max_ss(four, _mm_shuffle_ps(four, four, 1)));
    }
    static Floats keepLanes(Floats a, int low, int high, Floats other) {
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return {keepLanes(a.low, lane, low, high, other.low),
                keepLanes(a.high, _mm256_add_epi32(lane, _mm256_set1_epi32(8)), low, high, other.high)};
    }

    static Floats loadHalf(const void* p) {
        const auto* halves = static_cast<const __m128i*>(p);
        return {_mm256_cvtph_ps(_mm_loadu_si128(halves)), _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
    }
    static void storeHalf(void* p, Floats x) {
        auto* halves = static_cast<__m128i*>(p);
        _mm_storeu_si128(halves, _mm256_cvtps_ph(x.low, _MM_FROUND_TO_NEAREST_INT));
        _mm_storeu_si128(halves + 1, _mm256_cvtps_ph(x.high, _MM_FROUND_TO_NEAREST_INT));
    }
    static Floats loadBfloat(const void* p) {
        const auto* halves = static_cast<const __m128i*>(p);
        return {widenBfloat(_mm_loadu_si128(halves)), widenBfloat(_mm_loadu_si128(halves + 1))};
    }
    static Floats loadInt8(const void* p) {
        const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(p));
        return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
                _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)))};
    }

    static Ints zeroInts() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
    static Ints broadcastShifted(std::int32_t x, int shift) {
        const __m256i value = _mm256_sll_epi32(_mm256_set1_epi32(x), _mm_cvtsi32_si128(shift));
        return {value, value};
    }
    static Floats toFloats(Ints a) { return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)}; }
    static Ints roundToInts(Floats a) { return {_mm256_cvtps_epi32(a.low), _mm256_cvtps_epi32(a.high)}; }
    static std::int32_t reduceAdd(Ints a) {
        const __m256i eight = _mm256_add_epi32(a.low, a.high);
        __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
        four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
        return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1)));
    }
    static void storeInt8(std::int8_t* p, Ints a) {
        const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a.low, a.high), 0xD8);
        const __m128i bytes =
            _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
    }

    static Bytes loadBytes(const void* p) {
        const auto* at = static_cast<const __m256i*>(p);
        return {_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
    }
    static void storeBytes(void* p, Bytes a) {
        auto* at = static_cast<__m256i*>(p);
        _mm256_storeu_si256(at, a.low);
        _mm256_storeu_si256(at + 1, a.high);
    }
    static Bytes broadcastInputs(const std::int8_t* p) {
        std::int32_t four = 0;
        __builtin_memcpy(&four, p, sizeof(four));
        return {_mm256_set1_epi32(four), _mm256_set1_epi32(four)};
    }
    static Bytes both(Bytes a, std::uint8_t mask) {
        const __m256i value = _mm256_set1_epi8(static_cast<char>(mask));
        return {_mm256_and_si256(a.low, value), _mm256_and_si256(a.high, value)};
    }
    static Bytes either(Bytes a, Bytes b) {
        return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
    }
    template <int by>
    static Bytes shift(Bytes a) {
        if constexpr (by > 0) return {_mm256_slli_epi16(a.low, by), _mm256_slli_epi16(a.high, by)};
        if constexpr (by < 0) return {_mm256_srli_epi16(a.low, -by), _mm256_srli_epi16(a.high, -by)};
        return a;
    }
    template <int index>
    static Ints extract(Bytes a) {
        const __m256i mask = _mm256_set1_epi32(0xFF);
        return {_mm256_and_si256(_mm256_srli_epi32(a.low, 8 * index), mask),
                _mm256_and_si256(_mm256_srli_epi32(a.high, 8 * index), mask)};
    }
    template <bool wide>
    static void dot(Ints& sum, Bytes codes, Bytes inputs) {
        sum.low = dot<wide>(sum.low, codes.low, inputs.low);
        sum.high = dot<wide>(sum.high, codes.high, inputs.high);
    }

    static void transpose16(const float* from, std::ptrdiff_t fromStride, float* to,
                            std::ptrdiff_t toStride) {
        for (int row = 0; row < 16; row += 8) {
            for (int column = 0; column < 16; column += 8) {
                transpose8(from + row * fromStride + column, fromStride, to + column * toStride + row,
                           toStride);
            }
        }
    }

private:
    /// In two steps, so that results below the smallest normal number are reached as well.
    static __m256 scaleByPower(__m256 y, __m256i n) {
        const __m256i half = _mm256_srai_epi32(n, 1);
        const __m256i rest = _mm256_sub_epi32(n, half);
        return _mm256_mul_ps(_mm256_mul_ps(y, powerOfTwo(half)), powerOfTwo(rest));
    }
    static __m256 powerOfTwo(__m256i n) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
    }
    static __m256 keepLanes(__m256 a, __m256i lane, int low, int high, __m256 other) {
        const __m256i keep = _mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(low), lane),
                                                 _mm256_cmpgt_epi32(_mm256_set1_epi32(high), lane));
        return _mm256_blendv_ps(other, a, _mm256_castsi256_ps(keep));
    }
    static __m256 widenBfloat(__m128i halves) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
    }
    /// The pairwise products of vpmaddubsw saturate at 16 bits: codes up to 63 are safe, wider ones go in two
    /// halves.
    template <bool wide>
    static __m256i dot(__m256i sum, __m256i codes, __m256i inputs) {
        const __m256i ones = _mm256_set1_epi16(1);
        if constexpr (!wide) {
            return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(codes, inputs), ones));
        }
        const __m256i nibble = _mm256_set1_epi8(0x0F);
        const __m256i low = _mm256_and_si256(codes, nibble);
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(low, inputs), ones));
        return _mm256_add_epi32(sum,
                                _mm256_madd_epi16(_mm256_maddubs_epi16(high, inputs), _mm256_set1_epi16(16)));
    }
    static void transpose8(const float* from, std::ptrdiff_t fromStride, float* to, std::ptrdiff_t toStride) {
        __m256 a[8];
        __m256 b[8];
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i)
            a[i] = _mm256_loadu_ps(from + i * fromStride);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            b[2 * i] = _mm256_unpacklo_ps(a[2 * i], a[2 * i + 1]);
            b[2 * i + 1] = _mm256_unpackhi_ps(a[2 * i], a[2 * i + 1]);
        }
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i) {
            a[4 * i] = _mm256_shuffle_ps(b[4 * i], b[4 * i + 2], 0x44);
            a[4 * i + 1] = _mm256_shuffle_ps(b[4 * i], b[4 * i + 2], 0xEE);
            a[4 * i + 2] = _mm256_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0x44);
            a[4 * i + 3] = _mm256_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0xEE);
        }
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) {
            _mm256_storeu_ps(to + c * toStride, _mm256_permute2f128_ps(a[c], a[4 + c], 0x20));
            _mm256_storeu_ps(to + (4 + c) * toStride, _mm256_permute2f128_ps(a[c], a[4 + c], 0x31));
        }
    }
};

}  // namespace kvasir::kernels
