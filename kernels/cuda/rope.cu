// Rotation, and storing keys and values where they belong.
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/rows.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kThreads = 256;

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

/// One thread a pair of components of one row of one head.
template <typename Stored>
__global__ void rerotateKernel(Stored* keys, std::int64_t count, std::int64_t rows, std::int64_t stride,
                               int headSize, int size, RopeStyle style, const float2* table) {
    waitForPrevious();
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i >= count) return;
    const int pair = static_cast<int>(i % (size / 2));
    const std::int64_t row = i / (size / 2) % rows, head = i / (size / 2) / rows;
    const PairPlaces at = pairPlaces(pair, size, style);
    const float2 turn = table[row * (size / 2) + pair];
    Stored* values = keys + (head * stride + row) * headSize;
    const float a = toFloat(values[at.first]), b = toFloat(values[at.second]);
    const float first = a * turn.x - b * turn.y, second = a * turn.y + b * turn.x;
    if constexpr (sizeof(Stored) == sizeof(float)) {
        values[at.first] = first;
        values[at.second] = second;
    } else {
        values[at.first] = __float2half_rn(first);
        values[at.second] = __float2half_rn(second);
    }
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

}  // namespace

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

void rerotate(Context& context, const AttentionShape& shape, const KvRows& rows, std::int64_t count,
              std::int32_t size, RopeStyle style, const float2* table) {
    const std::int64_t pairs = shape.kvHeads * count * (size / 2);
    if (rows.type == KvType::F16) {
        launch(context, rerotateKernel<__half>, gridFor(pairs, kThreads), kThreads, 0,
               reinterpret_cast<__half*>(rows.keys), pairs, count, rows.stride, shape.headSize, size, style,
               table);
    } else {
        launch(context, rerotateKernel<float>, gridFor(pairs, kThreads), kThreads, 0,
               reinterpret_cast<float*>(rows.keys), pairs, count, rows.stride, shape.headSize, size, style,
               table);
    }
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
