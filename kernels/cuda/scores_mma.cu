// Window scores of binary16 keys on tensor cores. A block goes through tiles of keys while the next one
// comes; a row's largest score and sum stay in registers. Every key is treated alike, so that equal keys get
// equal scores. Exponentials are powers of two.
#include <algorithm>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/key_access.cuh"
#include "kernels/cuda/score_tile.cuh"
#include "kernels/cuda/scores.h"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp;
constexpr int kEight = 8;  ///< rows that one step of the sums adds up: never those of two heads
constexpr int kKeysPerWarp = 32;
constexpr float kLog2e = 1.44269504F;

/// Rows of a block: 16 for each group of warps; the groups' warps share the tile's keys.
template <int kHeadSize, int kRowGroups>
struct Tile {
    static constexpr int rows = 16 * kRowGroups;
    static constexpr int keys = kWarps / kRowGroups * kKeysPerWarp;
    static constexpr int queryBytes = rows * kHeadSize * 2, keyBytes = keys * kHeadSize * 2;
    static constexpr int shared = queryBytes + 2 * keyBytes;
};

/// How vectors stand in a block's rows: the queries of a head one behind another, or, to be summed by query,
/// the heads that ask one. Such a run is padded to a multiple of eight rows. A unit is as many whole runs as
/// a block has rows for, or one run, which then comes in several chunks.
template <int kRows>
struct Layout {
    bool byQuery;
    int length, runs, padded;

    __host__ __device__ Layout(bool query, int window, int group)
        : byQuery(query),
          length(query ? group : window),
          runs(query ? window : group),
          padded(static_cast<int>(roundUp(length, kEight))) {}
    __host__ __device__ int runsPerUnit() const { return padded <= kRows ? kRows / padded : 1; }
    __host__ __device__ int units() const { return static_cast<int>(ceilDivide(runs, runsPerUnit())); }
    __host__ __device__ int chunks() const { return static_cast<int>(ceilDivide(padded, kRows)); }
    /// Head in its group, and which of its queries, of a row of the unit's chunk; -1 where there is none.
    __device__ __forceinline__ int2 at(int unit, int chunk, int row) const {
        const bool several = padded <= kRows;
        const int run = several ? unit * runsPerUnit() + row / padded : unit;
        const int index = several ? row % padded : chunk * kRows + row;
        if (run >= runs || index >= length || (several && row / padded >= runsPerUnit()))
            return make_int2(-1, 0);
        return byQuery ? make_int2(index, run) : make_int2(run, index);
    }
};

#ifdef KVASIR_TENSOR_CORES

template <int kHeadSize, int kKeys>
__device__ void fetchKeys(const ScoreParameters& p, std::int64_t g, int tile, std::uint32_t to) {
    constexpr int kChunks = kHeadSize / 8;
    static_assert(kThreads % kChunks == 0 && kKeys % (kThreads / kChunks) == 0);
    const int part = static_cast<int>(threadIdx.x) % kChunks;
#pragma unroll
    for (int row = static_cast<int>(threadIdx.x) / kChunks; row < kKeys; row += kThreads / kChunks) {
        const std::int32_t key = tile * kKeys + row;
        const bool valid = key < p.spans.keys;
        const KeyPlace at = locate(p.spans, g, valid ? key : 0);
        copy16(to + place<kHeadSize>(row, part),
               reinterpret_cast<const uint4*>(at.keys) + at.row * kChunks + part, valid);
    }
    endCopies();
}

template <int kHeadSize, int kRows>
__device__ void loadQueries(const ScoreParameters& p, std::int64_t g, const Layout<kRows>& layout, int unit,
                            int chunk, std::byte* shared) {
    constexpr int kChunks = kHeadSize / 8;
    for (int i = static_cast<int>(threadIdx.x); i < kRows * kChunks; i += kThreads) {
        const int row = i / kChunks, part = i % kChunks;
        const int2 at = layout.at(unit, chunk, row);
        uint4 query = {};
        if (at.x >= 0) {
            const auto* from =
                reinterpret_cast<const float4*>(p.queries +
                                                (static_cast<std::int64_t>(at.y) * p.shape.heads +
                                                 g * (p.shape.heads / p.shape.kvHeads) + at.x) *
                                                    kHeadSize +
                                                part * 8);
            const float4 a = from[0], b = from[1];
            query = {packHalf(a.x, a.y), packHalf(a.z, a.w), packHalf(b.x, b.y), packHalf(b.z, b.w)};
        }
        *reinterpret_cast<uint4*>(shared + place<kHeadSize>(row, part)) = query;
    }
}

/// What a thread knows of one of its two rows.
struct Row {
    int vector = -1;  ///< -1: there is none
    std::int32_t low = 0, high = 0;
    float largest = -INFINITY;  ///< in powers of two
    float sum = 0;              ///< of powers of two over it; where totals are known, its inverse

    /// The power of two of a score over the row's largest one, 0 for keys that the row does not see.
    __device__ __forceinline__ float weight(float score, std::int32_t key, float base) const {
        return key >= low && key < high ? powerOfTwo(score - base) : 0.0F;
    }
};

template <int kRows>
__device__ __forceinline__ Row rowAt(const ScoreParameters& p, std::int64_t g, const Layout<kRows>& layout,
                                     int unit, int chunk, int row) {
    const int2 at = layout.at(unit, chunk, row);
    Row result;
    if (at.x < 0) return result;
    result.vector = at.x * p.window + at.y;
    result.low = p.limits.lowOf(g, at.y);
    result.high = p.limits.highOf(g, at.y);
    return result;
}

__device__ __forceinline__ float baseOf(float largest) {
    return largest == -INFINITY ? 0.0F : largest;
}

/// Joins what two parts of the keys give.
__device__ __forceinline__ float2 joined(float2 a, float2 b) {
    const float largest = fmaxf(a.x, b.x), base = baseOf(largest);
    return {largest, a.y * powerOfTwo(a.x - base) + b.y * powerOfTwo(b.x - base)};
}

/// Goes through every gridDim.x-th tile, beginning with the block's own: visit(tile, keys in shared memory).
template <int kHeadSize, int kKeys, typename Visit>
__device__ void forTiles(const ScoreParameters& p, std::int64_t g, int tiles, std::byte* buffers,
                         const Visit& visit) {
    const std::uint32_t at = sharedAddress(buffers);
    constexpr std::uint32_t kBytes = kKeys * kHeadSize * 2;
    const int stride = static_cast<int>(gridDim.x);
    std::uint32_t here = at, next = at + kBytes;
    fetchKeys<kHeadSize, kKeys>(p, g, static_cast<int>(blockIdx.x), here);
    for (int tile = static_cast<int>(blockIdx.x); tile < tiles; tile += stride) {
        waitForCopies<0>();
        __syncthreads();  // everybody's copies are there, and everybody is done with the tile before
        if (tile + stride < tiles) fetchKeys<kHeadSize, kKeys>(p, g, tile + stride, next);
        visit(tile, here);
        const std::uint32_t swapped = here;
        here = next;
        next = swapped;
    }
}

/// What the block found of its keys, from the warps with the same rows in their order.
template <int kRowGroups>
__device__ void storePartial(const ScoreParameters& p, std::int64_t g, const Row (&rows)[2], int vectors) {
    __shared__ float2 states[kWarps][16];
    const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        float2 state = {rows[half].largest, rows[half].sum};
#pragma unroll
        for (int step = 1; step < 4; step *= 2) {
            const float2 other = {__shfl_xor_sync(kAllLanes, state.x, step),
                                  __shfl_xor_sync(kAllLanes, state.y, step)};
            state = joined(state, other);
        }
        if (lane % 4 == 0) states[warp][lane / 4 + half * 8] = state;
    }
    __syncthreads();
    if (warp >= kRowGroups || lane % 4 != 0) return;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        float2 state = states[warp][lane / 4 + half * 8];
        for (int other = warp + kRowGroups; other < kWarps; other += kRowGroups)
            state = joined(state, states[other][lane / 4 + half * 8]);
        if (rows[half].vector >= 0)
            p.partial[(g * gridDim.x + blockIdx.x) * vectors + rows[half].vector] = {state.x / kLog2e,
                                                                                     state.y};
    }
}

#endif

template <int kHeadSize, int kRowGroups>
__global__ void __launch_bounds__(kThreads) rowSumsKernel(const __grid_constant__ ScoreParameters p) {
#ifdef KVASIR_TENSOR_CORES
    using T = Tile<kHeadSize, kRowGroups>;
    extern __shared__ __align__(128) std::byte shared[];
    waitForPrevious();
    const std::int64_t g = blockIdx.y;
    const int group = p.shape.heads / p.shape.kvHeads;
    const Layout<T::rows> layout(false, p.window, group);
    const int unit = static_cast<int>(blockIdx.z) / layout.chunks(),
              chunk = static_cast<int>(blockIdx.z) % layout.chunks();
    const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
    const int vectorRow = warp % kRowGroups * 16, keyRow = warp / kRowGroups * kKeysPerWarp;
    loadQueries<kHeadSize>(p, g, layout, unit, chunk, shared);
    Row rows[2] = {rowAt(p, g, layout, unit, chunk, vectorRow + lane / 4),
                   rowAt(p, g, layout, unit, chunk, vectorRow + lane / 4 + 8)};
    const float scale = p.shape.scale * kLog2e;
    const int tiles = static_cast<int>(ceilDivide(p.limits.end, T::keys));
    forTiles<kHeadSize, T::keys>(p, g, tiles, shared + T::queryBytes, [&](int tile, std::uint32_t keys) {
        float s[kKeysPerWarp / 8][4] = {};
        scoreTile<kHeadSize, kKeysPerWarp>(sharedAddress(shared), keys, vectorRow, keyRow, s);
        const std::int32_t first = tile * T::keys + keyRow + lane % 4 * 2;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            Row& row = rows[half];
            float largest = row.largest;
#pragma unroll
            for (int i = 0; i < kKeysPerWarp / 4; ++i) {
                const std::int32_t key = first + i / 2 * 8 + i % 2;
                float& score = s[i / 2][2 * half + i % 2];
                score *= scale;
                if (key >= row.low && key < row.high) largest = fmaxf(largest, score);
            }
            const float base = baseOf(largest);
            row.sum *= powerOfTwo(row.largest - base);
            row.largest = largest;
#pragma unroll
            for (int i = 0; i < kKeysPerWarp / 4; ++i)
                row.sum += row.weight(s[i / 2][2 * half + i % 2], first + i / 2 * 8 + i % 2, base);
        }
    });
    storePartial<kRowGroups>(p, g, rows, group * p.window);
#endif
}

template <int kHeadSize, int kRowGroups>
__global__ void __launch_bounds__(kThreads) columnSumsKernel(const __grid_constant__ ScoreParameters p) {
#ifdef KVASIR_TENSOR_CORES
    using T = Tile<kHeadSize, kRowGroups>;
    extern __shared__ __align__(128) std::byte shared[];
    __shared__ float eights[T::rows / kEight][T::keys];
    waitForPrevious();
    const std::int64_t g = blockIdx.y;
    const int group = p.shape.heads / p.shape.kvHeads, unit = static_cast<int>(blockIdx.z);
    const Layout<T::rows> layout(p.byQuery, p.window, group);
    const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
    const int vectorRow = warp % kRowGroups * 16, keyRow = warp / kRowGroups * kKeysPerWarp;
    const int firstRun = unit * layout.runsPerUnit(),
              runs = min(layout.runsPerUnit(), layout.runs - firstRun);
    const int eightsPerRun = min(layout.padded, T::rows) / kEight;
    const float scale = p.shape.scale * kLog2e;
    Row rows[2];
    const auto prepare = [&](int chunk) {
        loadQueries<kHeadSize>(p, g, layout, unit, chunk, shared);
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            rows[half] = rowAt(p, g, layout, unit, chunk, vectorRow + lane / 4 + half * 8);
            if (rows[half].vector < 0) continue;
            const float2 total = p.totals[g * group * p.window + rows[half].vector];
            rows[half].largest = total.x * kLog2e;
            if (total.y > 0 && p.counts(g * group + rows[half].vector / p.window)) {
                rows[half].sum = 1 / total.y;
            } else {
                rows[half].high = rows[half].low;  // it sees nothing, or does not count
            }
        }
    };
    prepare(0);
    const int tiles = static_cast<int>(ceilDivide(p.before, T::keys));
    forTiles<kHeadSize, T::keys>(p, g, tiles, shared + T::queryBytes, [&](int tile, std::uint32_t keys) {
        for (int chunk = 0; chunk < layout.chunks(); ++chunk) {
            if (layout.chunks() > 1) {
                __syncthreads();
                prepare(chunk);
                __syncthreads();
            }
            float s[kKeysPerWarp / 8][4] = {};
            scoreTile<kHeadSize, kKeysPerWarp>(sharedAddress(shared), keys, vectorRow, keyRow, s);
            const std::int32_t first = tile * T::keys + keyRow + lane % 4 * 2;
#pragma unroll
            for (int half = 0; half < 2; ++half) {
#pragma unroll
                for (int i = 0; i < kKeysPerWarp / 4; ++i) {
                    float weight =
                        rows[half].sum * rows[half].weight(s[i / 2][2 * half + i % 2] * scale,
                                                           first + i / 2 * 8 + i % 2, rows[half].largest);
#pragma unroll
                    for (int step = 4; step < kWarp; step *= 2)
                        weight += __shfl_xor_sync(kAllLanes, weight, step);
                    if (lane < 4)
                        eights[vectorRow / kEight + half][keyRow + i / 2 * 8 + lane * 2 + i % 2] = weight;
                }
            }
            __syncthreads();
            for (int i = static_cast<int>(threadIdx.x); i < runs * T::keys; i += kThreads) {
                const int run = i / T::keys, column = i % T::keys;
                const std::int32_t key = tile * T::keys + column;
                if (key >= p.before) continue;
                float* to = p.scores + (g * layout.runs + firstRun + run) * p.before + key;
                float sum = chunk == 0 ? 0.0F : *to;
                for (int eight = 0; eight < eightsPerRun; ++eight)
                    sum += eights[run * eightsPerRun + eight][column];
                *to = sum;
            }
        }
    });
#endif
}

template <int kHeadSize, int kRowGroups>
void score(Context& context, ScoreParameters& p, int room, Passes passes) {
    using T = Tile<kHeadSize, kRowGroups>;
    constexpr std::int64_t kEach = 3;  // blocks that stand on a multiprocessor together
    const int group = p.shape.heads / p.shape.kvHeads;
    const auto heads = static_cast<unsigned>(p.shape.kvHeads);
    // Blocks with equally many tiles.
    const auto blocks = [&](std::int64_t keys, int units) {
        const std::int64_t tiles = std::max<std::int64_t>(ceilDivide(keys, T::keys), 1);
        const std::int64_t most = std::max<std::int64_t>(
            std::min<std::int64_t>(kEach * context.multiprocessors() / (p.shape.kvHeads * units), room), 1);
        return static_cast<unsigned>(ceilDivide(tiles, ceilDivide(tiles, most)));
    };
    if (passes != Passes::Sums) {
        const Layout<T::rows> layout(false, p.window, group);
        const int units = layout.units() * layout.chunks();
        const dim3 grid(blocks(p.limits.end, units), heads, static_cast<unsigned>(units));
        p.parts = static_cast<int>(grid.x);
        launch(context, rowSumsKernel<kHeadSize, kRowGroups>, grid, kThreads, T::shared, p);
        addUpTotals(context, p);
    }
    if (passes == Passes::Totals || p.before == 0) return;
    const Layout<T::rows> layout(p.byQuery, p.window, group);
    const dim3 grid(blocks(p.before, layout.units()), heads, static_cast<unsigned>(layout.units()));
    launch(context, columnSumsKernel<kHeadSize, kRowGroups>, grid, kThreads, T::shared, p);
}

template <int kHeadSize>
void scoreSized(Context& context, ScoreParameters& p, int room, Passes passes) {
    constexpr int kFew = 32;  // rows
    const std::int64_t rows = p.shape.heads / p.shape.kvHeads * roundUp(p.window, kEight);
    if constexpr (kHeadSize <= 128) {
        if (rows <= kFew) return score<kHeadSize, kFew / 16>(context, p, room, passes);
    }
    score<kHeadSize, 4>(context, p, room, passes);
}

}  // namespace

bool canScoreOnTensorCores(const Context& context, const AttentionCall& call) {
    const std::int32_t size = call.shape.headSize;
    return call.type == KvType::F16 && context.capability() >= 80 && !call.shape.strict &&
           (size == 64 || size == 128 || size == 256);
}

void scoreOnTensorCores(Context& context, ScoreParameters p, int room, Passes passes) {
    if (p.shape.headSize == 64) return scoreSized<64>(context, p, room, passes);
    if (p.shape.headSize == 128) return scoreSized<128>(context, p, room, passes);
    scoreSized<256>(context, p, room, passes);
}

}  // namespace kvasir::kernels::cuda
