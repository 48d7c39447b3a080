// A quantised matrix times up to a few dozen rows, on tensor cores: the weights are read once, become
// bfloat16 in registers (the values that dequantise gives) and are the left operand of mma.sync. A block
// makes 32 outputs of up to 64 rows; its warps share the inputs between them and add up at the end, in a
// fixed order.
//
// Inputs are taken in an order that suits the weights' layout: in one instruction the 16 inputs of a lane
// group q = lane % 4 are four neighbouring ones of unit q of 128 inputs. The rows lie in this order
// (RowForm::Fragments).
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/products.h"
#include "kernels/cuda/tensor_cores.cuh"
#include "kernels/cuda/unpack.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kOutputs = 32;
/// Warps of a block that makes `tiles` groups of 8 rows: as many as have registers.
constexpr int warpsFor(int tiles) {
    return tiles > 5 ? 8 : tiles > 2 ? 12 : 16;
}
constexpr int kStep = 128;  ///< inputs of a warp's turn: four units

/// Four neighbouring values of a unit as two registers of bfloat16.
struct Four {
    std::uint32_t low, high;
};

template <TensorType T>
struct WeightUnit {
    RawUnit<T> raw;
    RawScales<T> rawScales;
    UnitScales scales;
    __device__ __forceinline__ void load(const Planes& planes, std::int64_t row, std::int64_t unit) {
        const std::int64_t at = row * planes.units + unit;
        raw = loadUnit<T>(planes, at);
        rawScales = loadScales<T>(planes, at);
    }
    __device__ __forceinline__ void clear() {
        raw = {};
        rawScales = {};
    }
    /// Once what `load` asked for is to be used.
    __device__ __forceinline__ void arrive() { scales = expand<T>(rawScales); }
    __device__ __forceinline__ Four four(int w) const {
        const float4 v = fourValues<T>(raw, scales, w);
        return {packBfloat(v.x, v.y), packBfloat(v.z, v.w)};
    }
};

/// Floats of 16 bits: 64 bytes a unit.
template <typename In>
struct PlainUnit {
    uint4 values[4];
    __device__ __forceinline__ void load(const Planes& planes, std::int64_t row, std::int64_t unit) {
        const auto* at =
            reinterpret_cast<const uint4*>(reinterpret_cast<const In*>(planes.codes) + row * planes.columns) +
            unit * 4;
#pragma unroll
        for (int i = 0; i < 4; ++i)
            values[i] = __ldcs(at + i);
    }
    __device__ __forceinline__ void clear() {
#pragma unroll
        for (uint4& each : values)
            each = {};
    }
    __device__ __forceinline__ void arrive() {}
    __device__ __forceinline__ Four four(int w) const {
        Four out{component(values[w / 2], w % 2 * 2), component(values[w / 2], w % 2 * 2 + 1)};
        if constexpr (std::is_same_v<In, __half>) {
            const float2 a = __half22float2(*reinterpret_cast<const __half2*>(&out.low));
            const float2 b = __half22float2(*reinterpret_cast<const __half2*>(&out.high));
            out = {packBfloat(a.x, a.y), packBfloat(b.x, b.y)};
        }
        return out;
    }
};

struct Part {
    Planes planes;
    const float* bias;
    float* y;
    std::int64_t yStride;
    int endBlock;  ///< blocks of this matrix and those before
};
/// Matrices of one type, side by side in the grid.
struct Parts {
    Part parts[kMaxTargets];
    int count;
};

/// kTiles groups of 8 rows of x.
template <typename Unit, int kTiles>
__global__ void __launch_bounds__(warpsFor(kTiles) * kWarp)
    fewRowsKernel(const __grid_constant__ Parts parts, const __grid_constant__ Rows x, int n, Write write) {
#ifdef KVASIR_TENSOR_CORES
    constexpr int kWarps = warpsFor(kTiles);
    extern __shared__ float partial[];  // [kWarps][8 kTiles][kOutputs + 1]
    constexpr int kRow = kOutputs + 1;
    const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
    int index = 0;
    while (static_cast<int>(blockIdx.x) >= parts.parts[index].endBlock)
        ++index;
    const Part& part = parts.parts[index];
    const int block = static_cast<int>(blockIdx.x) - (index > 0 ? parts.parts[index - 1].endBlock : 0);
    const std::int64_t firstOutput = std::int64_t{block} * kOutputs;
    const std::int64_t firstTile = static_cast<std::int64_t>(blockIdx.y) * kTiles;
    const std::int64_t steps = x.stride / kStep, units = part.planes.columns / kUnit;
    float sums[2][kTiles][4] = {};
    Unit unit[2][2], next[2][2];
    const auto load = [&](Unit(&to)[2][2], std::int64_t step) {
        const std::int64_t column = step * 4 + lane % 4;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const std::int64_t output = firstOutput + i * 8 + lane / 4;
            if (output < part.planes.rows && column < units) {
                to[i / 2][i % 2].load(part.planes, output, column);
            } else {
                to[i / 2][i % 2].clear();
            }
        }
    };
    letNextStart();
    load(next, warp);  // weights do not wait for the kernel before
    waitForPrevious();
    const auto* fragments = reinterpret_cast<const uint4*>(x.data);
#pragma unroll 1
    for (std::int64_t step = warp; step < steps; step += kWarps) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            unit[i / 2][i % 2] = next[i / 2][i % 2];
            unit[i / 2][i % 2].arrive();
        }
        load(next, step + kWarps);
#pragma unroll
        for (int eight = 0; eight < 4; ++eight) {
            uint4 b[kTiles];
#pragma unroll
            for (int t = 0; t < kTiles; ++t) {
                const std::int64_t tile = firstTile + t < x.tiles ? firstTile + t : x.tiles - 1;
                // Rows of the last group that are not there were not written.
                b[t] = tile * 8 + lane / 4 < n
                           ? fragments[((step * x.tiles + tile) * 4 + eight) * kWarp + lane]
                           : uint4{};
            }
#pragma unroll
            for (int half = 0; half < 2; ++half) {
#pragma unroll
                for (int m = 0; m < 2; ++m) {
                    const Four upper = unit[m][0].four(2 * eight + half),
                               lower = unit[m][1].four(2 * eight + half);
                    const std::uint32_t a[4] = {upper.low, lower.low, upper.high, lower.high};
#pragma unroll
                    for (int t = 0; t < kTiles; ++t)
                        mmaBfloat(sums[m][t], a, half == 0 ? b[t].x : b[t].z, half == 0 ? b[t].y : b[t].w);
                }
            }
        }
    }
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
        for (int t = 0; t < kTiles; ++t) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const int row = t * 8 + lane % 4 * 2 + i % 2, output = m * 16 + lane / 4 + i / 2 * 8;
                partial[(warp * kTiles * 8 + row) * kRow + output] = sums[m][t][i];
            }
        }
    }
    __syncthreads();
    const int output = lane;
    if (firstOutput + output >= part.planes.rows) return;
    const float bias = part.bias != nullptr ? part.bias[firstOutput + output] : 0.0F;
    for (int row = warp; row < kTiles * 8; row += kWarps) {
        const std::int64_t token = firstTile * 8 + row;
        if (token >= n) break;
        float sum = bias;
        for (int w = 0; w < kWarps; ++w)
            sum += partial[(w * kTiles * 8 + row) * kRow + output];
        float* y = part.y + token * part.yStride + firstOutput + output;
        *y = write == Write::Add ? *y + sum : sum;
    }
#endif
}

template <typename Unit, int kTiles>
void launchTiles(Context& context, const Parts& parts, const Rows& x, std::int64_t n, Write write) {
    constexpr int kWarps = warpsFor(kTiles);
    const dim3 grid(static_cast<unsigned>(parts.parts[parts.count - 1].endBlock),
                    static_cast<unsigned>(ceilDivide(x.tiles, kTiles)));
    constexpr std::size_t kShared = sizeof(float) * kWarps * kTiles * 8 * (kOutputs + 1);
    launch(context, fewRowsKernel<Unit, kTiles>, grid, kWarps * kWarp, kShared, parts, x, static_cast<int>(n),
           write);
}

template <typename Unit>
void launchUnit(Context& context, const Parts& parts, const Rows& x, std::int64_t n, Write write) {
    if (x.tiles <= 2) return launchTiles<Unit, 2>(context, parts, x, n, write);
    if (x.tiles <= 5) return launchTiles<Unit, 5>(context, parts, x, n, write);
    launchTiles<Unit, 8>(context, parts, x, n, write);
}

}  // namespace

bool canFewRows(const Planes& planes) {
    return planes.columns % kUnit == 0 && planes.type != TensorType::F32;
}

void fewRows(Context& context, std::span<const Target> targets, const Rows& x, std::int64_t n, Write write) {
    if (x.data == nullptr) return;
    for (std::size_t first = 0; first < targets.size();) {
        const TensorType type = targets[first].weight->planes().type;
        Parts parts{};
        int blocks = 0;
        for (; first < targets.size() && targets[first].weight->planes().type == type; ++first) {
            const Target& target = targets[first];
            const Planes& planes = target.weight->planes();
            blocks += static_cast<int>(ceilDivide(planes.rows, kOutputs));
            parts.parts[parts.count++] = {planes, target.bias, target.y, target.yStride, blocks};
        }
        if (type == TensorType::F16) {
            launchUnit<PlainUnit<__half>>(context, parts, x, n, write);
        } else if (type == TensorType::BF16) {
            launchUnit<PlainUnit<__nv_bfloat16>>(context, parts, x, n, write);
        } else {
            forQuantised(type, [&](auto known) {
                launchUnit<WeightUnit<decltype(known)::value>>(context, parts, x, n, write);
            });
        }
    }
}

}  // namespace kvasir::kernels::cuda
