// The running softmax of attention on mma.sync: scores become weights, and values are summed by them.
#pragma once

#include "kernels/cuda/score_tile.cuh"

namespace kvasir::kernels::cuda {

#ifdef KVASIR_TENSOR_CORES

/// Running softmax of two rows per thread and their sums of values.
template <int kSize>
struct State {
    float largest[2] = {-INFINITY, -INFINITY};
    float sum[2] = {};
    float values[kSize / 8][4] = {};
};

/// Scores to weights, the state rescaled; s becomes weights.
template <int kSize, int kTiles>
__device__ __forceinline__ void softmaxTile(float (&s)[kTiles][4], float scale, State<kSize>& state) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        float largest = state.largest[half];
#pragma unroll
        for (int t = 0; t < kTiles; ++t)
            largest = fmaxf(largest, fmaxf(s[t][2 * half], s[t][2 * half + 1]));
        largest = fmaxf(largest, __shfl_xor_sync(kAllLanes, largest, 1));
        largest = fmaxf(largest, __shfl_xor_sync(kAllLanes, largest, 2));
        const float base = largest == -INFINITY ? 0.0F : largest * scale;
        const float factor = powerOfTwo(state.largest[half] * scale - base);
        state.largest[half] = largest;
        float sum = 0;
#pragma unroll
        for (int t = 0; t < kTiles; ++t) {
#pragma unroll
            for (int i = 2 * half; i < 2 * half + 2; ++i) {
                s[t][i] = powerOfTwo(s[t][i] * scale - base);
                sum += s[t][i];
            }
        }
        state.sum[half] = state.sum[half] * factor + sum;
#pragma unroll
        for (int c = 0; c < kSize / 8; ++c) {
            state.values[c][2 * half] *= factor;
            state.values[c][2 * half + 1] *= factor;
        }
    }
}

template <int kSize, int kKeysPerWarp>
__device__ __forceinline__ void addValues(std::uint32_t values, int keyRow,
                                          const float (&p)[kKeysPerWarp / 8][4], State<kSize>& state) {
    const int lane = static_cast<int>(threadIdx.x % kWarp);
#pragma unroll
    for (int k = 0; k < kKeysPerWarp / 16; ++k) {
        const std::uint32_t a[4] = {packHalf(p[2 * k][0], p[2 * k][1]), packHalf(p[2 * k][2], p[2 * k][3]),
                                    packHalf(p[2 * k + 1][0], p[2 * k + 1][1]),
                                    packHalf(p[2 * k + 1][2], p[2 * k + 1][3])};
#pragma unroll
        for (int c = 0; c < kSize / 16; ++c) {
            std::uint32_t b[4];
            loadTransposed(b, values + place<kSize>(keyRow + k * 16 + lane % 16, c * 2 + lane / 16));
            mmaHalf(state.values[2 * c], a, b[0], b[1]);
            mmaHalf(state.values[2 * c + 1], a, b[2], b[3]);
        }
    }
}

#endif

}  // namespace kvasir::kernels::cuda
