// The Walsh-Hadamard transform inside a warp.
#pragma once

#include "kernels/cuda/device.cuh"

namespace kvasir::kernels::cuda {

/// The Walsh-Hadamard transform of a warp's vector in shared memory, as hadamardKernel does it.
template <int kSize>
__device__ __forceinline__ void transform(float* x, float factor) {
    const int lane = static_cast<int>(threadIdx.x % kWarp);
    float result[kSize / kWarp];
    for (int step = 1; step < kSize; step *= 2) {
        __syncwarp();
#pragma unroll
        for (int i = 0; i < kSize / kWarp; ++i) {
            const int at = lane + i * kWarp;
            result[i] = at / step % 2 == 0 ? x[at] + x[at + step] : x[at - step] - x[at];
        }
        __syncwarp();
#pragma unroll
        for (int i = 0; i < kSize / kWarp; ++i)
            x[lane + i * kWarp] = result[i];
    }
#pragma unroll
    for (int i = 0; i < kSize / kWarp; ++i)
        x[lane + i * kWarp] *= factor;
    __syncwarp();
}

}  // namespace kvasir::kernels::cuda
