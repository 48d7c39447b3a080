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

__device__ __forceinline__ void loadEight(const float* row, std::int64_t column, std::int64_t width,
                                          float (&v)[8]) {
    const float* at = row + column;
    if (column + 8 <= width && reinterpret_cast<std::uintptr_t>(at) % 16 == 0) {
        const float4 a = reinterpret_cast<const float4*>(at)[0], b = reinterpret_cast<const float4*>(at)[1];
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
        return;
    }
#pragma unroll
    for (int i = 0; i < 8; ++i)
        v[i] = column + i < width ? at[i] : 0.0F;
}

__device__ __forceinline__ void loadEight(const __nv_bfloat16* row, std::int64_t column, std::int64_t,
                                          float (&v)[8]) {
    const uint4 packed = *reinterpret_cast<const uint4*>(row + column);
    const std::uint32_t words[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        v[2 * i] = __uint_as_float(words[i] << 16);
        v[2 * i + 1] = __uint_as_float(words[i] & 0xFFFF0000U);
    }
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

__global__ void ropeTableKernel(std::int64_t count, std::int64_t pairs, const double* inverseFrequency,
                                const std::int32_t* positions, float2* table) {
    waitForPrevious();
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i >= count) return;
    double sine, cosine;
    sincos(static_cast<double>(positions[i / pairs]) * inverseFrequency[i % pairs], &sine, &cosine);
    table[i] = {static_cast<float>(cosine), static_cast<float>(sine)};
}

/// Components of a head that pair number `pair` rotates, or carries over when it lies behind the rotated
/// ones.
struct PairPlaces {
    int first, second;
};
__device__ __forceinline__ PairPlaces pairPlaces(int pair, int size, RopeStyle style) {
    if (pair >= size / 2) return {size + 2 * (pair - size / 2), size + 2 * (pair - size / 2) + 1};
    if (style == RopeStyle::Interleaved) return {2 * pair, 2 * pair + 1};
    return {pair, pair + size / 2};
}

__global__ void ropeKernel(float* x, std::int64_t count, int heads, int headSize, int size, RopeStyle style,
                           const float2* table) {
    waitForPrevious();
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i >= count) return;
    const int pair = static_cast<int>(i % (size / 2));
    const std::int64_t head = i / (size / 2);
    const PairPlaces at = pairPlaces(pair, size, style);
    const float2 turn = table[head / heads * (size / 2) + pair];
    float* values = x + head * headSize;
    const float a = values[at.first], b = values[at.second];
    values[at.first] = a * turn.x - b * turn.y;
    values[at.second] = a * turn.y + b * turn.x;
}

__device__ __forceinline__ void put(std::byte* to, KvType type, std::int64_t index, float value) {
    if (type == KvType::F16) {
        reinterpret_cast<__half*>(to)[index] = __float2half_rn(value);
    } else {
        reinterpret_cast<float*>(to)[index] = value;
    }
}

/// One thread a pair of components of one head of one row.
template <typename In>
__global__ void rotateAndStoreKernel(AttentionShape shape, QkvRows rows, const In* from, __half* half,
                                     float* floats, KvRows store, std::int64_t storeRow) {
    letNextStart();
    waitForPrevious();
    const int pairs = shape.headSize / 2, all = shape.heads + 2 * shape.kvHeads;
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i >= rows.n * all * pairs) return;
    const int pair = static_cast<int>(i % pairs);
    const int head = static_cast<int>(i / pairs % all);
    const std::int64_t row = i / pairs / all;
    const bool query = head < shape.heads, value = head >= shape.heads + shape.kvHeads;
    const int inKind = query ? head : value ? head - shape.heads - shape.kvHeads : head - shape.heads;
    const float* bias = query ? rows.queryBias : value ? rows.valueBias : rows.keyBias;
    const PairPlaces at = pairPlaces(pair, rows.ropeSize, rows.style);
    const In* source = from + (row * all + head) * shape.headSize;
    float a = toFloat(source[at.first]), b = toFloat(source[at.second]);
    if (bias != nullptr) {
        a += bias[inKind * shape.headSize + at.first];
        b += bias[inKind * shape.headSize + at.second];
    }
    if (!value && pair < rows.ropeSize / 2) {
        const float2 turn = rows.table[row * (rows.ropeSize / 2) + pair];
        const float rotated = a * turn.x - b * turn.y;
        b = a * turn.y + b * turn.x;
        a = rotated;
    }
    if (query) {
        const std::int64_t to = (row * shape.heads + inKind) * shape.headSize;
        half[to + at.first] = __float2half_rn(a);
        half[to + at.second] = __float2half_rn(b);
        const std::int64_t kept = row - (rows.n - rows.wanted);
        if (kept >= 0) {
            floats[(kept * shape.heads + inKind) * shape.headSize + at.first] = a;
            floats[(kept * shape.heads + inKind) * shape.headSize + at.second] = b;
        }
        return;
    }
    const std::int64_t to = (inKind * store.stride + storeRow + row) * shape.headSize;
    std::byte* cache = value ? store.values : store.keys;
    put(cache, store.type, to + at.first, a);
    put(cache, store.type, to + at.second, b);
}

__device__ __forceinline__ void turn(float& a, float& b, float cosine, float sine) {
    const float rotated = a * cosine - b * sine;
    b = a * sine + b * cosine;
    a = rotated;
}

/// The same for eight neighbouring pairs: whole 16-byte words of everything. Head and rotated size multiples
/// of 16.
template <typename In>
__global__ void rotateEightKernel(AttentionShape shape, QkvRows rows, const In* from, __half* half,
                                  float* floats, KvRows store, std::int64_t storeRow) {
    letNextStart();
    waitForPrevious();
    // In 32 bits, which a chunk's rows never leave: divisions of 64 bits cost more than all the rest.
    const unsigned eights = static_cast<unsigned>(shape.headSize) / 16;
    const unsigned all = static_cast<unsigned>(shape.heads + 2 * shape.kvHeads);
    const unsigned i = blockIdx.x * kThreads + threadIdx.x;
    if (i >= static_cast<unsigned>(rows.n) * all * eights) return;
    const int pair = static_cast<int>(i % eights) * 8, head = static_cast<int>(i / eights % all);
    const std::int64_t row = i / eights / all;
    const bool query = head < shape.heads, value = head >= shape.heads + shape.kvHeads;
    const int inKind = query ? head : value ? head - shape.heads - shape.kvHeads : head - shape.heads;
    const float* bias = query ? rows.queryBias : value ? rows.valueBias : rows.keyBias;
    // Where the pairs' components lie: apart by half the rotated size, or side by side.
    const bool apart = rows.style == RopeStyle::Half && pair < rows.ropeSize / 2;
    const int first = pair >= rows.ropeSize / 2 ? rows.ropeSize + 2 * (pair - rows.ropeSize / 2)
                      : apart                   ? pair
                                                : 2 * pair;
    const int second = apart ? pair + rows.ropeSize / 2 : first + 8;
    float u[8], v[8];
    const In* source = from + (row * all + head) * shape.headSize;
    loadEight(source, first, shape.headSize, u);
    loadEight(source, second, shape.headSize, v);
    if (bias != nullptr) {
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            u[k] += bias[inKind * shape.headSize + first + k];
            v[k] += bias[inKind * shape.headSize + second + k];
        }
    }
    if (!value && pair < rows.ropeSize / 2) {
        const auto* table =
            reinterpret_cast<const float4*>(rows.table + row * (rows.ropeSize / 2) + pair);  // two turns each
#pragma unroll
        for (int k = 0; k < 4; ++k) {
            const float4 two = table[k];
            if (apart) {
                turn(u[2 * k], v[2 * k], two.x, two.y);
                turn(u[2 * k + 1], v[2 * k + 1], two.z, two.w);
            } else if (k < 2) {
                turn(u[4 * k], u[4 * k + 1], two.x, two.y);
                turn(u[4 * k + 2], u[4 * k + 3], two.z, two.w);
            } else {
                turn(v[4 * k - 8], v[4 * k - 7], two.x, two.y);
                turn(v[4 * k - 6], v[4 * k - 5], two.z, two.w);
            }
        }
    }
    const auto halves = [](const float(&x)[8]) {
        return uint4{packHalf(x[0], x[1]), packHalf(x[2], x[3]), packHalf(x[4], x[5]), packHalf(x[6], x[7])};
    };
    if (query) {
        __half* to = half + (row * shape.heads + inKind) * shape.headSize;
        *reinterpret_cast<uint4*>(to + first) = halves(u);
        *reinterpret_cast<uint4*>(to + second) = halves(v);
        const std::int64_t kept = row - (rows.n - rows.wanted);
        if (kept < 0) return;
        float* wide = floats + (kept * shape.heads + inKind) * shape.headSize;
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            wide[first + k] = u[k];
            wide[second + k] = v[k];
        }
        return;
    }
    const std::int64_t to = (inKind * store.stride + storeRow + row) * shape.headSize;
    auto* cache = reinterpret_cast<__half*>(value ? store.values : store.keys) + to;
    *reinterpret_cast<uint4*>(cache + first) = halves(u);
    *reinterpret_cast<uint4*>(cache + second) = halves(v);
}

__global__ void storeKvKernel(AttentionShape shape, const float* keys, const float* values,
                              const float* keyOffset, std::int64_t count, KvRows rows, std::int64_t row) {
    waitForPrevious();
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i >= count) return;
    const int size = shape.headSize;
    const std::int64_t g = i / size % shape.kvHeads, r = i / size / shape.kvHeads;
    const std::int64_t to = (g * rows.stride + row + r) * size + i % size;
    const float offset = keyOffset != nullptr ? keyOffset[g * size + i % size] : 0.0F;
    put(rows.keys, rows.type, to, keys[i] - offset);
    put(rows.values, rows.type, to, values[i]);
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

void ropeTable(Context& context, std::int64_t n, std::int64_t pairs, const double* inverseFrequency,
               const std::int32_t* positions, float2* table) {
    launch(context, ropeTableKernel, gridFor(n * pairs, kThreads), kThreads, 0, n * pairs, pairs,
           inverseFrequency, positions, table);
}

void rope(Context& context, float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize,
          std::int32_t size, RopeStyle style, const float2* table) {
    const std::int64_t count = n * heads * (size / 2);
    launch(context, ropeKernel, gridFor(count, kThreads), kThreads, 0, x, count, heads, headSize, size, style,
           table);
}

template <typename In>
void rotateFrom(Context& context, const AttentionShape& shape, const QkvRows& rows, const In* from,
                __half* half, float* floats, const KvRows& store, std::int64_t row) {
    const std::int64_t pairs = rows.n * (shape.heads + 2 * shape.kvHeads) * (shape.headSize / 2);
    constexpr std::int64_t kMostPairs = std::int64_t{1} << 31;
    if (shape.headSize % 16 == 0 && rows.ropeSize % 16 == 0 && store.type == KvType::F16 &&
        pairs < kMostPairs) {
        launch(context, rotateEightKernel<In>, gridFor(pairs / 8, kThreads), kThreads, 0, shape, rows, from,
               half, floats, store, row);
    } else {
        launch(context, rotateAndStoreKernel<In>, gridFor(pairs, kThreads), kThreads, 0, shape, rows, from,
               half, floats, store, row);
    }
}

void rotateAndStore(Context& context, const AttentionShape& shape, const QkvRows& rows, __half* half,
                    float* floats, const KvRows& store, std::int64_t row) {
    if (rows.bfloats != nullptr) {
        rotateFrom(context, shape, rows, rows.bfloats, half, floats, store, row);
    } else {
        rotateFrom(context, shape, rows, rows.floats, half, floats, store, row);
    }
}

void storeKv(Context& context, const AttentionShape& shape, const float* keys, const float* values,
             const float* keyOffset, std::int64_t n, const KvRows& rows, std::int64_t row) {
    const std::int64_t count = n * shape.kvHeads * shape.headSize;
    launch(context, storeKvKernel, gridFor(count, kThreads), kThreads, 0, shape, keys, values, keyOffset,
           count, rows, row);
}

}  // namespace kvasir::kernels::cuda
