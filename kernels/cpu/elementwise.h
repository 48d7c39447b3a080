// Norms, activations and conversions of rows.
#pragma once

#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/simd_math.h"

namespace kvasir::kernels {

/// The sum of squares is taken in double, 16 partial sums that are added in order.
template <typename S>
inline void rmsNormRowWith(const float* x, std::int64_t width, const float* weight, float eps, float* out) {
    double partial[kGroup] = {};
    const std::int64_t whole = width / kGroup * kGroup;
    for (std::int64_t i = 0; i < whole; i += kGroup) {
        for (int lane = 0; lane < kGroup; ++lane) {
            const double value = x[i + lane];
            partial[lane] += value * value;
        }
    }
    for (std::int64_t i = whole; i < width; ++i) {
        const double value = x[i];
        partial[i - whole] += value * value;
    }
    double sum = 0;
    for (const double p : partial)
        sum += p;
    const double mean = sum / static_cast<double>(width);
    const auto factor = static_cast<float>(1.0 / __builtin_sqrt(mean + static_cast<double>(eps)));
    for (std::int64_t i = 0; i < width; ++i) {
        out[i] = x[i] * factor * weight[i];
    }
}

/// x / (1 + e^-x) * u
template <typename S>
inline typename S::Floats siluTimes(typename S::Floats x, typename S::Floats u) {
    const typename S::Floats power = exponential<S>(S::sub(S::zero(), x));
    return S::mul(S::div(x, S::add(S::broadcast(1.0F), power)), u);
}

/// Calls whole(i) for every 16 elements and tail(i, count) for what is left.
template <typename Whole, typename Tail>
inline void inSixteens(std::int64_t count, const Whole& whole, const Tail& tail) {
    std::int64_t i = 0;
    for (; i + kGroup <= count; i += kGroup)
        whole(i);
    if (i < count) tail(i, static_cast<std::size_t>(count - i));
}

template <typename S>
inline void siluMultiplyWith(const float* gate, const float* up, std::int64_t count, float* out) {
    const auto whole = [&](std::int64_t i) {
        S::store(out + i, siluTimes<S>(S::load(gate + i), S::load(up + i)));
    };
    const auto tail = [&](std::int64_t i, std::size_t left) {
        float g[kGroup] = {};
        float u[kGroup] = {};
        __builtin_memcpy(g, gate + i, left * sizeof(float));
        __builtin_memcpy(u, up + i, left * sizeof(float));
        S::store(g, siluTimes<S>(S::load(g), S::load(u)));
        __builtin_memcpy(out + i, g, left * sizeof(float));
    };
    inSixteens(count, whole, tail);
}

template <typename S>
inline void addWith(float* x, const float* y, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
        x[i] += y[i];
    }
}

template <typename S>
inline void toHalfWith(const float* x, std::int64_t count, std::byte* out) {
    const auto whole = [&](std::int64_t i) { S::storeHalf(out + 2 * i, S::load(x + i)); };
    const auto tail = [&](std::int64_t i, std::size_t left) {
        float lanes[kGroup] = {};
        std::byte halves[2 * kGroup];
        __builtin_memcpy(lanes, x + i, left * sizeof(float));
        S::storeHalf(halves, S::load(lanes));
        __builtin_memcpy(out + 2 * i, halves, 2 * left);
    };
    inSixteens(count, whole, tail);
}

}  // namespace kvasir::kernels
