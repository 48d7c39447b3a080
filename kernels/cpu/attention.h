// Attention and FastKV's window scores over tiles of 64 keys.
//
// Keys are numbered through all spans. A tile is aligned to that number, brought to float32 once and used for
// a whole block of query vectors: scores = queries times keys^T, softmax online, values += probabilities
// times values. For one query the steps are the same whatever block it is in: tiles in which it sees nothing
// are left out, keys that it does not see have probability 0. Every 1,024 keys a new partial result begins;
// they are merged in order, so that threads can share a long range without changing a bit.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/simd_math.h"

namespace kvasir::kernels {

constexpr int kTileVectors = static_cast<int>(kKeyTile) / kGroup;

/// 16 elements of a row of keys or values in float32; `scale` is the row's, Int8 only.
template <typename S>
inline typename S::Floats widen(KvType type, const std::byte* from, float scale) {
    if (type == KvType::F16) return S::loadHalf(from);
    if (type == KvType::Int8) return S::mul(S::loadInt8(from), S::broadcast(scale));
    return S::load(reinterpret_cast<const float*>(from));
}

/// One row of keys or values to float32, padded with zeros.
template <typename S>
inline void widenRow(KvType type, const std::byte* from, float scale, std::int64_t size,
                     std::int64_t paddedSize, float* to) {
    const std::int64_t bytes = bytesOf(type);
    const std::int64_t whole = size / kGroup * kGroup;
    for (std::int64_t i = 0; i < whole; i += kGroup)
        S::store(to + i, widen<S>(type, from + i * bytes, scale));
    if (size == paddedSize) return;
    std::byte last[4 * kGroup] = {};
    __builtin_memcpy(last, from + whole * bytes, static_cast<std::size_t>((size - whole) * bytes));
    S::store(to + whole, widen<S>(type, last, scale));
}

/// Rows [first, first + kKeyTile) of one head's keys or values, through all spans, to (kKeyTile, paddedSize);
/// what lies beyond the last span is zeros.
template <typename S>
inline void loadTile(const AttentionBlock& block, std::int64_t first, bool keys, float* to) {
    std::int64_t done = 0;
    std::int64_t start = 0;  // of the span, in the numbering through all spans
    for (std::int64_t i = 0; i < block.spanCount && done < kKeyTile; ++i) {
        const KvSpan& span = block.spans[i];
        const std::int64_t bytes = block.headSize * bytesOf(span.type);
        const std::int64_t head = block.kvHead * span.stride;
        const std::byte* data = keys ? span.keys : span.values;
        const float* scales = keys ? span.keyScales : span.valueScales;
        for (; done < kKeyTile && first + done < start + span.count; ++done) {
            const std::int64_t row = head + first + done - start;
            widenRow<S>(span.type, data + row * bytes, scales != nullptr ? scales[row] : 1.0F, block.headSize,
                        block.paddedSize, to + done * block.paddedSize);
        }
        start += span.count;
    }
    const auto left = static_cast<std::size_t>((kKeyTile - done) * block.paddedSize);
    __builtin_memset(to + done * block.paddedSize, 0, left * sizeof(float));
}

template <typename S>
inline void loadQueriesWith(const AttentionBlock& block, float* queries) {
    for (std::int64_t v = 0; v < block.vectors(); ++v) {
        const std::int64_t row = v / block.headsPerGroup;
        const std::int64_t head = v % block.headsPerGroup;
        const float* from = block.queries + row * block.queryStride + head * block.headSize;
        float* to = queries + v * block.paddedSize;
        for (std::int64_t i = 0; i < block.paddedSize; ++i) {
            to[i] = i < block.headSize ? from[i] * block.scale : 0.0F;
        }
    }
}

/// The block's rows that see a key of a tile: a run, because ranges ascend.
struct RowRun {
    std::int64_t first = 0;
    std::int64_t last = 0;  ///< exclusive
};

static inline RowRun rowsOfTile(const AttentionBlock& block, std::int64_t firstKey) {
    RowRun run{0, block.rows};
    while (run.first < run.last && block.high[run.first] <= firstKey)
        ++run.first;
    while (run.last > run.first && block.low[run.last - 1] >= firstKey + kKeyTile)
        --run.last;
    return run;
}

/// Scores of the run's vectors with one tile of keys to scratch.scores (from the run's first vector on). The
/// value scratch is used on the way.
template <typename S>
inline void scoreTile(const AttentionBlock& block, std::int64_t firstKey, const RowRun& run,
                      const AttentionScratch& scratch) {
    loadTile<S>(block, firstKey, true, scratch.values);
    for (std::int64_t d = 0; d < block.paddedSize; d += kGroup) {
        for (std::int64_t key = 0; key < kKeyTile; key += kGroup) {
            S::transpose16(scratch.values + key * block.paddedSize + d, block.paddedSize,
                           scratch.keys + d * kKeyTile + key, kKeyTile);
        }
    }
    const std::int64_t firstVector = run.first * block.headsPerGroup;
    const GemmShape shape{.m = (run.last - run.first) * block.headsPerGroup,
                          .n = kTileVectors,
                          .k = block.headSize,
                          .strideA = block.paddedSize,
                          .strideB = kKeyTile,
                          .strideC = kKeyTile};
    gemm<S>(shape, scratch.queries + firstVector * block.paddedSize, scratch.keys,
            scratch.scores + firstVector * kKeyTile);
}

/// The part of a tile that a row sees.
struct KeyRange {
    int low = 0;
    int high = 0;
};

static inline KeyRange keysOfRow(const AttentionBlock& block, std::int64_t row, std::int64_t firstKey) {
    const std::int64_t low = block.low[row] - firstKey;
    const std::int64_t high = block.high[row] - firstKey;
    return {static_cast<int>(low > 0 ? low : 0), static_cast<int>(high < kKeyTile ? high : kKeyTile)};
}

/// A tile's scores of one vector.
template <typename S>
struct TileScores {
    typename S::Floats part[kTileVectors];

    explicit TileScores(const float* scores) {
#pragma GCC unroll 4
        for (int j = 0; j < kTileVectors; ++j)
            part[j] = S::load(scores + j * kGroup);
    }
    /// Keys outside the range become `other`.
    void keep(const KeyRange& keys, float other) {
        if (keys.low == 0 && keys.high == kKeyTile) return;
#pragma GCC unroll 4
        for (int j = 0; j < kTileVectors; ++j) {
            part[j] =
                S::keepLanes(part[j], keys.low - j * kGroup, keys.high - j * kGroup, S::broadcast(other));
        }
    }
    float largest() const { return S::reduceMax(S::max(S::max(part[0], part[1]), S::max(part[2], part[3]))); }
    float sum() const { return S::reduceAdd(S::add(S::add(part[0], part[1]), S::add(part[2], part[3]))); }
    /// part = e^(part - largest)
    void exponentiate(float largest) {
#pragma GCC unroll 4
        for (int j = 0; j < kTileVectors; ++j) {
            part[j] = exponential<S>(S::sub(part[j], S::broadcast(largest)));
        }
    }
};

template <typename S>
inline float exponentialOf(float x) {
    float lanes[kGroup];
    S::store(lanes, exponential<S>(S::broadcast(x)));
    return lanes[0];
}

template <typename S>
inline void scaleVector(float* x, std::int64_t count, float factor) {
    for (std::int64_t i = 0; i < count; i += kGroup) {
        S::store(x + i, S::mul(S::load(x + i), S::broadcast(factor)));
    }
}

/// Replaces a tile's scores by exponentials and brings the state's sum to them; values are scaled to the new
/// largest score when `state.values` is there.
template <typename S>
inline void softmaxTile(const AttentionBlock& block, std::int64_t firstKey, const RowRun& run, float* scores,
                        const AttentionState& state) {
    for (std::int64_t v = run.first * block.headsPerGroup; v < run.last * block.headsPerGroup; ++v) {
        const KeyRange keys = keysOfRow(block, v / block.headsPerGroup, firstKey);
        TileScores<S> tile(scores + v * kKeyTile);
        tile.keep(keys, -__builtin_inff());
        const float before = state.largest[v];
        const float inTile = tile.largest();
        const float largest = inTile > before ? inTile : before;
        tile.exponentiate(largest);
        const float factor = exponentialOf<S>(before - largest);
        state.sum[v] = state.sum[v] * factor + tile.sum();
        state.largest[v] = largest;
        if (state.values == nullptr) continue;
        for (int j = 0; j < kTileVectors; ++j)
            S::store(scores + v * kKeyTile + j * kGroup, tile.part[j]);
        if (factor != 1.0F) scaleVector<S>(state.values + v * block.paddedSize, block.paddedSize, factor);
    }
}

/// Calls body(first key, rows) for the tiles of a split that some row sees.
template <typename Body>
inline void forTiles(const AttentionBlock& block, std::int64_t split, const Body& body) {
    const std::int64_t end = block.high[block.rows - 1];
    for (std::int64_t key = split * kKeySplit; key < (split + 1) * kKeySplit && key < end; key += kKeyTile) {
        const RowRun run = rowsOfTile(block, key);
        if (run.first < run.last) body(key, run);
    }
}

/// The lowest score there is stands for 'none yet': finite, so that differences are never NaN.
constexpr float kNoScore = -3.4028234663852886e38F;

template <typename S>
inline void clearState(const AttentionBlock& block, const AttentionState& state) {
    for (std::int64_t v = 0; v < block.vectors(); ++v) {
        state.largest[v] = kNoScore;
        state.sum[v] = 0;
    }
    if (state.values == nullptr) return;
    const auto count = static_cast<std::size_t>(block.vectors() * block.paddedSize);
    __builtin_memset(state.values, 0, count * sizeof(float));
}

template <typename S>
inline void attendSplitWith(const AttentionBlock& block, std::int64_t split, const AttentionScratch& scratch,
                            const AttentionState& state) {
    clearState<S>(block, state);
    forTiles(block, split, [&](std::int64_t key, const RowRun& run) {
        scoreTile<S>(block, key, run, scratch);
        softmaxTile<S>(block, key, run, scratch.scores, state);
        loadTile<S>(block, key, false, scratch.values);
        const std::int64_t firstVector = run.first * block.headsPerGroup;
        const GemmShape shape{.m = (run.last - run.first) * block.headsPerGroup,
                              .n = block.paddedSize / kGroup,
                              .k = kKeyTile,
                              .strideA = kKeyTile,
                              .strideB = block.paddedSize,
                              .strideC = block.paddedSize,
                              .accumulate = true};
        gemm<S>(shape, scratch.scores + firstVector * kKeyTile, scratch.values,
                state.values + firstVector * block.paddedSize);
    });
}

template <typename S>
inline void mergeStatesWith(std::int64_t vectors, std::int64_t paddedSize, const AttentionState& next,
                            const AttentionState& total) {
    for (std::int64_t v = 0; v < vectors; ++v) {
        if (next.sum[v] == 0) continue;
        const float largest = next.largest[v] > total.largest[v] ? next.largest[v] : total.largest[v];
        const float keep = exponentialOf<S>(total.largest[v] - largest);
        const float add = exponentialOf<S>(next.largest[v] - largest);
        total.sum[v] = total.sum[v] * keep + next.sum[v] * add;
        total.largest[v] = largest;
        if (total.values == nullptr) continue;
        float* to = total.values + v * paddedSize;
        const float* from = next.values + v * paddedSize;
        for (std::int64_t i = 0; i < paddedSize; i += kGroup) {
            const typename S::Floats kept = S::mul(S::load(to + i), S::broadcast(keep));
            S::store(to + i, S::fused(S::load(from + i), S::broadcast(add), kept));
        }
    }
}

template <typename S>
inline void windowSplitWith(const AttentionBlock& block, std::int64_t split, const AttentionScratch& scratch,
                            const AttentionState& state) {
    clearState<S>(block, state);
    forTiles(block, split, [&](std::int64_t key, const RowRun& run) {
        scoreTile<S>(block, key, run, scratch);
        softmaxTile<S>(block, key, run, scratch.scores, state);
    });
}

/// Probabilities of a tile's keys, added up over vectors.
template <typename S>
struct KeySums {
    typename S::Floats parts[kTileVectors];

    KeySums() {
        for (auto& part : parts)
            part = S::zero();
    }
    /// Those of vector v, of which the tile's scores are known, for the keys that it sees.
    void add(const AttentionScratch& scratch, std::int64_t v, const KeyRange& keys,
             const AttentionState& total) {
        TileScores<S> tile(scratch.scores + v * kKeyTile);
        tile.exponentiate(total.largest[v]);
        tile.keep(keys, 0);
        const typename S::Floats whole = S::broadcast(total.sum[v]);
        for (int j = 0; j < kTileVectors; ++j)
            parts[j] = S::add(parts[j], S::div(tile.part[j], whole));
    }
    /// The first `count` keys of the tile.
    void store(std::int64_t count, float* to) const {
        float lanes[kKeyTile];
        for (int j = 0; j < kTileVectors; ++j)
            S::store(lanes + j * kGroup, parts[j]);
        __builtin_memcpy(to, lanes, static_cast<std::size_t>(count) * sizeof(float));
    }
};

/// Scores the split's tiles that begin before `before`: body(first key, its rows, how many keys lie before).
template <typename S, typename Body>
inline void forScoredTiles(const AttentionBlock& block, std::int64_t split, const AttentionScratch& scratch,
                           std::int64_t before, const Body& body) {
    forTiles(block, split, [&](std::int64_t key, const RowRun& run) {
        if (key >= before) return;
        scoreTile<S>(block, key, run, scratch);
        body(key, run, before - key < kKeyTile ? before - key : kKeyTile);
    });
}

template <typename S>
inline void windowSumsWith(const AttentionBlock& block, std::int64_t split, const AttentionScratch& scratch,
                           const AttentionState& total, std::int64_t before, float* s) {
    forScoredTiles<S>(block, split, scratch, before,
                      [&](std::int64_t key, const RowRun& run, std::int64_t count) {
                          for (std::int64_t head = 0; head < block.headsPerGroup; ++head) {
                              KeySums<S> sums;
                              for (std::int64_t row = run.first; row < run.last; ++row) {
                                  const KeyRange keys = keysOfRow(block, row, key);
                                  if (keys.low < keys.high)
                                      sums.add(scratch, row * block.headsPerGroup + head, keys, total);
                              }
                              sums.store(count, s + head * before + key);
                          }
                      });
}

template <typename S>
inline void rowMassWith(const AttentionBlock& block, std::int64_t split, const AttentionScratch& scratch,
                        const AttentionState& total, std::int64_t before, float* s) {
    forScoredTiles<S>(block, split, scratch, before,
                      [&](std::int64_t key, const RowRun& run, std::int64_t count) {
                          for (std::int64_t row = run.first; row < run.last; ++row) {
                              const KeyRange keys = keysOfRow(block, row, key);
                              if (keys.low >= keys.high) continue;
                              KeySums<S> sums;
                              for (std::int64_t head = 0; head < block.headsPerGroup; ++head) {
                                  const std::int64_t v = row * block.headsPerGroup + head;
                                  if (total.sum[v] != 0) sums.add(scratch, v, keys, total);
                              }
                              sums.store(count, s + row * before + key);
                          }
                      });
}

}  // namespace kvasir::kernels
