// A matrix times a few vectors whose activations are 8-bit codes: bound by reading the weights once. A warp takes
// one output after another; its lanes take units of 32 inputs in turn, whose 16 bytes of codes one load brings.
#include "kernels/cuda/products.h"

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/rows.cuh"
#include "kernels/cuda/unpack.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / kWarp;
/// Warps of a launch beyond which each takes several rows.
constexpr std::int64_t kManyWarps = 16384;
constexpr int kGatedThreads = 256;
constexpr int kGatedOutputs = 32;  ///< of a block: one unit of the next product's input

struct Task {
    Planes planes;
    const float* bias;
    float* y;
    std::int64_t yStride;
    std::int64_t endWarp;  ///< warps for this matrix and those before
};
struct Tasks {
    Task tasks[kMaxTargets];
    int count;
    int rowsPerWarp;
};

/// An integer below 2^22 in size as a float, by its bits: the conversion instruction runs at a fraction of the rate.
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

/// What a lane reads in one turn.
template <TensorType T>
struct Turn {
    RawUnit<T> codes;
    RawScales<T> scales;
};

/// Rows that a warp multiplies one after another: `count` rows from `first` on, of one matrix, or of two in turns.
struct RowList {
    const Planes& even;
    const Planes& odd;  ///< the same matrix, or the other of a pair
    std::int64_t first;
    int count;

    __device__ __forceinline__ bool paired() const { return &even != &odd; }
    __device__ __forceinline__ const Planes& planes(int i) const { return i % 2 == 0 ? even : odd; }
    __device__ __forceinline__ std::int64_t row(int i) const { return first + (paired() ? i / 2 : i); }
};

/// Calls finish(i, sums) for each row of the list, sums the same on every lane. The rows' weights are one stream, of
/// which kAhead turns are always on their way: across rows, and before the kernel that makes x has ended.
template <TensorType T, int N, typename Finish>
__device__ __forceinline__ void quantisedRows(const RowList& list, const Rows& x, int n, const Finish& finish) {
    constexpr int kAhead = N == 1 ? 3 : 2;
    const int lane = static_cast<int>(threadIdx.x % kWarp), units = static_cast<int>(list.even.units);
    const int turns = (units + kWarp - 1) / kWarp, total = turns * list.count;
    Turn<T> ring[kAhead];
    int nextRow = 0, nextUnit = lane;
    const auto load = [&](Turn<T>& to) {
        if (nextRow < list.count && nextUnit < units) {
            const Planes& planes = list.planes(nextRow);
            const std::int64_t at = list.row(nextRow) * units + nextUnit;
            to.codes = loadUnit<T>(planes, at);
            to.scales = loadScales<T>(planes, at);
        }
        nextUnit += kWarp;
        if (nextUnit - lane < turns * kWarp) return;
        nextUnit = lane;
        ++nextRow;
    };
#pragma unroll
    for (int i = 0; i < kAhead; ++i)
        load(ring[i]);
    waitForPrevious();
    float sums[N] = {};
    int row = 0, turn = 0;
#pragma unroll 1
    for (int first = 0; first < total; first += kAhead) {
#pragma unroll
        for (int i = 0; i < kAhead; ++i) {
            if (first + i >= total) break;
            const Turn<T> now = ring[i];
            load(ring[i]);
            const int unit = turn * kWarp + lane;
            if (unit < units) {
                const UnitScales scales = expand<T>(now.scales);
#pragma unroll
                for (int r = 0; r < N; ++r) {
                    if (r >= n) break;
                    const int4* codes = reinterpret_cast<const int4*>(x.codes + r * x.stride) + unit;
                    const int4 low = codes[0], high = codes[x.stride / 32];
                    const float4 xUnit = x.units[r * (x.stride / kUnit) + unit];
                    sums[r] += unitProduct<T>(now.codes, scales, low, high, xUnit);
                }
            }
            if (++turn < turns) continue;
#pragma unroll
            for (int r = 0; r < N; ++r)
                sums[r] = warpSum(sums[r]);
            finish(row, sums);
#pragma unroll
            for (float& sum : sums)
                sum = 0;
            turn = 0;
            ++row;
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
template <typename In, int N, typename Finish>
__device__ __forceinline__ void plainRows(const RowList& list, const Rows& x, int n, const Finish& finish) {
    const int lane = static_cast<int>(threadIdx.x % kWarp);
    const std::int64_t columns = list.even.columns, whole = columns % 8 == 0 ? columns : 0;
    waitForPrevious();
    for (int row = 0; row < list.count; ++row) {
        const In* w = reinterpret_cast<const In*>(list.planes(row).codes) + list.row(row) * columns;
        float sums[N] = {};
#pragma unroll 4
        for (std::int64_t column = lane * 8; column < whole; column += kWarp * 8) {
            float a[8], v[8];
            eightPlain(w + column, a);
#pragma unroll
            for (int r = 0; r < N; ++r) {
                if (r >= n) break;
                eightPlain(x.floats + r * x.stride + column, v);
#pragma unroll
                for (int i = 0; i < 8; ++i)
                    sums[r] += a[i] * v[i];
            }
        }
        for (std::int64_t column = whole + lane; column < columns; column += kWarp) {
#pragma unroll
            for (int r = 0; r < N; ++r) {
                if (r < n) sums[r] += toFloat(w[column]) * x.floats[r * x.stride + column];
            }
        }
#pragma unroll
        for (int r = 0; r < N; ++r)
            sums[r] = warpSum(sums[r]);
        finish(row, sums);
    }
}

template <TensorType T, int N, typename Finish>
__device__ __forceinline__ void multiplyRows(const RowList& list, const Rows& x, int n, const Finish& finish) {
    if constexpr (T == TensorType::F16) {
        plainRows<__half, N>(list, x, n, finish);
    } else if constexpr (T == TensorType::BF16) {
        plainRows<__nv_bfloat16, N>(list, x, n, finish);
    } else if constexpr (T == TensorType::F32) {
        plainRows<float, N>(list, x, n, finish);
    } else {
        quantisedRows<T, N>(list, x, n, finish);
    }
}

/// Warps that a multiprocessor holds: one vector needs few registers.
constexpr int minBlocks(int vectors, int threads) {
    return (vectors == 1 ? 1024 : 512) / threads;
}

template <TensorType T, int N>
__global__ void __launch_bounds__(kThreads, minBlocks(N, kThreads))
    matvecKernel(const __grid_constant__ Tasks tasks, const __grid_constant__ Rows x, int n, Write write) {
    std::int64_t warp = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
    int index = 0;
    while (index < tasks.count && warp >= tasks.tasks[index].endWarp)
        ++index;
    letNextStart();
    if (index == tasks.count) return waitForPrevious();
    const Task& task = tasks.tasks[index];
    if (index > 0) warp -= tasks.tasks[index - 1].endWarp;
    const std::int64_t first = warp * tasks.rowsPerWarp;
    const std::int64_t left = task.planes.rows - first;
    const RowList list{task.planes, task.planes, first,
                       static_cast<int>(left < tasks.rowsPerWarp ? left : tasks.rowsPerWarp)};
    multiplyRows<T, N>(list, x, n, [&](int i, const float (&sums)[N]) {
        if (threadIdx.x % kWarp != 0) return;
        const float bias = task.bias != nullptr ? task.bias[first + i] : 0.0F;
#pragma unroll
        for (int r = 0; r < N; ++r) {
            if (r >= n) break;
            float* y = task.y + r * task.yStride + first + i;
            *y = write == Write::Add ? *y + (sums[r] + bias) : sums[r] + bias;
        }
    });
}

template <TensorType T, int N>
__global__ void __launch_bounds__(kGatedThreads, minBlocks(N, kGatedThreads))
    gatedKernel(const __grid_constant__ Planes gate, const __grid_constant__ Planes up, const __grid_constant__ Rows x,
                int n, const __grid_constant__ Rows out) {
    __shared__ float results[N][kGatedOutputs];
    constexpr int kPerWarp = kGatedOutputs / (kGatedThreads / kWarp);
    const int output = static_cast<int>(threadIdx.x / kWarp) * kPerWarp;
    const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kGatedOutputs;
    letNextStart();
    float gates[N];
    const RowList list{gate, up, first + output, 2 * kPerWarp};
    multiplyRows<T, N>(list, x, n, [&](int i, const float (&sums)[N]) {
#pragma unroll
        for (int r = 0; r < N; ++r) {
            if (i % 2 == 0) gates[r] = sums[r];
            if (i % 2 == 1 && threadIdx.x % kWarp == 0)
                results[r][output + i / 2] = gates[r] / (1.0F + __expf(-gates[r])) * sums[r];
        }
    });
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
        tasks.rowsPerWarp = targets[first].weight->rows() > kManyWarps ? 4 : 1;
        std::int64_t warps = 0;
        for (; first < targets.size() && targets[first].weight->planes().type == type; ++first) {
            const Target& target = targets[first];
            const Planes& planes = target.weight->planes();
            warps += ceilDivide(planes.rows, tasks.rowsPerWarp);
            tasks.tasks[tasks.count++] = {planes, target.bias, target.y, target.yStride, warps};
        }
        forShape(type, n, [&](auto known, auto vectors) {
            launch(context, matvecKernel<decltype(known)::value, decltype(vectors)::value>, gridFor(warps, kWarps),
                   kThreads, 0, tasks, x, static_cast<int>(n), write);
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
               dim3(static_cast<unsigned>(gate.rows / kGatedOutputs)), kGatedThreads, 0, gate, up, x,
               static_cast<int>(n), out);
    });
}

}  // namespace kvasir::kernels::cuda
