// Products of queries and keys in shared memory, both binary16, on mma.sync.
#pragma once

#include <cstdint>

#include "kernels/cuda/tensor_cores.cuh"

namespace kvasir::kernels::cuda {

/// Byte of 16-byte chunk `chunk` of a row: chunks are permuted so that eight rows' chunks hit all banks.
template <int kSize>
__device__ __forceinline__ std::uint32_t place(int row, int chunk) {
    return static_cast<std::uint32_t>(row * kSize * 2 + ((chunk ^ (row & 7)) << 4));
}

#ifdef KVASIR_TENSOR_CORES

/// Scores of 16 vectors (from row `vectorRow` of the queries) with kKeysPerWarp keys, added to s: element i
/// of tile c is vector lane / 4 + 8 (i / 2) and key 8 c + 2 (lane % 4) + i % 2.
template <int kSize, int kKeysPerWarp>
__device__ __forceinline__ void scoreTile(std::uint32_t queries, std::uint32_t keys, int vectorRow,
                                          int keyRow, float (&s)[kKeysPerWarp / 8][4]) {
    const int lane = static_cast<int>(threadIdx.x % kWarp);
#pragma unroll
    for (int k = 0; k < kSize / 16; ++k) {
        std::uint32_t a[4];
        loadMatrices(a, queries + place<kSize>(vectorRow + lane % 16, k * 2 + lane / 16));
#pragma unroll
        for (int pair = 0; pair < kKeysPerWarp / 16; ++pair) {
            std::uint32_t b[4];
            loadMatrices(
                b, keys + place<kSize>(keyRow + pair * 16 + lane % 8 + lane / 16 * 8, k * 2 + lane / 8 % 2));
            mmaHalf(s[2 * pair], a, b[0], b[1]);
            mmaHalf(s[2 * pair + 1], a, b[2], b[3]);
        }
    }
}

#endif

}  // namespace kvasir::kernels::cuda
