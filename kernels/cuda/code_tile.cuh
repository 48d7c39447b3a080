// Attention over keys and values in 8 bits, as they are stored, on mma.sync: the instructions' operands are
// made of codes in registers, and scales are applied to scores and weights. A warp takes 16 keys.
#pragma once

#include "kernels/cuda/online_softmax.cuh"
#include "kernels/cuda/tensor_cores.cuh"

namespace kvasir::kernels::cuda {

constexpr int kWarpKeys = 16;

/// Byte of 16-byte chunk `chunk` of a row of 8-bit codes; see place.
template <int kSize>
__device__ __forceinline__ std::uint32_t codePlace(int row, int chunk) {
    const int turned = kSize >= 128 ? chunk ^ (row & 7) : chunk ^ (row / 2 & 3);
    return static_cast<std::uint32_t>(row * kSize + turned * 16);
}

/// Where component c of a query lies among those that instructions take together: with 8-bit keys a thread's
/// four bytes are neighbours, and the queries' order follows theirs.
template <bool kCodes>
__device__ __forceinline__ int queryPlace(int c) {
    if (!kCodes) return c;
    const int four = c % 16 / 4, inside = c % 4;
    return c / 16 * 16 + inside / 2 * 8 + four * 2 + inside % 2;
}

#ifdef KVASIR_TENSOR_CORES

/// Four 8-bit codes to binary16, exactly: by their bits, 1024 + 128 + code, less that.
__device__ __forceinline__ void codesToHalf(std::uint32_t codes, std::uint32_t& first,
                                            std::uint32_t& second) {
    const std::uint32_t raised = codes ^ 0x80808080U;
    const std::uint32_t low = __byte_perm(raised, 0x64646464U, 0x4140U);
    const std::uint32_t high = __byte_perm(raised, 0x64646464U, 0x4342U);
    const __half2 base = __half2half2(__ushort_as_half(0x6480));  // 1152
    const __half2 a = __hsub2(*reinterpret_cast<const __half2*>(&low), base);
    const __half2 b = __hsub2(*reinterpret_cast<const __half2*>(&high), base);
    first = *reinterpret_cast<const std::uint32_t*>(&a);
    second = *reinterpret_cast<const std::uint32_t*>(&b);
}

/// Two 8-bit codes, in the low bytes of `pair`'s halves whose high bytes are 0x43, to bfloat16, exactly:
/// 128 + the low seven bits, less 128 or, where the sign bit is set, 256.
__device__ __forceinline__ std::uint32_t codesToBfloat(std::uint32_t pair) {
    const std::uint32_t value = pair & 0x437F437FU, base = pair & 0x43804380U;
    const __nv_bfloat162 out = __hsub2(*reinterpret_cast<const __nv_bfloat162*>(&value),
                                       *reinterpret_cast<const __nv_bfloat162*>(&base));
    return *reinterpret_cast<const std::uint32_t*>(&out);
}

/// As scoreTile, with keys in 8 bits; their scales are applied to the scores.
template <int kSize>
__device__ __forceinline__ void scoreCodes(std::uint32_t queries, std::uint32_t keys, const float* scales,
                                           int keyRow, float (&s)[kWarpKeys / 8][4]) {
    const int lane = static_cast<int>(threadIdx.x % kWarp);
#pragma unroll
    for (int k = 0; k < kSize / 32; ++k) {
        std::uint32_t b[4];  // keys 0 to 7 and 8 to 15 with 16 components, then with the next 16
        loadMatrices(b, keys + codePlace<kSize>(keyRow + lane % 16, 2 * k + lane / 16));
#pragma unroll
        for (int part = 0; part < 2; ++part) {
            std::uint32_t a[4];
            loadMatrices(a, queries + place<kSize>(lane % 16, (2 * k + part) * 2 + lane / 16));
#pragma unroll
            for (int eight = 0; eight < 2; ++eight) {
                std::uint32_t b0, b1;
                codesToHalf(b[2 * part + eight], b0, b1);
                mmaHalf(s[eight], a, b0, b1);
            }
        }
    }
#pragma unroll
    for (int t = 0; t < kWarpKeys / 8; ++t) {
        const float2 scale = *reinterpret_cast<const float2*>(scales + keyRow + t * 8 + lane % 4 * 2);
#pragma unroll
        for (int i = 0; i < 4; ++i)
            s[t][i] *= i % 2 == 0 ? scale.x : scale.y;
    }
}

/// Adds the values of the warp's 16 keys by weights p. Weights times scales are bfloat16, because scales may
/// be of any size. Tiles 2c and 2c + 1 of the sums are the even and the odd ones of 16 components.
template <int kSize>
__device__ __forceinline__ void addCodes(std::uint32_t values, const float* scales, int keyRow,
                                         const float (&p)[kWarpKeys / 8][4], State<kSize>& state) {
    static_assert(kWarpKeys == 16);
    const int lane = static_cast<int>(threadIdx.x % kWarp);
    const float2 low = *reinterpret_cast<const float2*>(scales + keyRow + lane % 4 * 2);
    const float2 high = *reinterpret_cast<const float2*>(scales + keyRow + 8 + lane % 4 * 2);
    const std::uint32_t a[4] = {
        packBfloat(p[0][0] * low.x, p[0][1] * low.y), packBfloat(p[0][2] * low.x, p[0][3] * low.y),
        packBfloat(p[1][0] * high.x, p[1][1] * high.y), packBfloat(p[1][2] * high.x, p[1][3] * high.y)};
#pragma unroll
    for (int c = 0; c < kSize / 32; ++c) {
        std::uint32_t b[4];
        loadTransposed(b, values + codePlace<kSize>(keyRow + lane % 16, 2 * c + lane / 16));
#pragma unroll
        for (int part = 0; part < 2; ++part) {
            const std::uint32_t first = b[2 * part], second = b[2 * part + 1];
            constexpr std::uint32_t kHigh = 0x43434343U;
            mmaBfloat(state.values[4 * c + 2 * part], a, codesToBfloat(__byte_perm(first, kHigh, 0x4240U)),
                      codesToBfloat(__byte_perm(second, kHigh, 0x4240U)));
            mmaBfloat(state.values[4 * c + 2 * part + 1], a,
                      codesToBfloat(__byte_perm(first, kHigh, 0x4341U)),
                      codesToBfloat(__byte_perm(second, kHigh, 0x4341U)));
        }
    }
}

/// Component of the sums' tile t, element i.
template <bool kCodes>
__device__ __forceinline__ int componentOf(int t, int i) {
    const int column = static_cast<int>(threadIdx.x % 4) * 2 + i % 2;
    return kCodes ? t / 2 * 16 + column * 2 + t % 2 : t * 8 + column;
}

#endif

}  // namespace kvasir::kernels::cuda
