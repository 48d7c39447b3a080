// Matrix products in the three ways that pay: few vectors (matvec), some rows (fewRows), many (the library).
#pragma once

#include <cstdint>
#include <span>

#include <cuda_bf16.h>

#include "kernels/cuda/packed_weight.h"
#include "kernels/cuda/rows.h"

namespace kvasir::kernels::cuda {

/// One matrix of a product: y (n, yStride) gets weight.rows columns. `bias` (rows) or null.
struct Target {
    const PackedWeight* weight = nullptr;
    const float* bias = nullptr;
    float* y = nullptr;
    std::int64_t yStride = 0;
};
constexpr std::size_t kMaxTargets = 3;

enum class Write : std::uint8_t { Set, Add };

/// n <= kMatvecRows rows in form Bytes. At most kMaxTargets matrices of the same number of columns.
void matvec(Context& context, std::span<const Target> targets, const Rows& x, std::int64_t n, Write write);

/// Whether gatedMatvec takes these matrices.
bool canGate(const Planes& gate, const Planes& up);
/// out (n, F) = silu(gate x) * (up x), in form Bytes. n <= kMatvecRows.
void gatedMatvec(Context& context, const Planes& gate, const Planes& up, const Rows& x, std::int64_t n,
                 const Rows& out);

/// Whether fewRows takes the matrix.
bool canFewRows(const Planes& planes);
/// n <= kFewRows rows in form Fragments.
void fewRows(Context& context, std::span<const Target> targets, const Rows& x, std::int64_t n, Write write);

}  // namespace kvasir::kernels::cuda
