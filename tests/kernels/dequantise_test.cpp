#include <filesystem>
#include <fstream>

#include "kernels/cpu/half.h"
#include "tests/kernels/support.h"

namespace kvasir::kernels::test {
namespace {

std::vector<char> readFixture(const std::string& name) {
    std::ifstream file(std::filesystem::path(KVASIR_FIXTURES) / "quants" / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

class Dequantise : public testing::TestWithParam<TensorType> {};

TEST_P(Dequantise, givesTheBitsOfAnIndependentReader) {
    const std::string name(info(GetParam()).name);
    const std::vector<char> raw = readFixture(name + ".raw");
    const std::vector<char> bytes = readFixture(name + ".f32");
    constexpr std::int64_t kRows = 3;
    constexpr std::int64_t kColumns = 256;
    ASSERT_EQ(bytes.size(), kRows * kColumns * sizeof(float));
    std::vector<float> expected(kRows * kColumns);
    std::memcpy(expected.data(), bytes.data(), bytes.size());
    const TensorView view{GetParam(), kRows, kColumns, reinterpret_cast<const std::byte*>(raw.data())};
    for (std::int64_t row = 0; row < kRows; ++row) {
        std::vector<float> values(kColumns);
        dequantiseRow(view, row, values.data());
        for (std::int64_t i = 0; i < kColumns; ++i) {
            // -0 and 0 are the same weight.
            ASSERT_EQ(values[i], expected[row * kColumns + i]) << name << " row " << row << " element " << i;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Types, Dequantise, testing::ValuesIn(std::begin(kAllTypes) + 1, std::end(kAllTypes)),
                         [](const auto& test) { return std::string(kernels::info(test.param).name); });

TEST(DequantiseF32, copies) {
    const RandomTensor tensor(TensorType::F32, 2, 5, 1);
    std::vector<float> expected(5);
    std::memcpy(expected.data(), tensor.data.data() + 20, 20);
    EXPECT_TRUE(sameBits(tensor.row(1), expected));
}

TEST(Half, everyValueComesBack) {
    for (unsigned bits = 0; bits < 0x10000; ++bits) {
        const float value = halfToFloat(static_cast<std::uint16_t>(bits));
        if (std::isnan(value)) continue;
        ASSERT_EQ(floatToHalf(value), bits);
    }
}

TEST(Half, roundsToNearestEven) {
    EXPECT_EQ(floatToHalf(1.0F + 0x1p-11F), 0x3C00);
    EXPECT_EQ(floatToHalf(1.0F + 0x3p-11F), 0x3C02);
    EXPECT_EQ(floatToHalf(std::nextafter(1.0F + 0x1p-11F, 2.0F)), 0x3C01);
    EXPECT_EQ(floatToHalf(65519.996F), 0x7BFF);
    EXPECT_EQ(floatToHalf(65520.0F), 0x7C00);
    EXPECT_EQ(floatToHalf(-1e30F), 0xFC00);
    EXPECT_EQ(floatToHalf(0x1p-25F), 0);
    EXPECT_EQ(floatToHalf(std::nextafter(0x1p-25F, 1.0F)), 1);
    EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(std::nanf("")))));
}

}  // namespace
}  // namespace kvasir::kernels::test
