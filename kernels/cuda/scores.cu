// Window scores: the softmax of every query of the observation window over all keys it sees, summed
// over the window. Two passes over the keys: the rows' largest scores and sums, then the sums over rows.
// Every key is treated alike, so that equal keys get equal scores. Here in float32 of stored elements; on
// tensor cores see scores_mma.cu.
#include <algorithm>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/key_access.cuh"
#include "kernels/cuda/scores.h"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kTile = 64;      ///< keys, and queries, of a block's square of scores
constexpr int kThreads = 256;  ///< each makes 4 x 4 of it
constexpr int kDepth = 32;     ///< components at a time

/// Queries of a block: those of some heads, or a part of one head's.
struct Chunk {
    int first, count;  ///< in the order head-in-group * window + row
};
__device__ __forceinline__ int headsPerChunk(int window, int group) {
    return window >= kTile ? 1 : min(group, kTile / window);
}
__device__ __forceinline__ int chunksOf(int window, int group) {
    if (window > kTile) return group * ((window + kTile - 1) / kTile);
    const int heads = headsPerChunk(window, group);
    return (group + heads - 1) / heads;
}
__device__ __forceinline__ Chunk chunkAt(int index, int window, int group) {
    if (window > kTile) {
        const int perHead = (window + kTile - 1) / kTile, first = index % perHead * kTile;
        return {index / perHead * window + first, min(kTile, window - first)};
    }
    const int heads = headsPerChunk(window, group), head = index * heads;
    return {head * window, min(heads, group - head) * window};
}

/// square[query][key] = scaled score, -infinity where the query does not see the key.
template <typename Stored>
__device__ void scoreSquare(const ScoreParameters& p, std::int64_t g, std::int32_t firstKey,
                            const Chunk& chunk, float (&square)[kTile][kTile + 1]) {
    __shared__ float queries[kDepth][kTile + 1], keys[kDepth][kTile + 1];
    const int size = p.shape.headSize, group = p.shape.heads / p.shape.kvHeads;
    const int across = static_cast<int>(threadIdx.x) % 16, down = static_cast<int>(threadIdx.x) / 16;
    float sums[4][4] = {};
    for (int depth = 0; depth < size; depth += kDepth) {
        __syncthreads();
        for (int i = static_cast<int>(threadIdx.x); i < kTile * kDepth; i += kThreads) {
            const int row = i / kDepth, component = depth + i % kDepth;
            float query = 0, value = 0;
            if (component < size && row < chunk.count) {
                const int index = chunk.first + row;
                const std::int64_t head = g * group + index / p.window;
                query =
                    p.queries[(static_cast<std::int64_t>(index % p.window) * p.shape.heads + head) * size +
                              component];
            }
            if (component < size && firstKey + row < p.spans.keys) {
                const KeyPlace place = locate(p.spans, g, firstKey + row);
                value = toFloat(reinterpret_cast<const Stored*>(place.keys)[place.row * size + component]);
            }
            queries[i % kDepth][row] = query;
            keys[i % kDepth][row] = value;
        }
        __syncthreads();
#pragma unroll 8
        for (int k = 0; k < kDepth; ++k) {
#pragma unroll
            for (int a = 0; a < 4; ++a) {
#pragma unroll
                for (int b = 0; b < 4; ++b)
                    sums[a][b] += queries[k][down + 16 * a] * keys[k][across + 16 * b];
            }
        }
    }
    __syncthreads();
    for (int a = 0; a < 4; ++a) {
        const int row = down + 16 * a, index = chunk.first + row;
        const bool valid = row < chunk.count;
        const std::int32_t low = valid ? p.limits.lowOf(g, index % p.window) : 0,
                           high = valid ? p.limits.highOf(g, index % p.window) : 0;
        for (int b = 0; b < 4; ++b) {
            const std::int32_t key = firstKey + across + 16 * b;
            square[row][across + 16 * b] = key >= low && key < high ? sums[a][b] * p.shape.scale : -INFINITY;
        }
    }
    __syncthreads();
}

/// A block for each tile of keys, which goes through all queries.
template <typename Stored>
__global__ void __launch_bounds__(kThreads) rowSumsKernel(const __grid_constant__ ScoreParameters p) {
    __shared__ float square[kTile][kTile + 1];
    waitForPrevious();
    const std::int64_t g = blockIdx.y;
    const int tile = static_cast<int>(blockIdx.x), group = p.shape.heads / p.shape.kvHeads,
              warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
    for (int c = 0; c < chunksOf(p.window, group); ++c) {
        const Chunk chunk = chunkAt(c, p.window, group);
        scoreSquare<Stored>(p, g, tile * kTile, chunk, square);
        for (int row = warp; row < chunk.count; row += kThreads / kWarp) {
            const float a = square[row][lane], b = square[row][lane + kWarp];
            const float largest = warpMax(fmaxf(a, b));
            const float base = largest == -INFINITY ? 0.0F : largest;
            const float sum = warpSum(expf(a - base) + expf(b - base));
            if (lane == 0)
                p.partial[(g * p.parts + tile) * group * p.window + chunk.first + row] = {largest, sum};
        }
    }
}

/// A warp for each query: its largest score and sum over all parts of the keys.
__global__ void totalsKernel(const __grid_constant__ ScoreParameters p) {
    waitForPrevious();
    const int vectors = p.shape.heads / p.shape.kvHeads * p.window;
    const std::int64_t index = blockIdx.x, g = index / vectors, vector = index % vectors;
    float largest = -INFINITY;
    for (int part = static_cast<int>(threadIdx.x); part < p.parts; part += kWarp)
        largest = fmaxf(largest, p.partial[(g * p.parts + part) * vectors + vector].x);
    largest = warpMax(largest);
    float sum = 0;
    for (int part = static_cast<int>(threadIdx.x); part < p.parts && largest != -INFINITY; part += kWarp) {
        const float2 state = p.partial[(g * p.parts + part) * vectors + vector];
        sum += state.y * expf(state.x - largest);
    }
    sum = warpSum(sum);
    if (threadIdx.x == 0) p.totals[index] = {largest == -INFINITY ? 0.0F : largest, sum};
}

/// A chunk's heads to what the heads before gave, a thread for each key.
__device__ void addByQuery(const ScoreParameters& p, std::int64_t g, int tile, const Chunk& chunk,
                           const float (&square)[kTile][kTile + 1]) {
    const int column = static_cast<int>(threadIdx.x), group = p.shape.heads / p.shape.kvHeads;
    const std::int32_t key = tile * kTile + column;
    if (column >= kTile || key >= p.before) return;
    for (int row = 0; row < chunk.count; ++row) {
        const int index = chunk.first + row, head = index / p.window, query = index % p.window;
        const float2 total = p.totals[g * group * p.window + index];
        float* to = p.scores + (g * p.window + query) * p.before + key;
        float sum = head == 0 ? 0.0F : *to;
        // A query that sees nothing has sum 0 and adds nothing.
        if (total.y > 0 && p.counts(g * group + head)) sum += expf(square[row][column] - total.x) / total.y;
        *to = sum;
    }
}

template <typename Stored>
__global__ void __launch_bounds__(kThreads) columnSumsKernel(const __grid_constant__ ScoreParameters p) {
    __shared__ float square[kTile][kTile + 1];
    __shared__ float sums[kTile][kTile];  // [head of the chunk][key]
    waitForPrevious();
    const std::int64_t g = blockIdx.y;
    const int tile = static_cast<int>(blockIdx.x), group = p.shape.heads / p.shape.kvHeads;
    for (int c = 0; c < chunksOf(p.window, group); ++c) {
        const Chunk chunk = chunkAt(c, p.window, group);
        scoreSquare<Stored>(p, g, tile * kTile, chunk, square);
        if (p.byQuery) {
            addByQuery(p, g, tile, chunk, square);
            continue;
        }
        const int heads = (chunk.count + p.window - 1) / p.window;
        const bool begins = chunk.first % p.window == 0;
        const bool ends = (chunk.first + chunk.count) % p.window == 0;
        for (int i = static_cast<int>(threadIdx.x); i < heads * kTile; i += kThreads) {
            const int head = i / kTile, column = i % kTile;
            const std::int32_t key = tile * kTile + column;
            const int rows = min(p.window, chunk.count);
            float sum = begins ? 0.0F : sums[head][column];
            for (int row = head * p.window; row < head * p.window + rows; ++row) {
                const float2 total = p.totals[g * group * p.window + chunk.first + row];
                // A query that sees nothing has sum 0 and adds nothing.
                if (total.y > 0) sum += expf(square[row][column] - total.x) / total.y;
            }
            sums[head][column] = sum;
            const std::int64_t h = g * group + chunk.first / p.window + head;
            if (ends && key < p.before) p.scores[h * p.before + key] = sum;
        }
    }
}

__global__ void logSumsKernel(const float2* totals, int count, float* logSums) {
    waitForPrevious();
    const int i = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
    if (i < count) logSums[i] = totals[i].y > 0 ? totals[i].x + logf(totals[i].y) : -INFINITY;
}

__global__ void totalsOfKernel(const float* logSums, int count, float2* totals) {
    waitForPrevious();
    const int i = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
    if (i < count) totals[i] = isinf(logSums[i]) ? float2{0, 0} : float2{logSums[i], 1};
}

template <typename Stored>
void scoreInFloat(Context& context, const ScoreParameters& p, Passes passes) {
    const auto kvHeads = static_cast<unsigned>(p.shape.kvHeads);
    if (passes != Passes::Sums) {
        launch(context, rowSumsKernel<Stored>, dim3(static_cast<unsigned>(p.parts), kvHeads), kThreads, 0, p);
        addUpTotals(context, p);
    }
    if (passes == Passes::Totals) return;
    const auto tiles = static_cast<unsigned>(ceilDivide(p.before, kTile));
    launch(context, columnSumsKernel<Stored>, dim3(tiles, kvHeads), kThreads, 0, p);
}

/// False after running short of memory.
bool parametersOf(Context& context, const AttentionCall& call, std::int64_t before, float* s,
                  ScoreParameters& p) {
    p.shape = call.shape;
    p.spans = call.spans;
    p.limits = call.limits;
    p.queries = call.floats;
    p.scores = s;
    p.window = static_cast<int>(call.n);
    p.parts = static_cast<int>(ceilDivide(std::max(call.limits.end, 1), kTile));
    p.before = static_cast<std::int32_t>(before);
    const std::int64_t vectors = call.shape.heads * call.n;
    p.partial = context.workspace<float2>(Slot::Partial, vectors * (p.parts + 1));
    if (p.partial == nullptr) return false;
    p.totals = p.partial + vectors * p.parts;
    return true;
}

void run(Context& context, const AttentionCall& call, const ScoreParameters& p, Passes passes) {
    if (canScoreOnTensorCores(context, call)) return scoreOnTensorCores(context, p, p.parts, passes);
    if (call.type == KvType::F16) return scoreInFloat<__half>(context, p, passes);
    scoreInFloat<float>(context, p, passes);
}

}  // namespace

void addUpTotals(Context& context, const ScoreParameters& p) {
    launch(context, totalsKernel, dim3(static_cast<unsigned>(p.shape.heads * p.window)), kWarp, 0, p);
}

void windowScores(Context& context, const AttentionCall& call, std::int64_t before, float* s) {
    ScoreParameters p{};
    if (parametersOf(context, call, before, s, p)) run(context, call, p, Passes::Both);
}

void attentionMass(Context& context, const AttentionCall& call, std::span<const std::int32_t> heads,
                   std::int64_t before, float* mass) {
    if (call.shape.heads > kMostHeads) return context.fail("too many heads");
    ScoreParameters p{};
    if (!parametersOf(context, call, before, mass, p)) return;
    p.byQuery = true;
    for (std::int32_t head = 0; head < call.shape.heads; ++head) {
        if (heads.empty() || std::find(heads.begin(), heads.end(), head) != heads.end())
            p.heads[head / 32] |= 1U << head % 32;
    }
    run(context, call, p, Passes::Both);
}

void windowLogSums(Context& context, const AttentionCall& call, float* logSums) {
    ScoreParameters p{};
    if (!parametersOf(context, call, 0, nullptr, p)) return;
    run(context, call, p, Passes::Totals);
    const auto count = static_cast<int>(call.shape.heads * call.n);
    launch(context, logSumsKernel, gridFor(count, kThreads), kThreads, 0, p.totals, count, logSums);
}

void windowScoresAgainst(Context& context, const AttentionCall& call, std::int64_t before,
                         const float* logSums, float* s) {
    ScoreParameters p{};
    if (!parametersOf(context, call, before, s, p)) return;
    const auto count = static_cast<int>(call.shape.heads * call.n);
    launch(context, totalsOfKernel, gridFor(count, kThreads), kThreads, 0, logSums, count, p.totals);
    run(context, call, p, Passes::Sums);
}

}  // namespace kvasir::kernels::cuda
