// What every kernel file uses: waiting for the kernel before, warp sums, conversions, launching.
#pragma once

#include <cstdint>
#include <utility>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "kernels/cuda/context.h"

namespace kvasir::kernels::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xFFFFFFFFU;

/// Kernels are launched while the one before still runs (programmatic dependent launch, sm_90); each calls
/// this before it touches what others wrote.
__device__ __forceinline__ void waitForPrevious() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/// From here on the next kernel may take the places that this one leaves free.
__device__ __forceinline__ void letNextStart() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

template <typename T>
__device__ __forceinline__ T warpSum(T value) {
#pragma unroll
    for (int step = kWarp / 2; step > 0; step /= 2)
        value += __shfl_xor_sync(kAllLanes, value, step);
    return value;
}

__device__ __forceinline__ float warpMax(float value) {
#pragma unroll
    for (int step = kWarp / 2; step > 0; step /= 2)
        value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, step));
    return value;
}

/// Sum over the block, the same for every thread; the order of additions depends on the block's size alone.
template <typename T>
__device__ T blockSum(T value) {
    __shared__ T parts[kWarp];
    __shared__ T total;
    value = warpSum(value);
    if (threadIdx.x % kWarp == 0) parts[threadIdx.x / kWarp] = value;
    __syncthreads();
    if (threadIdx.x < kWarp) {
        const T sum = warpSum(threadIdx.x < blockDim.x / kWarp ? parts[threadIdx.x] : T(0));
        if (threadIdx.x == 0) total = sum;
    }
    __syncthreads();
    return total;
}

/// 2^x as the hardware has it; exact 0 for -infinity.
__device__ __forceinline__ float powerOfTwo(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/// Two floats to two bfloat16 in one register, the first in the low half.
__device__ __forceinline__ std::uint32_t packBfloat(float low, float high) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const std::uint32_t*>(&pair);
}

__device__ __forceinline__ std::uint32_t packHalf(float low, float high) {
    const __half2 pair = __floats2half2_rn(low, high);
    return *reinterpret_cast<const std::uint32_t*>(&pair);
}

__device__ __forceinline__ float toFloat(float value) {
    return value;
}
__device__ __forceinline__ float toFloat(__half value) {
    return __half2float(value);
}
__device__ __forceinline__ float toFloat(__nv_bfloat16 value) {
    return __bfloat162float(value);
}

__host__ __device__ constexpr std::int64_t ceilDivide(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}
__host__ __device__ constexpr std::int64_t roundUp(std::int64_t a, std::int64_t b) {
    return ceilDivide(a, b) * b;
}

/// Queues a kernel. Does nothing after a failure.
template <typename... Parameters, typename... Arguments>
void launch(Context& context, void (*kernel)(Parameters...), dim3 grid, int threads, std::size_t shared,
            Arguments&&... arguments) {
    if (!context.ok() || grid.x == 0 || grid.y == 0 || grid.z == 0) return;
    constexpr std::size_t kPlain = 8 * 1024;  // with what the kernel declares itself it may pass 48 KiB
    if (shared > kPlain) {
        context.check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                           static_cast<int>(shared)));
    }
    cudaLaunchAttribute early{};
    early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    early.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = dim3(static_cast<unsigned>(threads));
    config.dynamicSmemBytes = shared;
    config.stream = context.stream();
    config.attrs = &early;
    config.numAttrs = context.capability() >= 90 ? 1 : 0;
    context.check(cudaLaunchKernelEx(&config, kernel, Parameters(std::forward<Arguments>(arguments))...));
}

/// Blocks of `threads` that cover `count` items.
inline dim3 gridFor(std::int64_t count, int threads) {
    return dim3(static_cast<unsigned>(ceilDivide(count, threads)));
}

}  // namespace kvasir::kernels::cuda
