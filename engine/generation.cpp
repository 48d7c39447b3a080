#include "engine/generation.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>

namespace kvasir {

using kernels::Buffer;

namespace {

tl::unexpected<Error> outOfMemory() {
    return fail(ErrorCode::OutOfMemory, "There is not enough memory for this answer.", "",
                "Close other programs, or carry less of the document.");
}

tl::unexpected<Error> cancelled() {
    return fail(ErrorCode::Cancelled, "The answer was stopped.", "", "Ask again when you like.");
}

std::size_t floats(std::int64_t count) {
    return static_cast<std::size_t>(std::max<std::int64_t>(count, 1)) * sizeof(float);
}

/// Row numbers (count) to keep of `entered`: those outside [first, last), and the `chosen` of inside,
/// ascending.
std::vector<std::int32_t> withForced(std::int64_t entered, std::int64_t first, std::int64_t last,
                                     std::span<const std::int32_t> chosen) {
    std::vector<std::int32_t> rows;
    rows.reserve(static_cast<std::size_t>(first + entered - last) + chosen.size());
    for (std::int64_t row = 0; row < first; ++row)
        rows.push_back(static_cast<std::int32_t>(row));
    for (const std::int32_t row : chosen)
        rows.push_back(row + static_cast<std::int32_t>(first));
    for (std::int64_t row = last; row < entered; ++row)
        rows.push_back(static_cast<std::int32_t>(row));
    return rows;
}

std::int64_t largestWindow(const PromptLayout& layout, const Policy& policy) {
    return std::min(policy.windowRows(layout), kWindowRows);
}

}  // namespace

Result<std::unique_ptr<Generation>> Generation::create(LayerRunner& runner, const ResidentDocument& resident,
                                                       std::vector<TokenId> question,
                                                       const PromptLayout& layout, Options options) {
    const ModelConfig& model = runner.model().config();
    if (Result<void> checked = options.policy.check(model); !checked) return tl::unexpected(checked.error());
    const bool known = std::all_of(question.begin(), question.end(),
                                   [&](TokenId id) { return id >= 0 && id < model.vocabulary; });
    const std::int64_t length = resident.size() + static_cast<std::int64_t>(question.size());
    if (length < 1 || layout.length != length || layout.prefix < 0 || layout.prefix > layout.documentEnd ||
        layout.documentEnd > length || !known || options.maxTokens < 0) {
        return fail(ErrorCode::InvalidArgument, "The prompt's parts do not fit together.", "",
                    "Ask the question again.");
    }
    if (length + options.maxTokens > model.window) {
        return fail(ErrorCode::TooLarge,
                    "Document, question and answer are " + std::to_string(length + options.maxTokens) +
                        " tokens long, and the model's window holds " + std::to_string(model.window) + ".",
                    "", "Ask a shorter question, or ask about a part of the document.");
    }
    return std::unique_ptr<Generation>(
        new Generation(runner, resident, std::move(question), layout, std::move(options)));
}

Generation::Generation(LayerRunner& runner, const ResidentDocument& resident, std::vector<TokenId> question,
                       const PromptLayout& layout, Options options)
    : m_runner(runner),
      m_backend(runner.backend()),
      m_resident(resident),
      m_model(runner.model().config()),
      m_question(std::move(question)),
      m_layout(layout),
      m_options(std::move(options)),
      m_window(largestWindow(layout, m_options.policy)) {
    const std::int32_t tsp = m_options.policy.tspLayer;
    const bool lateNeeded = tsp > resident.tspLayer();
    const std::int64_t read =
        lateNeeded ? std::min(resident.earlyRows(), resident.lateRows()) : resident.earlyRows();
    // Hidden states that leave T are resident for one T only; after the last layer nobody needs the
    // document's.
    const bool hiddenKnown = tsp == resident.tspLayer() || tsp == m_model.layers - 1;
    m_start = hiddenKnown ? std::max<std::int64_t>(0, std::min(read, layout.length - m_window)) : 0;
}

std::vector<TokenId> Generation::promptTail() const {
    const std::vector<TokenId>& document = m_resident.tokens();
    std::vector<TokenId> tail(document.begin() + std::min(m_start, m_resident.size()), document.end());
    tail.insert(tail.end(), m_question.begin(), m_question.end());
    return tail;
}

bool Generation::openEarlyCaches() {
    const std::int32_t tsp = m_options.policy.tspLayer;
    for (std::int32_t i = 0; i < m_model.layers; ++i) {
        m_caches.emplace_back(m_backend, m_runner.model().attentionShape(i), m_resident.kvType());
        if (i > tsp) continue;
        if (m_start > 0) m_caches.back().addView(m_resident.span(i, m_start));
        if (!m_caches.back().open(m_layout.length - m_start, static_cast<std::int32_t>(m_start)))
            return false;
    }
    return true;
}

Result<void> Generation::prefill(const std::stop_token& stop) {
    m_backend.setStop(stop);
    // What an attempt that was stopped left behind.
    m_caches.clear();
    m_trace = {};
    m_trace.length = m_layout.length;
    m_trace.reused = m_start;
    m_rowHidden.reset();
    if (!openEarlyCaches()) return outOfMemory();
    if (m_options.detailed) {
        m_trace.kept.resize(static_cast<std::size_t>(m_model.layers));
        m_trace.cutoffs.resize(static_cast<std::size_t>(m_model.layers));
    }
    if (!m_options.observed.empty()) m_attention.assign(static_cast<std::size_t>(m_layout.documentEnd), 0.0F);
    if (Result<void> done = readTail(stop); !done) return done;
    if (Result<void> done = readCarried(stop); !done) return done;

    const bool late = m_options.policy.tspLayer < m_model.layers - 1;
    const float* last = late ? m_carriedHidden->as<float>() +
                                   (static_cast<std::int64_t>(m_trace.carried.size()) - 1) * m_model.width
                             : m_tailHidden->as<float>() + (m_layout.length - m_start - 1) * m_model.width;
    if (Result<void> done = m_runner.logits(last, 1, m_nextLogits); !done) return done;
    if (stop.stop_requested()) return cancelled();
    m_logits.swap(m_nextLogits);
    m_tailHidden.reset();
    m_carriedHidden.reset();
    for (LayerCache& cache : m_caches) {
        if (!cache.open(m_options.maxTokens, static_cast<std::int32_t>(m_layout.length)))
            return outOfMemory();
    }
    m_rowHidden = m_backend.allocate(floats(m_model.width));
    if (m_rowHidden == nullptr) return outOfMemory();
    return {};
}

/// Early stage over what is not resident: chunks, the last of which is the observation window.
Result<void> Generation::readTail(const std::stop_token& stop) {
    const std::vector<TokenId> tail = promptTail();
    const auto rows = static_cast<std::int64_t>(tail.size());
    m_tailHidden = m_backend.allocate(floats(rows * m_model.width));
    if (m_tailHidden == nullptr) return outOfMemory();
    float* hidden = m_tailHidden->as<float>();
    const std::int64_t chunk = m_runner.chunkRows();
    for (std::int64_t row = 0; row < rows; row += chunk) {
        Result<void> read =
            m_runner.embed(tail.data() + row, std::min(chunk, rows - row), hidden + row * m_model.width);
        if (!read) return read;
    }
    std::vector<std::int32_t> positions(static_cast<std::size_t>(rows));
    std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(m_start));
    return runChunks(0, m_options.policy.tspLayer, hidden, positions, stop);
}

Result<void> Generation::runChunks(std::int32_t firstLayer, std::int32_t lastLayer, float* hidden,
                                   const std::vector<std::int32_t>& positions, const std::stop_token& stop) {
    const auto rows = static_cast<std::int64_t>(positions.size());
    const std::int64_t windowRows = std::min(m_window, rows);
    for (std::int64_t row = 0; row < rows;) {
        // The window lies in the last chunk whole: its queries are asked for after that.
        std::int64_t n = std::min(m_runner.chunkRows(), rows - row);
        if (row + n < rows) n = std::min(n, rows - windowRows - row);
        const bool window = row + n == rows;
        for (std::int32_t i = firstLayer; i <= lastLayer; ++i) {
            if (stop.stop_requested()) return cancelled();
            m_runner.run(i, hidden + row * m_model.width, positions.data() + row, n,
                         m_caches[static_cast<std::size_t>(i)]);
            if (!window) continue;
            if (m_options.detailed) {
                std::vector<float>& last =
                    m_trace.lastHidden.emplace_back(static_cast<std::size_t>(m_model.width));
                m_backend.copyToHost(last.data(), hidden + (rows - 1) * m_model.width,
                                     last.size() * sizeof(float));
            }
            const std::vector<std::int32_t> observers(positions.end() - windowRows, positions.end());
            if (Result<void> done = finishLayer(i, observers); !done) return done;
        }
        row += n;
    }
    m_backend.synchronise();
    if (stop.stop_requested()) return cancelled();
    return {};
}

/// Steps 2 to 5 for a layer whose last rows, the window's, have just run.
Result<void> Generation::finishLayer(std::int32_t layer, const std::vector<std::int32_t>& window) {
    const Policy& policy = m_options.policy;
    LayerCache& cache = m_caches[static_cast<std::size_t>(layer)];
    const auto rows = static_cast<std::int64_t>(window.size());
    observe(layer, window.back());

    const bool tsp = layer == policy.tspLayer;
    const bool selects = tsp && policy.carriedTarget(m_layout) < m_layout.length;
    const bool compresses = policy.retentionPerMille < 1000;
    const std::int64_t entered = cache.rows(), scored = entered - rows;
    std::vector<float> pooled;
    if ((selects || compresses || m_options.detailed) && scored > 0) {
        const kernels::AttentionShape shape = m_runner.model().attentionShape(layer);
        const std::unique_ptr<Buffer> s = m_backend.allocate(floats(shape.heads * scored));
        const std::unique_ptr<Buffer> c = m_backend.allocate(floats(shape.kvHeads * scored));
        const std::unique_ptr<Buffer> t = m_backend.allocate(floats(scored));
        if (s == nullptr || c == nullptr || t == nullptr) return outOfMemory();
        m_backend.windowScores(shape, m_runner.queries(rows), window.data(), rows, cache.spans(), scored,
                               s->as<float>());
        m_backend.poolScores(shape, s->as<float>(), scored, policy.kernel, policy.pooling, c->as<float>());
        if (tsp) {
            m_backend.sumRows(c->as<float>(), shape.kvHeads, scored, t->as<float>());
            m_trace.tspScores.resize(static_cast<std::size_t>(scored));
            m_backend.copyToHost(m_trace.tspScores.data(), t->data(), floats(scored));
            select(t->as<float>());
        }
        if (compresses || m_options.detailed) {
            if (m_options.detailed) {
                pooled.resize(static_cast<std::size_t>(shape.kvHeads * scored));
                m_backend.copyToHost(pooled.data(), c->data(), pooled.size() * sizeof(float));
            }
            if (Result<void> done = compress(layer, c->as<float>(), pooled, entered, scored); !done)
                return done;
        }
        return {};
    }
    if (tsp) select(nullptr);
    if (m_options.detailed) {
        if (Result<void> done = compress(layer, nullptr, pooled, entered, 0); !done) return done;
    }
    return {};
}

/// Step 5: the positions that are carried. `t` (N - W) device; null when nothing was scored: then all are.
void Generation::select(const float* t) {
    const Policy::Range range = m_options.policy.candidates(m_layout);
    const std::int64_t inside = range.last - range.first, forced = m_layout.length - inside;
    const std::int64_t wanted = m_options.policy.carriedTarget(m_layout);
    const std::int64_t count = t == nullptr ? inside : std::clamp<std::int64_t>(wanted - forced, 0, inside);
    std::vector<std::int32_t> chosen(static_cast<std::size_t>(count));
    if (count == inside) {
        std::iota(chosen.begin(), chosen.end(), 0);
    } else {
        m_backend.selectLargest(t + range.first, inside, count, chosen.data());
    }
    m_trace.carried = withForced(m_layout.length, range.first, range.last, chosen);
}

/// Step 4: what each KV head keeps for decoding. `c` (G, scored) device, `pooled` the same on the host when
/// the trace wants it.
Result<void> Generation::compress(std::int32_t layer, const float* c, const std::vector<float>& pooled,
                                  std::int64_t entered, std::int64_t scored) {
    LayerCache& cache = m_caches[static_cast<std::size_t>(layer)];
    const Policy& policy = m_options.policy;
    const Policy::Range positions = policy.candidates(m_layout);
    // Rows ascend by position, so the candidates among the rows that entered are one run.
    const std::int64_t begin = policy.retentionPerMille < 1000 ? rowsOutOfReach(layer, scored) : 0;
    std::int64_t first = begin, last = scored;
    while (first < scored && cache.position(0, first) < positions.first)
        ++first;
    while (last > first && cache.position(0, last - 1) >= positions.last)
        --last;
    const std::int64_t inside = last - first, forced = entered - begin - inside;
    const std::int64_t count = std::clamp<std::int64_t>(policy.capacity(m_layout) - forced, 0, inside);

    std::vector<std::int32_t> all(static_cast<std::size_t>(m_model.kvHeads * count)), rows;
    if (count > 0)
        m_backend.selectLargestOfRows(c + first, m_model.kvHeads, scored, inside, count, all.data());
    for (std::int32_t g = 0; g < m_model.kvHeads; ++g) {
        const std::span<const std::int32_t> chosen(all.data() + g * count, static_cast<std::size_t>(count));
        std::vector<std::int32_t> kept = withForced(entered, first, last, chosen);
        kept.erase(kept.begin(), kept.begin() + begin);
        rows.insert(rows.end(), kept.begin(), kept.end());
        if (m_options.detailed) describeKept(layer, g, kept, pooled, scored);
    }
    if (count == inside && begin == 0) return {};
    if (!cache.keep(rows, forced + count)) return outOfMemory();
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
    const std::span<const float> c(pooled.data() + head * scored, static_cast<std::size_t>(scored));
    std::vector<std::int32_t> positions;
    std::vector<bool> kept(static_cast<std::size_t>(scored), false);
    for (const std::int32_t row : rows) {
        positions.push_back(cache.position(head, row));
        if (row < scored) kept[static_cast<std::size_t>(row)] = true;
    }
    std::optional<float> smallest, largest;
    for (std::size_t i = 0; i < c.size(); ++i) {
        if (kept[i]) smallest = std::min(smallest.value_or(c[i]), c[i]);
        if (!kept[i]) largest = std::max(largest.value_or(c[i]), c[i]);
    }
    m_trace.kept[static_cast<std::size_t>(layer)].push_back(std::move(positions));
    std::optional<PrefillTrace::Cutoff> cutoff;
    if (smallest && largest) cutoff = PrefillTrace::Cutoff{*smallest, *largest};
    m_trace.cutoffs[static_cast<std::size_t>(layer)].push_back(cutoff);
    if (layer == m_options.policy.tspLayer) m_trace.tspPooled.emplace_back(c.begin(), c.end());
}

/// Late stage over the carried tokens only, at their original positions.
Result<void> Generation::readCarried(const std::stop_token& stop) {
    const std::int32_t tsp = m_options.policy.tspLayer;
    if (tsp == m_model.layers - 1) return {};
    const auto count = static_cast<std::int64_t>(m_trace.carried.size());
    m_carriedHidden = m_backend.allocate(floats(count * m_model.width));
    if (m_carriedHidden == nullptr) return outOfMemory();
    const auto split = std::lower_bound(m_trace.carried.begin(), m_trace.carried.end(), m_start);
    const std::int64_t resident = split - m_trace.carried.begin();
    std::vector<std::int32_t> tailRows(split, m_trace.carried.end());
    for (std::int32_t& row : tailRows)
        row -= static_cast<std::int32_t>(m_start);
    float* hidden = m_carriedHidden->as<float>();
    if (resident > 0)
        m_backend.gatherRows(m_resident.hidden(), m_model.width, m_trace.carried.data(), resident, hidden);
    m_backend.gatherRows(m_tailHidden->as<float>(), m_model.width, tailRows.data(), count - resident,
                         hidden + resident * m_model.width);
    for (std::int32_t i = tsp + 1; i < m_model.layers; ++i) {
        if (!m_caches[static_cast<std::size_t>(i)].open(count, 0, m_trace.carried)) return outOfMemory();
    }
    return runChunks(tsp + 1, m_model.layers - 1, hidden, m_trace.carried, stop);
}

Result<void> Generation::accept(TokenId token, const std::stop_token& stop) {
    if (m_accepted >= m_options.maxTokens) {
        return fail(ErrorCode::TooLarge, "The answer reached its longest length.", "",
                    "Ask for a shorter answer.");
    }
    if (m_rowHidden == nullptr || token < 0 || token >= m_model.vocabulary) {
        return fail(ErrorCode::InvalidArgument, "The answer cannot go on with this token.",
                    "token " + std::to_string(token), "Ask the question again.");
    }
    m_backend.setStop(stop);
    // A row that was stopped half way is in some layers only.
    for (LayerCache& cache : m_caches)
        cache.truncate(m_accepted);
    std::fill(m_attention.begin(), m_attention.end(), 0.0F);
    const auto position = static_cast<std::int32_t>(m_layout.length + m_accepted);
    float* hidden = m_rowHidden->as<float>();
    if (Result<void> read = m_runner.embed(&token, 1, hidden); !read) return read;
    for (std::int32_t i = 0; i < m_model.layers; ++i) {
        if (stop.stop_requested()) return cancelled();
        m_runner.run(i, hidden, &position, 1, m_caches[static_cast<std::size_t>(i)]);
        observe(i, position);
    }
    if (Result<void> done = m_runner.logits(hidden, 1, m_nextLogits); !done) return done;
    if (stop.stop_requested()) return cancelled();
    m_logits.swap(m_nextLogits);
    ++m_accepted;
    return {};
}

/// Adds what the last row that has just run looks at, by prompt position.
void Generation::observe(std::int32_t layer, std::int32_t position) {
    if (std::find(m_options.observed.begin(), m_options.observed.end(), layer) == m_options.observed.end())
        return;
    const LayerCache& cache = m_caches[static_cast<std::size_t>(layer)];
    const kernels::AttentionShape shape = m_runner.model().attentionShape(layer);
    const std::int64_t k = cache.rows();
    const std::unique_ptr<Buffer> s = m_backend.allocate(floats(shape.heads * k));
    const std::unique_ptr<Buffer> c = m_backend.allocate(floats(shape.kvHeads * k));
    if (s == nullptr || c == nullptr) return;  // an answer without evidence is better than none
    m_backend.windowScores(shape, m_runner.queries(1), &position, 1, cache.spans(), k, s->as<float>());
    m_backend.poolScores(shape, s->as<float>(), k, 1, kernels::Pooling::Max,
                         c->as<float>());  // sums over heads alone
    std::vector<float> mass(static_cast<std::size_t>(shape.kvHeads * k));
    m_backend.copyToHost(mass.data(), c->data(), mass.size() * sizeof(float));
    for (std::int32_t g = 0; g < shape.kvHeads; ++g) {
        for (std::int64_t row = 0; row < k; ++row) {
            const std::int32_t at = cache.position(g, row);
            if (at < m_layout.documentEnd)
                m_attention[static_cast<std::size_t>(at)] += mass[static_cast<std::size_t>(g * k + row)];
        }
    }
}

TokenId greedy(const std::vector<float>& logits) {
    // The largest in independent lanes, which compilers turn into vectors; then the first that equals it.
    constexpr std::size_t kLanes = 16;
    float lanes[kLanes];
    std::fill_n(lanes, kLanes, -std::numeric_limits<float>::infinity());
    const std::size_t whole = logits.size() / kLanes * kLanes;
    for (std::size_t i = 0; i < whole; i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            lanes[lane] = lanes[lane] < logits[i + lane] ? logits[i + lane] : lanes[lane];
    }
    float largest = *std::max_element(lanes, lanes + kLanes);
    for (std::size_t i = whole; i < logits.size(); ++i)
        largest = std::max(largest, logits[i]);
    const auto found = std::find(logits.begin(), logits.end(), largest);
    return found == logits.end() ? 0 : static_cast<TokenId>(found - logits.begin());
}

}  // namespace kvasir
