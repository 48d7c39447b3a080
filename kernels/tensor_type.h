// Element types of weight matrices, as model files name them.
#pragma once

#include <cstdint>
#include <string_view>

namespace kvasir::kernels {

enum class TensorType : std::uint8_t {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K
};

/// How a type is stored: `block` elements of a row share one run of `bytes`.
struct TensorTypeInfo {
    std::string_view name;  ///< as GGUF tools write it, for example "Q4_K"
    std::int64_t block;     ///< elements per block; a row's length is a multiple of it
    std::int64_t bytes;     ///< bytes per block
};

/// Never fails: every enumerator has an entry.
const TensorTypeInfo& info(TensorType type);

}  // namespace kvasir::kernels
