// Small float32 products in register tiles: the heart of attention and of products with float activations.
#pragma once

#include <cstdint>

namespace kvasir::kernels {

/// c (m, 16 n) = [c +] a (m, k) times b (k, 16 n); every element is one chain of fused products in the order
/// of k, whatever m is.
struct GemmShape {
    std::int64_t m = 0;
    std::int64_t n = 0;  ///< in vectors of 16
    std::int64_t k = 0;
    std::int64_t strideA = 0;
    std::int64_t strideB = 0;
    std::int64_t strideC = 0;
    bool accumulate = false;
};

template <typename S, int R, int C>
inline void gemmTile(const GemmShape& shape, const float* a, const float* b, float* c) {
    using F = typename S::Floats;
    F sum[R][C];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
        for (int j = 0; j < C; ++j) {
            sum[r][j] = shape.accumulate ? S::load(c + r * shape.strideC + 16 * j) : S::zero();
        }
    }
    for (std::int64_t k = 0; k < shape.k; ++k) {
        F right[C];
#pragma GCC unroll 4
        for (int j = 0; j < C; ++j)
            right[j] = S::load(b + k * shape.strideB + 16 * j);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const F left = S::broadcast(a[r * shape.strideA + k]);
#pragma GCC unroll 4
            for (int j = 0; j < C; ++j)
                sum[r][j] = S::fused(left, right[j], sum[r][j]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
        for (int j = 0; j < C; ++j)
            S::store(c + r * shape.strideC + 16 * j, sum[r][j]);
    }
}

/// `rows` <= R rows.
template <typename S, int R>
inline void gemmRows(const GemmShape& shape, std::int64_t rows, const float* a, const float* b, float* c) {
    if (rows < R) {
        if constexpr (R > 1) gemmRows<S, R - 1>(shape, rows, a, b, c);
        return;
    }
    std::int64_t j = 0;
    for (; j + S::kFloatVectors <= shape.n; j += S::kFloatVectors) {
        gemmTile<S, R, S::kFloatVectors>(shape, a, b + 16 * j, c + 16 * j);
    }
    for (; j < shape.n; ++j)
        gemmTile<S, R, 1>(shape, a, b + 16 * j, c + 16 * j);
}

template <typename S>
inline void gemm(const GemmShape& shape, const float* a, const float* b, float* c) {
    // Tiles of even height: 7 rows go as 4 + 3, not as 6 + 1.
    const std::int64_t tiles = (shape.m + S::kFloatRows - 1) / S::kFloatRows;
    std::int64_t row = 0;
    for (std::int64_t t = 0; t < tiles; ++t) {
        const std::int64_t rows = (shape.m - row + tiles - t - 1) / (tiles - t);
        gemmRows<S, S::kFloatRows>(shape, rows, a + row * shape.strideA, b, c + row * shape.strideC);
        row += rows;
    }
}

}  // namespace kvasir::kernels
