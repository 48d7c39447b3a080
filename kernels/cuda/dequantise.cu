#include "kernels/cuda/dequantise.h"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/unpack.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kThreads = 256;
/// Elements that one thread makes: a fourth of a unit, 16 bytes of bfloat16.
constexpr int kEight = 8;

__device__ __forceinline__ void store8(__nv_bfloat16* to, const float (&values)[kEight]) {
    *reinterpret_cast<uint4*>(to) = {packBfloat(values[0], values[1]), packBfloat(values[2], values[3]),
                                     packBfloat(values[4], values[5]), packBfloat(values[6], values[7])};
}
__device__ __forceinline__ void store8(float* to, const float (&values)[kEight]) {
    reinterpret_cast<float4*>(to)[0] = {values[0], values[1], values[2], values[3]};
    reinterpret_cast<float4*>(to)[1] = {values[4], values[5], values[6], values[7]};
}

/// Elements 8 quarter .. 8 quarter + 7 of a unit, reading only their share of the planes.
template <TensorType T>
__device__ __forceinline__ void eightValues(const Planes& planes, std::int64_t unit, int quarter,
                                            float (&values)[kEight]) {
    constexpr QuantFormat f = kFormat<T>;
    constexpr bool kSigned = f.bits == 8;
    const UnitScales scales = expand<T>(loadScales<T>(planes, unit));
    const float scale = quarter < 2 ? scales.scale[0] : scales.scale[1];
    const float offset = quarter < 2 ? scales.offset[0] : scales.offset[1];
    std::uint32_t fours[2];
    const auto* words = reinterpret_cast<const std::uint32_t*>(planes.codes + unit * codeBytes(f));
    if constexpr (kSigned) {
        fours[0] = words[2 * quarter];
        fours[1] = words[2 * quarter + 1];
    } else {
        const std::uint32_t word = words[quarter];
        fours[0] = word & 0x0F0F0F0FU;
        fours[1] = (word >> 4) & 0x0F0F0F0FU;
    }
    const auto* highs = reinterpret_cast<const std::uint32_t*>(planes.high + unit * highBytes(f));
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        const int w = 2 * quarter + i;
        if constexpr (f.bits == 5) fours[i] |= ((highs[0] >> w) & 0x01010101U) << 4;
        if constexpr (f.bits == 6) fours[i] |= ((highs[w / 4] >> (2 * (w % 4))) & 0x03030303U) << 4;
#pragma unroll
        for (int j = 0; j < 4; ++j)
            values[4 * i + j] = codeFloat<kSigned>(fours[i], j) * scale - offset;
    }
}

template <TensorType T, typename Out>
__global__ void dequantiseKernel(Planes planes, std::int64_t stride, Out* out) {
    waitForPrevious();
    const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    const std::int64_t perRow = stride / kEight;
    if (index >= planes.rows * perRow) return;
    const std::int64_t row = index / perRow, unit = index % perRow / 4;
    float values[kEight] = {};
    if (unit < planes.units)
        eightValues<T>(planes, row * planes.units + unit, static_cast<int>(index % 4), values);
    store8(out + index * kEight, values);
}

template <typename In, typename Out>
__global__ void convertKernel(const In* from, std::int64_t rows, std::int64_t columns, std::int64_t stride,
                              Out* out) {
    waitForPrevious();
    const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    const std::int64_t perRow = stride / kEight;
    if (index >= rows * perRow) return;
    const std::int64_t row = index / perRow, column = index % perRow * kEight;
    float values[kEight] = {};
#pragma unroll
    for (int i = 0; i < kEight; ++i) {
        if (column + i < columns) values[i] = toFloat(from[row * columns + column + i]);
    }
    store8(out + index * kEight, values);
}

template <typename Out>
void convert(Context& context, const Planes& planes, Out* out) {
    const std::int64_t stride = paddedColumns(planes.columns);
    const dim3 grid = gridFor(planes.rows * stride / kEight, kThreads);
    if (planes.type == TensorType::F16) {
        launch(context, convertKernel<__half, Out>, grid, kThreads, 0,
               reinterpret_cast<const __half*>(planes.codes), planes.rows, planes.columns, stride, out);
    } else if (planes.type == TensorType::BF16) {
        launch(context, convertKernel<__nv_bfloat16, Out>, grid, kThreads, 0,
               reinterpret_cast<const __nv_bfloat16*>(planes.codes), planes.rows, planes.columns, stride,
               out);
    } else if (planes.type == TensorType::F32) {
        launch(context, convertKernel<float, Out>, grid, kThreads, 0,
               reinterpret_cast<const float*>(planes.codes), planes.rows, planes.columns, stride, out);
    } else {
        forQuantised(planes.type, [&](auto type) {
            launch(context, dequantiseKernel<decltype(type)::value, Out>, grid, kThreads, 0, planes, stride,
                   out);
        });
    }
}

template <TensorType T>
__global__ void lookUpKernel(Planes planes, const std::int32_t* rows, std::int64_t n, float scale,
                             float* out) {
    waitForPrevious();
    const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    const std::int64_t perRow = planes.units * 4;
    if (index >= n * perRow) return;
    const std::int64_t from = rows[index / perRow], unit = index % perRow / 4;
    float values[kEight];
    eightValues<T>(planes, from * planes.units + unit, static_cast<int>(index % 4), values);
#pragma unroll
    for (float& value : values)
        value *= scale;
    store8(out + index * kEight, values);
}

template <typename In>
__global__ void lookUpPlainKernel(const In* matrix, std::int64_t columns, const std::int32_t* rows,
                                  std::int64_t n, float scale, float* out) {
    waitForPrevious();
    const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (index >= n * columns) return;
    out[index] =
        toFloat(matrix[static_cast<std::int64_t>(rows[index / columns]) * columns + index % columns]) * scale;
}

template <typename In>
void lookUpPlain(Context& context, const Planes& planes, const std::int32_t* rows, std::int64_t n,
                 float scale, float* out) {
    launch(context, lookUpPlainKernel<In>, gridFor(n * planes.columns, kThreads), kThreads, 0,
           reinterpret_cast<const In*>(planes.codes), planes.columns, rows, n, scale, out);
}

}  // namespace

void dequantise(Context& context, const Planes& planes, __nv_bfloat16* out) {
    convert(context, planes, out);
}

void dequantise(Context& context, const Planes& planes, float* out) {
    convert(context, planes, out);
}

void lookUpRows(Context& context, const Planes& planes, const std::int32_t* rows, std::int64_t n, float scale,
                float* out) {
    if (planes.type == TensorType::F16) return lookUpPlain<__half>(context, planes, rows, n, scale, out);
    if (planes.type == TensorType::BF16)
        return lookUpPlain<__nv_bfloat16>(context, planes, rows, n, scale, out);
    if (planes.type == TensorType::F32) return lookUpPlain<float>(context, planes, rows, n, scale, out);
    forQuantised(planes.type, [&](auto type) {
        launch(context, lookUpKernel<decltype(type)::value>, gridFor(n * planes.units * 4, kThreads),
               kThreads, 0, planes, rows, n, scale, out);
    });
}

}  // namespace kvasir::kernels::cuda
