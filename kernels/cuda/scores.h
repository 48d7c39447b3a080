// What the two ways to compute window scores share: see scores.cu.
#pragma once

#include "kernels/cuda/attention.h"
#include "kernels/cuda/context.h"

namespace kvasir::kernels::cuda {

constexpr int kMostHeads = 256;

/// A query of one head is a vector: head in its group * window + row.
struct ScoreParameters {
    AttentionShape shape;
    SpanList spans;
    Limits limits;
    const float* queries;  ///< (window, H, d)
    float2*
        partial;  ///< (G, parts, group * window): largest score of a part of the keys and sum of exponentials
    float2* totals;  ///< (G, group * window): of all keys
    float* scores;   ///< (H, before)
    int window, parts;
    std::int32_t before;
    bool byQuery = false;  ///< scores (G, window, before): summed over the heads of a group, not over queries
    std::uint32_t heads[kMostHeads / 32] = {};  ///< bits; those of the others are left out, by query only

    __host__ __device__ bool counts(std::int64_t head) const {
        return !byQuery || (heads[head / 32] >> (head % 32) & 1U) != 0;
    }
};

/// Which of the two passes over the keys run: the rows' totals, the sums over rows.
enum class Passes : std::uint8_t { Both, Totals, Sums };

/// From `partial` to `totals`.
void addUpTotals(Context& context, const ScoreParameters& p);

/// Keys are binary16 of a head size that has tensor core kernels.
bool canScoreOnTensorCores(const Context& context, const AttentionCall& call);
/// `room`: parts that `partial` has room for.
void scoreOnTensorCores(Context& context, ScoreParameters p, int room, Passes passes);

}  // namespace kvasir::kernels::cuda
