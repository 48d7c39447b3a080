// Where a key lies, by its number through all spans.
#pragma once

#include "kernels/cuda/attention.h"

namespace kvasir::kernels::cuda {

constexpr int kMaxHeadSize = 256;

struct KeyPlace {
    const std::byte* keys;
    const std::byte* values;
    std::int64_t row;
};

__device__ __forceinline__ KeyPlace locate(const SpanList& spans, std::int64_t g, std::int32_t key) {
    int s = 0;
    while (s + 1 < spans.count && key >= spans.spans[s].end)
        ++s;
    const DeviceSpan& span = spans.spans[s];
    return {span.keys, span.values, g * span.stride + key - span.begin};
}

}  // namespace kvasir::kernels::cuda
