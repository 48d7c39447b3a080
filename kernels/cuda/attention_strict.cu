// Attention in float32 for any head size, a block for each query head of a row. For tests, and for shapes
// that the tensor core kernels do not have.
#include "kernels/cuda/attention.h"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/key_access.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kPerLane = kMaxHeadSize / kWarp;

template <typename Stored>
__global__ void __launch_bounds__(kWarps* kWarp)
    attendStrictKernel(AttentionShape shape, const __grid_constant__ SpanList spans,
                       const __grid_constant__ Limits limits, const float* queries, float* out) {
    __shared__ float largests[kWarps], sums[kWarps], values[kWarps][kMaxHeadSize];
    waitForPrevious();
    const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
    const int size = shape.headSize, head = static_cast<int>(blockIdx.y);
    const std::int64_t row = blockIdx.x, g = head / (shape.heads / shape.kvHeads);
    const std::int64_t at = (row * shape.heads + head) * size;
    const std::int32_t low = limits.lowOf(g, row), high = limits.highOf(g, row);
    float query[kPerLane], mine[kPerLane] = {};
#pragma unroll
    for (int i = 0; i < kPerLane; ++i)
        query[i] = lane + i * kWarp < size ? queries[at + lane + i * kWarp] : 0.0F;
    float largest = -INFINITY, sum = 0;
    for (std::int32_t key = low + warp; key < high; key += kWarps) {
        const KeyPlace place = locate(spans, g, key);
        const auto* k = reinterpret_cast<const Stored*>(place.keys) + place.row * size;
        const auto* v = reinterpret_cast<const Stored*>(place.values) + place.row * size;
        float score = 0;
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) {
            if (lane + i * kWarp < size) score += query[i] * toFloat(k[lane + i * kWarp]);
        }
        score = warpSum(score) * shape.scale;
        const float top = fmaxf(largest, score);
        const float factor = expf(largest - top), weight = expf(score - top);
        largest = top;
        sum = sum * factor + weight;
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) {
            const float value = lane + i * kWarp < size ? toFloat(v[lane + i * kWarp]) : 0.0F;
            mine[i] = mine[i] * factor + weight * value;
        }
    }
#pragma unroll
    for (int i = 0; i < kPerLane; ++i)
        values[warp][lane + i * kWarp] = mine[i];
    if (lane == 0) {
        largests[warp] = largest;
        sums[warp] = sum;
    }
    __syncthreads();
    float top = -INFINITY;
    for (int w = 0; w < kWarps; ++w)
        top = fmaxf(top, largests[w]);
    for (int i = static_cast<int>(threadIdx.x); i < size; i += kWarps * kWarp) {
        float value = 0, weight = 0;
        for (int w = 0; w < kWarps && top != -INFINITY; ++w) {
            const float factor = expf(largests[w] - top);
            value += factor * values[w][i];
            weight += factor * sums[w];
        }
        out[at + i] = weight > 0 ? value / weight : 0.0F;
    }
}

}  // namespace

void attendStrict(Context& context, const AttentionCall& call, float* out) {
    const dim3 grid(static_cast<unsigned>(call.n), static_cast<unsigned>(call.shape.heads));
    if (call.type == KvType::F16) {
        launch(context, attendStrictKernel<__half>, grid, kWarps * kWarp, 0, call.shape, call.spans,
               call.limits, call.floats, out);
    } else {
        launch(context, attendStrictKernel<float>, grid, kWarps * kWarp, 0, call.shape, call.spans,
               call.limits, call.floats, out);
    }
}

}  // namespace kvasir::kernels::cuda
