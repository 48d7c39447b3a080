#include <bit>

#include "kernels/cpu/half.h"
#include "tests/kernels/support.h"

namespace kvasir::kernels::test {
namespace {

class Layer : public OnEveryBackend {};

ON_EVERY_BACKEND(Layer);

TEST_P(Layer, nameSaysTheInstructions) {
    EXPECT_THAT(std::string(m_backend->name()), testing::StartsWith(onGpu() ? "cuda (" : std::string("cpu (") + GetParam()));
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
        m_backend->storeKv(shape, keys.data(), values.data(), 5, {type, k.data(), v.data(), kStride}, 3);
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
