// CpuBackend: attention and window scores, cut into tiles of work.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/cpu/cpu_backend.h"

namespace kvasir::kernels {
namespace {

/// Query vectors that share a tile of keys brought to float32: enough to hide its cost, few enough for the
/// second-level cache.
constexpr std::int64_t kBlockVectors = 96;

std::int64_t ceilDivide(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}

/// Floats of a state with values, or without (size 0).
std::int64_t stateFloats(std::int64_t vectors, std::int64_t size) {
    return vectors * (size + 2);
}

AttentionState stateAt(float* memory, std::int64_t vectors, std::int64_t size) {
    AttentionState state;
    state.values = size == 0 ? nullptr : memory;
    state.largest = memory + vectors * size;
    state.sum = state.largest + vectors;
    return state;
}

void resetState(const AttentionState& state, std::int64_t vectors, std::int64_t size) {
    std::fill_n(state.largest, vectors, -3.4028234663852886e38F);
    std::fill_n(state.sum, vectors, 0.0F);
    if (size != 0) std::fill_n(state.values, vectors * size, 0.0F);
}

}  // namespace

/// For every key/value head and query, the run of keys it sees, in the numbering through all spans.
struct CpuBackend::VisibleKeys {
    std::vector<std::int64_t> low;   ///< (G, n)
    std::vector<std::int64_t> high;  ///< (G, n)
    std::int64_t end = 0;            ///< the largest `high`

    VisibleKeys(const AttentionShape& shape, std::span<const KvSpan> spans, const std::int32_t* positions,
                std::int64_t n)
        : low(static_cast<std::size_t>(shape.kvHeads * n)), high(low.size()) {
        for (std::int64_t g = 0; g < shape.kvHeads; ++g) {
            for (std::int64_t r = 0; r < n; ++r) {
                const std::int64_t position = positions[r];
                const std::size_t at = static_cast<std::size_t>(g * n + r);
                high[at] = keysUpTo(spans, g, position);
                low[at] = shape.sliding == 0 ? 0 : keysUpTo(spans, g, position - shape.sliding);
                end = std::max(end, high[at]);
            }
        }
    }

private:
    static std::int64_t keysUpTo(std::span<const KvSpan> spans, std::int64_t g, std::int64_t position) {
        std::int64_t keys = 0;
        for (const KvSpan& span : spans) {
            if (span.positions == nullptr) {
                keys += std::clamp<std::int64_t>(position - span.first + 1, 0, span.count);
            } else {
                const std::int32_t* first = span.positions + g * span.stride;
                keys += std::upper_bound(first, first + span.count, position) - first;
            }
        }
        return keys;
    }
};

/// One call's shapes: blocks of rows, and where a worker's scratch has what.
struct CpuBackend::AttentionCall {
    const AttentionShape& shape;
    const float* queries;
    std::int64_t n;
    std::span<const KvSpan> spans;
    float* out;
    const VisibleKeys& visible;
    std::int64_t headsPerGroup = shape.heads / shape.kvHeads;
    std::int64_t paddedSize = ceilDivide(shape.headSize, kGroup) * kGroup;
    std::int64_t rowsPerBlock = std::max<std::int64_t>(1, kBlockVectors / headsPerGroup);
    std::int64_t splits = ceilDivide(visible.end, kKeySplit);

    std::int64_t blocks() const { return ceilDivide(n, rowsPerBlock); }
    std::int64_t vectors() const { return rowsPerBlock * headsPerGroup; }
    std::int64_t scratchFloats() const {
        return vectors() * (paddedSize + kKeyTile) + 2 * paddedSize * kKeyTile;
    }

    AttentionBlock block(std::int64_t g, std::int64_t index) const {
        const std::int64_t row = index * rowsPerBlock;
        const std::int64_t width = std::int64_t{shape.heads} * shape.headSize;
        return {.spans = spans.data(),
                .spanCount = static_cast<std::int64_t>(spans.size()),
                .kvHead = g,
                .headSize = shape.headSize,
                .paddedSize = paddedSize,
                .headsPerGroup = headsPerGroup,
                .rows = std::min(rowsPerBlock, n - row),
                .queries = queries + row * width + g * headsPerGroup * shape.headSize,
                .queryStride = width,
                .scale = shape.scale,
                .low = visible.low.data() + g * n + row,
                .high = visible.high.data() + g * n + row};
    }

    AttentionScratch scratch(std::byte* memory) const {
        AttentionScratch parts;
        parts.queries = reinterpret_cast<float*>(memory);
        parts.keys = parts.queries + vectors() * paddedSize;
        parts.values = parts.keys + paddedSize * kKeyTile;
        parts.scores = parts.values + paddedSize * kKeyTile;
        return parts;
    }

    /// Divides by the sums and writes a block's rows.
    void finish(const AttentionBlock& block, std::int64_t index, const AttentionState& total) const {
        const std::int64_t width = std::int64_t{shape.heads} * shape.headSize;
        float* to = out + index * rowsPerBlock * width + block.kvHead * headsPerGroup * shape.headSize;
        for (std::int64_t v = 0; v < block.vectors(); ++v) {
            float* row = to + v / headsPerGroup * width + v % headsPerGroup * shape.headSize;
            const float* values = total.values + v * paddedSize;
            for (std::int64_t i = 0; i < shape.headSize; ++i) {
                row[i] = total.sum[v] == 0 ? 0.0F : values[i] / total.sum[v];
            }
        }
    }
};

void CpuBackend::attention(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                           std::int64_t n, std::span<const KvSpan> spans, float* out) {
    if (n == 0) return;
    const VisibleKeys visible(shape, spans, positions, n);
    const AttentionCall call{shape, queries, n, spans, out, visible};
    // Threads share the keys of a block only where there are too few blocks to go round.
    if (call.splits > 1 && call.blocks() * shape.kvHeads < 4 * m_pool.threads()) {
        attendNarrow(call);
    } else {
        attendWide(call);
    }
}

void CpuBackend::attendWide(const AttentionCall& call) {
    const std::int64_t vectors = call.vectors();
    const std::int64_t states = stateFloats(vectors, call.paddedSize);
    reserveScratch(static_cast<std::size_t>(call.scratchFloats() + 2 * states) * sizeof(float));
    m_pool.run(call.blocks() * call.shape.kvHeads, m_stop, [&](std::int64_t tile, int worker) {
        // Late rows see the most keys: they go first, so that threads end together.
        const std::int64_t index = call.blocks() - 1 - tile / call.shape.kvHeads;
        const AttentionBlock block = call.block(tile % call.shape.kvHeads, index);
        std::byte* memory = m_scratch[static_cast<std::size_t>(worker)].data();
        const AttentionScratch scratch = call.scratch(memory);
        float* rest = reinterpret_cast<float*>(memory) + call.scratchFloats();
        const AttentionState total = stateAt(rest, vectors, call.paddedSize);
        const AttentionState next = stateAt(rest + states, vectors, call.paddedSize);
        resetState(total, vectors, call.paddedSize);
        m_kernels.loadQueries(block, scratch.queries);
        for (std::int64_t s = 0; s < call.splits && !m_stop.stop_requested(); ++s) {
            m_kernels.attendSplit(block, s, scratch, next);
            m_kernels.mergeStates(block.vectors(), call.paddedSize, next, total);
        }
        call.finish(block, index, total);
    });
}

void CpuBackend::attendNarrow(const AttentionCall& call) {
    const std::int64_t vectors = call.vectors();
    const std::int64_t states = stateFloats(vectors, call.paddedSize);
    const std::int64_t tiles = call.blocks() * call.shape.kvHeads;
    reserveScratch(static_cast<std::size_t>(call.scratchFloats() + states) * sizeof(float));
    m_states.reserve(static_cast<std::size_t>(tiles * call.splits * states) * sizeof(float));
    auto* memory = reinterpret_cast<float*>(m_states.data());
    m_pool.run(tiles * call.splits, m_stop, [&](std::int64_t item, int worker) {
        const std::int64_t tile = item / call.splits;
        const AttentionBlock block = call.block(tile % call.shape.kvHeads, tile / call.shape.kvHeads);
        const AttentionScratch scratch = call.scratch(m_scratch[static_cast<std::size_t>(worker)].data());
        m_kernels.loadQueries(block, scratch.queries);
        const AttentionState state = stateAt(memory + item * states, vectors, call.paddedSize);
        m_kernels.attendSplit(block, item % call.splits, scratch, state);
    });
    m_pool.run(tiles, m_stop, [&](std::int64_t tile, int worker) {
        const std::int64_t index = tile / call.shape.kvHeads;
        const AttentionBlock block = call.block(tile % call.shape.kvHeads, index);
        std::byte* scratch = m_scratch[static_cast<std::size_t>(worker)].data();
        const AttentionState total = stateAt(reinterpret_cast<float*>(scratch), vectors, call.paddedSize);
        resetState(total, vectors, call.paddedSize);
        for (std::int64_t s = 0; s < call.splits; ++s) {
            float* at = memory + (tile * call.splits + s) * states;
            m_kernels.mergeStates(block.vectors(), call.paddedSize, stateAt(at, vectors, call.paddedSize),
                                  total);
        }
        call.finish(block, index, total);
    });
}

/// Window scores in two steps: where softmax stands for each query over all splits, then sums over queries.
struct CpuBackend::WindowCall {
    VisibleKeys visible;
    AttentionCall call;
    std::int64_t vectors, states;

    WindowCall(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
               std::int64_t window, std::span<const KvSpan> spans)
        : visible(shape, spans, positions, window),
          call{shape, queries, window, spans, nullptr, visible},
          vectors(window * call.headsPerGroup),
          states(stateFloats(vectors, 0)) {
        call.rowsPerBlock = window;
    }
    std::int64_t items() const { return call.shape.kvHeads * call.splits; }
    /// Of a head: the total, then one state for each split.
    std::size_t stateBytes() const {
        return static_cast<std::size_t>(call.shape.kvHeads * (call.splits + 1) * states) * sizeof(float);
    }
    AttentionState state(std::byte* memory, std::int64_t g, std::int64_t index) const {
        return stateAt(reinterpret_cast<float*>(memory) + (g * (call.splits + 1) + index) * states, vectors,
                       0);
    }
};

void CpuBackend::windowTotals(const WindowCall& window) {
    const AttentionCall& call = window.call;
    reserveScratch(static_cast<std::size_t>(call.scratchFloats()) * sizeof(float));
    m_states.reserve(window.stateBytes());
    const auto state = [&](std::int64_t g, std::int64_t index) {
        return window.state(m_states.data(), g, index);
    };
    m_pool.run(window.items(), m_stop, [&](std::int64_t item, int worker) {
        const std::int64_t g = item / call.splits;
        const AttentionBlock block = call.block(g, 0);
        const AttentionScratch scratch = call.scratch(m_scratch[static_cast<std::size_t>(worker)].data());
        m_kernels.loadQueries(block, scratch.queries);
        m_kernels.windowSplit(block, item % call.splits, scratch, state(g, 1 + item % call.splits));
    });
    for (std::int64_t g = 0; g < call.shape.kvHeads; ++g) {
        resetState(state(g, 0), window.vectors, 0);
        for (std::int64_t i = 0; i < call.splits; ++i)
            m_kernels.mergeStates(window.vectors, 0, state(g, 1 + i), state(g, 0));
    }
}

/// By the totals that stand in m_states.
void CpuBackend::windowSums(const WindowCall& window, std::int64_t before, float* s) {
    const AttentionCall& call = window.call;
    m_pool.run(window.items(), m_stop, [&](std::int64_t item, int worker) {
        const std::int64_t g = item / call.splits;
        const AttentionBlock block = call.block(g, 0);
        const AttentionScratch scratch = call.scratch(m_scratch[static_cast<std::size_t>(worker)].data());
        m_kernels.loadQueries(block, scratch.queries);
        m_kernels.windowSums(block, item % call.splits, scratch, window.state(m_states.data(), g, 0), before,
                             s + g * call.headsPerGroup * before);
    });
}

void CpuBackend::windowScores(const AttentionShape& shape, const float* queries,
                              const std::int32_t* positions, std::int64_t window,
                              std::span<const KvSpan> spans, std::int64_t before, float* s) {
    if (before == 0) return;
    std::memset(s, 0, static_cast<std::size_t>(shape.heads * before) * sizeof(float));
    if (window == 0) return;
    const WindowCall call(shape, queries, positions, window, spans);
    windowTotals(call);
    windowSums(call, before, s);
}

void CpuBackend::attentionMass(const AttentionShape& shape, const float* queries,
                               const std::int32_t* positions, std::int64_t n,
                               std::span<const std::int32_t> heads, std::span<const KvSpan> spans,
                               std::int64_t before, float* mass) {
    std::memset(mass, 0, static_cast<std::size_t>(shape.kvHeads * n * before) * sizeof(float));
    if (n == 0 || before == 0) return;
    const WindowCall window(shape, queries, positions, n, spans);
    windowTotals(window);
    const AttentionCall& call = window.call;
    const std::int64_t group = call.headsPerGroup;
    std::vector<bool> groups(static_cast<std::size_t>(shape.kvHeads), heads.empty());
    for (std::int32_t h = 0; h < shape.heads && !heads.empty(); ++h) {
        if (std::find(heads.begin(), heads.end(), h) != heads.end()) {
            groups[static_cast<std::size_t>(h / group)] = true;
            continue;
        }
        const AttentionState total = window.state(m_states.data(), h / group, 0);
        for (std::int64_t row = 0; row < n; ++row)
            total.sum[row * group + h % group] = 0;
    }
    m_pool.run(window.items(), m_stop, [&](std::int64_t item, int worker) {
        const std::int64_t g = item / call.splits;
        if (!groups[static_cast<std::size_t>(g)]) return;
        const AttentionBlock block = call.block(g, 0);
        const AttentionScratch scratch = call.scratch(m_scratch[static_cast<std::size_t>(worker)].data());
        m_kernels.loadQueries(block, scratch.queries);
        m_kernels.rowMass(block, item % call.splits, scratch, window.state(m_states.data(), g, 0), before,
                          mass + g * n * before);
    });
}

void CpuBackend::windowLogSums(const AttentionShape& shape, const float* queries,
                               const std::int32_t* positions, std::int64_t window,
                               std::span<const KvSpan> spans, float* logSums) {
    if (window == 0) return;
    const WindowCall call(shape, queries, positions, window, spans);
    windowTotals(call);
    for (std::int64_t h = 0; h < shape.heads; ++h) {
        const std::int64_t group = call.call.headsPerGroup;
        const AttentionState total = call.state(m_states.data(), h / group, 0);
        for (std::int64_t r = 0; r < window; ++r) {
            const std::int64_t v = r * group + h % group;
            const float sum = total.sum[v];
            logSums[h * window + r] =
                sum > 0 ? total.largest[v] + std::log(sum) : -std::numeric_limits<float>::infinity();
        }
    }
}

void CpuBackend::windowScoresAgainst(const AttentionShape& shape, const float* queries,
                                     const std::int32_t* positions, std::int64_t window,
                                     std::span<const KvSpan> spans, std::int64_t before, const float* logSums,
                                     float* s) {
    if (before == 0) return;
    std::memset(s, 0, static_cast<std::size_t>(shape.heads * before) * sizeof(float));
    if (window == 0) return;
    const WindowCall call(shape, queries, positions, window, spans);
    reserveScratch(static_cast<std::size_t>(call.call.scratchFloats()) * sizeof(float));
    m_states.reserve(call.stateBytes());
    for (std::int64_t h = 0; h < shape.heads; ++h) {
        const std::int64_t group = call.call.headsPerGroup;
        const AttentionState total = call.state(m_states.data(), h / group, 0);
        for (std::int64_t r = 0; r < window; ++r) {
            const float logSum = logSums[h * window + r];
            // Far above every score: nothing is left of it.
            total.largest[r * group + h % group] =
                std::isinf(logSum) ? std::numeric_limits<float>::max() : logSum;
            total.sum[r * group + h % group] = 1;
        }
    }
    windowSums(call, before, s);
}

}  // namespace kvasir::kernels
