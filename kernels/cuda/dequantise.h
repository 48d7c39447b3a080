// Packed weights to the floats that the library multiplies, and rows of embeddings.
#pragma once

#include <cstdint>

#include <cuda_bf16.h>

#include "kernels/cuda/packed_weight.h"

namespace kvasir::kernels::cuda {

/// Row length that products work with: zeros follow the columns, so that every row is aligned.
constexpr std::int64_t paddedColumns(std::int64_t columns) {
    return (columns + 127) / 128 * 128;
}

/// All rows: out (rows, paddedColumns).
void dequantise(Context& context, const Planes& planes, __nv_bfloat16* out);
void dequantise(Context& context, const Planes& planes, float* out);

/// out (n, columns): rows[i] of the matrix, times `scale`; `rows` device.
void lookUpRows(Context& context, const Planes& planes, const std::int32_t* rows, std::int64_t n, float scale,
                float* out);

}  // namespace kvasir::kernels::cuda
