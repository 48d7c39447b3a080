// Attention over spans of keys and values. Keys are numbered through all spans; for every row of queries (and
// key/value head) the keys it sees are one run [low, high) of these numbers, because positions ascend.
// A 'vector' is one query head of one row: vector v of a key/value head belongs to row v / group and head
// g * group + v % group, so that the heads that read the same keys share them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <cuda_fp16.h>

#include "kernels/backend.h"
#include "kernels/cuda/rows.h"

namespace kvasir::kernels::cuda {

/// Most spans of a call: a resident document, the question and the answer make three.
constexpr int kMaxSpans = 12;

struct DeviceSpan {
    const std::byte* keys;
    const std::byte* values;
    std::int64_t stride;  ///< rows from one head to the next
    std::int32_t begin;   ///< number of the first row
    std::int32_t end;
    const float* keyScales;  ///< 8-bit keys and values only
    const float* valueScales;
};
struct SpanList {
    DeviceSpan spans[kMaxSpans];
    int count = 0;
    std::int32_t keys = 0;  ///< in all
};

/// The keys that each row sees.
struct Limits {
    static constexpr int kInside = 16;
    const std::int32_t* low =
        nullptr;  ///< device, (G or 1, n); null: a few rows, the same for all heads, below
    const std::int32_t* high = nullptr;
    std::int64_t headStride = 0;  ///< n, or 0 when all heads see the same
    std::int32_t end = 0;         ///< the largest `high`
    std::int32_t lowHere[kInside] = {};
    std::int32_t highHere[kInside] = {};

#ifdef __CUDACC__
    __device__ __forceinline__ std::int32_t lowOf(std::int64_t g, std::int64_t row) const {
        return low != nullptr ? low[g * headStride + row] : lowHere[row];
    }
    __device__ __forceinline__ std::int32_t highOf(std::int64_t g, std::int64_t row) const {
        return low != nullptr ? high[g * headStride + row] : highHere[row];
    }
#endif
};

/// Numbers the keys. Fails when there are too many spans.
SpanList numberSpans(Context& context, std::span<const KvSpan> spans);
/// Finds and uploads limits. Layers of one pass see the same: what was uploaded last is used again.
class LimitFinder {
public:
    Limits find(Context& context, const AttentionShape& shape, std::span<const KvSpan> spans,
                const std::int32_t* positions, std::int64_t n);

private:
    std::vector<std::int32_t> m_numbers;   ///< being found: low (heads, n), then high
    std::vector<std::int32_t> m_uploaded;  ///< what the device has
    const std::int32_t* m_device = nullptr;
};

struct AttentionCall {
    AttentionShape shape;
    KvType type = KvType::F16;
    SpanList spans;
    Limits limits;
    std::int64_t n = 0;
    const float* floats = nullptr;  ///< queries (n, H, d); strict
    const __half* half = nullptr;   ///< queries (n, H, d); otherwise
};

/// float32 throughout, any head size up to 256. out (n, H, d).
void attendStrict(Context& context, const AttentionCall& call, float* out);

/// Whether the tensor core kernels take this call.
bool canAttend(const Context& context, const AttentionCall& call);
/// Tensor cores; `out` in any form, one row for each row of queries.
void attend(Context& context, const AttentionCall& call, const Rows& out);

// ------------------------------------------------------------------------------------ used by `attend` alone
/// Where splits of the keys leave their states: unnormalised sums of values, and (largest score in powers of
/// two, sum of weights). Index ((split * G + g) * vectors + v).
struct States {
    float* values = nullptr;
    float2* sums = nullptr;
    std::int64_t vectors = 0;  ///< per key/value head, padded to the kernels' tiles
    int splits = 1;
    std::int32_t keysPerSplit = 0;
};
constexpr int kVectorTile = 384;  ///< states are padded to a multiple of every kernel's tile

void attendMma(Context& context, const AttentionCall& call, const States& states, bool few);
bool canAttendHopper(const Context& context, const AttentionCall& call);
/// With one split straight to `out` (Bfloat or Float), else to the states.
void attendHopper(Context& context, const AttentionCall& call, const States& states, const Rows& out);

// ------------------------------------------------------------------------------------------------- scores
void windowScores(Context& context, const AttentionCall& call, std::int64_t before, float* s);
void attentionMass(Context& context, const AttentionCall& call, std::span<const std::int32_t> heads,
                   std::int64_t before, float* mass);
void windowLogSums(Context& context, const AttentionCall& call, float* logSums);
void windowScoresAgainst(Context& context, const AttentionCall& call, std::int64_t before,
                         const float* logSums, float* s);

}  // namespace kvasir::kernels::cuda
