// Steps 2 to 5 of design.md, 'FastKV, exactly': scores, which positions are carried, what each layer keeps.
#include <algorithm>
#include <chrono>
#include <numeric>

#include "engine/answer_errors.h"
#include "engine/generation.h"

namespace kvasir {

using kernels::Buffer;

namespace {

/// Of rows [0, entered) those that do not compete, and the chosen ones, ascending. `competing` and `chosen`
/// ascend.
std::vector<std::int32_t> withForced(std::int64_t entered, const std::vector<std::int32_t>& competing,
                                     std::span<const std::int32_t> chosen) {
    std::vector<std::int32_t> rows;
    rows.reserve(static_cast<std::size_t>(entered) - competing.size() + chosen.size());
    auto rival = competing.begin();
    auto winner = chosen.begin();
    for (std::int32_t row = 0; row < entered; ++row) {
        const bool competes = rival != competing.end() && *rival == row;
        const bool wins = winner != chosen.end() && *winner == row;
        if (competes) ++rival;
        if (wins) ++winner;
        if (wins || !competes) rows.push_back(row);
    }
    return rows;
}

}  // namespace

/// For a layer whose last rows, the window's, have just run.
Result<void> Generation::finishLayer(std::int32_t layer, const std::vector<std::int32_t>& window) {
    const Policy& policy = m_options.policy;
    LayerCache& cache = m_caches[static_cast<std::size_t>(layer)];
    const auto rows = static_cast<std::int64_t>(window.size());
    const bool tsp = layer == policy.tspLayer;
    const bool selects = tsp && !policy.carriesAll(m_layout);
    const bool compresses = policy.retentionPerMille < 1000;
    const std::int64_t entered = cache.rows(), scored = entered - rows;
    if ((!selects && !compresses && !m_options.detailed) || scored == 0) {
        if (tsp) {
            if (Result<void> done = select(nullptr, nullptr, 0); !done) return done;
        }
        return m_options.detailed ? compress(layer, nullptr, {}, entered, 0) : Result<void>();
    }
    const kernels::AttentionShape shape = m_runner.model().attentionShape(layer);
    const std::unique_ptr<Buffer> s = m_backend.allocate(floatBytes(shape.heads * scored));
    const std::unique_ptr<Buffer> c = m_backend.allocate(floatBytes(shape.kvHeads * scored));
    if (s == nullptr || c == nullptr) return answerOutOfMemory();
    m_backend.windowScores(shape, m_runner.queries(rows), window.data(), rows, cache.spans(), scored,
                           s->as<float>());
    m_backend.poolScores(shape, s->as<float>(), scored, policy.kernel, policy.pooling, c->as<float>());
    if (tsp) {
        const std::unique_ptr<Buffer> t = m_backend.allocate(floatBytes(scored));
        if (t == nullptr) return answerOutOfMemory();
        m_backend.sumRows(c->as<float>(), shape.kvHeads, scored, t->as<float>());
        m_trace.tspScores.resize(static_cast<std::size_t>(scored));
        m_backend.copyToHost(m_trace.tspScores.data(), t->data(), floatBytes(scored));
        if (Result<void> done = select(t->as<float>(), s->as<float>(), scored); !done) return done;
    }
    if (!compresses && !m_options.detailed) return {};
    std::vector<float> pooled;
    if (m_options.detailed) {
        pooled.resize(static_cast<std::size_t>(shape.kvHeads * scored));
        m_backend.copyToHost(pooled.data(), c->data(), pooled.size() * sizeof(float));
    }
    return compress(layer, c->as<float>(), pooled, entered, scored);
}

/// Rows [first, scored) that compete by their scores, ascending: neither pinned nor always carried. Rows are
/// those of the cache, or prompt positions when there is none.
std::vector<std::int32_t> Generation::competing(const LayerCache* cache, std::int64_t first,
                                                std::int64_t scored) const {
    const Policy& policy = m_options.policy;
    const Policy::Range range = policy.candidates(m_layout);
    std::vector<std::int32_t> rows;
    for (auto row = static_cast<std::int32_t>(first); row < scored; ++row) {
        const std::int32_t position = cache != nullptr ? cache->position(0, row) : row;
        if (position >= range.first && position < range.last && !policy.isPinned(position))
            rows.push_back(row);
    }
    return rows;
}

/// For each head of scores (heads, scored), device: the `count` of the rows with the largest, ascending;
/// (heads, count). Ties go to the lower row.
Result<std::vector<std::int32_t>> Generation::largest(const float* scores, std::int64_t heads,
                                                      std::int64_t scored,
                                                      const std::vector<std::int32_t>& rows,
                                                      std::int64_t count) {
    const auto all = static_cast<std::int64_t>(rows.size());
    std::vector<std::int32_t> chosen(static_cast<std::size_t>(heads * count));
    if (count == 0) return chosen;
    if (count == all) {
        for (std::int64_t h = 0; h < heads; ++h)
            std::copy(rows.begin(), rows.end(), chosen.begin() + h * count);
        return chosen;
    }
    std::unique_ptr<Buffer> rivals;
    if (rows.back() - rows.front() + 1 == all) {
        m_backend.selectLargestOfRows(scores + rows.front(), heads, scored, all, count, chosen.data());
    } else {
        rivals = m_backend.allocate(floatBytes(heads * all));
        if (rivals == nullptr) return answerOutOfMemory();
        for (std::int64_t h = 0; h < heads; ++h)
            m_backend.gatherRows(scores + h * scored, 1, rows.data(), all, rivals->as<float>() + h * all);
        m_backend.selectLargestOfRows(rivals->as<float>(), heads, all, all, count, chosen.data());
    }
    for (std::int32_t& row : chosen)
        row = rows[static_cast<std::size_t>(row)];
    return chosen;
}

/// Step 5: the positions that are carried. t (scored), s (H, scored) device; null when nothing was scored:
/// then all are.
Result<void> Generation::select(const float* t, const float* s, std::int64_t scored) {
    const Policy& policy = m_options.policy;
    const Policy::Range range = policy.candidates(m_layout);
    const std::vector<std::int32_t> rivals = competing(nullptr, 0, t == nullptr ? 0 : scored);
    std::vector<Policy::Candidate> candidates(rivals.size());
    if (policy.coveragePerMille > 0 && !rivals.empty()) {
        const std::unique_ptr<Buffer> sum = m_backend.allocate(floatBytes(scored));
        if (sum == nullptr) return answerOutOfMemory();
        m_backend.sumRows(s, m_model.heads, scored, sum->as<float>());
        std::vector<float> attention(static_cast<std::size_t>(scored));
        m_backend.copyToHost(attention.data(), sum->data(), floatBytes(scored));
        for (std::size_t i = 0; i < rivals.size(); ++i) {
            const auto at = static_cast<std::size_t>(rivals[i]);
            candidates[i] = {m_trace.tspScores[at], attention[at], rivals[i] < Policy::kSinks};
        }
    }
    // What is pinned among those that would compete; the other pins are always carried anyway.
    const std::int64_t inside = t == nullptr ? 0 : range.last - range.first;
    const std::int64_t pinned = inside - static_cast<std::int64_t>(rivals.size());
    m_trace.decision = policy.decide(m_layout, pinned, candidates);
    const std::int64_t count = m_trace.decision.carried - m_trace.decision.always - pinned;
    const Result<std::vector<std::int32_t>> chosen = largest(t, 1, scored, rivals, count);
    if (!chosen) return tl::unexpected(chosen.error());
    m_trace.carried = withForced(m_layout.length, rivals, *chosen);
    return {};
}

/// Step 4: what each KV head keeps for decoding. `c` (G, scored) device; `pooled` the same on the host, with
/// Options::detailed.
Result<void> Generation::compress(std::int32_t layer, const float* c, const std::vector<float>& pooled,
                                  std::int64_t entered, std::int64_t scored) {
    LayerCache& cache = m_caches[static_cast<std::size_t>(layer)];
    const std::int64_t begin = m_options.policy.retentionPerMille < 1000 ? rowsOutOfReach(layer, scored) : 0;
    const std::vector<std::int32_t> rivals = competing(&cache, begin, scored);
    const auto inside = static_cast<std::int64_t>(rivals.size());
    const Policy::Range range = m_options.policy.candidates(m_layout);
    std::int64_t pinned = 0;  // of the rows that entered and would compete
    for (auto row = static_cast<std::int32_t>(begin); row < scored && !m_options.policy.pins.empty(); ++row) {
        const std::int32_t position = cache.position(0, row);
        if (position >= range.first && position < range.last && m_options.policy.isPinned(position)) ++pinned;
    }
    const std::int64_t always = entered - begin - inside - pinned;
    const std::int64_t count =
        std::clamp<std::int64_t>(m_options.policy.capacity(m_layout) - always, 0, inside);
    const bool drops = count < inside || begin > 0;
    if (!drops && !m_options.detailed) return {};

    const Result<std::vector<std::int32_t>> chosen = largest(c, m_model.kvHeads, scored, rivals, count);
    if (!chosen) return tl::unexpected(chosen.error());
    std::vector<std::int32_t> rows;
    for (std::int32_t g = 0; g < m_model.kvHeads; ++g) {
        const std::span<const std::int32_t> own(chosen->data() + g * count, static_cast<std::size_t>(count));
        std::vector<std::int32_t> kept = withForced(entered, rivals, own);
        kept.erase(kept.begin(), kept.begin() + begin);
        rows.insert(rows.end(), kept.begin(), kept.end());
        describeKept(layer, g, kept, pooled, scored);
    }
    if (drops && !cache.keep(rows, always + pinned + count)) return answerOutOfMemory();
    return {};
}

/// In a sliding layer: leading rows that no query of the window reaches, and so none of the answer. They get
/// no capacity, whatever always is kept elsewhere.
std::int64_t Generation::rowsOutOfReach(std::int32_t layer, std::int64_t scored) const {
    const std::int32_t reach = m_model.reach(layer);
    if (reach == 0) return 0;
    const LayerCache& cache = m_caches[static_cast<std::size_t>(layer)];
    std::int64_t rows = 0;
    while (rows < scored && cache.position(0, rows) <= m_layout.length - m_window - reach)
        ++rows;
    return rows;
}

void Generation::describeKept(std::int32_t layer, std::int32_t head, const std::vector<std::int32_t>& rows,
                              const std::vector<float>& pooled, std::int64_t scored) {
    const LayerCache& cache = m_caches[static_cast<std::size_t>(layer)];
    std::vector<std::int32_t> positions;
    positions.reserve(rows.size());
    for (const std::int32_t row : rows)
        positions.push_back(cache.position(head, row));
    m_trace.kept[static_cast<std::size_t>(layer)].push_back(std::move(positions));
    if (!m_options.detailed) return;
    const std::span<const float> c(pooled.data() + head * scored, static_cast<std::size_t>(scored));
    std::vector<bool> kept(static_cast<std::size_t>(scored), false);
    for (const std::int32_t row : rows) {
        if (row < scored) kept[static_cast<std::size_t>(row)] = true;
    }
    std::optional<float> smallest, largestDropped;
    for (std::size_t i = 0; i < c.size(); ++i) {
        if (kept[i]) smallest = std::min(smallest.value_or(c[i]), c[i]);
        if (!kept[i]) largestDropped = std::max(largestDropped.value_or(c[i]), c[i]);
    }
    std::optional<PrefillTrace::Cutoff> cutoff;
    if (smallest && largestDropped) cutoff = PrefillTrace::Cutoff{*smallest, *largestDropped};
    m_trace.cutoffs[static_cast<std::size_t>(layer)].push_back(cutoff);
    if (layer == m_options.policy.tspLayer) m_trace.tspPooled.emplace_back(c.begin(), c.end());
}

}  // namespace kvasir
