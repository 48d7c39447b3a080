// A matrix times a few vectors whose activations are 8-bit codes: bound by reading the weights once. A warp
// takes two outputs at a time; its lanes take units of 32 inputs in turn, whose 16 bytes of codes one load
// brings.
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/products.h"
#include "kernels/cuda/rows.cuh"
#include "kernels/cuda/unpack.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / kWarp;
constexpr int kRowsPerWarp = 2;
constexpr int kGatedThreads = 256;
constexpr int kGatedOutputs = 32;  ///< of a block: one unit of the next product's input

struct Task {
    Planes planes;
    const float* bias;
    float* y;
    std::int64_t yStride;
    std::int64_t endPair;  ///< pairs of outputs of this matrix and those before
};
struct Tasks {
    Task tasks[kMaxTargets];
    int count;
};

/// An integer below 2^22 in size as a float, by its bits: the conversion instruction runs at a fraction of
/// the rate.
__device__ __forceinline__ float smallInteger(int value) {
    return __int_as_float(value + 0x4B400000) - 12582912.0F;
}

/// A unit's product with x: scale * dot - offset * sum, x's scale included; `x` as Rows::units has it.
template <TensorType T>
__device__ __forceinline__ float unitProduct(const RawUnit<T>& raw, const UnitScales& scales, const int4& low,
                                             const int4& high, const float4& x) {
    constexpr QuantFormat f = kFormat<T>;
    int first = 0, second = 0;
    first = __dp4a(static_cast<int>(fourCodes<T>(raw, 0)), low.x, first);
    first = __dp4a(static_cast<int>(fourCodes<T>(raw, 1)), low.y, first);
    first = __dp4a(static_cast<int>(fourCodes<T>(raw, 2)), low.z, first);
    first = __dp4a(static_cast<int>(fourCodes<T>(raw, 3)), low.w, first);
    if constexpr (f.sub == 32) second = first;
    second = __dp4a(static_cast<int>(fourCodes<T>(raw, 4)), high.x, second);
    second = __dp4a(static_cast<int>(fourCodes<T>(raw, 5)), high.y, second);
    second = __dp4a(static_cast<int>(fourCodes<T>(raw, 6)), high.z, second);
    second = __dp4a(static_cast<int>(fourCodes<T>(raw, 7)), high.w, second);
    if constexpr (f.bits == 8) return scales.scale[0] * x.x * smallInteger(second);
    if constexpr (f.sub == 32)
        return scales.scale[0] * x.x * smallInteger(second) - scales.offset[0] * (x.y + x.z);
    return x.x * (scales.scale[0] * smallInteger(first) + scales.scale[1] * smallInteger(second)) -
           scales.offset[0] * x.y - scales.offset[1] * x.z;
}

/// What a lane reads of two outputs' weights in one turn.
template <TensorType T>
struct TwoUnits {
    RawUnit<T> a, b;
    RawScales<T> scalesA, scalesB;
};

/// Bytes of shared memory for x, where it is brought there: a single vector, of which every turn would wait
/// for the second-level cache otherwise.
constexpr std::size_t stagedBytes(int vectors, std::int64_t stride) {
    return vectors == 1 ? static_cast<std::size_t>(stride + stride / 2) : 0;
}

/// Codes and units of the first row of x to shared memory, by the whole block.
__device__ __forceinline__ void stageRow(const Rows& x, int4* to) {
    const int codes = static_cast<int>(x.stride / 16), units = static_cast<int>(x.stride / kUnit);
    for (int i = static_cast<int>(threadIdx.x); i < codes + units; i += static_cast<int>(blockDim.x)) {
        to[i] = i < codes ? reinterpret_cast<const int4*>(x.codes)[i]
                          : reinterpret_cast<const int4*>(x.units)[i - codes];
    }
    __syncthreads();
}

/// Adds two rows of a quantised matrix times N vectors to sums; rows are given by their first units. The
/// weights of the first turns are on their way before the kernel that makes x has ended. `stage`: x is not in
/// shared memory yet; all warps of the block come here together then.
template <TensorType T, int N>
__device__ __forceinline__ void quantisedRows(const Planes& a, std::int64_t unitA, const Planes& b,
                                              std::int64_t unitB, const Rows& x, int n, bool stage,
                                              float (&sums)[2][N]) {
    extern __shared__ int4 staged[];
    constexpr int kAhead = 2;
    const int lane = static_cast<int>(threadIdx.x % kWarp), units = static_cast<int>(a.units);
    TwoUnits<T> ring[kAhead];
    const auto load = [&](TwoUnits<T>& to, int unit) {
        if (unit >= units) return;
        to.a = loadUnit<T>(a, unitA + unit);
        to.b = loadUnit<T>(b, unitB + unit);
        to.scalesA = loadScales<T>(a, unitA + unit);
        to.scalesB = loadScales<T>(b, unitB + unit);
    };
#pragma unroll
    for (int i = 0; i < kAhead; ++i)
        load(ring[i], lane + i * kWarp);
    waitForPrevious();
    if constexpr (N == 1) {
        if (stage) stageRow(x, staged);
    }
    const int codesOfRow = static_cast<int>(x.stride / 16);
    for (int first = lane; first < units; first += kAhead * kWarp) {
#pragma unroll
        for (int i = 0; i < kAhead; ++i) {
            const int unit = first + i * kWarp;
            if (unit >= units) break;
            const TwoUnits<T> now = ring[i];
            load(ring[i], unit + kAhead * kWarp);
            const UnitScales scalesA = expand<T>(now.scalesA), scalesB = expand<T>(now.scalesB);
#pragma unroll
            for (int r = 0; r < N; ++r) {
                if (r >= n) break;
                const int4* codes =
                    (N == 1 ? staged : reinterpret_cast<const int4*>(x.codes + r * x.stride)) + unit;
                const int4 low = codes[0], high = codes[codesOfRow / 2];
                const float4 xUnit = N == 1 ? reinterpret_cast<const float4*>(staged + codesOfRow)[unit]
                                            : x.units[r * (x.stride / kUnit) + unit];
                sums[0][r] += unitProduct<T>(now.a, scalesA, low, high, xUnit);
                sums[1][r] += unitProduct<T>(now.b, scalesB, low, high, xUnit);
            }
        }
    }
}

__device__ __forceinline__ void eightPlain(const float* at, float (&v)[8]) {
    const float4 a = reinterpret_cast<const float4*>(at)[0], b = reinterpret_cast<const float4*>(at)[1];
    v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
}
template <typename In>
__device__ __forceinline__ void eightPlain(const In* at, float (&v)[8]) {
    const uint4 packed = __ldcs(reinterpret_cast<const uint4*>(at));
    const In* values = reinterpret_cast<const In*>(&packed);
#pragma unroll
    for (int i = 0; i < 8; ++i)
        v[i] = toFloat(values[i]);
}

/// The same for matrices of floats, whose x are the unrounded floats.
template <typename In, int N>
__device__ __forceinline__ void plainRows(const Planes& a, std::int64_t rowA, const Planes& b,
                                          std::int64_t rowB, const Rows& x, int n, float (&sums)[2][N]) {
    const int lane = static_cast<int>(threadIdx.x % kWarp);
    const In* rows[2] = {reinterpret_cast<const In*>(a.codes) + rowA * a.columns,
                         reinterpret_cast<const In*>(b.codes) + rowB * b.columns};
    const bool vectors = a.columns % 8 == 0;
    waitForPrevious();
    const std::int64_t whole = vectors ? a.columns : 0;
#pragma unroll 2
    for (std::int64_t column = lane * 8; column < whole; column += kWarp * 8) {
        float w[2][8], v[8];
        eightPlain(rows[0] + column, w[0]);
        eightPlain(rows[1] + column, w[1]);
#pragma unroll
        for (int r = 0; r < N; ++r) {
            if (r >= n) break;
            eightPlain(x.floats + r * x.stride + column, v);
#pragma unroll
            for (int i = 0; i < 8; ++i) {
                sums[0][r] += w[0][i] * v[i];
                sums[1][r] += w[1][i] * v[i];
            }
        }
    }
    for (std::int64_t column = whole + lane; column < a.columns; column += kWarp) {
        for (int r = 0; r < n; ++r) {
            const float v = x.floats[r * x.stride + column];
            sums[0][r] += toFloat(rows[0][column]) * v;
            sums[1][r] += toFloat(rows[1][column]) * v;
        }
    }
}

/// sums[i][r], the same on every lane: outputs rowA of `a` and rowB of `b`, matrices of type T and one width.
template <TensorType T, int N>
__device__ __forceinline__ void twoRows(const Planes& a, std::int64_t rowA, const Planes& b,
                                        std::int64_t rowB, const Rows& x, int n, bool stage,
                                        float (&sums)[2][N]) {
    if constexpr (T == TensorType::F16) {
        plainRows<__half>(a, rowA, b, rowB, x, n, sums);
    } else if constexpr (T == TensorType::BF16) {
        plainRows<__nv_bfloat16>(a, rowA, b, rowB, x, n, sums);
    } else if constexpr (T == TensorType::F32) {
        plainRows<float>(a, rowA, b, rowB, x, n, sums);
    } else {
        quantisedRows<T>(a, rowA * a.units, b, rowB * b.units, x, n, stage, sums);
    }
#pragma unroll
    for (int r = 0; r < N; ++r) {
        sums[0][r] = warpSum(sums[0][r]);
        sums[1][r] = warpSum(sums[1][r]);
    }
}

/// Blocks a multiprocessor must hold: with one vector all blocks of a layer's matrices run at once, or the
/// last ones would run alone.
constexpr int minBlocks(int vectors, int threads) {
    return vectors == 1 ? 768 / threads : 512 / threads;
}
constexpr int minGatedBlocks(int vectors) {
    return vectors == 1 ? 4 : 2;
}

template <TensorType T, int N>
__global__ void __launch_bounds__(kThreads, minBlocks(N, kThreads))
    matvecKernel(const __grid_constant__ Tasks tasks, const __grid_constant__ Rows x, int n, Write write) {
    std::int64_t pair = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
    int index = 0;
    while (index < tasks.count && pair >= tasks.tasks[index].endPair)
        ++index;
    letNextStart();
    // A warp behind the last row goes along with it, because the block moves together.
    const bool behind = index == tasks.count;
    if (behind) pair = tasks.tasks[--index].endPair - 1;
    const Task& task = tasks.tasks[index];
    if (index > 0) pair -= tasks.tasks[index - 1].endPair;
    const std::int64_t row = pair * kRowsPerWarp;
    const bool both = row + 1 < task.planes.rows;
    float sums[2][N] = {};
    twoRows<T>(task.planes, row, task.planes, both ? row + 1 : row, x, n, true, sums);
    const int lane = static_cast<int>(threadIdx.x % kWarp);
    if (behind || lane > 1 || (lane == 1 && !both)) return;
    const float bias = task.bias != nullptr ? task.bias[row + lane] : 0.0F;
#pragma unroll
    for (int r = 0; r < N; ++r) {
        if (r >= n) break;
        float* y = task.y + r * task.yStride + row + lane;
        const float sum = (lane == 0 ? sums[0][r] : sums[1][r]) + bias;
        *y = write == Write::Add ? *y + sum : sum;
    }
}

template <TensorType T, int N>
__global__ void __launch_bounds__(kGatedThreads, minGatedBlocks(N))
    gatedKernel(const __grid_constant__ Planes gate, const __grid_constant__ Planes up,
                const __grid_constant__ Rows x, int n, const __grid_constant__ Rows out) {
    __shared__ float results[N][kGatedOutputs];
    constexpr int kPerWarp = kGatedOutputs / (kGatedThreads / kWarp);
    const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
    const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kGatedOutputs;
    letNextStart();
#pragma unroll 1
    for (int i = 0; i < kPerWarp; ++i) {
        const int output = warp * kPerWarp + i;
        float sums[2][N] = {};
        twoRows<T>(gate, first + output, up, first + output, x, n, i == 0, sums);
#pragma unroll
        for (int r = 0; r < N; ++r) {
            if (lane == 0) results[r][output] = sums[0][r] / (1.0F + __expf(-sums[0][r])) * sums[1][r];
        }
    }
    __syncthreads();
    if (threadIdx.x < n * 4) {
        const int r = static_cast<int>(threadIdx.x) / 4, eight = static_cast<int>(threadIdx.x) % 4 * 8;
        float v[8];
#pragma unroll
        for (int i = 0; i < 8; ++i)
            v[i] = results[r][eight + i];
        storeEight(out, r, first + eight, v);
    }
}

/// Calls function(type, vectors) with both known when compiled.
template <typename Function>
void forShape(TensorType type, std::int64_t n, const Function& function) {
    forEveryType(type, [&](auto known) {
        if (n == 1) return function(known, std::integral_constant<int, 1>());
        if (n <= 4) return function(known, std::integral_constant<int, 4>());
        function(known, std::integral_constant<int, 8>());
    });
}

}  // namespace

void matvec(Context& context, std::span<const Target> targets, const Rows& x, std::int64_t n, Write write) {
    if (x.data == nullptr) return;
    // Neighbours of one type share a launch.
    for (std::size_t first = 0; first < targets.size();) {
        const TensorType type = targets[first].weight->planes().type;
        Tasks tasks{};
        std::int64_t pairs = 0;
        for (; first < targets.size() && targets[first].weight->planes().type == type; ++first) {
            const Target& target = targets[first];
            const Planes& planes = target.weight->planes();
            pairs += ceilDivide(planes.rows, kRowsPerWarp);
            tasks.tasks[tasks.count++] = {planes, target.bias, target.y, target.yStride, pairs};
        }
        forShape(type, n, [&](auto known, auto vectors) {
            launch(context, matvecKernel<decltype(known)::value, decltype(vectors)::value>,
                   gridFor(pairs, kWarps), kThreads, stagedBytes(decltype(vectors)::value, x.stride), tasks,
                   x, static_cast<int>(n), write);
        });
    }
}

bool canGate(const Planes& gate, const Planes& up) {
    return gate.type == up.type && gate.rows % kGatedOutputs == 0;
}

void gatedMatvec(Context& context, const Planes& gate, const Planes& up, const Rows& x, std::int64_t n,
                 const Rows& out) {
    if (x.data == nullptr || out.data == nullptr) return;
    forShape(gate.type, n, [&](auto known, auto vectors) {
        launch(context, gatedKernel<decltype(known)::value, decltype(vectors)::value>,
               dim3(static_cast<unsigned>(gate.rows / kGatedOutputs)), kGatedThreads,
               stagedBytes(decltype(vectors)::value, x.stride), gate, up, x, static_cast<int>(n), out);
    });
}

}  // namespace kvasir::kernels::cuda
