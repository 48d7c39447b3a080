// What the tests of kernels/ share: back ends by instruction set, random data, comparisons.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/backend.h"
#include "tests/kernels/host_memory_backend.h"

namespace kvasir::kernels::test {

constexpr TensorType kAllTypes[] = {TensorType::F32,  TensorType::F16,  TensorType::BF16, TensorType::Q4_0,
                                    TensorType::Q4_1, TensorType::Q5_0, TensorType::Q5_1, TensorType::Q8_0,
                                    TensorType::Q2_K, TensorType::Q3_K, TensorType::Q4_K, TensorType::Q5_K,
                                    TensorType::Q6_K};

/// The CPU back end for one instruction set ("portable", "avx2", "avx512"), or "cuda"; null where the machine
/// lacks it, with the reason.
inline std::unique_ptr<Backend> backendFor(const std::string& instructions, int threads,
                                           std::string& reason) {
    if (instructions == "cuda") {
        BackendChoice choice = chooseBackend(Device::Cuda, threads);
        reason = choice.note;
        if (choice.backend == nullptr) return nullptr;
        return std::make_unique<HostMemoryBackend>(std::move(choice.backend));
    }
    reason = "this processor does not run " + instructions;
    setenv("KVASIR_CPU", instructions.c_str(), 1);
    std::unique_ptr<Backend> backend = makeCpuBackend(threads);
    unsetenv("KVASIR_CPU");
    const bool right = backend->name().find("(" + instructions) != std::string_view::npos;
    return right ? std::move(backend) : nullptr;
}

/// Runs each test on every instruction set and on the GPU; m_backend has two threads.
class OnEveryBackend : public testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        std::string reason;
        m_backend = backendFor(GetParam(), 2, reason);
        if (m_backend == nullptr) GTEST_SKIP() << reason;
    }
    void TearDown() override {
        if (m_backend != nullptr) {
            EXPECT_EQ(m_backend->failure(), "");
        }
    }
    std::unique_ptr<Backend> withThreads(int threads) const {
        std::string reason;
        return backendFor(GetParam(), threads, reason);
    }
    bool onGpu() const { return std::string_view(GetParam()) == "cuda"; }

    std::unique_ptr<Backend> m_backend;
};

inline std::string backendName(const testing::TestParamInfo<const char*>& info) {
    return info.param;
}

#define ON_EVERY_BACKEND(suite) \
    INSTANTIATE_TEST_SUITE_P(On, suite, testing::Values("portable", "avx2", "avx512", "cuda"), backendName)

inline std::vector<float> randomFloats(std::size_t count, unsigned seed, float scale = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, scale);
    std::vector<float> values(count);
    for (float& value : values) {
        value = normal(random);
    }
    return values;
}

/// A matrix of a model file with random content; 16-bit scales and floats are finite and moderate.
struct RandomTensor {
    RandomTensor(TensorType type, std::int64_t rows, std::int64_t columns, unsigned seed) {
        const TensorTypeInfo& form = info(type);
        data.resize(static_cast<std::size_t>(rows * columns / form.block * form.bytes));
        std::mt19937 random(seed);
        for (std::byte& byte : data) {
            byte = static_cast<std::byte>(random());
        }
        if (type == TensorType::F32) {
            const std::vector<float> values = randomFloats(static_cast<std::size_t>(rows * columns), seed);
            std::memcpy(data.data(), values.data(), data.size());
        }
        const auto halvesAt = [&](std::size_t offset) {
            for (std::size_t at = offset; at + 1 < data.size(); at += static_cast<std::size_t>(form.bytes)) {
                // binary16 between 2^-7 and 2^-3, or bfloat16 below 1; of either sign
                const unsigned high =
                    type == TensorType::BF16 ? 0x3C | (random() & 0x83) : 0x20 | (random() & 0x8F);
                data[at + 1] = static_cast<std::byte>(high);
            }
        };
        for (const std::size_t offset : scaleOffsets(type)) {
            halvesAt(offset);
        }
        view = {type, rows, columns, data.data()};
    }

    std::vector<float> row(std::int64_t index) const {
        std::vector<float> values(static_cast<std::size_t>(view.columns));
        dequantiseRow(view, index, values.data());
        return values;
    }

    std::vector<std::byte> data;
    TensorView view;

private:
    static std::vector<std::size_t> scaleOffsets(TensorType type) {
        switch (type) {
            case TensorType::F32:
                return {};
            case TensorType::Q4_1:
            case TensorType::Q5_1:
            case TensorType::Q4_K:
            case TensorType::Q5_K:
                return {0, 2};
            case TensorType::Q2_K:
                return {80, 82};
            case TensorType::Q3_K:
                return {108};
            case TensorType::Q6_K:
                return {208};
            default:
                return {0};
        }
    }
};

inline testing::AssertionResult sameBits(const float* a, const float* b, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        if (std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i])) {
            return testing::AssertionFailure() << "element " << i << ": " << a[i] << " and " << b[i];
        }
    }
    return testing::AssertionSuccess();
}

inline testing::AssertionResult sameBits(const std::vector<float>& a, const std::vector<float>& b) {
    if (a.size() != b.size()) return testing::AssertionFailure() << "sizes differ";
    return sameBits(a.data(), b.data(), a.size());
}

}  // namespace kvasir::kernels::test
