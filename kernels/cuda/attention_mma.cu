// Attention on mma.sync tensor cores, for every GPU from sm_80 on: decoding everywhere, long prompts where
// there is no wgmma. Tiles of 64 keys and values come through a ring in shared memory (cp.async). With few
// vectors the warps of a block share out a tile's keys; with many, its vectors.
#include <algorithm>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/online_softmax.cuh"
#include "kernels/cuda/score_tile.cuh"
#include "kernels/cuda/tensor_cores.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kKeys = 64;  ///< of a tile

struct Parameters {
    SpanList spans;
    Limits limits;
    States states;
    const __half* queries;
    int n, heads, kvHeads;
    float scale;  ///< times log2(e)
};

/// kAcross warps share out vectors, kAlong keys.
template <int kSize, int kAcross, int kAlong>
struct Form {
    static constexpr int vectors = 16 * kAcross;
    static constexpr int threads = kWarp * kAcross * kAlong;
    static constexpr int keysPerWarp = kKeys / kAlong;
    static constexpr int stages = kSize == 64 ? 4 : kSize == 128 ? 3 : 2;
    static constexpr int rowBytes = kSize * 2;
    static constexpr int stageBytes = 2 * kKeys * rowBytes;
    static constexpr int queryBytes = vectors * rowBytes;
    static constexpr int shared = queryBytes + stages * stageBytes;
};

template <int kSize, int kThreads>
__device__ __forceinline__ void loadTile(const SpanList& spans, std::int64_t g, std::int32_t first,
                                         std::int32_t end, std::uint32_t to) {
    constexpr int kChunks = kSize / 8;
#pragma unroll
    for (int i = static_cast<int>(threadIdx.x); i < kKeys * kChunks; i += kThreads) {
        const int row = i / kChunks, chunk = i % kChunks;
        const std::int32_t key = first + row;
        const bool valid = key < end;
        int s = 0;
        while (s + 1 < spans.count && key >= spans.spans[s].end)
            ++s;
        const DeviceSpan& span = spans.spans[s];
        const std::int64_t at = valid ? ((g * span.stride + key - span.begin) * kSize + chunk * 8) * 2 : 0;
        copy16(to + place<kSize>(row, chunk), span.keys + at, valid);
        copy16(to + kKeys * kSize * 2 + place<kSize>(row, chunk), span.values + at, valid);
    }
}

#ifdef KVASIR_TENSOR_CORES

/// Joins the states of the warps that shared out keys, through shared memory, and writes them.
template <int kSize, int kAcross, int kAlong>
__device__ void writeStates(const Parameters& p, const State<kSize>& state, std::byte* shared, std::int64_t g,
                            std::int64_t firstVector) {
    using F = Form<kSize, kAcross, kAlong>;
    const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
    const int across = warp / kAlong, along = warp % kAlong;
    auto* values = reinterpret_cast<float*>(shared);                               // [along][vectors][size]
    auto* sums = reinterpret_cast<float2*>(values + kAlong * F::vectors * kSize);  // [along][vectors]
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int vector = across * 16 + lane / 4 + 8 * half;
        float sum = state.sum[half];
        sum += __shfl_xor_sync(kAllLanes, sum, 1);
        sum += __shfl_xor_sync(kAllLanes, sum, 2);
        if (lane % 4 == 0) sums[along * F::vectors + vector] = {state.largest[half], sum};
        float* row = values + (along * F::vectors + vector) * kSize;
#pragma unroll
        for (int c = 0; c < kSize / 8; ++c)
            *reinterpret_cast<float2*>(row + c * 8 + lane % 4 * 2) = {state.values[c][2 * half],
                                                                      state.values[c][2 * half + 1]};
    }
    __syncthreads();
    const std::int64_t base = (blockIdx.z * p.kvHeads + g) * p.states.vectors + firstVector;
    for (int i = static_cast<int>(threadIdx.x); i < F::vectors * kSize; i += F::threads) {
        const int vector = i / kSize, column = i % kSize;
        float largest = -INFINITY;
        for (int k = 0; k < kAlong; ++k)
            largest = fmaxf(largest, sums[k * F::vectors + vector].x);
        float total = 0, weight = 0;
        for (int k = 0; k < kAlong && largest != -INFINITY; ++k) {
            const float2 part = sums[k * F::vectors + vector];
            const float factor = powerOfTwo((part.x - largest) * p.scale);
            total += factor * values[(k * F::vectors + vector) * kSize + column];
            weight += factor * part.y;
        }
        p.states.values[(base + vector) * kSize + column] = total;
        if (column == 0) p.states.sums[base + vector] = {largest * p.scale, weight};
    }
}

#endif

template <int kSize, int kAcross, int kAlong>
__global__ void __launch_bounds__(Form<kSize, kAcross, kAlong>::threads)
    attendKernel(const __grid_constant__ Parameters p) {
#ifdef KVASIR_TENSOR_CORES
    using F = Form<kSize, kAcross, kAlong>;
    extern __shared__ __align__(128) std::byte shared[];
    const std::uint32_t queries = sharedAddress(shared), ring = queries + F::queryBytes;
    const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
    const int group = p.heads / p.kvHeads;
    // Late vectors see the most keys: they go first.
    const int firstVector = static_cast<int>(gridDim.x - 1 - blockIdx.x) * F::vectors;
    const int g = static_cast<int>(blockIdx.y), allVectors = p.n * group;
    letNextStart();
    waitForPrevious();
    const auto rowOf = [&](int vector) { return min(vector, allVectors - 1) / group; };
    const int firstRow = rowOf(firstVector), lastRow = rowOf(firstVector + F::vectors - 1);
    const std::int32_t splitBegin = static_cast<std::int32_t>(blockIdx.z) * p.states.keysPerSplit;
    const std::int32_t begin = max(splitBegin, p.limits.lowOf(g, firstRow) / kKeys * kKeys);
    const std::int32_t end = min(splitBegin + p.states.keysPerSplit, p.limits.highOf(g, lastRow));
    const std::int32_t allSeeFrom = p.limits.lowOf(g, lastRow),
                       allSeeTo = min(p.limits.highOf(g, firstRow), end);
    const int across = warp / kAlong, along = warp % kAlong;
    std::int32_t myLow[2], myHigh[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int row = rowOf(firstVector + across * 16 + lane / 4 + 8 * half);
        myLow[half] = p.limits.lowOf(g, row);
        myHigh[half] = min(p.limits.highOf(g, row), end);
    }
    for (int i = static_cast<int>(threadIdx.x); i < F::vectors * kSize / 8; i += F::threads) {
        const int vector = i / (kSize / 8), chunk = i % (kSize / 8);
        const int v = min(firstVector + vector, allVectors - 1), head = g * group + v % group;
        const __half* from =
            p.queries + (static_cast<std::int64_t>(v / group) * p.heads + head) * kSize + chunk * 8;
        *reinterpret_cast<uint4*>(shared + place<kSize>(vector, chunk)) =
            *reinterpret_cast<const uint4*>(from);
    }
    State<kSize> state;
    const int tiles = begin < end ? (end - begin + kKeys - 1) / kKeys : 0;
#pragma unroll
    for (int t = 0; t < F::stages - 1; ++t) {
        if (t < tiles)
            loadTile<kSize, F::threads>(p.spans, g, begin + t * kKeys, end, ring + t * F::stageBytes);
        endCopies();
    }
    for (int t = 0; t < tiles; ++t) {
        waitForCopies<F::stages - 2>();
        __syncthreads();
        const int next = t + F::stages - 1;
        if (next < tiles) {
            loadTile<kSize, F::threads>(p.spans, g, begin + next * kKeys, end,
                                        ring + next % F::stages * F::stageBytes);
        }
        endCopies();
        const std::uint32_t keys = ring + t % F::stages * F::stageBytes;
        const std::int32_t first = begin + t * kKeys + along * F::keysPerWarp;
        float s[F::keysPerWarp / 8][4] = {};
        scoreTile<kSize, F::keysPerWarp>(queries, keys, across * 16, along * F::keysPerWarp, s);
        if (first < allSeeFrom || first + F::keysPerWarp > allSeeTo) {
#pragma unroll
            for (int c = 0; c < F::keysPerWarp / 8; ++c) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const std::int32_t key = first + c * 8 + lane % 4 * 2 + i % 2;
                    if (key < myLow[i / 2] || key >= myHigh[i / 2]) s[c][i] = -INFINITY;
                }
            }
        }
        softmaxTile(s, p.scale, state);
        addValues<kSize, F::keysPerWarp>(keys + kKeys * F::rowBytes, along * F::keysPerWarp, s, state);
    }
    waitForCopies<0>();
    __syncthreads();
    writeStates<kSize, kAcross, kAlong>(p, state, shared, g, firstVector);
#endif
}

template <int kSize, int kAcross, int kAlong>
void launchForm(Context& context, const AttentionCall& call, const Parameters& p) {
    using F = Form<kSize, kAcross, kAlong>;
    constexpr int kJoin = kAlong * F::vectors * (kSize * 4 + 8);
    const std::int64_t vectors = call.n * (call.shape.heads / call.shape.kvHeads);
    const dim3 grid(static_cast<unsigned>(ceilDivide(vectors, F::vectors)),
                    static_cast<unsigned>(call.shape.kvHeads), static_cast<unsigned>(p.states.splits));
    launch(context, attendKernel<kSize, kAcross, kAlong>, grid, F::threads, std::max(F::shared, kJoin), p);
}

}  // namespace

void attendMma(Context& context, const AttentionCall& call, const States& states, bool few) {
    constexpr float kLog2e = 1.44269504088896341F;
    const Parameters p{call.spans,
                       call.limits,
                       states,
                       call.half,
                       static_cast<int>(call.n),
                       call.shape.heads,
                       call.shape.kvHeads,
                       call.shape.scale * kLog2e};
    const int size = call.shape.headSize;
    if (size == 64 && few) return launchForm<64, 1, 4>(context, call, p);
    if (size == 64) return launchForm<64, 4, 1>(context, call, p);
    if (size == 128 && few) return launchForm<128, 1, 4>(context, call, p);
    if (size == 128) return launchForm<128, 4, 1>(context, call, p);
    if (few) return launchForm<256, 1, 4>(context, call, p);
    launchForm<256, 4, 1>(context, call, p);
}

}  // namespace kvasir::kernels::cuda
