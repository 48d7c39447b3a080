// Window scores: the softmax of every query of the observation window over all keys it sees, summed
// over the window. Two passes over the keys: the rows' largest scores and sums, then the sums over rows.
// Every key is treated alike, so that equal keys get equal scores. Products are float32 where that is asked
// for, else tensor core products of binary16; all else is float32.
#include <algorithm>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/key_access.cuh"
#include "kernels/cuda/score_tile.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kTile = 64;      ///< keys, and queries, of a block's square of scores
constexpr int kThreads = 256;  ///< each makes 4 x 4 of it
constexpr int kDepth = 32;     ///< components at a time

struct ScoreParameters {
    AttentionShape shape;
    SpanList spans;
    Limits limits;
    const float* queries;
    float2* partial;  ///< (G, tiles, group * window): largest and sum of each tile's keys
    float2* totals;   ///< (G, group * window)
    float* scores;    ///< (H, before)
    int window, tiles;
    std::int32_t before;
};

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

/// How products are made: float32 of stored elements, or kSize components of binary16 on tensor cores.
template <typename StoredType, int kSize>
struct Way {
    using Stored = StoredType;
    static constexpr int size = kSize;  ///< 0: float32
    static constexpr int tileBytes = kTile * kSize * 2;
    static constexpr int buffers = kSize > 128 ? 1 : 2;  ///< of keys; two of the largest would be too much
    static constexpr int shared = (1 + buffers) * tileBytes;  ///< with the queries
};

/// Begins to copy a tile's keys to shared memory; keys that there are not become zeros.
template <int kSize>
__device__ void fetchKeys(const ScoreParameters& p, std::int64_t g, int tile, std::byte* to) {
#ifdef KVASIR_TENSOR_CORES
    constexpr int kChunks = kSize / 8;
    for (int i = static_cast<int>(threadIdx.x); i < kTile * kChunks; i += kThreads) {
        const int row = i / kChunks, part = i % kChunks;
        const std::int32_t key = tile * kTile + row;
        const bool valid = key < p.spans.keys;
        const KeyPlace at = locate(p.spans, g, valid ? key : 0);
        copy16(sharedAddress(to) + place<kSize>(row, part),
               reinterpret_cast<const uint4*>(at.keys) + at.row * kChunks + part, valid);
    }
    endCopies();
#endif
}

__device__ __forceinline__ void waitForKeys() {
#ifdef KVASIR_TENSOR_CORES
    waitForCopies<0>();
#endif
    __syncthreads();
}

template <int kSize>
__device__ void loadQueries(const ScoreParameters& p, std::int64_t g, const Chunk& chunk, std::byte* shared) {
    constexpr int kChunks = kSize / 8;
    const int group = p.shape.heads / p.shape.kvHeads;
    for (int i = static_cast<int>(threadIdx.x); i < kTile * kChunks; i += kThreads) {
        const int row = i / kChunks, part = i % kChunks;
        uint4 query = {};
        if (row < chunk.count) {
            const int index = chunk.first + row;
            const std::int64_t head = g * group + index / p.window;
            const auto* from = reinterpret_cast<const float4*>(
                p.queries + (static_cast<std::int64_t>(index % p.window) * p.shape.heads + head) * kSize +
                part * 8);
            const float4 a = from[0], b = from[1];
            query = {packHalf(a.x, a.y), packHalf(a.z, a.w), packHalf(b.x, b.y), packHalf(b.z, b.w)};
        }
        *reinterpret_cast<uint4*>(shared + place<kSize>(row, part)) = query;
    }
}

/// square[query][key] = scaled score, -infinity where the query does not see the key; on tensor cores, of
/// what lies in shared memory.
template <int kSize>
__device__ void scoreSquareHalf(const ScoreParameters& p, std::int64_t g, std::int32_t firstKey,
                                const Chunk& chunk, float (&square)[kTile][kTile + 1],
                                const std::byte* queries, const std::byte* keys) {
#ifdef KVASIR_TENSOR_CORES
    const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
    constexpr int kKeysPerWarp = 32;
    const int vectorRow = warp % 4 * 16, keyRow = warp / 4 * kKeysPerWarp;
    float s[kKeysPerWarp / 8][4] = {};
    scoreTile<kSize, kKeysPerWarp>(sharedAddress(queries), sharedAddress(keys), vectorRow, keyRow, s);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int row = vectorRow + lane / 4 + 8 * half, index = chunk.first + row;
        const bool valid = row < chunk.count;
        const std::int32_t low = valid ? p.limits.lowOf(g, index % p.window) : 0,
                           high = valid ? p.limits.highOf(g, index % p.window) : 0;
#pragma unroll
        for (int i = 0; i < kKeysPerWarp / 4; ++i) {
            const int column = keyRow + i / 2 * 8 + lane % 4 * 2 + i % 2;
            const std::int32_t key = firstKey + column;
            const float score = s[i / 2][2 * half + i % 2] * p.shape.scale;
            square[row][column] = key >= low && key < high ? score : -INFINITY;
        }
    }
    __syncthreads();
#endif
}

/// The same in float32.
template <typename Stored>
__device__ void scoreSquareFloat(const ScoreParameters& p, std::int64_t g, std::int32_t firstKey,
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

/// Goes through every gridDim.x-th tile of keys, beginning with the block's own, and for each through all
/// queries: visit(tile, chunk, square). The next tile's keys come meanwhile.
template <typename W, typename Visit>
__device__ void forSquares(const ScoreParameters& p, std::int64_t g, int tiles,
                           float (&square)[kTile][kTile + 1], const Visit& visit) {
    extern __shared__ __align__(128) std::byte shared[];
    const int chunks = chunksOf(p.window, p.shape.heads / p.shape.kvHeads);
    const int stride = static_cast<int>(gridDim.x), first = static_cast<int>(blockIdx.x);
    const auto buffer = [&](int turn) { return shared + W::tileBytes * (1 + turn % W::buffers); };
    if constexpr (W::size > 0) fetchKeys<W::size>(p, g, first, buffer(0));
    int turn = 0;
    for (int tile = first; tile < tiles; tile += stride, ++turn) {
        const bool more = tile + stride < tiles;
        if constexpr (W::size > 0) {
            waitForKeys();  // and everybody is done with the tile before
            if (W::buffers > 1 && more) fetchKeys<W::size>(p, g, tile + stride, buffer(turn + 1));
        }
        for (int c = 0; c < chunks; ++c) {
            const Chunk chunk = chunkAt(c, p.window, p.shape.heads / p.shape.kvHeads);
            if constexpr (W::size > 0) {
                if (chunks > 1 || turn == 0) {
                    __syncthreads();
                    loadQueries<W::size>(p, g, chunk, shared);
                }
                __syncthreads();
                scoreSquareHalf<W::size>(p, g, tile * kTile, chunk, square, shared, buffer(turn));
            } else {
                scoreSquareFloat<typename W::Stored>(p, g, tile * kTile, chunk, square);
            }
            visit(tile, chunk);
        }
        if constexpr (W::size > 0) {
            if (W::buffers == 1 && more) fetchKeys<W::size>(p, g, tile + stride, buffer(0));
        }
    }
}

template <typename W>
__global__ void __launch_bounds__(kThreads) rowSumsKernel(const __grid_constant__ ScoreParameters p) {
    __shared__ float square[kTile][kTile + 1];
    waitForPrevious();
    const std::int64_t g = blockIdx.y;
    const int group = p.shape.heads / p.shape.kvHeads, warp = static_cast<int>(threadIdx.x / kWarp),
              lane = static_cast<int>(threadIdx.x % kWarp);
    forSquares<W>(p, g, p.tiles, square, [&](int tile, const Chunk& chunk) {
        for (int row = warp; row < chunk.count; row += kThreads / kWarp) {
            const float a = square[row][lane], b = square[row][lane + kWarp];
            const float largest = warpMax(fmaxf(a, b));
            const float base = largest == -INFINITY ? 0.0F : largest;
            const float sum = warpSum(expf(a - base) + expf(b - base));
            if (lane == 0)
                p.partial[(g * p.tiles + tile) * group * p.window + chunk.first + row] = {largest, sum};
        }
    });
}

/// A warp for each query: its largest score and sum over all tiles.
__global__ void totalsKernel(const __grid_constant__ ScoreParameters p) {
    waitForPrevious();
    const int vectors = p.shape.heads / p.shape.kvHeads * p.window;
    const std::int64_t index = blockIdx.x, g = index / vectors, vector = index % vectors;
    float largest = -INFINITY;
    for (int tile = static_cast<int>(threadIdx.x); tile < p.tiles; tile += kWarp)
        largest = fmaxf(largest, p.partial[(g * p.tiles + tile) * vectors + vector].x);
    largest = warpMax(largest);
    float sum = 0;
    for (int tile = static_cast<int>(threadIdx.x); tile < p.tiles && largest != -INFINITY; tile += kWarp) {
        const float2 part = p.partial[(g * p.tiles + tile) * vectors + vector];
        sum += part.y * expf(part.x - largest);
    }
    sum = warpSum(sum);
    if (threadIdx.x == 0) p.totals[index] = {largest == -INFINITY ? 0.0F : largest, sum};
}

template <typename W>
__global__ void __launch_bounds__(kThreads) columnSumsKernel(const __grid_constant__ ScoreParameters p) {
    __shared__ float square[kTile][kTile + 1];
    __shared__ float sums[kTile][kTile];  // [head of the chunk][key]
    waitForPrevious();
    const std::int64_t g = blockIdx.y;
    const int group = p.shape.heads / p.shape.kvHeads;
    const int tiles = (p.before + kTile - 1) / kTile;
    forSquares<W>(p, g, tiles, square, [&](int tile, const Chunk& chunk) {
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
    });
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

/// Which of the two passes over the keys run: the rows' totals, the sums over rows.
enum class Passes : std::uint8_t { Both, Totals, Sums };

template <typename W>
void scoreWindow(Context& context, const ScoreParameters& p, Passes passes) {
    const auto kvHeads = static_cast<unsigned>(p.shape.kvHeads);
    const int vectors = p.shape.heads / p.shape.kvHeads * p.window;
    // As many blocks as stand on the chip together: each goes through several tiles.
    const auto blocks = [&](std::int64_t tiles) {
        constexpr std::int64_t kEach = W::size > 0 ? 2 : 1024;
        const std::int64_t most = ceilDivide(kEach * context.multiprocessors(), p.shape.kvHeads);
        return dim3(static_cast<unsigned>(std::min(tiles, most)), kvHeads);
    };
    if (passes != Passes::Sums) {
        launch(context, rowSumsKernel<W>, blocks(p.tiles), kThreads, W::shared, p);
        launch(context, totalsKernel, dim3(kvHeads * static_cast<unsigned>(vectors)), kWarp, 0, p);
    }
    if (passes == Passes::Totals) return;
    launch(context, columnSumsKernel<W>, blocks(ceilDivide(p.before, kTile)), kThreads, W::shared, p);
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
    p.tiles = static_cast<int>(ceilDivide(std::max(call.limits.end, 1), kTile));
    p.before = static_cast<std::int32_t>(before);
    const std::int64_t vectors = call.shape.heads * call.n;
    p.partial = context.workspace<float2>(Slot::Partial, vectors * (p.tiles + 1));
    if (p.partial == nullptr) return false;
    p.totals = p.partial + vectors * p.tiles;
    return true;
}

void run(Context& context, const AttentionCall& call, const ScoreParameters& p, Passes passes) {
    if (call.type != KvType::F16) return scoreWindow<Way<float, 0>>(context, p, passes);
    const bool tensorCores = context.capability() >= 80 && !call.shape.strict;
    if (tensorCores && call.shape.headSize == 64) return scoreWindow<Way<__half, 64>>(context, p, passes);
    if (tensorCores && call.shape.headSize == 128) return scoreWindow<Way<__half, 128>>(context, p, passes);
    if (tensorCores && call.shape.headSize == 256) return scoreWindow<Way<__half, 256>>(context, p, passes);
    scoreWindow<Way<__half, 0>>(context, p, passes);
}

}  // namespace

void windowScores(Context& context, const AttentionCall& call, std::int64_t before, float* s) {
    ScoreParameters p{};
    if (parametersOf(context, call, before, s, p)) run(context, call, p, Passes::Both);
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
