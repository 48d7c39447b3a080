// CpuBackend: what FastKV does with scores, and gathering of K/V.
#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "kernels/cpu/cpu_backend.h"

namespace kvasir::kernels {
namespace {

constexpr std::int64_t kPiece = 4096;

float poolMax(const float* s, std::int64_t first, std::int64_t last) {
    float largest = -std::numeric_limits<float>::infinity();
    for (std::int64_t j = first; j < last; ++j) {
        largest = std::max(largest, s[j]);
    }
    return largest;
}

float poolAverage(const float* s, std::int64_t first, std::int64_t last, std::int32_t kernel) {
    float sum = 0;
    for (std::int64_t j = first; j < last; ++j) {
        sum += s[j];
    }
    return sum / static_cast<float>(kernel);
}

/// Larger for larger scores, and among equal ones for lower rows. NaN is the smallest; -0 equals 0.
std::uint64_t selectionKey(float score, std::int64_t row) {
    constexpr std::uint32_t kSign = 0x80000000U;
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(score == 0 ? 0.0F : score);
    std::uint32_t ordered = (bits & kSign) != 0 ? ~bits : bits | kSign;
    if (score != score) ordered = 0;
    return (static_cast<std::uint64_t>(ordered) << 32) | (~static_cast<std::uint32_t>(row));
}

}  // namespace

void CpuBackend::poolScores(const AttentionShape& shape, const float* s, std::int64_t k, std::int32_t kernel,
                            Pooling pooling, float* c) {
    const std::int64_t perGroup = shape.heads / shape.kvHeads;
    const std::int64_t reach = kernel / 2;
    inPieces(k, kPiece, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t g = 0; g < shape.kvHeads; ++g) {
            for (std::int64_t j = begin; j < end; ++j) {
                const std::int64_t first = std::max<std::int64_t>(0, j - reach);
                const std::int64_t last = std::min(k, j + reach + 1);
                float sum = 0;
                for (std::int64_t h = g * perGroup; h < (g + 1) * perGroup; ++h) {
                    const float* row = s + h * k;
                    sum += pooling == Pooling::Max ? poolMax(row, first, last)
                                                   : poolAverage(row, first, last, kernel);
                }
                c[g * k + j] = sum;
            }
        }
    });
}

void CpuBackend::sumRows(const float* rows, std::int64_t r, std::int64_t k, float* out) {
    inPieces(k, kPiece, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t j = begin; j < end; ++j) {
            float sum = 0;
            for (std::int64_t i = 0; i < r; ++i) {
                sum += rows[i * k + j];
            }
            out[j] = sum;
        }
    });
}

void CpuBackend::keepLargest(const float* scores, std::int64_t heads, std::int64_t stride,
                             const KeptRows& which, std::int32_t* kept) {
    const std::int64_t k = which.candidatesEnd - which.candidates;
    std::vector<std::uint64_t> keys(static_cast<std::size_t>(k));
    for (std::int64_t head = 0; head < heads; ++head) {
        for (std::int64_t row = which.candidates; row < which.candidatesEnd; ++row)
            keys[static_cast<std::size_t>(row - which.candidates)] =
                selectionKey(scores[head * stride + row], row);
        if (which.count < k)
            std::nth_element(keys.begin(), keys.begin() + which.count, keys.end(), std::greater<>());
        for (std::int64_t row = which.first; row < which.candidates; ++row)
            *kept++ = static_cast<std::int32_t>(row);
        std::transform(keys.begin(), keys.begin() + which.count, kept, [](std::uint64_t key) {
            return static_cast<std::int32_t>(~static_cast<std::uint32_t>(key));
        });
        std::sort(kept, kept + which.count);
        kept += which.count;
        for (std::int64_t row = which.candidatesEnd; row < which.end; ++row)
            *kept++ = static_cast<std::int32_t>(row);
    }
}

void CpuBackend::fillColumns(float* x, std::int64_t rows, std::int64_t stride, std::int64_t first,
                             std::int64_t last, float value) {
    for (std::int64_t row = 0; row < rows; ++row)
        std::fill(x + row * stride + first, x + row * stride + last, value);
}

void CpuBackend::gatherKv(const AttentionShape& shape, std::span<const KvSpan> spans,
                          const std::int32_t* rows, std::int64_t count, const KvRows& to) {
    const std::int64_t bytes = shape.headSize * bytesOf(to.type);
    inPieces(shape.kvHeads * count, kPiece / 4, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t g = i / count;
            std::int64_t row = rows[i];
            std::size_t index = 0;
            while (row >= spans[index].count) {
                row -= spans[index].count;
                ++index;
            }
            const KvSpan& span = spans[index];
            const std::int64_t from = g * span.stride + row;
            const std::int64_t at = g * to.stride + i % count;
            std::memcpy(to.keys + at * bytes, span.keys + from * bytes, static_cast<std::size_t>(bytes));
            std::memcpy(to.values + at * bytes, span.values + from * bytes, static_cast<std::size_t>(bytes));
            if (to.type != KvType::Int8) continue;
            to.keyScales[at] = span.keyScales[from];
            to.valueScales[at] = span.valueScales[from];
        }
    });
}

}  // namespace kvasir::kernels
