// Attention on Hopper: one producer warp copies tiles of keys and values to shared memory (bulk tensor
// copies, two stages), two or three warpgroups of 64 vectors each multiply with wgmma. A warpgroup's scores
// of one tile are computed while its values of the tile before are added up, and the warpgroups take turns at
// the tensor cores, so that one's softmax hides behind another's products (as FlashAttention-3, arXiv
// 2407.08608, does).
#include <algorithm>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/hopper.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kHopperSpans = 4;
constexpr int kStages = 2;
constexpr int kWarpgroup = 128;

struct HopperParameters {
    CUtensorMap keys[kHopperSpans];
    CUtensorMap values[kHopperSpans];
    std::int32_t begins[kHopperSpans];
    std::int32_t ends[kHopperSpans];
    int spanCount;
    Limits limits;
    States states;
    const __half* queries;
    __nv_bfloat16* bfloats;  ///< one of the two, with one split
    float* floats;
    std::int64_t outStride;
    int n, heads, kvHeads;
    float scale;  ///< times log2(e)
};

template <int kSize>
struct HopperForm {
    static constexpr int groups = kSize == 64 ? 3 : 2;  ///< warpgroups that multiply
    static constexpr int vectors = 64 * groups;
    static constexpr int keys = kSize == 256 ? 64 : 128;  ///< of a tile
    static constexpr int threads = kWarpgroup * (groups + 1);
    static constexpr int blocks = kSize / 64;  ///< of 128-byte rows
    static constexpr int queryBytes = vectors * kSize * 2;
    static constexpr int tileBytes = keys * kSize * 2;
    static constexpr int barriersAt = queryBytes + 2 * kStages * tileBytes;
    static constexpr int shared = barriersAt + 8 * 4 * kStages + 1024;  ///< with room to align
};

#ifdef KVASIR_WGMMA

/// The tiles of a block's keys, span by span; producer and consumers walk alike.
template <int kKeys>
struct Walk {
    const HopperParameters& p;
    std::int32_t begin, end;  ///< of the block
    int span = -1;
    std::int32_t key = 0;      ///< number of the tile's first key
    std::int32_t spanEnd = 0;  ///< keys of the tile from here on do not count
    __device__ Walk(const HopperParameters& parameters, std::int32_t first, std::int32_t last)
        : p(parameters), begin(first), end(last) {}
    __device__ __forceinline__ bool next() {
        if (span >= 0 && key + kKeys < spanEnd) {
            key += kKeys;
            return true;
        }
        while (++span < p.spanCount) {
            key = max(begin, p.begins[span]);
            spanEnd = min(end, p.ends[span]);
            if (key < spanEnd) return true;
        }
        return false;
    }
};

struct Barriers {
    std::uint32_t base;
    __device__ __forceinline__ std::uint32_t keysFull(int stage) const { return base + 8 * stage; }
    __device__ __forceinline__ std::uint32_t keysFree(int stage) const {
        return base + 8 * (kStages + stage);
    }
    __device__ __forceinline__ std::uint32_t valuesFull(int stage) const {
        return base + 8 * (2 * kStages + stage);
    }
    __device__ __forceinline__ std::uint32_t valuesFree(int stage) const {
        return base + 8 * (3 * kStages + stage);
    }
};

template <int kSize>
__device__ __forceinline__ void produce(const HopperParameters& p, Walk<HopperForm<kSize>::keys> walk,
                                        std::uint32_t keys, std::uint32_t values, const Barriers& barriers,
                                        int g) {
    using F = HopperForm<kSize>;
    for (int tile = 0; walk.next(); ++tile) {
        const int stage = tile % kStages, parity = (tile / kStages + 1) % 2;
        const int row = walk.key - p.begins[walk.span];
        barrierWait(barriers.keysFree(stage), parity);
        barrierExpect(barriers.keysFull(stage), F::tileBytes);
        for (int b = 0; b < F::blocks; ++b)
            copyBox(keys + stage * F::tileBytes + b * F::keys * 128, &p.keys[walk.span], b * 64, row, g,
                    barriers.keysFull(stage));
        barrierWait(barriers.valuesFree(stage), parity);
        barrierExpect(barriers.valuesFull(stage), F::tileBytes);
        for (int b = 0; b < F::blocks; ++b)
            copyBox(values + stage * F::tileBytes + b * F::keys * 128, &p.values[walk.span], b * 64, row, g,
                    barriers.valuesFull(stage));
    }
}

/// What a thread of a multiplying warpgroup knows of its two rows of vectors.
struct TwoRows {
    std::int32_t low[2], high[2];
    std::int32_t allFrom, allTo;  ///< keys that every row of the block sees
};

/// What follows sees the registers as the wait before left them: the compiler does not know that they change.
template <int kCount>
__device__ __forceinline__ void settled(float (&registers)[kCount]) {
#pragma unroll
    for (int i = 0; i < kCount; ++i)
        asm volatile("" : "+f"(registers[i])::"memory");
}

template <int kSize>
__device__ __forceinline__ void issueScores(std::uint32_t queries, std::uint32_t keys,
                                            float (&s)[HopperForm<kSize>::keys / 2]) {
    using F = HopperForm<kSize>;
#pragma unroll
    for (int k = 0; k < kSize / 16; ++k) {
        const std::uint32_t within = static_cast<std::uint32_t>(k % 4) * 32;
        wgmmaShared(s, operand(queries + k / 4 * F::vectors * 128 + within, 16),
                    operand(keys + k / 4 * F::keys * 128 + within, 16), k > 0);
    }
    wgmmaEnd();
}

template <int kSize>
__device__ __forceinline__ void issueValues(std::uint32_t values,
                                            const std::uint32_t (&p)[HopperForm<kSize>::keys / 4],
                                            float (&o)[kSize / 2]) {
    using F = HopperForm<kSize>;
#pragma unroll
    for (int k = 0; k < F::keys / 16; ++k) {
        const std::uint32_t a[4] = {p[4 * k], p[4 * k + 1], p[4 * k + 2], p[4 * k + 3]};
        wgmmaRegisters(o, a, operand(values + k * 16 * 128, F::keys * 128), true);
    }
    wgmmaEnd();
}

/// Scores to weights; `factor` is what earlier sums are to be multiplied by.
template <int kKeys>
__device__ __forceinline__ void softmax(float (&s)[kKeys / 2], const TwoRows& rows, std::int32_t key,
                                        std::int32_t spanEnd, float scale, float (&largest)[2],
                                        float (&sum)[2], float (&factor)[2]) {
    const int column = static_cast<int>(threadIdx.x % 4) * 2;
    if (key < rows.allFrom || key + kKeys > min(rows.allTo, spanEnd)) {
#pragma unroll
        for (int i = 0; i < kKeys / 2; ++i) {
            const int half = i / 2 % 2;
            const std::int32_t at = key + i / 4 * 8 + column + i % 2;
            if (at < rows.low[half] || at >= min(rows.high[half], spanEnd)) s[i] = -INFINITY;
        }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        float top = largest[half];
#pragma unroll
        for (int i = 0; i < kKeys / 8; ++i)
            top = fmaxf(top, fmaxf(s[4 * i + 2 * half], s[4 * i + 2 * half + 1]));
        top = fmaxf(top, __shfl_xor_sync(kAllLanes, top, 1));
        top = fmaxf(top, __shfl_xor_sync(kAllLanes, top, 2));
        const float base = top == -INFINITY ? 0.0F : top * scale;
        factor[half] = powerOfTwo(largest[half] * scale - base);
        largest[half] = top;
        float added = 0;
#pragma unroll
        for (int i = 0; i < kKeys / 8; ++i) {
            float& a = s[4 * i + 2 * half];
            float& b = s[4 * i + 2 * half + 1];
            a = powerOfTwo(a * scale - base);
            b = powerOfTwo(b * scale - base);
            added += a + b;
        }
        sum[half] = sum[half] * factor[half] + added;
    }
}

template <int kKeys>
__device__ __forceinline__ void packWeights(const float (&s)[kKeys / 2], std::uint32_t (&p)[kKeys / 4]) {
#pragma unroll
    for (int i = 0; i < kKeys / 4; ++i)
        p[i] = packHalf(s[2 * i], s[2 * i + 1]);
}

template <int kCount>
__device__ __forceinline__ void rescale(float (&o)[kCount], const float (&factor)[2]) {
#pragma unroll
    for (int i = 0; i < kCount; ++i)
        o[i] *= factor[i / 2 % 2];
}

/// Warpgroups take turns at the tensor cores.
template <int kGroups>
struct Turns {
    int mine;
    __device__ __forceinline__ void wait() const { namedWait(2 + mine, 2 * kWarpgroup); }
    __device__ __forceinline__ void pass() const { namedArrive(2 + (mine + 1) % kGroups, 2 * kWarpgroup); }
};

template <int kSize>
__device__ __forceinline__ void writeRows(const HopperParameters& p, const float (&o)[kSize / 2],
                                          const float (&largest)[2], float (&sum)[2],
                                          std::int64_t firstVector, int g) {
    const int lane = static_cast<int>(threadIdx.x % kWarp), group = p.heads / p.kvHeads;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        sum[half] += __shfl_xor_sync(kAllLanes, sum[half], 1);
        sum[half] += __shfl_xor_sync(kAllLanes, sum[half], 2);
        const std::int64_t vector = firstVector + threadIdx.x % kWarpgroup / kWarp * 16 + lane / 4 + 8 * half;
        const int column = lane % 4 * 2;
        if (p.states.values != nullptr) {
            const std::int64_t at =
                (static_cast<std::int64_t>(blockIdx.z) * p.kvHeads + g) * p.states.vectors + vector;
            if (lane % 4 == 0) p.states.sums[at] = {largest[half] * p.scale, sum[half]};
#pragma unroll
            for (int c = 0; c < kSize / 8; ++c)
                *reinterpret_cast<float2*>(p.states.values + at * kSize + c * 8 + column) = {
                    o[4 * c + 2 * half], o[4 * c + 2 * half + 1]};
            continue;
        }
        if (vector >= static_cast<std::int64_t>(p.n) * group) continue;
        const float inverse = sum[half] > 0 ? 1.0F / sum[half] : 0.0F;
        const std::int64_t to = vector / group * p.outStride + (g * group + vector % group) * kSize + column;
#pragma unroll
        for (int c = 0; c < kSize / 8; ++c) {
            const float a = o[4 * c + 2 * half] * inverse, b = o[4 * c + 2 * half + 1] * inverse;
            if (p.bfloats != nullptr) {
                *reinterpret_cast<std::uint32_t*>(p.bfloats + to + c * 8) = packBfloat(a, b);
            } else {
                *reinterpret_cast<float2*>(p.floats + to + c * 8) = {a, b};
            }
        }
    }
}

template <int kSize>
__device__ __forceinline__ void loadQueries(const HopperParameters& p, std::byte* shared, int warpgroup,
                                            std::int64_t firstVector, int g) {
    using F = HopperForm<kSize>;
    const int group = p.heads / p.kvHeads;
    const int last = p.n * group - 1;
    for (int i = static_cast<int>(threadIdx.x % kWarpgroup); i < 64 * kSize / 8; i += kWarpgroup) {
        const int row = i / (kSize / 8), chunk = i % (kSize / 8);
        const int v = min(static_cast<int>(firstVector) + row, last);
        const __half* from =
            p.queries + (static_cast<std::int64_t>(v / group) * p.heads + g * group + v % group) * kSize +
            chunk * 8;
        const int at =
            chunk / 8 * F::vectors * 128 + (warpgroup * 64 + row) * 128 + ((chunk % 8) ^ (row % 8)) * 16;
        *reinterpret_cast<uint4*>(shared + at) = *reinterpret_cast<const uint4*>(from);
    }
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    namedWait(8 + warpgroup, kWarpgroup);
}

template <int kSize>
__device__ __forceinline__ void consume(const HopperParameters& p, Walk<HopperForm<kSize>::keys> walk,
                                        std::uint32_t queries, std::uint32_t keys, std::uint32_t values,
                                        const Barriers& barriers, const TwoRows& rows, int warpgroup,
                                        std::int64_t firstVector, int g) {
    using F = HopperForm<kSize>;
    const Turns<F::groups> turns{warpgroup};
    const bool first = threadIdx.x % kWarp == 0;
    float o[kSize / 2] = {};
    float s[F::keys / 2];
    std::uint32_t weights[F::keys / 4];
    float largest[2] = {-INFINITY, -INFINITY}, sum[2] = {}, factor[2];
    if (walk.next()) {
        barrierWait(barriers.keysFull(0), 0);
        wgmmaBegin();
        issueScores<kSize>(queries, keys, s);
        wgmmaWait<0>();
        settled(s);
        if (first) barrierArrive(barriers.keysFree(0));
        softmax<F::keys>(s, rows, walk.key, walk.spanEnd, p.scale, largest, sum, factor);
        packWeights<F::keys>(s, weights);
        if (warpgroup == F::groups - 1) turns.pass();
        int tile = 1;
        for (; walk.next(); ++tile) {
            const int stage = tile % kStages, parity = tile / kStages % 2;
            const int before = (tile - 1) % kStages, beforeParity = (tile - 1) / kStages % 2;
            barrierWait(barriers.keysFull(stage), parity);
            turns.wait();
            wgmmaBegin();
            issueScores<kSize>(queries, keys + stage * F::tileBytes, s);
            barrierWait(barriers.valuesFull(before), beforeParity);
            wgmmaBegin();
            issueValues<kSize>(values + before * F::tileBytes, weights, o);
            turns.pass();
            wgmmaWait<1>();
            settled(s);
            if (first) barrierArrive(barriers.keysFree(stage));
            softmax<F::keys>(s, rows, walk.key, walk.spanEnd, p.scale, largest, sum, factor);
            wgmmaWait<0>();
            settled(o);
            if (first) barrierArrive(barriers.valuesFree(before));
            rescale(o, factor);
            packWeights<F::keys>(s, weights);
        }
        const int stage = (tile - 1) % kStages, parity = (tile - 1) / kStages % 2;
        barrierWait(barriers.valuesFull(stage), parity);
        wgmmaBegin();
        issueValues<kSize>(values + stage * F::tileBytes, weights, o);
        wgmmaWait<0>();
        settled(o);
    }
    writeRows<kSize>(p, o, largest, sum, firstVector, g);
}

#endif

template <int kSize>
__global__ void __launch_bounds__(HopperForm<kSize>::threads, 1)
    attendHopperKernel(const __grid_constant__ HopperParameters p) {
#ifdef KVASIR_WGMMA
    using F = HopperForm<kSize>;
    extern __shared__ std::byte raw[];
    const auto unaligned = static_cast<std::uint32_t>(__cvta_generic_to_shared(raw));
    std::byte* shared = raw + ((unaligned + 1023) / 1024 * 1024 - unaligned);
    const auto queries = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
    const std::uint32_t keys = queries + F::queryBytes, values = keys + kStages * F::tileBytes;
    const Barriers barriers{queries + F::barriersAt};
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < kStages; ++stage) {
            barrierInit(barriers.keysFull(stage), 1);
            barrierInit(barriers.valuesFull(stage), 1);
            barrierInit(barriers.keysFree(stage), F::groups * kWarpgroup / kWarp);
            barrierInit(barriers.valuesFree(stage), F::groups * kWarpgroup / kWarp);
        }
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    waitForPrevious();
    // Late vectors see the most keys: they go first.
    const std::int64_t block = static_cast<std::int64_t>(gridDim.x - 1 - blockIdx.x) * F::vectors;
    const int g = static_cast<int>(blockIdx.y), group = p.heads / p.kvHeads;
    const std::int64_t last = static_cast<std::int64_t>(p.n) * group - 1;
    const std::int64_t firstRow = block / group, lastRow = min(block + F::vectors - 1, last) / group;
    const std::int32_t splitBegin = static_cast<std::int32_t>(blockIdx.z) * p.states.keysPerSplit;
    const std::int32_t begin = max(splitBegin, p.limits.lowOf(g, firstRow));
    const std::int32_t end = min(splitBegin + p.states.keysPerSplit, p.limits.highOf(g, lastRow));
    const Walk<F::keys> walk(p, begin, end);
    const int warpgroup = static_cast<int>(threadIdx.x) / kWarpgroup - 1;
    if (warpgroup < 0) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
        if (threadIdx.x == 0) produce<kSize>(p, walk, keys, values, barriers, g);
    } else {
        if constexpr (F::groups == 2) {
            asm volatile("setmaxnreg.inc.sync.aligned.u32 240;");
        } else {
            asm volatile("setmaxnreg.inc.sync.aligned.u32 160;");
        }
        const std::int64_t firstVector = block + warpgroup * 64;
        loadQueries<kSize>(p, shared, warpgroup, firstVector, g);
        TwoRows rows;
        rows.allFrom = p.limits.lowOf(g, lastRow);
        rows.allTo = min(p.limits.highOf(g, firstRow), end);
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const std::int64_t vector =
                firstVector + threadIdx.x % kWarpgroup / kWarp * 16 + threadIdx.x % kWarp / 4 + 8 * half;
            const std::int64_t row = min(vector, last) / group;
            rows.low[half] = p.limits.lowOf(g, row);
            rows.high[half] = min(p.limits.highOf(g, row), end);
        }
        consume<kSize>(p, walk, queries + warpgroup * 64 * 128, keys, values, barriers, rows, warpgroup,
                       firstVector, g);
    }
#endif
}

using EncodeTiled = CUresult (*)(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*,
                                 const cuuint64_t*, const cuuint32_t*, const cuuint32_t*,
                                 CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion,
                                 CUtensorMapFloatOOBfill);

/// From the driver at run time: linking its library would keep the module from loading without one.
EncodeTiled encodeTiled() {
    static const EncodeTiled found = [] {
        void* function = nullptr;
        cudaDriverEntryPointQueryResult result{};
        if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault,
                                             &result) != cudaSuccess ||
            result != cudaDriverEntryPointSuccess) {
            (void)cudaGetLastError();
            return EncodeTiled{nullptr};
        }
        return reinterpret_cast<EncodeTiled>(function);
    }();
    return found;
}

/// Rows of one span as a tensor (d, rows, G): what lies beyond its rows reads as zeros.
bool describeRows(CUtensorMap& map, const std::byte* data, const AttentionShape& shape,
                  const DeviceSpan& span, int tileKeys) {
    const auto size = static_cast<cuuint64_t>(shape.headSize);
    const cuuint64_t dimensions[3] = {size, static_cast<cuuint64_t>(span.end - span.begin),
                                      static_cast<cuuint64_t>(shape.kvHeads)};
    const cuuint64_t strides[2] = {size * 2, static_cast<cuuint64_t>(span.stride) * size * 2};
    const cuuint32_t box[3] = {64, static_cast<cuuint32_t>(tileKeys), 1}, steps[3] = {1, 1, 1};
    return encodeTiled()(&map, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 3, const_cast<std::byte*>(data), dimensions,
                         strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                         CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                         CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

template <int kSize>
void launchHopper(Context& context, const AttentionCall& call, HopperParameters& p) {
    using F = HopperForm<kSize>;
    for (int s = 0; s < call.spans.count; ++s) {
        const DeviceSpan& span = call.spans.spans[s];
        p.begins[s] = span.begin;
        p.ends[s] = span.end;
        if (!describeRows(p.keys[s], span.keys, call.shape, span, F::keys) ||
            !describeRows(p.values[s], span.values, call.shape, span, F::keys)) {
            return context.fail("The GPU's driver refused to describe keys and values.");
        }
    }
    const std::int64_t vectors = call.n * (call.shape.heads / call.shape.kvHeads);
    const dim3 grid(static_cast<unsigned>(ceilDivide(vectors, F::vectors)),
                    static_cast<unsigned>(call.shape.kvHeads), static_cast<unsigned>(p.states.splits));
    launch(context, attendHopperKernel<kSize>, grid, F::threads, F::shared, p);
}

/// Whether this build holds the kernel in a form that the device runs.
bool hasKernel() {
    static const bool has = [] {
        cudaFuncAttributes attributes{};
        if (cudaFuncGetAttributes(&attributes, attendHopperKernel<128>) != cudaSuccess) {
            (void)cudaGetLastError();
            return false;
        }
        // Elsewhere the kernel is empty and uses next to no registers.
        return attributes.binaryVersion == 90 && attributes.numRegs > 100;
    }();
    return has;
}

}  // namespace

bool canAttendHopper(const Context& context, const AttentionCall& call) {
    return context.capability() == 90 && call.spans.count <= kHopperSpans && hasKernel() &&
           encodeTiled() != nullptr;
}

void attendHopper(Context& context, const AttentionCall& call, const States& states, const Rows& out) {
    constexpr float kLog2e = 1.44269504088896341F;
    HopperParameters p{};
    p.spanCount = call.spans.count;
    p.limits = call.limits;
    p.states = states;
    p.queries = call.half;
    if (out.form == RowForm::Bfloat) {
        p.bfloats = reinterpret_cast<__nv_bfloat16*>(out.data);
    } else {
        p.floats = reinterpret_cast<float*>(out.data);
    }
    p.outStride = out.stride;
    p.n = static_cast<int>(call.n);
    p.heads = call.shape.heads;
    p.kvHeads = call.shape.kvHeads;
    p.scale = call.shape.scale * kLog2e;
    if (call.shape.headSize == 64) return launchHopper<64>(context, call, p);
    if (call.shape.headSize == 128) return launchHopper<128>(context, call, p);
    launchHopper<256>(context, call, p);
}

}  // namespace kvasir::kernels::cuda
