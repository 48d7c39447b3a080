// The quantised tensor types in one common form: every weight is scale * (code - offset) - minimum, with an
// unsigned code of at most 8 bits, and a scale and minimum per sub-block of 16 or 32 inputs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/tensor_type.h"

namespace kvasir::kernels {

/// How a type's codes and scales are kept, in files (after `readBlock`) and in packed weights.
struct QuantFormat {
    int bits = 0;        ///< of a code: 4 (also for narrower ones), 5, 6, 8
    int sub = 32;        ///< inputs that share a scale: 16 or 32
    bool super = false;  ///< scales are small integers times a 16-bit float per 256 inputs
    bool hasMin = false;
    int offsetShift = 0;  ///< the offset is 1 << offsetShift; without meaning when hasMin (offset 0 then)

    constexpr int offset() const { return hasMin ? 0 : 1 << offsetShift; }
};

constexpr bool isQuantised(TensorType type) {
    return type != TensorType::F32 && type != TensorType::F16 && type != TensorType::BF16;
}

/// The format of a quantised type.
constexpr QuantFormat quantFormat(TensorType type) {
    switch (type) {
        case TensorType::Q4_0:
            return {.bits = 4, .offsetShift = 3};
        case TensorType::Q4_1:
            return {.bits = 4, .hasMin = true};
        case TensorType::Q5_0:
            return {.bits = 5, .offsetShift = 4};
        case TensorType::Q5_1:
            return {.bits = 5, .hasMin = true};
        case TensorType::Q8_0:
            return {.bits = 8, .offsetShift = 7};
        case TensorType::Q2_K:
            return {.bits = 4, .sub = 16, .super = true, .hasMin = true};
        case TensorType::Q3_K:
            return {.bits = 4, .sub = 16, .super = true, .offsetShift = 2};
        case TensorType::Q4_K:
            return {.bits = 4, .super = true, .hasMin = true};
        case TensorType::Q5_K:
            return {.bits = 5, .super = true, .hasMin = true};
        case TensorType::Q6_K:
            return {.bits = 6, .sub = 16, .super = true, .offsetShift = 5};
        case TensorType::F32:
        case TensorType::F16:
        case TensorType::BF16:
            break;
    }
    return {};
}

/// One block of a row (32 or 256 inputs) in the common form.
struct BlockValues {
    std::array<std::uint8_t, 256> codes;
    std::array<std::int8_t, 16> scales;  ///< per sub-block; super formats only
    std::array<std::int8_t, 16> mins;    ///< per sub-block; super formats with minimum only
    std::uint16_t scale = 0;             ///< binary16, times `scales` where the format is super
    std::uint16_t min = 0;               ///< binary16, subtracted, times `mins` where the format is super
};

/// Reads one block of a quantised type as it lies in a file.
void readBlock(TensorType type, const std::byte* block, BlockValues& out);

}  // namespace kvasir::kernels
