// Vectors of 16 lanes in plain C++, for processors without AVX2 and to check the others against.
// What each function does is said in simd_avx512.h.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/cpu/half.h"

namespace kvasir::kernels {

struct Portable {
    static constexpr const char* kName = "portable";
    static constexpr int kByteRows = 2;
    static constexpr int kByteRowsSub16 = 2;
    static constexpr int kByteGroups = 1;
    static constexpr int kFloatRows = 2;
    static constexpr int kFloatVectors = 1;
    static constexpr int kLanes = 16;

    struct Floats {
        float lane[kLanes];
    };
    struct Ints {
        std::int32_t lane[kLanes];
    };
    struct Bytes {
        std::uint8_t byte[4 * kLanes];
    };

    static Floats zero() { return broadcast(0); }
    static Floats broadcast(float x) {
        return fill([x](int) { return x; });
    }
    static Floats load(const float* p) {
        Floats a;
        std::memcpy(a.lane, p, sizeof(a.lane));
        return a;
    }
    static void store(float* p, const Floats& a) { std::memcpy(p, a.lane, sizeof(a.lane)); }
    static Floats add(const Floats& a, const Floats& b) {
        return fill([&](int i) { return a.lane[i] + b.lane[i]; });
    }
    static Floats sub(const Floats& a, const Floats& b) {
        return fill([&](int i) { return a.lane[i] - b.lane[i]; });
    }
    static Floats mul(const Floats& a, const Floats& b) {
        return fill([&](int i) { return a.lane[i] * b.lane[i]; });
    }
    static Floats div(const Floats& a, const Floats& b) {
        return fill([&](int i) { return a.lane[i] / b.lane[i]; });
    }
    static Floats min(const Floats& a, const Floats& b) {
        return fill([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
    }
    static Floats max(const Floats& a, const Floats& b) {
        return fill([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
    }
    static Floats abs(const Floats& a) {
        return fill([&](int i) { return std::fabs(a.lane[i]); });
    }
    /// Not fused here: without the instruction it would be a slow call.
    static Floats fused(const Floats& a, const Floats& b, const Floats& c) { return add(mul(a, b), c); }
    static Floats fusedSubtract(const Floats& a, const Floats& b, const Floats& c) {
        return sub(c, mul(a, b));
    }
    static Floats round(const Floats& a) {
        return fill([&](int i) { return std::nearbyint(a.lane[i]); });
    }
    static Floats scaleByPower(const Floats& y, const Floats& n) {
        return fill([&](int i) {
            const int power = toInt(n.lane[i]);
            const int half = power >> 1;
            return y.lane[i] * powerOfTwo(half) * powerOfTwo(power - half);
        });
    }
    static float reduceAdd(const Floats& a) {
        float sum = 0;
        for (const float x : a.lane)
            sum += x;
        return sum;
    }
    static float reduceMax(const Floats& a) {
        float largest = a.lane[0];
        for (const float x : a.lane)
            largest = largest > x ? largest : x;
        return largest;
    }
    static Floats keepLanes(const Floats& a, int low, int high, const Floats& other) {
        return fill([&](int i) { return i >= low && i < high ? a.lane[i] : other.lane[i]; });
    }

    static Floats loadHalf(const void* p) {
        return fill([p](int i) { return halfToFloat(load16(p, i)); });
    }
    static void storeHalf(void* p, const Floats& a) {
        for (int i = 0; i < kLanes; ++i) {
            const std::uint16_t half = floatToHalf(a.lane[i]);
            std::memcpy(static_cast<std::byte*>(p) + 2 * i, &half, sizeof(half));
        }
    }
    static Floats loadBfloat(const void* p) {
        return fill([p](int i) { return bfloatToFloat(load16(p, i)); });
    }
    static Floats loadInt8(const void* p) {
        const auto* bytes = static_cast<const std::int8_t*>(p);
        return fill([bytes](int i) { return static_cast<float>(bytes[i]); });
    }

    static Ints zeroInts() { return Ints{}; }
    static Ints broadcastShifted(std::int32_t x, int shift) {
        Ints a;
        for (std::int32_t& lane : a.lane)
            lane = x * (1 << shift);
        return a;
    }
    static Floats toFloats(const Ints& a) {
        return fill([&](int i) { return static_cast<float>(a.lane[i]); });
    }
    static Ints roundToInts(const Floats& a) {
        Ints b;
        for (int i = 0; i < kLanes; ++i)
            b.lane[i] = toInt(std::nearbyint(a.lane[i]));
        return b;
    }
    static std::int32_t reduceAdd(const Ints& a) {
        std::int32_t sum = 0;
        for (const std::int32_t x : a.lane)
            sum += x;
        return sum;
    }
    static void storeInt8(std::int8_t* p, const Ints& a) {
        for (int i = 0; i < kLanes; ++i) {
            const std::int32_t x = a.lane[i];
            p[i] = static_cast<std::int8_t>(x < -128 ? -128 : (x > 127 ? 127 : x));
        }
    }

    static Bytes loadBytes(const void* p) {
        Bytes a;
        std::memcpy(a.byte, p, sizeof(a.byte));
        return a;
    }
    static void storeBytes(void* p, const Bytes& a) { std::memcpy(p, a.byte, sizeof(a.byte)); }
    static Bytes broadcastInputs(const std::int8_t* p) {
        Bytes a;
        for (int i = 0; i < kLanes; ++i)
            std::memcpy(a.byte + 4 * i, p, 4);
        return a;
    }
    static Bytes both(Bytes a, std::uint8_t mask) {
        for (std::uint8_t& x : a.byte)
            x = x & mask;
        return a;
    }
    static Bytes either(Bytes a, const Bytes& b) {
        for (int i = 0; i < 4 * kLanes; ++i)
            a.byte[i] = a.byte[i] | b.byte[i];
        return a;
    }
    /// Bytes instead of 16-bit lanes: the caller masks the difference away.
    template <int by>
    static Bytes shift(Bytes a) {
        for (std::uint8_t& x : a.byte) {
            x = static_cast<std::uint8_t>(by >= 0 ? x << (by >= 0 ? by : 0) : x >> (by < 0 ? -by : 0));
        }
        return a;
    }
    template <int index>
    static Ints extract(const Bytes& a) {
        Ints b;
        for (int i = 0; i < kLanes; ++i)
            b.lane[i] = a.byte[4 * i + index];
        return b;
    }
    template <bool wide>
    static void dot(Ints& sum, const Bytes& codes, const Bytes& inputs) {
        for (int i = 0; i < kLanes; ++i) {
            for (int k = 0; k < 4; ++k) {
                sum.lane[i] += codes.byte[4 * i + k] * static_cast<std::int8_t>(inputs.byte[k]);
            }
        }
    }

    static void transpose16(const float* from, std::ptrdiff_t fromStride, float* to,
                            std::ptrdiff_t toStride) {
        for (int row = 0; row < kLanes; ++row) {
            for (int column = 0; column < kLanes; ++column) {
                to[column * toStride + row] = from[row * fromStride + column];
            }
        }
    }

private:
    template <typename Function>
    static Floats fill(const Function& function) {
        Floats a;
        for (int i = 0; i < kLanes; ++i)
            a.lane[i] = function(i);
        return a;
    }
    static std::uint16_t load16(const void* p, int index) {
        std::uint16_t bits = 0;
        std::memcpy(&bits, static_cast<const std::byte*>(p) + 2 * index, sizeof(bits));
        return bits;
    }
    /// What lies outside the range (and NaN) has no conversion in C++; it becomes 0.
    static std::int32_t toInt(float x) { return x > -1e9F && x < 1e9F ? static_cast<std::int32_t>(x) : 0; }
    static float powerOfTwo(int n) { return std::bit_cast<float>((n + 127) << 23); }
};

}  // namespace kvasir::kernels
