// Keys and values in 8 bits: storing, and bringing back for the kernels that read floats; see
// docs/decisions/eight-bit-kv.md.
#pragma once

#include <cstdint>

#include <cuda_fp16.h>

#include "kernels/backend.h"
#include "kernels/cuda/attention.h"

namespace kvasir::kernels::cuda {

/// Where row r of head g begins: from[(r * rowStride + g * headStride) * headSize].
struct KvSource {
    const float* keys = nullptr;
    const float* values = nullptr;
    const float* keyOffset = nullptr;  ///< (G, d), subtracted from keys; null: none
    std::int64_t rowStride = 0;
    std::int64_t headStride = 0;
};

/// n rows to codes and scales from row `row` on.
void storeEightBits(Context& context, const AttentionShape& shape, const KvSource& from, std::int64_t n,
                    const KvRows& rows, std::int64_t row);

/// In place: `heads` vectors (headSize), each block of the largest power of two that divides it.
void hadamard(Context& context, float* x, std::int64_t heads, std::int32_t headSize);

/// All keys and values of 8-bit spans as one span of binary16, or of float32 where `strict`. Positions are
/// not looked at. The memory is a workspace: the next call overwrites it.
SpanList expandEightBits(Context& context, const AttentionShape& shape, const SpanList& spans, bool strict);

}  // namespace kvasir::kernels::cuda
