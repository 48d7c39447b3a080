// Steps 2 to 5 of design.md, 'FastKV, exactly': scores, which positions are carried, what each layer keeps.
#include <algorithm>
#include <limits>
#include <numeric>

#include "engine/answer_errors.h"
#include "engine/generation.h"

namespace kvasir {

using kernels::Buffer;

/// For a layer whose last rows, the window's, have just run.
Result<void> Generation::finishLayer(std::int32_t layer, const std::vector<std::int32_t>& window,
                                     const std::stop_token& stop) {
    const Policy& policy = m_options.policy;
    LayerCache& cache = m_caches[static_cast<std::size_t>(layer)];
    const auto rows = static_cast<std::int64_t>(window.size());
    const bool tsp = layer == policy.tspLayer;
    const bool selects = tsp && !policy.carriesAll(m_layout);
    const bool compresses = policy.retentionPerMille < 1000;
    const std::int64_t entered = cache.rows(), scored = entered - rows;
    if ((!selects && !compresses && !m_options.detailed) || scored == 0) {
        if (tsp) {
            if (Result<void> done = select(nullptr, nullptr, 0, stop); !done) return done;
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
        if (Result<void> done = select(t->as<float>(), s->as<float>(), scored, stop); !done) return done;
    }
    if (!compresses && !m_options.detailed) return {};
    std::vector<float> pooled;
    if (m_options.detailed) {
        pooled.resize(static_cast<std::size_t>(shape.kvHeads * scored));
        m_backend.copyToHost(pooled.data(), c->data(), pooled.size() * sizeof(float));
    }
    return compress(layer, c->as<float>(), std::move(pooled), entered, scored);
}

/// Rows of a layer's cache at positions before `position`: every token enters the early stage, and those that
/// are carried the late one.
std::int64_t Generation::rowsBefore(std::int32_t layer, std::int64_t position) const {
    if (layer <= m_options.policy.tspLayer) return position;
    return std::ranges::lower_bound(m_trace.carried, position) - m_trace.carried.begin();
}

/// Makes sure that what is pinned among the candidates is kept, before others: scores (heads, stride),
/// device. Gives how many rows those are.
std::int64_t Generation::raisePins(std::int32_t layer, const kernels::KeptRows& which, float* scores,
                                   std::int64_t heads, std::int64_t stride) {
    std::int64_t pinned = 0;
    for (const Policy::Range& pin : m_options.policy.pins) {
        const std::int64_t first =
            std::clamp(rowsBefore(layer, pin.first), which.candidates, which.candidatesEnd);
        const std::int64_t last =
            std::clamp(rowsBefore(layer, pin.last), which.candidates, which.candidatesEnd);
        if (last == first) continue;
        m_backend.fillColumns(scores, heads, stride, first, last, std::numeric_limits<float>::infinity());
        pinned += last - first;
    }
    return pinned;
}

/// Of the candidates those that no pin holds, as the policy wants them. s (H, scored) device.
Result<std::vector<Policy::Candidate>> Generation::candidates(const Policy::Range& range, const float* s,
                                                              std::int64_t scored) {
    const Policy& policy = m_options.policy;
    std::vector<float> attention;
    if (policy.coveragePerMille > 0 && scored > 0) {
        const std::unique_ptr<Buffer> sum = m_backend.allocate(floatBytes(scored));
        if (sum == nullptr) return answerOutOfMemory();
        m_backend.sumRows(s, m_model.heads, scored, sum->as<float>());
        attention.resize(static_cast<std::size_t>(scored));
        m_backend.copyToHost(attention.data(), sum->data(), floatBytes(scored));
    }
    std::vector<Policy::Candidate> candidates;
    candidates.reserve(static_cast<std::size_t>(range.last - range.first));
    for (std::int64_t position = range.first; position < range.last; ++position) {
        if (policy.isPinned(position)) continue;
        const auto at = static_cast<std::size_t>(position);
        Policy::Candidate& candidate = candidates.emplace_back();
        if (attention.empty()) continue;
        candidate = {m_trace.tspScores[at], attention[at], position < Policy::kSinks};
    }
    return candidates;
}

/// Step 5: the positions that are carried. t (scored), s (H, scored) device; null when nothing was scored:
/// then all are.
Result<void> Generation::select(float* t, const float* s, std::int64_t scored, const std::stop_token& stop) {
    const Policy& policy = m_options.policy;
    Policy::Range range = policy.candidates(m_layout);
    range.last = t == nullptr ? range.first : std::max(range.first, range.last);
    const Result<std::vector<Policy::Candidate>> rivals = candidates(range, s, scored);
    if (!rivals) return tl::unexpected(rivals.error());
    kernels::KeptRows which{0, range.first, range.last, m_layout.length, 0};
    const std::int64_t pinned = raisePins(policy.tspLayer, which, t, 1, scored);
    m_trace.decision = policy.decide(m_layout, pinned, *rivals);
    which.count = m_trace.decision.carried - m_trace.decision.always;
    m_trace.carried.resize(static_cast<std::size_t>(which.size()));
    const std::size_t bytes = m_trace.carried.size() * sizeof(std::int32_t);
    const std::unique_ptr<Buffer> kept = m_backend.allocate(bytes);
    if (kept == nullptr) return answerOutOfMemory();
    m_backend.keepLargest(t, 1, scored, which, kept->as<std::int32_t>());
    m_backend.copyToHost(m_trace.carried.data(), kept->data(), bytes);
    // What was not computed is no position.
    if (stop.stop_requested()) return answerCancelled();
    return deviceState(m_backend);
}

/// Entries per head that `compress` keeps at most.
std::int64_t Generation::mostKept() const {
    if (m_options.detailed) return m_layout.length;
    const Policy::Range range = m_options.policy.candidates(m_layout);
    const std::int64_t always = m_layout.length - std::max<std::int64_t>(range.last - range.first, 0);
    return std::min(m_layout.length, m_options.policy.capacity(m_layout) + always + Policy::kMostPinned);
}

/// Step 4: what each KV head keeps for decoding. `c` (G, scored) device; `pooled` the same on the host, with
/// Options::detailed. What is chosen stays on the device until `placeKept`.
Result<void> Generation::compress(std::int32_t layer, float* c, std::vector<float> pooled,
                                  std::int64_t entered, std::int64_t scored) {
    LayerCache& cache = m_caches[static_cast<std::size_t>(layer)];
    const Policy::Range range = m_options.policy.candidates(m_layout);
    kernels::KeptRows which;
    which.first = m_options.policy.retentionPerMille < 1000 ? rowsOutOfReach(layer, scored) : 0;
    which.candidates = std::clamp(rowsBefore(layer, range.first), which.first, scored);
    which.candidatesEnd = std::clamp(rowsBefore(layer, range.last), which.candidates, scored);
    which.end = entered;
    const std::int64_t always = which.size();
    const std::int64_t pinned = raisePins(layer, which, c, m_model.kvHeads, scored);
    const std::int64_t inside = which.candidatesEnd - which.candidates - pinned;
    const std::int64_t room = m_options.policy.capacity(m_layout) - always;
    which.count = pinned + std::clamp<std::int64_t>(room, 0, inside);
    const bool drops = which.count < pinned + inside || which.first > 0;
    if (!drops && !m_options.detailed) return {};
    if (m_keptRows == nullptr) {
        m_keptRows = m_backend.allocate(static_cast<std::size_t>(m_model.layers * m_model.kvHeads) *
                                        static_cast<std::size_t>(mostKept()) * sizeof(std::int32_t));
        if (m_keptRows == nullptr) return answerOutOfMemory();
    }
    const std::int64_t at = m_kept.empty() ? 0 : m_kept.back().at + m_model.kvHeads * m_kept.back().count;
    std::int32_t* rows = m_keptRows->as<std::int32_t>() + at;
    m_backend.keepLargest(c, m_model.kvHeads, scored, which, rows);
    if (drops && !cache.keep(rows, which.size())) return answerOutOfMemory();
    m_kept.push_back({layer, at, which.size(), drops, std::move(pooled)});
    return {};
}

/// Brings what `compress` chose to the host, all at once: where it stands in the caches, and for the trace.
Result<void> Generation::placeKept(const std::stop_token& stop) {
    if (m_kept.empty()) return {};
    const Kept& last = m_kept.back();
    std::vector<std::int32_t> rows(static_cast<std::size_t>(last.at + m_model.kvHeads * last.count));
    m_backend.copyToHost(rows.data(), m_keptRows->data(), rows.size() * sizeof(std::int32_t));
    m_keptRows.reset();
    // What was not computed is no row.
    if (stop.stop_requested()) return answerCancelled();
    if (Result<void> state = deviceState(m_backend); !state) return state;
    for (const Kept& kept : m_kept) {
        const bool late = kept.layer > m_options.policy.tspLayer;
        const std::span<std::int32_t> all = std::span(rows).subspan(
            static_cast<std::size_t>(kept.at), static_cast<std::size_t>(m_model.kvHeads * kept.count));
        if (m_options.detailed) describeCutoffs(kept, all);
        for (std::int32_t& row : all)
            row = late ? m_trace.carried[static_cast<std::size_t>(row)] : row;
        if (kept.drops) m_caches[static_cast<std::size_t>(kept.layer)].place(all);
        auto& heads = m_trace.kept[static_cast<std::size_t>(kept.layer)];
        for (std::int64_t g = 0; g < m_model.kvHeads; ++g) {
            const auto own =
                all.subspan(static_cast<std::size_t>(g * kept.count), static_cast<std::size_t>(kept.count));
            heads.emplace_back(own.begin(), own.end());
        }
    }
    m_kept.clear();
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

/// The smallest score that was kept and the largest that was dropped. rows (G, count), of the cache.
void Generation::describeCutoffs(const Kept& kept, std::span<const std::int32_t> rows) {
    const auto scored = std::ssize(kept.pooled) / m_model.kvHeads;
    for (std::int64_t g = 0; g < m_model.kvHeads; ++g) {
        const std::span<const float> c(kept.pooled.data() + g * scored, static_cast<std::size_t>(scored));
        std::vector<bool> isKept(static_cast<std::size_t>(scored), false);
        for (std::int64_t i = 0; i < kept.count; ++i) {
            const std::int32_t row = rows[static_cast<std::size_t>(g * kept.count + i)];
            if (row < scored) isKept[static_cast<std::size_t>(row)] = true;
        }
        std::optional<float> smallest, largestDropped;
        for (std::size_t i = 0; i < c.size(); ++i) {
            if (isKept[i]) smallest = std::min(smallest.value_or(c[i]), c[i]);
            if (!isKept[i]) largestDropped = std::max(largestDropped.value_or(c[i]), c[i]);
        }
        std::optional<PrefillTrace::Cutoff> cutoff;
        if (smallest && largestDropped) cutoff = PrefillTrace::Cutoff{*smallest, *largestDropped};
        m_trace.cutoffs[static_cast<std::size_t>(kept.layer)].push_back(cutoff);
        if (kept.layer == m_options.policy.tspLayer) m_trace.tspPooled.emplace_back(c.begin(), c.end());
    }
}

}  // namespace kvasir
