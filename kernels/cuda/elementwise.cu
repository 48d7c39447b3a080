#include <algorithm>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/rows.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kNormThreads = 512;

__device__ __forceinline__ float silu(float x) {
    return x / (1.0F + __expf(-x));
}

/// Exact where e^-x is no float32 and where x is tiny.
__device__ __forceinline__ float siluExact(float x) {
    return x / (1.0F + expf(-x));
}

__device__ float normFactor(const float* x, std::int64_t width, float eps) {
    double squares = 0;  // in double: the square of a large float is no float
    for (std::int64_t i = threadIdx.x; i < width; i += blockDim.x)
        squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    const double mean = blockSum(squares) / static_cast<double>(width);
    return static_cast<float>(1.0 / sqrt(mean + static_cast<double>(eps)));
}

__global__ void rmsNormKernel(const float* x, std::int64_t width, const float* weight, float eps,
                              float* out) {
    waitForPrevious();
    const float* row = x + blockIdx.x * width;
    const float factor = normFactor(row, width, eps);
    for (std::int64_t i = threadIdx.x; i < width; i += blockDim.x)
        out[blockIdx.x * width + i] = row[i] * factor * weight[i];
}

/// A row in the block's registers: read once, and the weights before the kernel that makes it has ended.
template <int kChunks>
__global__ void __launch_bounds__(kNormThreads)
    normRowsKernel(const float* x, std::int64_t width, const float* weight, float eps, Rows out) {
    letNextStart();
    float v[kChunks][8], w[kChunks][8];
#pragma unroll
    for (int c = 0; c < kChunks; ++c)
        loadEight(weight, (c * kNormThreads + static_cast<int>(threadIdx.x)) * 8, width, w[c]);
    waitForPrevious();
    const float* row = x + blockIdx.x * width;
    float squares = 0;
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
        loadEight(row, (c * kNormThreads + static_cast<int>(threadIdx.x)) * 8, width, v[c]);
#pragma unroll
        for (int i = 0; i < 8; ++i)
            squares += v[c][i] * v[c][i];
    }
    const float factor = rsqrtf(blockSum(squares) / static_cast<float>(width) + eps);
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
        const std::int64_t column = (c * kNormThreads + static_cast<int>(threadIdx.x)) * 8;
#pragma unroll
        for (int i = 0; i < 8; ++i)
            v[c][i] = v[c][i] * factor * w[c][i];
        if (column < out.stride) storeEight(out, blockIdx.x, column, v[c]);
    }
}

/// The same for rows that are too wide for that.
__global__ void normWideRowsKernel(const float* x, std::int64_t width, const float* weight, float eps,
                                   Rows out) {
    waitForPrevious();
    const float* row = x + blockIdx.x * width;
    const float factor = normFactor(row, width, eps);
    for (std::int64_t column = threadIdx.x * 8; column < out.stride; column += blockDim.x * 8) {
        float v[8], w[8];
        loadEight(row, column, width, v);
        loadEight(weight, column, width, w);
#pragma unroll
        for (int i = 0; i < 8; ++i)
            v[i] = v[i] * factor * w[i];
        storeEight(out, blockIdx.x, column, v);
    }
}

__global__ void formRowsKernel(const float* x, std::int64_t n, std::int64_t width, Rows out) {
    waitForPrevious();
    const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    const std::int64_t perRow = out.stride / 8;
    if (index >= n * perRow) return;
    const std::int64_t row = index / perRow, column = index % perRow * 8;
    float v[8];
    loadEight(x + row * width, column, width, v);
    storeEight(out, row, column, v);
}

/// x / (1 + e^-2z), z = sqrt(2 / pi) * (x + 0.044715 x^3).
__device__ __forceinline__ float gelu(float x) {
    const float minusTwiceZ = x * -1.5957691216F * fmaf(x * x, 0.044715F, 1.0F);
    return x / (1.0F + expf(minusTwiceZ));
}

__global__ void gateMultiplyKernel(Gate function, const float* gate, const float* up, std::int64_t count,
                                   float* out) {
    waitForPrevious();
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i < count) out[i] = (function == Gate::Gelu ? gelu(gate[i]) : siluExact(gate[i])) * up[i];
}

__device__ __forceinline__ void putBack(float* to, float value) {
    *to = value;
}
__device__ __forceinline__ void putBack(__nv_bfloat16* to, float value) {
    *to = __float2bfloat16_rn(value);
}

/// A warp for each head of a row.
template <typename X>
__global__ void normHeadsKernel(X* x, std::int64_t n, int all, int first, int count, int size,
                                const float* weight, float eps) {
    waitForPrevious();
    const std::int64_t index = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kWarp;
    if (index >= n * count) return;
    const int lane = static_cast<int>(threadIdx.x % kWarp);
    X* head = x + (index / count * all + first + index % count) * size;
    float squares = 0;
    for (int i = lane; i < size; i += kWarp)
        squares += toFloat(head[i]) * toFloat(head[i]);
    const float factor = rsqrtf(warpSum(squares) / static_cast<float>(size) + eps);
    for (int i = lane; i < size; i += kWarp)
        putBack(head + i, toFloat(head[i]) * factor * weight[i]);
}

template <typename In>
__global__ void gateRowsKernel(Gate function, const In* gateUp, std::int64_t n, std::int64_t feedForward,
                               Rows out) {
    waitForPrevious();
    const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    const std::int64_t perRow = out.stride / 8;
    if (index >= n * perRow) return;
    const std::int64_t row = index / perRow, column = index % perRow * 8;
    float g[8] = {}, u[8] = {};
    if (column < feedForward) {
        loadEight(gateUp + row * 2 * feedForward, column, feedForward, g);
        loadEight(gateUp + row * 2 * feedForward + feedForward, column, feedForward, u);
    }
#pragma unroll
    for (int i = 0; i < 8; ++i)
        g[i] = (function == Gate::Gelu ? gelu(g[i]) : silu(g[i])) * u[i];
    storeEight(out, row, column, g);
}

__global__ void addKernel(float* x, const float* y, std::int64_t count) {
    waitForPrevious();
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i < count) x[i] += y[i];
}

__global__ void addBiasKernel(const float* bias, std::int64_t n, std::int64_t rows, std::int64_t yStride,
                              float* y) {
    waitForPrevious();
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i < n * rows) y[i / rows * yStride + i % rows] += bias[i % rows];
}

__global__ void toHalfKernel(const float* x, std::int64_t count, __half* out) {
    waitForPrevious();
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i < count) out[i] = __float2half_rn(x[i]);
}

__global__ void fillKernel(float* x, std::int64_t count, float value) {
    waitForPrevious();
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i < count) x[i] = value;
}

template <typename In>
void gateRowsOf(Context& context, Gate function, const In* gateUp, std::int64_t n, std::int64_t feedForward,
                const Rows& out) {
    launch(context, gateRowsKernel<In>, gridFor(n * out.stride / 8, kThreads), kThreads, 0, function, gateUp,
           n, feedForward, out);
}

template <typename X>
void normHeadsOf(Context& context, X* x, std::int64_t n, std::int32_t all, std::int32_t first,
                 std::int32_t count, std::int32_t headSize, const float* weight, float eps) {
    launch(context, normHeadsKernel<X>, gridFor(n * count * kWarp, kThreads), kThreads, 0, x, n, all, first,
           count, headSize, weight, eps);
}

}  // namespace

cudaError_t codeCapability(int& capability) {
    cudaFuncAttributes attributes{};
    const cudaError_t error = cudaFuncGetAttributes(&attributes, rmsNormKernel);
    if (error == cudaSuccess) capability = attributes.ptxVersion;
    return error;
}

Rows makeRows(Context& context, Slot slot, RowForm form, std::int64_t n, std::int64_t columns) {
    Rows rows;
    rows.form = form;
    rows.stride = roundUp(columns, 128);
    rows.tiles = ceilDivide(n, 8);
    const std::int64_t elements = (form == RowForm::Fragments ? rows.tiles * 8 : n) * rows.stride;
    if (form != RowForm::Bytes) {
        rows.data =
            context.workspace(slot, static_cast<std::size_t>(elements * (form == RowForm::Float ? 4 : 2)));
        return rows;
    }
    rows.data =
        context.workspace(slot, static_cast<std::size_t>(elements + elements / 32 * 16 + elements * 4));
    rows.floats = reinterpret_cast<float*>(rows.data);
    rows.units = reinterpret_cast<float4*>(rows.floats + elements);
    rows.codes = reinterpret_cast<std::int8_t*>(rows.units + elements / 32);
    return rows;
}

void clearPadding(Context& context, const Rows& rows, std::int64_t n, std::int64_t columns) {
    if (rows.data == nullptr || rows.stride == columns || rows.form == RowForm::Bytes) return;
    const std::int64_t elements = (rows.form == RowForm::Fragments ? rows.tiles * 8 : n) * rows.stride;
    const auto bytes = static_cast<std::size_t>(elements * (rows.form == RowForm::Float ? 4 : 2));
    context.check(cudaMemsetAsync(rows.data, 0, bytes, context.stream()));
}

void rmsNorm(Context& context, const float* x, std::int64_t n, std::int64_t width, const float* weight,
             float eps, float* out) {
    launch(context, rmsNormKernel, dim3(static_cast<unsigned>(n)), kNormThreads, 0, x, width, weight, eps,
           out);
}

void formRows(Context& context, const float* x, std::int64_t n, std::int64_t width, const float* weight,
              float eps, const Rows& out) {
    if (out.data == nullptr) return;
    const dim3 rows(static_cast<unsigned>(n));
    constexpr std::int64_t kChunk = std::int64_t{kNormThreads} * 8;
    if (weight != nullptr && out.stride <= kChunk) {
        launch(context, normRowsKernel<1>, rows, kNormThreads, 0, x, width, weight, eps, out);
    } else if (weight != nullptr && out.stride <= 2 * kChunk) {
        launch(context, normRowsKernel<2>, rows, kNormThreads, 0, x, width, weight, eps, out);
    } else if (weight != nullptr) {
        launch(context, normWideRowsKernel, rows, kNormThreads, 0, x, width, weight, eps, out);
    } else {
        launch(context, formRowsKernel, gridFor(n * out.stride / 8, kThreads), kThreads, 0, x, n, width, out);
    }
}

void gateMultiply(Context& context, Gate function, const float* gate, const float* up, std::int64_t count,
                  float* out) {
    launch(context, gateMultiplyKernel, gridFor(count, kThreads), kThreads, 0, function, gate, up, count,
           out);
}

void gateRows(Context& context, Gate function, const float* gateUp, std::int64_t n, std::int64_t feedForward,
              const Rows& out) {
    gateRowsOf(context, function, gateUp, n, feedForward, out);
}

void gateRows(Context& context, Gate function, const __nv_bfloat16* gateUp, std::int64_t n,
              std::int64_t feedForward, const Rows& out) {
    gateRowsOf(context, function, gateUp, n, feedForward, out);
}

void normHeads(Context& context, float* x, std::int64_t n, std::int32_t all, std::int32_t first,
               std::int32_t count, std::int32_t headSize, const float* weight, float eps) {
    normHeadsOf(context, x, n, all, first, count, headSize, weight, eps);
}

void normHeads(Context& context, __nv_bfloat16* x, std::int64_t n, std::int32_t all, std::int32_t first,
               std::int32_t count, std::int32_t headSize, const float* weight, float eps) {
    normHeadsOf(context, x, n, all, first, count, headSize, weight, eps);
}

void addBias(Context& context, const float* bias, std::int64_t n, std::int64_t rows, std::int64_t yStride,
             float* y) {
    launch(context, addBiasKernel, gridFor(n * rows, kThreads), kThreads, 0, bias, n, rows, yStride, y);
}

void toHalf(Context& context, const float* x, std::int64_t count, __half* out) {
    launch(context, toHalfKernel, gridFor(count, kThreads), kThreads, 0, x, count, out);
}

void copyFloats(Context& context, const float* from, std::int64_t count, float* to) {
    if (!context.ok() || count == 0) return;
    context.check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(count) * sizeof(float),
                                  cudaMemcpyDeviceToDevice, context.stream()));
}

void fill(Context& context, float* x, std::int64_t count, float value) {
    launch(context, fillKernel, gridFor(count, kThreads), kThreads, 0, x, count, value);
}

void add(Context& context, float* x, const float* y, std::int64_t count) {
    launch(context, addKernel, gridFor(count, kThreads), kThreads, 0, x, y, count);
}

}  // namespace kvasir::kernels::cuda
