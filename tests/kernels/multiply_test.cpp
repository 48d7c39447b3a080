#include <bit>
#include <tuple>

#include "tests/kernels/support.h"

namespace kvasir::kernels::test {
namespace {

/// What rounding to 8 bits in blocks of 32 makes of x.
std::vector<double> roundedActivations(const float* x, std::int64_t count) {
    std::vector<double> rounded(static_cast<std::size_t>(count));
    for (std::int64_t b = 0; b < count; b += 32) {
        float largest = 0;
        for (int i = 0; i < 32; ++i)
            largest = std::max(largest, std::fabs(x[b + i]));
        if (largest == 0) continue;
        const float scale = largest / 127.0F;
        const float inverse = 127.0F / largest;
        for (int i = 0; i < 32; ++i)
            rounded[b + i] = double{scale} * std::nearbyint(x[b + i] * inverse);
    }
    return rounded;
}

struct Reference {
    double value = 0;
    double magnitude = 0;  ///< sum of the products' sizes: what rounding errors are relative to
};

double bfloat(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    return std::bit_cast<float>((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
}

/// Both factors rounded to bfloat16.
Reference bfloatDot(const std::vector<float>& w, const float* x) {
    Reference sum;
    for (std::size_t i = 0; i < w.size(); ++i) {
        sum.value += bfloat(w[i]) * bfloat(x[i]);
        sum.magnitude += std::fabs(bfloat(w[i]) * bfloat(x[i]));
    }
    return sum;
}

Reference dot(const std::vector<float>& w, const std::vector<double>& x) {
    Reference sum;
    for (std::size_t i = 0; i < w.size(); ++i) {
        sum.value += double{w[i]} * x[i];
        sum.magnitude += std::fabs(double{w[i]} * x[i]);
    }
    return sum;
}

std::vector<float> multiply(Backend& backend, const Weight& weight, const float* x, std::int64_t n,
                            const float* bias = nullptr) {
    std::vector<float> y(static_cast<std::size_t>(n * weight.rows()), std::nanf(""));
    const Backend::Product product{&weight, bias, y.data()};
    backend.multiply(x, n, {&product, 1});
    return y;
}

class Multiply : public OnEveryBackend {
protected:
    void SetUp() override {
        OnEveryBackend::SetUp();
        if (m_backend != nullptr) m_bfloats = onGpu() && multipliesInBfloat();
    }
    /// GPUs multiply more rows than a few in bfloat16, those before compute capability 8.0 in float32.
    bool multipliesInBfloat() {
        constexpr std::int64_t kRows = 9;
        constexpr float kBetween = 1.0009765625F;  // 1 + 2^-10 is no bfloat16
        const float one = 1;
        const auto weight = m_backend->pack({TensorType::F32, 1, 1, reinterpret_cast<const std::byte*>(&one)},
                                            Activations::Int8);
        const std::vector<float> x(kRows, kBetween);
        return multiply(*m_backend, *weight, x.data(), kRows).back() != kBetween;
    }

    void check(TensorType type, Activations activations, std::int64_t rows, std::int64_t columns,
               std::int64_t n) {
        SCOPED_TRACE(testing::Message()
                     << info(type).name << (activations == Activations::Int8 ? " int8 " : " f32 ") << rows
                     << " x " << columns << ", n = " << n);
        const RandomTensor tensor(type, rows, columns, 7);
        const auto weight = m_backend->pack(tensor.view, activations);
        ASSERT_NE(weight, nullptr);
        EXPECT_EQ(weight->rows(), rows);
        EXPECT_EQ(weight->columns(), columns);
        // One float past the start, so that no vector of x is aligned.
        const std::vector<float> storage = randomFloats(static_cast<std::size_t>(n * columns) + 1, 8);
        const float* x = storage.data() + 1;
        const std::vector<float> bias = randomFloats(static_cast<std::size_t>(rows), 9);
        const std::vector<float> y = multiply(*m_backend, *weight, x, n, bias.data());
        const bool many = onGpu() && n > 8;
        const bool bfloats = m_bfloats && many && activations == Activations::Int8;
        const bool rounds = activations == Activations::Int8 && info(type).block > 1 && !many;
        for (std::int64_t o = 0; o < rows; ++o) {
            const std::vector<float> w = tensor.row(o);
            for (std::int64_t r = 0; r < n; ++r) {
                const float* xr = x + r * columns;
                const std::vector<double> exact =
                    rounds ? roundedActivations(xr, columns) : std::vector<double>(xr, xr + columns);
                const Reference expected = bfloats ? bfloatDot(w, xr) : dot(w, exact);
                // Minima and scales cancel in formats that have both: errors are relative to the parts. A
                // weight whose last float32 bits differ may round to the next bfloat16.
                const double tolerance = (bfloats ? 3e-5 : 4e-6) * (expected.magnitude * 4 + 1);
                ASSERT_NEAR(y[r * rows + o], expected.value + double{bias[o]}, tolerance)
                    << "row " << r << " output " << o;
            }
        }
    }

    bool m_bfloats = false;
};

ON_EVERY_BACKEND(Multiply);

TEST_P(Multiply, everyTypeAgreesWithDoublePrecision) {
    for (const TensorType type : kAllTypes) {
        const std::int64_t columns =
            info(type).block == 256 ? 768 : 544;  // two slices of the kernels, the last short
        for (const Activations activations : {Activations::F32, Activations::Int8}) {
            for (const std::int64_t n : {1, 3, 5, 29, 64, 130})
                check(type, activations, 37, columns, n);
        }
    }
}

TEST_P(Multiply, oddSizes) {
    for (const std::int64_t rows : {1, 15, 16, 17, 33, 64, 65}) {
        check(TensorType::Q5_0, Activations::Int8, rows, 32, 2);
        check(TensorType::Q4_K, Activations::Int8, rows, 256, 6);
        check(TensorType::Q8_0, Activations::F32, rows, 96, 7);
        check(TensorType::F32, Activations::F32, rows, 13, 7);
        check(TensorType::BF16, Activations::Int8, rows, 31, 3);
    }
}

TEST_P(Multiply, manyRows) {
    check(TensorType::Q8_0, Activations::Int8, 18, 64, 401);
    check(TensorType::Q6_K, Activations::Int8, 18, 256, 200);
    check(TensorType::F16, Activations::F32, 70, 40, 401);
}

TEST_P(Multiply, theLargestCodesDoNotOverflow) {
    // All codes and activations at their limits, in all four combinations of signs.
    for (const TensorType type : {TensorType::Q8_0, TensorType::Q6_K, TensorType::Q5_1, TensorType::Q4_0}) {
        for (const int fill : {0x00, 0xFF, 0x80, 0x7F}) {
            RandomTensor tensor(type, 16, 256, 3);
            const RandomTensor scales = tensor;
            std::fill(tensor.data.begin(), tensor.data.end(), static_cast<std::byte>(fill));
            const auto bytes = static_cast<std::size_t>(info(type).bytes);
            for (std::size_t at = 0; at < tensor.data.size(); at += bytes) {
                const std::size_t offset = type == TensorType::Q6_K ? 208 : 0;
                std::memcpy(&tensor.data[at + offset], &scales.data[at + offset],
                            type == TensorType::Q5_1 ? 4 : 2);
            }
            tensor.view.data = tensor.data.data();
            const auto weight = m_backend->pack(tensor.view, Activations::Int8);
            for (const float sign : {1.0F, -1.0F}) {
                const std::vector<float> x(std::size_t{6} * 256, sign * 2.0F);
                const std::vector<float> y = multiply(*m_backend, *weight, x.data(), 6);
                const Reference expected = dot(tensor.row(5), roundedActivations(x.data(), 256));
                EXPECT_NEAR(y[5 * 16 + 5], expected.value, 1e-5 * expected.magnitude + 1e-6)
                    << info(type).name << fill;
                EXPECT_EQ(y[5], y[5 * 16 + 5]);
            }
        }
    }
}

TEST_P(Multiply, extremeActivations) {
    const RandomTensor tensor(TensorType::Q4_1, 16, 64, 3);
    const auto weight = m_backend->pack(tensor.view, Activations::Int8);
    for (const float size : {0.0F, 1e-42F, 1e-36F, 1e-20F, 1e30F}) {
        std::vector<float> x = randomFloats(64, 5, size);
        const std::vector<float> y = multiply(*m_backend, *weight, x.data(), 1);
        const Reference expected = dot(tensor.row(3), std::vector<double>(x.begin(), x.end()));
        EXPECT_NEAR(y[3], expected.value, 0.05 * expected.magnitude + 1e-33) << size;
    }
}

TEST_P(Multiply, severalProductsOfDifferentTypesAtOnce) {
    const RandomTensor a(TensorType::Q5_0, 40, 64, 1);
    const RandomTensor b(TensorType::F16, 7, 64, 2);
    const RandomTensor c(TensorType::Q8_0, 100, 64, 3);
    std::vector<std::unique_ptr<Weight>> weights;
    for (const RandomTensor* tensor : {&a, &b, &c}) {
        weights.push_back(m_backend->pack(tensor->view, Activations::Int8));
    }
    for (const std::int64_t n : {1, 9}) {
        const std::vector<float> x = randomFloats(static_cast<std::size_t>(n) * 64, 4);
        std::vector<std::vector<float>> together(3);
        std::vector<Backend::Product> products(3);
        for (std::size_t i = 0; i < 3; ++i) {
            together[i].resize(static_cast<std::size_t>(n * weights[i]->rows()));
            products[i] = {weights[i].get(), nullptr, together[i].data()};
        }
        m_backend->multiply(x.data(), n, products);
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_TRUE(sameBits(together[i], multiply(*m_backend, *weights[i], x.data(), n)));
        }
    }
}

TEST_P(Multiply, aRowHasTheSameBitsInEveryCompany) {
    if (onGpu())
        GTEST_SKIP() << "the GPU multiplies few and many rows differently; docs/cuda.md states the margin";
    constexpr std::int64_t kRows = 37;
    const auto alone = withThreads(1);
    const auto many = withThreads(5);
    for (const TensorType type : kAllTypes) {
        for (const Activations activations : {Activations::F32, Activations::Int8}) {
            SCOPED_TRACE(info(type).name);
            const std::int64_t columns = 768;
            const RandomTensor tensor(type, 83, columns, 11);
            const auto weight = m_backend->pack(tensor.view, activations);
            const std::vector<float> x = randomFloats(kRows * columns, 12);
            const std::vector<float> together = multiply(*m_backend, *weight, x.data(), kRows);
            EXPECT_TRUE(sameBits(together, multiply(*alone, *weight, x.data(), kRows)));
            EXPECT_TRUE(sameBits(together, multiply(*many, *weight, x.data(), kRows)));
            for (std::int64_t row = 0; row < kRows;) {
                const std::int64_t n = std::min<std::int64_t>(1 + row % 7, kRows - row);
                const std::vector<float> part = multiply(*m_backend, *weight, x.data() + row * columns, n);
                ASSERT_TRUE(sameBits(part.data(), together.data() + row * 83, part.size()))
                    << "rows from " << row;
                row += n;
            }
        }
    }
}

TEST_P(Multiply, looksRowsUp) {
    if (!m_backend->looksUp()) GTEST_SKIP() << "this back end leaves it to the host";
    for (const TensorType type : kAllTypes) {
        const std::int64_t columns = info(type).block == 1 ? 33 : 768;
        const RandomTensor tensor(type, 20, columns, 7);
        const auto weight = m_backend->pack(tensor.view, Activations::Int8);
        const std::int32_t rows[] = {19, 0, 7, 7};
        std::vector<float> out(static_cast<std::size_t>(4 * columns), std::nanf(""));
        m_backend->lookUp(*weight, rows, 4, 2.0F, out.data());
        for (std::int64_t i = 0; i < 4; ++i) {
            const std::vector<float> expected = tensor.row(rows[i]);
            float largest = 0;
            for (const float x : expected)
                largest = std::max(largest, std::fabs(x));
            for (std::int64_t c = 0; c < columns; ++c)
                ASSERT_NEAR(out[i * columns + c], 2 * expected[c], 2e-6 * largest)
                    << info(type).name << " " << c;
        }
    }
}

TEST_P(Multiply, nothingToDo) {
    const RandomTensor tensor(TensorType::Q8_0, 4, 32, 1);
    const auto weight = m_backend->pack(tensor.view, Activations::Int8);
    const Backend::Product product{weight.get(), nullptr, nullptr};
    m_backend->multiply(nullptr, 0, {&product, 1});
    m_backend->multiply(nullptr, 3, {});
}

TEST_P(Multiply, stopsBeforeTheFirstTile) {
    const RandomTensor tensor(TensorType::Q8_0, 64, 32, 1);
    std::stop_source stop;
    stop.request_stop();
    m_backend->setStop(stop.get_token());
    // Packing is not an operation that may be cut short.
    const auto weight = m_backend->pack(tensor.view, Activations::Int8);
    const std::vector<float> x = randomFloats(32, 2);
    EXPECT_THAT(multiply(*m_backend, *weight, x.data(), 1), testing::Each(testing::IsNan()));
    m_backend->setStop({});
    EXPECT_THAT(multiply(*m_backend, *weight, x.data(), 1), testing::Each(testing::Not(testing::IsNan())));
}

}  // namespace
}  // namespace kvasir::kernels::test
