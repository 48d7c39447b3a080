// Choice of the attention kernel, the limits, and joining the states of splits.
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/rows.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kCombineThreads = 128;
constexpr std::int32_t kSplitKeys = 64;  ///< splits are multiples of it

/// Keys of a span at or before each of the ascending positions, added to `counts`.
void addKeysUpTo(const KvSpan& span, std::int64_t g, const std::int32_t* positions, std::int64_t n,
                 std::int32_t back, std::int32_t* counts) {
    if (span.positions == nullptr) {
        for (std::int64_t r = 0; r < n; ++r) {
            const std::int64_t seen = std::int64_t{positions[r]} - back - span.first + 1;
            counts[r] += static_cast<std::int32_t>(std::clamp<std::int64_t>(seen, 0, span.count));
        }
        return;
    }
    const std::int32_t* at = span.positions + g * span.stride;
    std::int64_t seen = 0;
    for (std::int64_t r = 0; r < n; ++r) {
        const std::int64_t position = std::int64_t{positions[r]} - back;
        // Two ascending lists; a jump is worth it where there are few rows.
        if (n < 64) seen = std::upper_bound(at + seen, at + span.count, position) - at;
        while (seen < span.count && at[seen] <= position)
            ++seen;
        counts[r] += static_cast<std::int32_t>(seen);
    }
}

bool sameForAllHeads(const AttentionShape& shape, std::span<const KvSpan> spans) {
    for (const KvSpan& span : spans) {
        for (std::int64_t g = 1; span.positions != nullptr && g < shape.kvHeads; ++g) {
            if (std::memcmp(span.positions, span.positions + g * span.stride,
                            static_cast<std::size_t>(span.count) * sizeof(std::int32_t)) != 0) {
                return false;
            }
        }
    }
    return true;
}

/// One group of threads sums every kGroups-th split; thread (group, eight) makes eight columns.
__global__ void combineKernel(AttentionShape shape, States states, std::int64_t n, Rows out) {
    extern __shared__ float shared[];  // [groups][headSize], [groups], then the splits' sums
    letNextStart();
    waitForPrevious();
    const int size = shape.headSize, perVector = size / 8;
    const int groups = static_cast<int>(blockDim.x) / perVector;
    const int eight = static_cast<int>(threadIdx.x) % perVector,
              mine = static_cast<int>(threadIdx.x) / perVector;
    const std::int64_t row = blockIdx.x;
    const int head = static_cast<int>(blockIdx.y), perGroup = shape.heads / shape.kvHeads;
    const std::int64_t g = head / perGroup, vector = row * perGroup + head % perGroup;
    float* weights = shared + groups * size;
    auto* sums = reinterpret_cast<float2*>(weights + groups + groups % 2);  // [splits]
    const auto at = [&](int s) { return (s * shape.kvHeads + g) * states.vectors + vector; };
    float largest = -INFINITY;
    for (int s = static_cast<int>(threadIdx.x % kWarp); s < states.splits; s += kWarp) {
        const float2 sum = states.sums[at(s)];
        if (threadIdx.x < kWarp) sums[s] = sum;
        largest = fmaxf(largest, sum.x);
    }
    largest = warpMax(largest);
    __syncthreads();
    float values[8] = {}, weight = 0;
#pragma unroll 4
    for (int s = mine; s < states.splits && largest != -INFINITY; s += groups) {
        const float2 sum = sums[s];
        const float factor = powerOfTwo(sum.x - largest);
        const auto* from = reinterpret_cast<const float4*>(states.values + at(s) * size + eight * 8);
        const float4 a = from[0], b = from[1];
        weight += factor * sum.y;
        values[0] += factor * a.x, values[1] += factor * a.y, values[2] += factor * a.z,
            values[3] += factor * a.w;
        values[4] += factor * b.x, values[5] += factor * b.y, values[6] += factor * b.z,
            values[7] += factor * b.w;
    }
    if (mine < groups) {
        for (int i = 0; i < 8; ++i)
            shared[mine * size + eight * 8 + i] = values[i];
        if (eight == 0) weights[mine] = weight;
    }
    __syncthreads();
    if (mine > 0) return;
    weight = 0;
    for (int k = 0; k < groups; ++k)
        weight += weights[k];
    const float inverse = weight > 0 ? 1.0F / weight : 0.0F;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        values[i] = 0;
        for (int k = 0; k < groups; ++k)
            values[i] += shared[k * size + eight * 8 + i];
        values[i] *= inverse;
    }
    storeEight(out, row, std::int64_t{head} * size + eight * 8, values);
}

void combine(Context& context, const AttentionCall& call, const States& states, const Rows& out) {
    const int size = call.shape.headSize;
    const std::size_t shared = sizeof(float) * (static_cast<std::size_t>(kCombineThreads / (size / 8)) *
                                                    static_cast<std::size_t>(size + 1) +
                                                2 * static_cast<std::size_t>(states.splits) + 2);
    launch(context, combineKernel,
           dim3(static_cast<unsigned>(call.n), static_cast<unsigned>(call.shape.heads)), kCombineThreads,
           shared, call.shape, states, call.n, out);
}

}  // namespace

SpanList numberSpans(Context& context, std::span<const KvSpan> spans) {
    SpanList list;
    for (const KvSpan& span : spans) {
        if (span.count == 0) continue;
        if (list.count == kMaxSpans) {
            context.fail("Keys and values lie in more pieces than the GPU's kernels take.");
            break;
        }
        const auto end = static_cast<std::int32_t>(list.keys + span.count);
        list.spans[list.count++] = {span.keys, span.values,    span.stride,     list.keys,
                                    end,       span.keyScales, span.valueScales};
        list.keys = end;
    }
    return list;
}

Limits LimitFinder::find(Context& context, const AttentionShape& shape, std::span<const KvSpan> spans,
                         const std::int32_t* positions, std::int64_t n) {
    std::int64_t heads = sameForAllHeads(shape, spans) ? 1 : shape.kvHeads;
    m_numbers.assign(static_cast<std::size_t>(2 * heads * n), 0);
    for (std::int64_t g = 0; g < heads; ++g) {
        for (const KvSpan& span : spans) {
            addKeysUpTo(span, g, positions, n, 0, m_numbers.data() + (heads + g) * n);
            if (shape.sliding > 0)
                addKeysUpTo(span, g, positions, n, shape.sliding, m_numbers.data() + g * n);
        }
    }
    const std::int32_t* low = m_numbers.data();
    const std::int32_t* high = low + heads * n;
    Limits limits;
    limits.end = n > 0 ? *std::max_element(high, high + heads * n) : 0;
    // Heads that kept other rows see as many of them all the same, once all are in the past.
    bool same = true;
    for (std::int64_t g = 1; g < heads; ++g)
        same = same && std::equal(low, low + n, low + g * n) && std::equal(high, high + n, high + g * n);
    if (same && n <= Limits::kInside) {
        std::copy(low, low + n, limits.lowHere);
        std::copy(high, high + n, limits.highHere);
        return limits;
    }
    limits.headStride = heads == 1 ? 0 : n;
    const auto count = static_cast<std::int64_t>(m_numbers.size());
    if (m_numbers != m_uploaded || m_device == nullptr) {
        auto* device = context.workspace<std::int32_t>(Slot::Limits, count);
        m_device = device;
        if (device == nullptr) return limits;
        context.copyToDevice(device, m_numbers.data(), m_numbers.size() * sizeof(std::int32_t));
        m_uploaded = m_numbers;
    }
    limits.low = m_device;
    limits.high = m_device + heads * n;
    return limits;
}

bool canAttend(const Context& context, const AttentionCall& call) {
    const int size = call.shape.headSize;
    constexpr int kShared = 164 * 1024;  // the largest stage buffers, at head size 256
    return context.capability() >= 80 && call.type == KvType::F16 && call.half != nullptr &&
           (size == 64 || size == 128 || (size == 256 && context.sharedLimit() >= kShared));
}

void attend(Context& context, const AttentionCall& call, const Rows& out) {
    if (!context.ok() || out.data == nullptr || call.n == 0) return;
    const std::int64_t group = call.shape.heads / call.shape.kvHeads, vectors = call.n * group;
    const bool hopper = vectors > 16 && canAttendHopper(context, call);
    const bool few = vectors <= 32;
    // Splits fill the chip where the vectors alone do not.
    const std::int64_t tile = hopper ? (call.shape.headSize == 64 ? 192 : 128) : few ? 16 : 64;
    const std::int64_t blocks = ceilDivide(vectors, tile) * call.shape.kvHeads;
    const std::int64_t wanted = hopper ? context.multiprocessors() : 2 * context.multiprocessors();
    const std::int64_t most = ceilDivide(std::max(call.limits.end, 1), hopper ? 4 * kSplitKeys : kSplitKeys);
    States states;
    states.splits = static_cast<int>(std::clamp<std::int64_t>(wanted / blocks, 1, most));
    states.keysPerSplit = static_cast<std::int32_t>(
        roundUp(ceilDivide(std::max(call.limits.end, 1), states.splits), kSplitKeys));
    states.splits = static_cast<int>(ceilDivide(std::max(call.limits.end, 1), states.keysPerSplit));
    states.vectors = roundUp(vectors, kVectorTile);
    const bool direct =
        hopper && states.splits == 1 && out.form != RowForm::Bytes && out.form != RowForm::Fragments;
    if (!direct) {
        const std::int64_t count = states.splits * call.shape.kvHeads * states.vectors;
        states.values = context.workspace<float>(Slot::Partial, count * (call.shape.headSize + 2));
        if (states.values == nullptr) return;
        states.sums = reinterpret_cast<float2*>(states.values + count * call.shape.headSize);
    }
    if (hopper) {
        attendHopper(context, call, states, out);
    } else {
        attendMma(context, call, states, few);
    }
    if (!direct) combine(context, call, states, out);
}

}  // namespace kvasir::kernels::cuda
