// Attention of one row in one kernel, with all that lies between the products around it.
#pragma once

#include "kernels/cuda/attention.h"

namespace kvasir::kernels::cuda {

/// The row, and where its results go. Device memory.
struct OneRow {
    const float* qkv = nullptr;  ///< what leaves the query, key and value products: (H + 2 G, d)
    const float *queryBias = nullptr, *keyBias = nullptr, *valueBias = nullptr;  ///< null: none
    const float *queryNorm = nullptr, *keyNorm = nullptr;                        ///< (d); null: none
    float eps = 0;
    std::int32_t ropeSize = 0;  ///< 0: nothing is rotated
    RopeStyle style = RopeStyle::Half;
    const float2* table = nullptr;     ///< cosines and sines (ropeSize / 2)
    bool transform = false;            ///< 8-bit keys and values: queries and key are transformed (hadamard)
    const float* keyOffset = nullptr;  ///< (G, d), subtracted from an 8-bit key; null: none
    bool stores =
        false;  ///< the row's own key and value are the last that it sees, and are stored by this call
    KvRows store;
    std::int64_t storeRow = 0;
    float* queries = nullptr;  ///< (H, d), as attention reads them; null: not wanted
    float* out = nullptr;      ///< (H, d)
};

/// Whether attendOne takes such a call.
bool canAttendOne(const Context& context, const AttentionShape& shape, KvType type);
/// `limits` of one row, the same for all heads.
void attendOne(Context& context, const AttentionShape& shape, KvType type, const SpanList& spans,
               const Limits& limits, const OneRow& row);

}  // namespace kvasir::kernels::cuda
