// Activations in the forms that products read. Columns are padded with zeros to a multiple of 128.
//   Bytes:     8-bit codes with a scale and sums per 32 columns (matrix times few vectors), and the floats
//              themselves (for weights that are not quantised)
//   Fragments: bfloat16 in the order in which a warp's tensor core instructions read them (fewRows)
//   Bfloat:    bfloat16, row-major (the library)
//   Float:     float32, row-major (strict)
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/context.h"

namespace kvasir::kernels::cuda {

enum class RowForm : std::uint8_t { Bytes, Fragments, Bfloat, Float };

struct Rows {
    RowForm form = RowForm::Float;
    std::int64_t stride = 0;    ///< padded columns
    std::int64_t tiles = 0;     ///< Fragments: groups of 8 rows
    std::byte* data = nullptr;  ///< Fragments, Bfloat, Float
    /// Bytes: of each row first the first 16 codes of every unit, then the second 16: so that a warp's loads
    /// are contiguous.
    std::int8_t* codes = nullptr;
    float4* units = nullptr;  ///< Bytes: (n, stride / 32): scale, scale times the sum of each half's codes, 0
    float* floats = nullptr;  ///< Bytes: (n, stride)
};

/// Most rows that Bytes and Fragments are made for.
constexpr std::int64_t kMatvecRows = 8;
constexpr std::int64_t kFewRows = 128;

/// Zeros behind the columns, for writers that leave them out.
void clearPadding(Context& context, const Rows& rows, std::int64_t n, std::int64_t columns);

/// Rows in a workspace that the next call with the same slot overwrites. `data` null after a failure.
Rows makeRows(Context& context, Slot slot, RowForm form, std::int64_t n, std::int64_t columns);

}  // namespace kvasir::kernels::cuda
