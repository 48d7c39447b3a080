// Pooling, sums, selection and gathering.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/backend.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/context.h"

namespace kvasir::kernels::cuda {

void poolScores(Context& context, const AttentionShape& shape, const float* s, std::int64_t k,
                std::int32_t kernel, Pooling pooling, float* c);
void sumRows(Context& context, const float* rows, std::int64_t r, std::int64_t k, float* out);
/// As Backend has them; all arrays on the device.
void keepLargest(Context& context, const float* scores, std::int64_t heads, std::int64_t stride,
                 const KeptRows& which, std::int32_t* kept);
void fillColumns(Context& context, float* x, std::int64_t rows, std::int64_t stride, std::int64_t first,
                 std::int64_t last, float value);
void gatherRows(Context& context, const float* x, std::int64_t width, const std::int32_t* rows,
                std::int64_t count, float* out);
void gatherKv(Context& context, const AttentionShape& shape, std::span<const KvSpan> from,
              const std::int32_t* rows, std::int64_t count, const KvRows& to);

}  // namespace kvasir::kernels::cuda
