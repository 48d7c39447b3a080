// Norms, activations and rotation: rows in, rows out.
#pragma once

#include <cstdint>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/backend.h"
#include "kernels/cuda/rows.h"

namespace kvasir::kernels::cuda {

/// Compute capability (90 for 9.0) that the code which this device runs was compiled for; for intermediate
/// code, which the driver translates, that of the code. Error: this build has none for the device.
cudaError_t codeCapability(int& capability);

/// x (n, width) -> out (n, width), float32, any width; out may be x.
void rmsNorm(Context& context, const float* x, std::int64_t n, std::int64_t width, const float* weight,
             float eps, float* out);
/// The same into the form that a product reads. `weight` null: x as it is, not normed.
void formRows(Context& context, const float* x, std::int64_t n, std::int64_t width, const float* weight,
              float eps, const Rows& out);
/// SiLU, or GELU in its tanh form.
enum class Gate : std::uint8_t { Silu, Gelu };
void gateMultiply(Context& context, Gate function, const float* gate, const float* up, std::int64_t count,
                  float* out);
/// out = function(gate) * up; both (n, 2 F) side by side, gate first.
void gateRows(Context& context, Gate function, const float* gateUp, std::int64_t n, std::int64_t feedForward,
              const Rows& out);
void gateRows(Context& context, Gate function, const __nv_bfloat16* gateUp, std::int64_t n,
              std::int64_t feedForward, const Rows& out);
/// In place: heads [first, first + count) of x (n, all, headSize), each normed and times weight (headSize).
void normHeads(Context& context, float* x, std::int64_t n, std::int32_t all, std::int32_t first,
               std::int32_t count, std::int32_t headSize, const float* weight, float eps);
void normHeads(Context& context, __nv_bfloat16* x, std::int64_t n, std::int32_t all, std::int32_t first,
               std::int32_t count, std::int32_t headSize, const float* weight, float eps);
/// y (n, yStride) += bias (rows) in each row.
void addBias(Context& context, const float* bias, std::int64_t n, std::int64_t rows, std::int64_t yStride,
             float* y);
void toHalf(Context& context, const float* x, std::int64_t count, __half* out);
void copyFloats(Context& context, const float* from, std::int64_t count, float* to);
void fill(Context& context, float* x, std::int64_t count, float value);
void add(Context& context, float* x, const float* y, std::int64_t count);

/// Cosines and sines (n, pairs) of position * inverseFrequency, computed in double. Arrays on the device.
void ropeTable(Context& context, std::int64_t n, std::int64_t pairs, const double* inverseFrequency,
               const std::int32_t* positions, float2* table);
/// In place: x (n, heads, headSize).
void rope(Context& context, float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize,
          std::int32_t size, RopeStyle style, const float2* table);
/// In place: stored keys of float types, rows [0, count) of every head, each turned by its row of the table.
void rerotate(Context& context, const AttentionShape& shape, const KvRows& rows, std::int64_t count,
              std::int32_t size, RopeStyle style, const float2* table);

/// What leaves the query, key and value products, side by side: (n, (H + 2 G) d).
struct QkvRows {
    const float* floats = nullptr;  ///< one of the two
    const __nv_bfloat16* bfloats = nullptr;
    const float *queryBias = nullptr, *keyBias = nullptr, *valueBias = nullptr;  ///< null: none
    std::int64_t n = 0;
    std::int64_t wanted = 0;  ///< of the last rows the queries are wanted in float32 too
    std::int32_t ropeSize = 0;
    RopeStyle style = RopeStyle::Half;
    const float2* table = nullptr;
};
/// Bias, rotation; queries to `half` (n, H, d) and, those of the last rows, to `floats` (wanted, H, d); keys
/// and values to the cache.
void rotateAndStore(Context& context, const AttentionShape& shape, const QkvRows& rows, __half* half,
                    float* floats, const KvRows& store, std::int64_t row);
/// Float types; `keyOffset` (G, d) or null is subtracted from keys.
void storeKv(Context& context, const AttentionShape& shape, const float* keys, const float* values,
             const float* keyOffset, std::int64_t n, const KvRows& rows, std::int64_t row);

}  // namespace kvasir::kernels::cuda
