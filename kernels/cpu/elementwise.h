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

/// out = function(gate, up), 16 elements at a time.
template <typename S, typename Function>
inline void gatedWith(const float* gate, const float* up, std::int64_t count, float* out,
                      const Function& function) {
    const auto whole = [&](std::int64_t i) {
        S::store(out + i, function(S::load(gate + i), S::load(up + i)));
    };
    const auto tail = [&](std::int64_t i, std::size_t left) {
        float g[kGroup] = {};
        float u[kGroup] = {};
        __builtin_memcpy(g, gate + i, left * sizeof(float));
        __builtin_memcpy(u, up + i, left * sizeof(float));
        S::store(g, function(S::load(g), S::load(u)));
        __builtin_memcpy(out + i, g, left * sizeof(float));
    };
    inSixteens(count, whole, tail);
}

template <typename S>
inline void siluMultiplyWith(const float* gate, const float* up, std::int64_t count, float* out) {
    gatedWith<S>(gate, up, count, out, siluTimes<S>);
}

/// 1/2 (1 + tanh z) = 1 / (1 + e^-2z): GELU's tanh form is x / (1 + e^-2z) * u with z = sqrt(2/pi) (x +
/// 0.044715 x^3).
template <typename S>
inline typename S::Floats geluTimes(typename S::Floats x, typename S::Floats u) {
    using F = typename S::Floats;
    const F square = S::mul(x, x);
    const F inner = S::fused(square, S::broadcast(0.044715F), S::broadcast(1.0F));
    const F minusTwiceZ = S::mul(S::mul(x, S::broadcast(-1.5957691216F)), inner);
    return S::mul(S::div(x, S::add(S::broadcast(1.0F), exponential<S>(minusTwiceZ))), u);
}

template <typename S>
inline void geluMultiplyWith(const float* gate, const float* up, std::int64_t count, float* out) {
    gatedWith<S>(gate, up, count, out, geluTimes<S>);
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

/// Calls function(the vector, its first element, how many of its lanes count); lanes beyond the end are 0.
template <typename S, typename Function>
inline void forSixteens(const float* x, std::int64_t count, const Function& function) {
    inSixteens(
        count, [&](std::int64_t i) { function(S::load(x + i), i, static_cast<std::size_t>(kGroup)); },
        [&](std::int64_t i, std::size_t left) {
            float lanes[kGroup] = {};
            __builtin_memcpy(lanes, x + i, left * sizeof(float));
            function(S::load(lanes), i, left);
        });
}

/// Rounded to nearest, ties to even. A row whose largest magnitude is so small that its inverse is no
/// float32, or is no number, becomes zeros: nothing that attention could tell apart is lost.
template <typename S>
inline float toCodesWith(const float* x, std::int64_t count, std::byte* codes) {
    typename S::Floats largest = S::zero();
    forSixteens<S>(x, count, [&](typename S::Floats v, std::int64_t, std::size_t) {
        largest = S::max(largest, S::abs(v));
    });
    const float most = S::reduceMax(largest);
    if (!(most >= 1e-35F && most <= 3e38F)) {
        __builtin_memset(codes, 0, static_cast<std::size_t>(count));
        return 0;
    }
    const typename S::Floats inverse = S::broadcast(127.0F / most);
    forSixteens<S>(x, count, [&](typename S::Floats v, std::int64_t i, std::size_t valid) {
        std::int8_t bytes[kGroup];
        S::storeInt8(bytes, S::roundToInts(S::mul(v, inverse)));
        __builtin_memcpy(codes + i, bytes, valid);
    });
    return most / 127.0F;
}

}  // namespace kvasir::kernels
