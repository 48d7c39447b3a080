#include "kernels/cuda/device.cuh"
#include "kernels/cuda/key_access.cuh"
#include "kernels/cuda/selection.h"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kSelectThreads = 1024;
constexpr int kBins = 256;
constexpr int kPerThread = 4;  ///< neighbouring scores that a thread looks at in one round

__global__ void poolScoresKernel(int group, const float* s, std::int64_t k, int kernel, Pooling pooling,
                                 float* c) {
    waitForPrevious();
    const std::int64_t j = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (j >= k) return;
    const std::int64_t g = blockIdx.y, reach = kernel / 2;
    const std::int64_t first = j > reach ? j - reach : 0, last = j + reach + 1 < k ? j + reach + 1 : k;
    float sum = 0;
    for (std::int64_t h = g * group; h < (g + 1) * group; ++h) {
        const float* row = s + h * k;
        float pooled = pooling == Pooling::Max ? -INFINITY : 0.0F;
        for (std::int64_t i = first; i < last; ++i)
            pooled = pooling == Pooling::Max ? fmaxf(pooled, row[i]) : pooled + row[i];
        sum += pooling == Pooling::Max ? pooled : pooled / static_cast<float>(kernel);
    }
    c[g * k + j] = sum;
}

__global__ void sumRowsKernel(const float* rows, std::int64_t r, std::int64_t k, float* out) {
    waitForPrevious();
    const std::int64_t j = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (j >= k) return;
    float sum = 0;
    for (std::int64_t i = 0; i < r; ++i)
        sum += rows[i * k + j];
    out[j] = sum;
}

/// Larger for larger scores; NaN is the smallest, -0 equals 0.
__device__ __forceinline__ std::uint32_t orderOf(float score) {
    if (score != score) return 0;
    const std::uint32_t bits = __float_as_uint(score == 0 ? 0.0F : score);
    return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

/// Adds one to the bin of each lane whose `counts` is set. Scores are alike, so that most lanes of a warp
/// want the same bin: they add together.
__device__ __forceinline__ void countIn(unsigned (&bins)[kBins], unsigned bin, bool counts) {
    const unsigned same = __match_any_sync(kAllLanes, counts ? bin : kBins);
    if (counts && threadIdx.x % kWarp == static_cast<unsigned>(__ffs(static_cast<int>(same)) - 1))
        atomicAdd(&bins[bin], static_cast<unsigned>(__popc(same)));
}

/// One warp: the bin in which the `need`-th largest lies, and how many of that bin are needed.
struct Bin {
    unsigned number;
    unsigned need;
};
__device__ Bin findBin(const unsigned (&bins)[kBins], unsigned need) {
    constexpr int kEach = kBins / kWarp;  // a lane's bins, the largest scores' first
    const int top = kBins - 1 - static_cast<int>(threadIdx.x) * kEach;
    unsigned own = 0;
    for (int i = 0; i < kEach; ++i)
        own += bins[top - i];
    unsigned through = own;
#pragma unroll
    for (int step = 1; step < kWarp; step *= 2) {
        const unsigned other = __shfl_up_sync(kAllLanes, through, step);
        if (static_cast<int>(threadIdx.x) >= step) through += other;
    }
    const unsigned reached = __ballot_sync(kAllLanes, through >= need);
    const int lane = __ffs(static_cast<int>(reached)) - 1;
    Bin bin{static_cast<unsigned>(top), need - (through - own)};
    for (int i = 1; i < kEach && bins[bin.number] < bin.need; ++i)
        bin.need -= bins[bin.number--];
    return {__shfl_sync(kAllLanes, bin.number, lane), __shfl_sync(kAllLanes, bin.need, lane)};
}

/// The order of the last score that is taken, and how many of that order are: byte by byte from the top.
struct Cutoff {
    std::uint32_t order;
    std::int64_t equal;
};
__device__ Cutoff findCutoff(const float* scores, std::int64_t k, std::int64_t count) {
    __shared__ unsigned bins[kBins];
    __shared__ Bin found;
    std::uint32_t prefix = 0;
    auto need = static_cast<unsigned>(count);
    for (int shift = 24; shift >= 0; shift -= 8) {
        for (int i = static_cast<int>(threadIdx.x); i < kBins; i += kSelectThreads)
            bins[i] = 0;
        __syncthreads();
        for (std::int64_t first = 0; first < k; first += kSelectThreads) {
            const std::int64_t i = first + threadIdx.x;
            const std::uint32_t order = i < k ? orderOf(scores[i]) : 0;
            const bool counts = i < k && (shift == 24 || order >> (shift + 8) == prefix);
            countIn(bins, order >> shift & 255U, counts);
        }
        __syncthreads();
        if (threadIdx.x < kWarp) {
            const Bin bin = findBin(bins, need);
            if (threadIdx.x == 0) found = bin;
        }
        __syncthreads();
        prefix = prefix << 8 | found.number;
        need = found.need;
        __syncthreads();
    }
    return {prefix, need};
}

/// Exclusive sums over the block, in order of threads; `total` gets the sum of all.
__device__ __forceinline__ unsigned scanBlock(unsigned value, unsigned& total) {
    __shared__ unsigned parts[kWarp];
    const unsigned lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
    unsigned sum = value;
#pragma unroll
    for (int step = 1; step < kWarp; step *= 2) {
        const unsigned other = __shfl_up_sync(kAllLanes, sum, step);
        if (lane >= static_cast<unsigned>(step)) sum += other;
    }
    __syncthreads();
    if (lane == kWarp - 1) parts[warp] = sum;
    __syncthreads();
    unsigned before = 0;
    total = 0;
    for (unsigned w = 0; w < kSelectThreads / kWarp; ++w) {
        if (w < warp) before += parts[w];
        total += parts[w];
    }
    return before + sum - value;
}

/// A block for each row of scores. Two counts run through the candidates in order: of scores above the
/// cutoff, and of those equal to it, of which the first `equal` are taken.
__global__ void __launch_bounds__(kSelectThreads)
    keepLargestKernel(const float* all, std::int64_t stride, KeptRows which, std::int32_t* kept) {
    waitForPrevious();
    const auto number = [](std::int64_t row) { return static_cast<std::int32_t>(row); };
    const std::int64_t k = which.candidatesEnd - which.candidates, count = which.count;
    const float* scores = all + blockIdx.x * stride + which.candidates;
    std::int32_t* out = kept + blockIdx.x * which.size();
    for (std::int64_t i = threadIdx.x; i < which.candidates - which.first; i += kSelectThreads)
        out[i] = number(which.first + i);
    out += which.candidates - which.first;
    for (std::int64_t i = threadIdx.x; i < which.end - which.candidatesEnd; i += kSelectThreads)
        out[count + i] = number(which.candidatesEnd + i);
    if (count == 0 || count == k) {
        for (std::int64_t i = threadIdx.x; i < count; i += kSelectThreads)
            out[i] = number(which.candidates + i);
        return;
    }
    const Cutoff cutoff = findCutoff(scores, k, count);
    std::int64_t above = 0, equal = 0;
    for (std::int64_t first = 0; first < k; first += kSelectThreads * kPerThread) {
        unsigned mine = 0;  // above in the low half, equal in the high one
        std::uint32_t orders[kPerThread];
#pragma unroll
        for (int i = 0; i < kPerThread; ++i) {
            const std::int64_t at = first + threadIdx.x * kPerThread + i;
            orders[i] = at < k ? orderOf(scores[at]) : 0;
            if (at >= k) continue;
            if (orders[i] > cutoff.order) ++mine;
            if (orders[i] == cutoff.order) mine += 1U << 16;
        }
        unsigned total = 0;
        const unsigned before = scanBlock(mine, total);
        std::int64_t aboveHere = above + (before & 0xFFFFU), equalHere = equal + (before >> 16);
#pragma unroll
        for (int i = 0; i < kPerThread; ++i) {
            const std::int64_t at = first + threadIdx.x * kPerThread + i;
            if (at >= k) continue;
            const bool isEqual = orders[i] == cutoff.order;
            if (orders[i] > cutoff.order || (isEqual && equalHere < cutoff.equal)) {
                const std::int64_t taken = equalHere < cutoff.equal ? equalHere : cutoff.equal;
                out[aboveHere + taken] = number(which.candidates + at);
            }
            if (isEqual)
                ++equalHere;
            else if (orders[i] > cutoff.order)
                ++aboveHere;
        }
        above += total & 0xFFFFU;
        equal += total >> 16;
    }
}

__global__ void fillColumnsKernel(float* x, std::int64_t stride, std::int64_t first, std::int64_t last,
                                  float value) {
    waitForPrevious();
    const std::int64_t i = first + static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i < last) x[blockIdx.y * stride + i] = value;
}

__global__ void gatherRowsKernel(const float* x, std::int64_t width, const std::int32_t* rows,
                                 std::int64_t count, float* out) {
    waitForPrevious();
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i >= count * width) return;
    out[i] = x[static_cast<std::int64_t>(rows[i / width]) * width + i % width];
}

struct SpanScales {
    const float* keys[kMaxSpans];
    const float* values[kMaxSpans];
};

__global__ void gatherScalesKernel(int kvHeads, const __grid_constant__ SpanList spans,
                                   const __grid_constant__ SpanScales scales, const std::int32_t* rows,
                                   std::int64_t count, KvRows to) {
    waitForPrevious();
    const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (index >= kvHeads * count) return;
    const std::int64_t g = index / count, target = g * to.stride + index % count;
    const std::int32_t key = rows[index];
    int s = 0;
    while (s + 1 < spans.count && key >= spans.spans[s].end)
        ++s;
    const std::int64_t from = g * spans.spans[s].stride + key - spans.spans[s].begin;
    to.keyScales[target] = scales.keys[s][from];
    to.valueScales[target] = scales.values[s][from];
}

/// A warp for each kept row of a head.
template <typename Word>
__global__ void gatherKvKernel(int kvHeads, std::int64_t words, SpanList spans, const std::int32_t* rows,
                               std::int64_t count, KvRows to) {
    waitForPrevious();
    const std::int64_t index =
        static_cast<std::int64_t>(blockIdx.x) * (kThreads / kWarp) + threadIdx.x / kWarp;
    if (index >= kvHeads * count) return;
    const std::int64_t g = index / count, target = g * to.stride + index % count;
    const KeyPlace place = locate(spans, g, rows[index]);
    for (std::int64_t i = threadIdx.x % kWarp; i < words; i += kWarp) {
        reinterpret_cast<Word*>(to.keys)[target * words + i] =
            reinterpret_cast<const Word*>(place.keys)[place.row * words + i];
        reinterpret_cast<Word*>(to.values)[target * words + i] =
            reinterpret_cast<const Word*>(place.values)[place.row * words + i];
    }
}

}  // namespace

void poolScores(Context& context, const AttentionShape& shape, const float* s, std::int64_t k,
                std::int32_t kernel, Pooling pooling, float* c) {
    const dim3 grid(static_cast<unsigned>(ceilDivide(k, kThreads)), static_cast<unsigned>(shape.kvHeads));
    launch(context, poolScoresKernel, grid, kThreads, 0, shape.heads / shape.kvHeads, s, k, kernel, pooling,
           c);
}

void sumRows(Context& context, const float* rows, std::int64_t r, std::int64_t k, float* out) {
    launch(context, sumRowsKernel, gridFor(k, kThreads), kThreads, 0, rows, r, k, out);
}

void keepLargest(Context& context, const float* scores, std::int64_t heads, std::int64_t stride,
                 const KeptRows& which, std::int32_t* kept) {
    if (which.size() == 0) return;
    launch(context, keepLargestKernel, dim3(static_cast<unsigned>(heads)), kSelectThreads, 0, scores, stride,
           which, kept);
}

void fillColumns(Context& context, float* x, std::int64_t rows, std::int64_t stride, std::int64_t first,
                 std::int64_t last, float value) {
    const dim3 grid(static_cast<unsigned>(ceilDivide(last - first, kThreads)), static_cast<unsigned>(rows));
    launch(context, fillColumnsKernel, grid, kThreads, 0, x, stride, first, last, value);
}

void gatherRows(Context& context, const float* x, std::int64_t width, const std::int32_t* rows,
                std::int64_t count, float* out) {
    launch(context, gatherRowsKernel, gridFor(count * width, kThreads), kThreads, 0, x, width, rows, count,
           out);
}

void gatherKv(Context& context, const AttentionShape& shape, std::span<const KvSpan> from,
              const std::int32_t* rows, std::int64_t count, const KvRows& to) {
    const SpanList spans = numberSpans(context, from);
    if (to.type == KvType::Int8) {
        SpanScales scales{};
        int s = 0;
        for (const KvSpan& span : from) {
            if (span.count == 0 || s == kMaxSpans) continue;
            scales.keys[s] = span.keyScales;
            scales.values[s++] = span.valueScales;
        }
        launch(context, gatherScalesKernel, gridFor(shape.kvHeads * count, kThreads), kThreads, 0,
               shape.kvHeads, spans, scales, rows, count, to);
    }
    const std::int64_t bytes = shape.headSize * bytesOf(to.type);
    const dim3 grid = gridFor(shape.kvHeads * count, kThreads / kWarp);
    if (bytes % 16 == 0) {
        launch(context, gatherKvKernel<uint4>, grid, kThreads, 0, shape.kvHeads, bytes / 16, spans, rows,
               count, to);
    } else {
        launch(context, gatherKvKernel<std::uint8_t>, grid, kThreads, 0, shape.kvHeads, bytes, spans, rows,
               count, to);
    }
}

}  // namespace kvasir::kernels::cuda
