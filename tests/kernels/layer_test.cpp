#include <bit>

#include "kernels/cpu/half.h"
#include "tests/kernels/support.h"

namespace kvasir::kernels::test {
namespace {

class Layer : public OnEveryBackend {};

ON_EVERY_BACKEND(Layer);

TEST_P(Layer, nameSaysTheInstructions) {
    EXPECT_THAT(std::string(m_backend->name()),
                testing::StartsWith(onGpu() ? "cuda (" : std::string("cpu (") + GetParam()));
}

TEST_P(Layer, rmsNorm) {
    for (const std::int64_t width : {1, 15, 16, 17, 100, 896}) {
        const std::vector<float> x = randomFloats(static_cast<std::size_t>(3 * width), 1, 30);
        const std::vector<float> weight = randomFloats(static_cast<std::size_t>(width), 2);
        std::vector<float> out(x.size());
        m_backend->rmsNorm(x.data(), 3, width, weight.data(), 1e-6F, out.data());
        for (std::int64_t r = 0; r < 3; ++r) {
            double squares = 0;
            for (std::int64_t i = 0; i < width; ++i)
                squares += double{x[r * width + i]} * double{x[r * width + i]};
            const double factor = 1 / std::sqrt(squares / static_cast<double>(width) + 1e-6);
            for (std::int64_t i = 0; i < width; ++i) {
                const double expected = double{x[r * width + i]} * factor * double{weight[i]};
                ASSERT_NEAR(out[r * width + i], expected, 4e-7 * std::fabs(expected)) << width;
            }
        }
        std::vector<float> inPlace = x;
        m_backend->rmsNorm(inPlace.data(), 3, width, weight.data(), 1e-6F, inPlace.data());
        EXPECT_TRUE(sameBits(inPlace, out));
    }
}

TEST_P(Layer, rmsNormOfZerosAndHugeValues) {
    const std::vector<float> weight(20, 1);
    std::vector<float> x(20, 0);
    m_backend->rmsNorm(x.data(), 1, 20, weight.data(), 1e-6F, x.data());
    EXPECT_THAT(x, testing::Each(0.0F));
    x.assign(20, 1e30F);  // its square is no float32
    m_backend->rmsNorm(x.data(), 1, 20, weight.data(), 1e-6F, x.data());
    EXPECT_THAT(x, testing::Each(1.0F));
}

TEST_P(Layer, ropeOfBothStyles) {
    constexpr std::int32_t kHeads = 3;
    constexpr std::int32_t kHeadSize = 20;
    constexpr std::int32_t kSize = 16;
    const std::vector<std::int32_t> positions{0, 7, 131071};
    std::vector<double> frequencies(kSize / 2);
    for (int i = 0; i < kSize / 2; ++i)
        frequencies[i] = std::pow(10000.0, -2.0 * i / kSize);
    for (const RopeStyle style : {RopeStyle::Half, RopeStyle::Interleaved}) {
        const std::vector<float> x = randomFloats(std::size_t{3} * kHeads * kHeadSize, 1);
        std::vector<float> y = x;
        m_backend->rope(y.data(), 3, kHeads, kHeadSize, kSize, style, frequencies.data(), positions.data());
        for (std::size_t head = 0; head < 3 * kHeads; ++head) {
            const std::size_t start = head * kHeadSize;
            for (int i = 0; i < kSize / 2; ++i) {
                const std::size_t a = start + (style == RopeStyle::Half ? i : 2 * i);
                const std::size_t b = style == RopeStyle::Half ? a + kSize / 2 : a + 1;
                const double angle = positions[head / kHeads] * frequencies[i];
                EXPECT_NEAR(y[a], x[a] * std::cos(angle) - x[b] * std::sin(angle), 1e-6);
                EXPECT_NEAR(y[b], x[a] * std::sin(angle) + x[b] * std::cos(angle), 1e-6);
            }
            EXPECT_TRUE(sameBits(&y[start + kSize], &x[start + kSize], kHeadSize - kSize));
        }
    }
}

TEST_P(Layer, ropeFollowsPositionsAndFrequencies) {
    // The table of one call must not serve another with different arguments.
    const double slow[] = {1.0, 0.1};
    const double fast[] = {1.0, 0.2};
    const auto rotate = [&](const double* frequencies, std::int32_t position) {
        std::vector<float> x{1, 1, 0, 0};
        m_backend->rope(x.data(), 1, 1, 4, 4, RopeStyle::Half, frequencies, &position);
        return x;
    };
    EXPECT_NEAR(rotate(slow, 5)[1], std::cos(0.5), 1e-6);
    EXPECT_NEAR(rotate(fast, 5)[1], std::cos(1.0), 1e-6);
    EXPECT_NEAR(rotate(fast, 6)[1], std::cos(1.2), 1e-6);
    std::vector<float> half{1, 0};
    const std::int32_t six = 6;
    m_backend->rope(half.data(), 1, 1, 2, 2, RopeStyle::Half, fast, &six);
    EXPECT_NEAR(half[0], std::cos(6.0), 1e-6);
}

TEST_P(Layer, siluMultiply) {
    std::vector<float> gate;
    for (float x = -110; x <= 110; x += 0.37F)
        gate.push_back(x);
    gate.insert(gate.end(), {0.0F, -0.0F, 1e-30F, -1e-30F, 1e30F, -1e30F});
    const std::vector<float> up(gate.size(), 1.5F);
    std::vector<float> out = gate;
    m_backend->siluMultiply(gate.data(), up.data(), static_cast<std::int64_t>(gate.size()), out.data());
    for (std::size_t i = 0; i < gate.size(); ++i) {
        const double expected = gate[i] / (1 + std::exp(-double{gate[i]})) * 1.5;
        ASSERT_NEAR(out[i], expected, 5e-7 * std::fabs(expected) + 1e-34) << gate[i];
    }
    float nan = std::nanf("");
    m_backend->siluMultiply(&nan, up.data(), 1, &nan);
    EXPECT_TRUE(std::isnan(nan));
}

TEST_P(Layer, everyLengthAndOffset) {
    for (std::int64_t count = 0; count < 70; ++count) {
        const std::vector<float> a = randomFloats(72, 1);
        const std::vector<float> b = randomFloats(72, 2);
        std::vector<float> sum(72, 9);
        std::vector<float> product(72, 9);
        std::copy_n(a.begin() + 1, count, sum.begin() + 1);
        m_backend->add(sum.data() + 1, b.data() + 1, count);
        m_backend->siluMultiply(a.data() + 1, b.data() + 1, count, product.data() + 1);
        for (std::int64_t i = 0; i < 72; ++i) {
            const bool inside = i >= 1 && i <= count;
            EXPECT_EQ(sum[i], inside ? a[i] + b[i] : 9);
            const double x = a[i];
            EXPECT_NEAR(product[i], inside ? x / (1 + std::exp(-x)) * double{b[i]} : 9, 1e-6);
        }
    }
}

TEST_P(Layer, storeKvRoundsToNearest) {
    const AttentionShape shape{2, 2, 20, 1, 0};
    std::vector<float> keys = randomFloats(std::size_t{5} * 40, 1, 100);
    const std::vector<float> values = randomFloats(std::size_t{5} * 40, 2, 1e-6F);
    keys[3] = 1e9F;
    keys[4] = 1.0F + 0x1p-11F;
    for (const KvType type : {KvType::F32, KvType::F16}) {
        constexpr std::int64_t kStride = 9;
        std::vector<std::byte> k(static_cast<std::size_t>(2 * kStride * 20 * bytesOf(type)), std::byte{0x11});
        std::vector<std::byte> v = k;
        m_backend->storeKv(shape, keys.data(), values.data(), nullptr, 5,
                           {type, k.data(), v.data(), kStride, nullptr, nullptr}, 3);
        for (std::int64_t g = 0; g < 2; ++g) {
            for (std::int64_t row = 0; row < kStride; ++row) {
                for (std::int64_t i = 0; i < 20; ++i) {
                    const std::size_t at =
                        static_cast<std::size_t>(((g * kStride + row) * 20 + i) * bytesOf(type));
                    const std::int64_t from = (row - 3) * 40 + g * 20 + i;
                    std::uint32_t stored[2] = {};
                    std::memcpy(&stored[0], &k[at], static_cast<std::size_t>(bytesOf(type)));
                    std::memcpy(&stored[1], &v[at], static_cast<std::size_t>(bytesOf(type)));
                    const float* sources[2] = {keys.data(), values.data()};
                    for (int which = 0; which < 2; ++which) {
                        std::uint32_t expected = type == KvType::F16 ? 0x1111 : 0x11111111;
                        if (row >= 3 && row < 8) {
                            const float x = sources[which][from];
                            expected = type == KvType::F16 ? floatToHalf(x) : std::bit_cast<std::uint32_t>(x);
                        }
                        ASSERT_EQ(stored[which], expected) << row << " " << i;
                    }
                }
            }
        }
    }
}

/// GELU's tanh form in double, in a form that keeps its relative precision for negative x.
double gelu(double x) {
    const double z = std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
    return x / (1 + std::exp(-2 * z));
}

TEST_P(Layer, geluMultiply) {
    std::vector<float> gate;
    for (float x = -12; x <= 12; x += 0.037F)
        gate.push_back(x);
    gate.insert(gate.end(), {0.0F, -0.0F, 1e-30F, -1e-30F, 1e30F, -1e30F, 2e38F, -2e38F});
    const std::vector<float> up(gate.size(), 1.5F);
    std::vector<float> out = gate;
    m_backend->geluMultiply(gate.data(), up.data(), static_cast<std::int64_t>(gate.size()), out.data());
    for (std::size_t i = 0; i < gate.size(); ++i) {
        // The exponent's rounding grows with it: relative below, absolute where the result vanishes.
        const double expected = gelu(gate[i]) * 1.5;
        ASSERT_NEAR(out[i], expected, 4e-6 * std::fabs(expected) + 1e-12) << gate[i];
    }
    float nan = std::nanf("");
    m_backend->geluMultiply(&nan, up.data(), 1, &nan);
    EXPECT_TRUE(std::isnan(nan));
    for (std::int64_t count = 0; count < 50; ++count) {
        const std::vector<float> a = randomFloats(52, 1), b = randomFloats(52, 2);
        std::vector<float> product(52, 9);
        m_backend->geluMultiply(a.data() + 1, b.data() + 1, count, product.data() + 1);
        for (std::int64_t i = 0; i < 52; ++i) {
            const bool inside = i >= 1 && i <= count;
            ASSERT_NEAR(product[i], inside ? gelu(a[i]) * double{b[i]} : 9, 1e-6) << count;
        }
    }
}

TEST_P(Layer, hadamardOfEveryHead) {
    for (const std::int32_t size : {7, 8, 24, 64, 80, 128, 256}) {
        const std::int32_t block = size & -size;
        const std::vector<float> x = randomFloats(std::size_t{5} * 3 * static_cast<std::size_t>(size), 1);
        std::vector<float> y = x;
        m_backend->hadamard(y.data(), 5, 3, size);
        for (std::size_t at = 0; at < y.size(); ++at) {
            const std::size_t first = at / block * block;
            double expected = 0;
            for (unsigned i = 0; i < static_cast<unsigned>(block); ++i) {
                const bool minus = std::popcount(i & static_cast<unsigned>(at - first)) % 2 == 1;
                expected += (minus ? -1 : 1) * double{x[first + i]};
            }
            ASSERT_NEAR(y[at], expected / std::sqrt(block), 2e-6) << size;
        }
        std::vector<float> row(y.begin() + size, y.begin() + 2 * size),
            alone(x.begin() + size, x.begin() + 2 * size);
        m_backend->hadamard(alone.data(), 1, 1, size);
        EXPECT_TRUE(sameBits(row, alone));
    }
}

TEST_P(Layer, storeKvInEightBits) {
    constexpr std::int64_t kRows = 7, kHeads = 2, kStride = 12, kFirst = 3;
    for (const std::int32_t size : {7, 16, 20, 64, 80}) {
        const AttentionShape shape{2, kHeads, size, 1, 0};
        const auto elements = static_cast<std::size_t>(kRows * kHeads * size);
        std::vector<float> keys = randomFloats(elements, 1, 100), values = randomFloats(elements, 2, 1e-6F);
        const std::vector<float> offset = randomFloats(static_cast<std::size_t>(kHeads * size), 3, 300);
        std::fill_n(values.begin(), size, 0.0F);
        values[static_cast<std::size_t>(size)] = 1e30F;
        for (const float* subtracted : {static_cast<const float*>(nullptr), offset.data()}) {
            SCOPED_TRACE(size);
            const auto bytes = static_cast<std::size_t>(kHeads * kStride * size);
            std::vector<std::byte> k(bytes, std::byte{0x11}), v = k;
            std::vector<float> keyScales(kHeads * kStride, 9), valueScales = keyScales;
            m_backend->storeKv(
                shape, keys.data(), values.data(), subtracted, kRows,
                {KvType::Int8, k.data(), v.data(), kStride, keyScales.data(), valueScales.data()}, kFirst);
            const auto check = [&](const float* from, const float* minus, const std::byte* codes,
                                   float scale) {
                double largest = 0;
                for (int i = 0; i < size; ++i) {
                    const float x = minus != nullptr ? from[i] - minus[i] : from[i];
                    largest = std::max(largest, std::fabs(double{x}));
                }
                ASSERT_NEAR(scale, largest / 127, 1e-6 * largest);
                for (int i = 0; i < size; ++i) {
                    const double x = double{minus != nullptr ? from[i] - minus[i] : from[i]};
                    const auto code = static_cast<std::int8_t>(codes[i]);
                    ASSERT_NEAR(double{scale} * code, x, 0.5001 * double{scale}) << i;
                    if (largest > 0 && std::fabs(x) == largest) {
                        ASSERT_EQ(std::abs(int{code}), 127);
                    }
                }
            };
            for (std::int64_t g = 0; g < kHeads; ++g) {
                for (std::int64_t row = 0; row < kStride; ++row) {
                    const std::int64_t at = g * kStride + row, from = ((row - kFirst) * kHeads + g) * size;
                    if (row < kFirst || row >= kFirst + kRows) {
                        EXPECT_EQ(keyScales[at], 9);
                        EXPECT_EQ(valueScales[at], 9);
                        EXPECT_EQ(k[at * size], std::byte{0x11});
                        EXPECT_EQ(v[(at + 1) * size - 1], std::byte{0x11});
                        continue;
                    }
                    check(&keys[from], subtracted != nullptr ? subtracted + g * size : nullptr, &k[at * size],
                          keyScales[at]);
                    check(&values[from], nullptr, &v[at * size], valueScales[at]);
                }
            }
        }
    }
}

TEST_P(Layer, anOffsetOfTheKeysChangesNoAttention) {
    const AttentionShape shape{4, 2, 16, 0.25F, 0};
    constexpr std::int64_t kRows = 70;
    std::vector<float> keys = randomFloats(kRows * 32, 1);
    const std::vector<float> values = randomFloats(kRows * 32, 2), offset = randomFloats(32, 3, 20);
    for (std::size_t i = 0; i < keys.size(); ++i)
        keys[i] += offset[i % 32];
    const std::vector<float> query = randomFloats(64, 4);
    const std::int32_t position = kRows - 1;
    std::vector<float> out[2];
    for (const bool subtracted : {false, true}) {
        std::vector<float> k(keys.size()), v(keys.size());
        const KvRows rows{KvType::F32,
                          reinterpret_cast<std::byte*>(k.data()),
                          reinterpret_cast<std::byte*>(v.data()),
                          kRows,
                          nullptr,
                          nullptr};
        m_backend->storeKv(shape, keys.data(), values.data(), subtracted ? offset.data() : nullptr, kRows,
                           rows, 0);
        const KvSpan span{
            .type = KvType::F32, .keys = rows.keys, .values = rows.values, .stride = kRows, .count = kRows};
        out[subtracted].resize(64);
        m_backend->attention(shape, query.data(), &position, 1, {&span, 1}, out[subtracted].data());
    }
    for (std::size_t i = 0; i < 64; ++i)
        EXPECT_NEAR(out[0][i], out[1][i], 1e-4);
}

TEST_P(Layer, gatherRows) {
    const std::vector<float> x = randomFloats(std::size_t{10} * 7, 1);
    const std::vector<std::int32_t> rows{9, 0, 4, 4};
    std::vector<float> out(std::size_t{4} * 7);
    m_backend->gatherRows(x.data(), 7, rows.data(), 4, out.data());
    for (std::size_t i = 0; i < 4; ++i)
        EXPECT_TRUE(sameBits(&out[i * 7], &x[static_cast<std::size_t>(rows[i]) * 7], 7));
}

TEST_P(Layer, buffersAreAlignedAndTooMuchIsRefused) {
    const auto buffer = m_backend->allocate(100);
    ASSERT_NE(buffer, nullptr);
    EXPECT_EQ(buffer->bytes(), 100U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer->data()) % 64, 0U);
    EXPECT_NE(m_backend->allocate(0), nullptr);
    EXPECT_EQ(m_backend->allocate(std::size_t{1} << 62), nullptr);
    const int from[2] = {1, 2};
    int back[2] = {};
    m_backend->copyToDevice(buffer->data(), from, sizeof(from));
    m_backend->copyToHost(back, buffer->data(), sizeof(back));
    EXPECT_EQ(back[1], 2);
}

}  // namespace
}  // namespace kvasir::kernels::test
