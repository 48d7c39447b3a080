#include <cmath>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/eight_bits.h"
#include "kernels/cuda/key_access.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kPerLane = kMaxHeadSize / kWarp;

/// A warp for each row of keys or of values of a head.
__global__ void storeEightBitsKernel(AttentionShape shape, KvSource from, std::int64_t n, KvRows rows,
                                     std::int64_t firstRow) {
    waitForPrevious();
    const std::int64_t index = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kWarp;
    if (index >= 2 * n * shape.kvHeads) return;
    const bool value = index % 2 == 1;
    const std::int64_t g = index / 2 % shape.kvHeads, row = index / 2 / shape.kvHeads;
    const int lane = static_cast<int>(threadIdx.x % kWarp), size = shape.headSize;
    const float* source =
        (value ? from.values : from.keys) + (row * from.rowStride + g * from.headStride) * size;
    const float* offset = value || from.keyOffset == nullptr ? nullptr : from.keyOffset + g * size;
    float x[kPerLane];
    float largest = 0;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
        const int at = lane + i * kWarp;
        x[i] = at < size ? source[at] : 0.0F;
        if (at < size && offset != nullptr) x[i] -= offset[at];
        largest = fmaxf(largest, fabsf(x[i]));
    }
    largest = warpMax(largest);
    // Outside of this the inverse is no float32, or nothing is left to keep.
    const bool zero = !(largest >= 1e-35F && largest <= 3e38F);
    const float inverse = zero ? 0.0F : 127.0F / largest;
    const std::int64_t to = g * rows.stride + firstRow + row;
    auto* codes = reinterpret_cast<std::int8_t*>(value ? rows.values : rows.keys) + to * size;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
        const int at = lane + i * kWarp;
        if (at < size) codes[at] = zero ? 0 : static_cast<std::int8_t>(__float2int_rn(x[i] * inverse));
    }
    if (lane == 0) (value ? rows.valueScales : rows.keyScales)[to] = zero ? 0.0F : largest / 127.0F;
}

/// A block for each vector.
__global__ void hadamardKernel(float* x, int size, int block, float factor) {
    __shared__ float values[kMaxHeadSize];
    waitForPrevious();
    float* row = x + static_cast<std::int64_t>(blockIdx.x) * size;
    const int i = static_cast<int>(threadIdx.x);
    if (i < size) values[i] = row[i];
    for (int step = 1; step < block; step *= 2) {
        __syncthreads();
        float result = 0;
        if (i < size)
            result = i / step % 2 == 0 ? values[i] + values[i + step] : values[i - step] - values[i];
        __syncthreads();
        if (i < size) values[i] = result;
    }
    if (i < size) row[i] = values[i] * factor;
}

__device__ __forceinline__ void put(float* to, float value) {
    *to = value;
}
__device__ __forceinline__ void put(__half* to, float value) {
    *to = __float2half_rn(value);
}

template <typename Out>
__global__ void expandKernel(const __grid_constant__ SpanList spans, int size, std::int64_t count, Out* keys,
                             Out* values) {
    waitForPrevious();
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i >= count) return;
    const std::int64_t row = i / size, g = row / spans.keys;
    const auto key = static_cast<std::int32_t>(row % spans.keys);
    int s = 0;
    while (s + 1 < spans.count && key >= spans.spans[s].end)
        ++s;
    const DeviceSpan& span = spans.spans[s];
    const std::int64_t from = g * span.stride + key - span.begin, at = from * size + i % size;
    const auto code = [&](const std::byte* codes) {
        return static_cast<float>(reinterpret_cast<const std::int8_t*>(codes)[at]);
    };
    put(keys + i, code(span.keys) * span.keyScales[from]);
    put(values + i, code(span.values) * span.valueScales[from]);
}

template <typename Out>
void expand(Context& context, const AttentionShape& shape, const SpanList& spans, SpanList& out) {
    const std::int64_t count = std::int64_t{spans.keys} * shape.kvHeads * shape.headSize;
    auto* keys = context.workspace<Out>(Slot::Expanded, 2 * count);
    if (keys == nullptr) return;
    launch(context, expandKernel<Out>, gridFor(count, kThreads), kThreads, 0, spans, shape.headSize, count,
           keys, keys + count);
    out.count = 1;
    out.spans[0] = {reinterpret_cast<const std::byte*>(keys),
                    reinterpret_cast<const std::byte*>(keys + count),
                    out.keys,
                    0,
                    out.keys,
                    nullptr,
                    nullptr};
}

}  // namespace

void storeEightBits(Context& context, const AttentionShape& shape, const KvSource& from, std::int64_t n,
                    const KvRows& rows, std::int64_t row) {
    launch(context, storeEightBitsKernel, gridFor(2 * n * shape.kvHeads * kWarp, kThreads), kThreads, 0,
           shape, from, n, rows, row);
}

void hadamard(Context& context, float* x, std::int64_t heads, std::int32_t headSize) {
    const int block = headSize & -headSize;
    const int threads = static_cast<int>(roundUp(headSize, kWarp));
    launch(context, hadamardKernel, dim3(static_cast<unsigned>(heads)), threads, 0, x, headSize, block,
           static_cast<float>(1 / std::sqrt(static_cast<double>(block))));
}

SpanList expandEightBits(Context& context, const AttentionShape& shape, const SpanList& from, bool strict) {
    SpanList out;
    out.keys = from.keys;
    if (out.keys == 0) return out;
    if (strict) {
        expand<float>(context, shape, from, out);
    } else {
        expand<__half>(context, shape, from, out);
    }
    return out;
}

}  // namespace kvasir::kernels::cuda
