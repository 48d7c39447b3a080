// Attention of one row, as decoding has it, with all that lies between the query, key and value products and
// the output product: biases, norms of heads, rotation, storing the row's own key and value, attention over
// splits of the keys, and joining the splits. One block for each split and key/value head, two on each
// multiprocessor. 8-bit keys and values are read as they are.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "kernels/cuda/attention_one.h"
#include "kernels/cuda/code_tile.cuh"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/hadamard.cuh"
#include "kernels/cuda/online_softmax.cuh"
#include "kernels/cuda/tensor_cores.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * kWarp;
constexpr int kBlocks = 2;                 ///< on a multiprocessor
constexpr int kKeys = kWarps * kWarpKeys;  ///< of a tile
constexpr int kVectors = 16;               ///< query heads of a key/value head, padded

struct Parameters {
    SpanList spans;
    OneRow row;
    std::int32_t low, high;  ///< keys that are seen
    std::int32_t firstTile, tiles;
    int heads, kvHeads;
    int stages;      ///< of the ring of tiles, 2 or 3
    float scale;     ///< times log2(e)
    float hadamard;  ///< 1 / sqrt(headSize)
    float* values;   ///< states of splits, (G, splits, H / G, headSize)
    float2* sums;    ///< (G, splits, H / G): largest score in powers of two, sum of weights
    unsigned* counters;
};

/// kCodes: keys and values are 8-bit codes.
template <int kSize, bool kCodes>
struct Form {
    static constexpr int rowBytes = kSize * (kCodes ? 1 : 2);
    static constexpr int scalesAt = 2 * kKeys * rowBytes;  ///< of a stage: keys', then values'
    static constexpr int stageBytes = scalesAt + (kCodes ? 2 * kKeys * 4 : 0);
    static constexpr int queryBytes = kVectors * kSize * 2;
    static constexpr int freshAt = queryBytes;  ///< the row's own key and value, then their scales
    static constexpr int workAt = freshAt + 2 * rowBytes + 16;  ///< a vector for each warp, float32
    static constexpr int ringAt = (workAt + kWarps * kSize * 4 + 127) / 128 * 128;
    static constexpr int joinBytes = kWarps * kVectors * (kSize * 4 + 8);
};

#ifdef KVASIR_TENSOR_CORES

template <int kSize, bool kCodes>
__device__ __forceinline__ std::uint32_t placeOf(int row, int chunk) {
    return kCodes ? codePlace<kSize>(row, chunk) : place<kSize>(row, chunk);
}

__device__ __forceinline__ void copyWord(std::uint32_t to, const void* from, bool valid) {
    const int bytes = valid ? 4 : 0;
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}

/// Asks for the warp's keys [first, first + kWarpKeys) before `end` and their values; zeros for the others.
/// `row`: of the tile in `to`, where the first of them goes.
template <int kSize, bool kCodes>
__device__ __forceinline__ void loadKeys(const SpanList& spans, std::int64_t g, std::int32_t first,
                                         std::int32_t end, int row, std::uint32_t to) {
    using F = Form<kSize, kCodes>;
    constexpr int kChunks = F::rowBytes / 16, kTurns = kWarpKeys * kChunks / kWarp;
    const int lane = static_cast<int>(threadIdx.x % kWarp);
    const auto find = [&](std::int32_t key) {
        int s = 0;
        while (s + 1 < spans.count && key >= spans.spans[s].end)
            ++s;
        return s;
    };
    const DeviceSpan& inside = spans.spans[find(first)];
    if (first + kWarpKeys <= min(end, inside.end)) {
        // Nearly always: keys of one span lie in memory as a whole, and a lane's chunks are alike.
        const std::int64_t at = (g * inside.stride + first - inside.begin) * F::rowBytes + lane * 16;
        const std::byte *keys = inside.keys + at, *values = inside.values + at;
#pragma unroll
        for (int k = 0; k < kTurns; ++k) {
            const std::uint32_t place =
                placeOf<kSize, kCodes>(row + (lane + k * kWarp) / kChunks, lane % kChunks);
            copy16(to + place, keys + k * kWarp * 16, true);
            copy16(to + kKeys * F::rowBytes + place, values + k * kWarp * 16, true);
        }
    } else {
        for (int i = lane; i < kWarpKeys * kChunks; i += kWarp) {
            const int inTile = i / kChunks, chunk = i % kChunks;
            const std::int32_t key = first + inTile;
            const bool valid = key < end;
            const DeviceSpan& span = spans.spans[find(key)];
            const std::int64_t at =
                valid ? (g * span.stride + key - span.begin) * F::rowBytes + chunk * 16 : 0;
            const std::uint32_t place = placeOf<kSize, kCodes>(row + inTile, chunk);
            copy16(to + place, span.keys + at, valid);
            copy16(to + kKeys * F::rowBytes + place, span.values + at, valid);
        }
    }
    if constexpr (kCodes) {
        const bool value = lane >= kWarpKeys;
        const std::int32_t key = first + lane % kWarpKeys;
        const bool valid = key < end;
        const DeviceSpan& span = spans.spans[find(key)];
        const float* scales = value ? span.valueScales : span.keyScales;
        copyWord(to + F::scalesAt + ((value ? kKeys : 0) + row + lane % kWarpKeys) * 4,
                 scales + (valid ? g * span.stride + key - span.begin : 0), valid);
    }
}

/// The row's own key (or value) to the cache, and to `fresh` for the tile it belongs to. x: a warp's vector.
template <int kSize, bool kCodes>
__device__ __forceinline__ void storeFresh(const Parameters& p, int g, bool value, const float* x,
                                           std::byte* fresh) {
    const int lane = static_cast<int>(threadIdx.x % kWarp);
    const KvRows& store = p.row.store;
    const std::int64_t to = g * store.stride + p.row.storeRow;
    std::byte* cache = (value ? store.values : store.keys) + to * Form<kSize, kCodes>::rowBytes;
    std::byte* kept = fresh + (value ? Form<kSize, kCodes>::rowBytes : 0);
    if constexpr (!kCodes) {
#pragma unroll
        for (int i = 0; i < kSize / kWarp; ++i) {
            const __half rounded = __float2half_rn(x[lane + i * kWarp]);
            reinterpret_cast<__half*>(cache)[lane + i * kWarp] = rounded;
            reinterpret_cast<__half*>(kept)[lane + i * kWarp] = rounded;
        }
    } else {
        const float* offset = value || p.row.keyOffset == nullptr ? nullptr : p.row.keyOffset + g * kSize;
        float y[kSize / kWarp], largest = 0;
#pragma unroll
        for (int i = 0; i < kSize / kWarp; ++i) {
            y[i] = x[lane + i * kWarp] - (offset != nullptr ? offset[lane + i * kWarp] : 0.0F);
            largest = fmaxf(largest, fabsf(y[i]));
        }
        largest = warpMax(largest);
        // As in storeEightBitsKernel.
        const bool zero = !(largest >= 1e-35F && largest <= 3e38F);
        const float inverse = zero ? 0.0F : 127.0F / largest, scale = zero ? 0.0F : largest / 127.0F;
#pragma unroll
        for (int i = 0; i < kSize / kWarp; ++i) {
            const auto code = static_cast<std::int8_t>(zero ? 0 : __float2int_rn(y[i] * inverse));
            reinterpret_cast<std::int8_t*>(cache)[lane + i * kWarp] = code;
            reinterpret_cast<std::int8_t*>(kept)[lane + i * kWarp] = code;
        }
        if (lane > 0) return;
        (value ? store.valueScales : store.keyScales)[to] = scale;
        reinterpret_cast<float*>(fresh + 2 * kSize)[value ? 1 : 0] = scale;
    }
}

/// Queries of the block's heads to shared memory, and the row's own key and value where `owner`. A warp takes
/// a vector at a time.
template <int kSize, bool kCodes>
__device__ __forceinline__ void prepareRow(const Parameters& p, int g, bool owner, std::byte* shared) {
    using F = Form<kSize, kCodes>;
    const OneRow& row = p.row;
    const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
    const int group = p.heads / p.kvHeads;
    float* x = reinterpret_cast<float*>(shared + F::workAt) + warp * kSize;
    auto* queries = reinterpret_cast<__half*>(shared);
    for (int v = warp; v < kVectors + 2; v += kWarps) {
        const bool query = v < kVectors, value = v == kVectors + 1;
        if (query && v >= group) {
            for (int i = lane; i < kSize / 8; i += kWarp)
                *reinterpret_cast<uint4*>(shared + place<kSize>(v, i)) = {};
            continue;
        }
        if (!query && !owner) break;
        const int inKind = query ? g * group + v : g;
        const int head = query ? inKind : p.heads + (value ? p.kvHeads : 0) + g;
        const float* bias = query ? row.queryBias : value ? row.valueBias : row.keyBias;
        const float* norm = query ? row.queryNorm : value ? nullptr : row.keyNorm;
        float squares = 0;
#pragma unroll
        for (int i = 0; i < kSize / kWarp; ++i) {
            const int c = lane + i * kWarp;
            x[c] = row.qkv[static_cast<std::int64_t>(head) * kSize + c];
            squares += x[c] * x[c];
        }
        const float factor =
            norm != nullptr ? rsqrtf(warpSum(squares) / static_cast<float>(kSize) + row.eps) : 1.0F;
#pragma unroll
        for (int i = 0; i < kSize / kWarp; ++i) {
            const int c = lane + i * kWarp;
            if (norm != nullptr) x[c] = x[c] * factor * norm[c];
            if (bias != nullptr) x[c] += bias[inKind * kSize + c];
        }
        __syncwarp();
        for (int pair = lane; !value && pair < row.ropeSize / 2; pair += kWarp) {
            const int first = row.style == RopeStyle::Interleaved ? 2 * pair : pair;
            const int second = row.style == RopeStyle::Interleaved ? 2 * pair + 1 : pair + row.ropeSize / 2;
            const float2 turn = row.table[pair];
            const float a = x[first], b = x[second];
            x[first] = a * turn.x - b * turn.y;
            x[second] = a * turn.y + b * turn.x;
        }
        __syncwarp();
        if (kCodes && !value && row.transform) transform<kSize>(x, p.hadamard);
        if (!query) {
            storeFresh<kSize, kCodes>(p, g, value, x, shared + F::freshAt);
        } else {
#pragma unroll
            for (int i = 0; i < kSize / kWarp; ++i) {
                const int c = lane + i * kWarp, at = queryPlace<kCodes>(c);
                queries[place<kSize>(v, at / 8) / 2 + static_cast<unsigned>(at % 8)] = __float2half_rn(x[c]);
                if (blockIdx.x == 0 && row.queries != nullptr) row.queries[inKind * kSize + c] = x[c];
            }
        }
        __syncwarp();  // before the next vector overwrites x
    }
}

/// Puts the row's own key and value into their places of a tile, by the warp whose key it is.
template <int kSize, bool kCodes>
__device__ __forceinline__ void patchTile(std::byte* stage, int row, const std::byte* fresh) {
    using F = Form<kSize, kCodes>;
    constexpr int kChunks = F::rowBytes / 16;
    const int lane = static_cast<int>(threadIdx.x % kWarp);
    for (int i = lane; i < 2 * kChunks; i += kWarp) {
        const int value = i / kChunks, chunk = i % kChunks;
        *reinterpret_cast<uint4*>(stage + value * kKeys * F::rowBytes + placeOf<kSize, kCodes>(row, chunk)) =
            reinterpret_cast<const uint4*>(fresh)[i];
    }
    if (kCodes && lane < 2) {
        reinterpret_cast<float*>(stage + F::scalesAt)[lane * kKeys + row] =
            reinterpret_cast<const float*>(fresh + 2 * F::rowBytes)[lane];
    }
    __syncwarp();
}

/// Joins the warps' states and leaves the split's.
template <int kSize, bool kCodes>
__device__ __forceinline__ void writeState(const Parameters& p, const State<kSize>& state, int g,
                                           std::byte* shared) {
    const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
    const int group = p.heads / p.kvHeads;
    auto* values = reinterpret_cast<float*>(shared);                             // [warps][vectors][size]
    auto* sums = reinterpret_cast<float2*>(values + kWarps * kVectors * kSize);  // [warps][vectors]
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int vector = lane / 4 + 8 * half;
        float sum = state.sum[half];
        sum += __shfl_xor_sync(kAllLanes, sum, 1);
        sum += __shfl_xor_sync(kAllLanes, sum, 2);
        if (vector >= group) continue;
        if (lane % 4 == 0) sums[warp * kVectors + vector] = {state.largest[half], sum};
        float* row = values + (warp * kVectors + vector) * kSize;
#pragma unroll
        for (int c = 0; c < kSize / 8; ++c) {
            row[componentOf<kCodes>(c, 0)] = state.values[c][2 * half];
            row[componentOf<kCodes>(c, 1)] = state.values[c][2 * half + 1];
        }
    }
    __syncthreads();
    const std::int64_t base = (static_cast<std::int64_t>(g) * gridDim.x + blockIdx.x) * group;
    for (int i = static_cast<int>(threadIdx.x); i < group * kSize; i += kThreads) {
        const int vector = i / kSize, column = i % kSize;
        float largest = -INFINITY;
#pragma unroll
        for (int k = 0; k < kWarps; ++k)
            largest = fmaxf(largest, sums[k * kVectors + vector].x);
        float total = 0, weight = 0;
        for (int k = 0; k < kWarps && largest != -INFINITY; ++k) {
            const float2 part = sums[k * kVectors + vector];
            const float factor = powerOfTwo((part.x - largest) * p.scale);
            total += factor * values[(k * kVectors + vector) * kSize + column];
            weight += factor * part.y;
        }
        p.values[base * kSize + i] = total;
        if (column == 0) p.sums[base + vector] = {largest * p.scale, weight};
    }
}

/// The block that is the last of its key/value head joins the splits, in their order.
template <int kSize>
__device__ __forceinline__ void joinSplits(const Parameters& p, int g, std::byte* shared) {
    __shared__ bool last;
    const int splits = static_cast<int>(gridDim.x), group = p.heads / p.kvHeads;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) last = atomicAdd(p.counters + g, 1U) + 1 == gridDim.x;
    __syncthreads();
    if (!last) return;
    __threadfence();
    const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
    auto* factors = reinterpret_cast<float*>(shared);  // [group][splits]
    const std::int64_t base = static_cast<std::int64_t>(g) * splits * group;
    for (int v = warp; v < group; v += kWarps) {
        float largest = -INFINITY;
        for (int s = lane; s < splits; s += kWarp)
            largest = fmaxf(largest, __ldcg(p.sums + base + s * group + v).x);
        largest = warpMax(largest);
        float weight = 0;
        for (int s = lane; s < splits; s += kWarp) {
            const float2 sum = __ldcg(p.sums + base + s * group + v);
            const float factor = largest == -INFINITY ? 0.0F : powerOfTwo(sum.x - largest);
            factors[v * splits + s] = factor;
            weight += factor * sum.y;
        }
        weight = warpSum(weight);
        __syncwarp();
        for (int s = lane; s < splits; s += kWarp)
            factors[v * splits + s] *= weight > 0 ? 1.0F / weight : 0.0F;
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < group * kSize / 4; i += kThreads) {
        const int v = i / (kSize / 4);
        float4 sum = {};
#pragma unroll 8
        for (int s = 0; s < splits; ++s) {
            const float factor = factors[v * splits + s];
            const float4 x =
                __ldcg(reinterpret_cast<const float4*>(p.values + (base + s * group) * kSize) + i);
            sum.x += factor * x.x;
            sum.y += factor * x.y;
            sum.z += factor * x.z;
            sum.w += factor * x.w;
        }
        reinterpret_cast<float4*>(p.row.out + static_cast<std::int64_t>(g) * group * kSize)[i] = sum;
    }
    if (threadIdx.x == 0) p.counters[g] = 0;
}

/// The warp's 16 keys of a tile that lies in `stage`; of the tile's keys those before `end` are seen.
template <int kSize, bool kCodes>
__device__ __forceinline__ void takeTile(const Parameters& p, std::uint32_t queries, const std::byte* stage,
                                         std::int32_t tileBegin, std::int32_t end, State<kSize>& state) {
    using F = Form<kSize, kCodes>;
    const int lane = static_cast<int>(threadIdx.x % kWarp);
    const int mine = static_cast<int>(threadIdx.x / kWarp) * kWarpKeys;
    const std::uint32_t keys = sharedAddress(stage), values = keys + kKeys * F::rowBytes;
    const auto* scales = reinterpret_cast<const float*>(stage + F::scalesAt);
    float s[kWarpKeys / 8][4] = {};
    if constexpr (kCodes) {
        scoreCodes<kSize>(queries, keys, scales, mine, s);
    } else {
        scoreTile<kSize, kWarpKeys>(queries, keys, 0, mine, s);
    }
    const std::int32_t first = tileBegin + mine;
    if (first < p.low || first + kWarpKeys > end) {
#pragma unroll
        for (int c = 0; c < kWarpKeys / 8; ++c) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const std::int32_t key = first + c * 8 + lane % 4 * 2 + i % 2;
                if (key < p.low || key >= end) s[c][i] = -INFINITY;
            }
        }
    }
    softmaxTile(s, p.scale, state);
    if constexpr (kCodes) {
        addCodes<kSize>(values, scales + kKeys, mine, s, state);
    } else {
        addValues<kSize, kWarpKeys>(values, mine, s, state);
    }
}

#endif

template <int kSize, bool kCodes>
__global__ void __launch_bounds__(kThreads) attendOneKernel(const __grid_constant__ Parameters p) {
#ifdef KVASIR_TENSOR_CORES
    using F = Form<kSize, kCodes>;
    extern __shared__ __align__(128) std::byte shared[];
    std::byte* ring = shared + F::ringAt;
    const int g = static_cast<int>(blockIdx.y);
    const auto tileOf = [&](unsigned split) {
        return static_cast<int>(static_cast<std::int64_t>(p.tiles) * split / gridDim.x);
    };
    const int firstTile = tileOf(blockIdx.x), tiles = tileOf(blockIdx.x + 1) - firstTile;
    const std::int32_t begin = (p.firstTile + firstTile) * kKeys, end = min(begin + tiles * kKeys, p.high);
    // The row's own key is the last one that it sees; it is made here.
    const bool owner = p.row.stores && end == p.high;
    const auto stageOf = [&](int t) { return ring + t % p.stages * F::stageBytes; };
    // A warp brings its own keys and waits for them alone.
    const int mine = static_cast<int>(threadIdx.x / kWarp) * kWarpKeys;
    const auto load = [&](int t) {
        if (t < tiles) {
            loadKeys<kSize, kCodes>(p.spans, g, begin + t * kKeys + mine, owner ? end - 1 : end, mine,
                                    sharedAddress(stageOf(t)));
        }
        endCopies();
    };
    const auto loadFirst = [&] {
        for (int t = 0; t < p.stages; ++t)
            load(t);
    };
    // Where the row's own key is made here, the others were stored by passes before, which have ended: a
    // layer's formRows, for one, lets no kernel start early.
    if (p.row.stores) loadFirst();
    waitForPrevious();
    letNextStart();
    if (!p.row.stores) loadFirst();
    prepareRow<kSize, kCodes>(p, g, owner, shared);
    __syncthreads();
    const int fresh = p.high - 1 - begin;  // of the split's keys
    State<kSize> state;
    for (int t = 0; t < tiles; ++t) {
        if (p.stages == 3)
            waitForCopies<2>();
        else
            waitForCopies<1>();
        __syncwarp();
        if (owner && t == tiles - 1 && fresh % kKeys / kWarpKeys == mine / kWarpKeys)
            patchTile<kSize, kCodes>(stageOf(t), fresh % kKeys, shared + F::freshAt);
        takeTile<kSize, kCodes>(p, sharedAddress(shared), stageOf(t), begin + t * kKeys, end, state);
        __syncwarp();
        load(t + p.stages);
    }
    waitForCopies<0>();
    __syncthreads();
    writeState<kSize, kCodes>(p, state, g, ring);
    joinSplits<kSize>(p, g, ring);
#endif
}

/// Calls function(size, codes) with both known when compiled.
template <typename Function>
void forForm(int headSize, KvType type, const Function& function) {
    const auto withSize = [&](auto size) {
        if (type == KvType::Int8) return function(size, std::true_type());
        function(size, std::false_type());
    };
    if (headSize == 64) return withSize(std::integral_constant<int, 64>());
    if (headSize == 128) return withSize(std::integral_constant<int, 128>());
    withSize(std::integral_constant<int, 256>());
}

template <int kSize, bool kCodes>
constexpr int sharedBytes(int stages) {
    using F = Form<kSize, kCodes>;
    return F::ringAt + std::max(stages * F::stageBytes, F::joinBytes);
}

}  // namespace

bool canAttendOne(const Context& context, const AttentionShape& shape, KvType type) {
    const int size = shape.headSize;
    bool fits = context.capability() >= 80 && !shape.strict && type != KvType::F32 &&
                shape.heads / shape.kvHeads <= kVectors && shape.kvHeads <= Context::kCounters &&
                (size == 64 || size == 128 || size == 256);
    forForm(size, type, [&](auto known, auto codes) {
        fits =
            fits && sharedBytes<decltype(known)::value, decltype(codes)::value>(2) <= context.sharedLimit();
    });
    return fits;
}

void attendOne(Context& context, const AttentionShape& shape, KvType type, const SpanList& spans,
               const Limits& limits, const OneRow& row) {
    constexpr float kLog2e = 1.44269504088896341F;
    Parameters p{};
    p.spans = spans;
    p.row = row;
    p.low = limits.lowHere[0];
    p.high = limits.highHere[0];
    p.firstTile = p.low / kKeys;
    p.tiles = static_cast<std::int32_t>(ceilDivide(std::max(p.high, 1), kKeys)) - p.firstTile;
    p.heads = shape.heads;
    p.kvHeads = shape.kvHeads;
    p.scale = shape.scale * kLog2e;
    p.hadamard = static_cast<float>(1 / std::sqrt(static_cast<double>(shape.headSize)));
    p.counters = context.counters();
    const int splits =
        std::clamp(kBlocks * context.multiprocessors() / shape.kvHeads, 1, std::max(p.tiles, 1));
    const std::int64_t states = std::int64_t{splits} * shape.heads;
    p.values = context.workspace<float>(Slot::Partial, states * (shape.headSize + 2));
    if (p.values == nullptr) return;
    p.sums = reinterpret_cast<float2*>(p.values + states * shape.headSize);
    forForm(shape.headSize, type, [&](auto known, auto codes) {
        constexpr int kSize = decltype(known)::value;
        constexpr bool kCodes = decltype(codes)::value;
        // A multiprocessor has a little more than the most that one block may ask for.
        p.stages = kBlocks * sharedBytes<kSize, kCodes>(3) <= context.sharedLimit() ? 3 : 2;
        launch(context, attendOneKernel<kSize, kCodes>,
               dim3(static_cast<unsigned>(splits), static_cast<unsigned>(shape.kvHeads)), kThreads,
               static_cast<std::size_t>(sharedBytes<kSize, kCodes>(p.stages)), p);
    });
}

}  // namespace kvasir::kernels::cuda
