#include "engine/generation.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "engine/answer_errors.h"

namespace kvasir {

using kernels::Buffer;

namespace {

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
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
        layout.documentEnd > length || layout.asked < 0 || layout.asked > length || !known ||
        options.maxTokens < 0 || options.observedOfQuestion < 0 ||
        layout.documentEnd + options.observedOfQuestion > length) {
        return fail(ErrorCode::InvalidArgument, "The prompt's parts do not fit together.", "",
                    "Ask the question again.");
    }
    if (!options.policy.pins.empty() && options.policy.pins.back().last > length) {
        return fail(ErrorCode::InvalidArgument, "A pinned range lies behind the prompt's end.",
                    "pin " + std::to_string(options.policy.pins.back().last), "Pin it again.");
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
      m_window(largestWindow(layout, m_options.policy)),
      m_observedEnd(layout.documentEnd + m_options.observedOfQuestion) {
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
    m_kept.clear();
    m_trace = {};
    m_trace.length = m_layout.length;
    m_trace.reused = m_start;
    m_rowHidden.reset();
    if (!openEarlyCaches()) return answerOutOfMemory();
    m_trace.kept.resize(static_cast<std::size_t>(m_model.layers));
    m_trace.cutoffs.resize(static_cast<std::size_t>(m_model.layers));
    m_attentionRows = m_options.observed.empty() ? 0 : 1;
    m_attention.assign(static_cast<std::size_t>(m_attentionRows * m_observedEnd), 0.0F);
    const Clock::time_point begin = Clock::now();
    if (Result<void> done = readTail(stop); !done) return done;
    m_trace.earlyMs = millisecondsSince(begin);
    const Clock::time_point selected = Clock::now();
    if (Result<void> done = readCarried(stop); !done) return done;
    if (Result<void> done = firstLogits(stop); !done) return done;
    if (Result<void> done = placeKept(stop); !done) return done;
    m_trace.lateMs = millisecondsSince(selected);
    for (LayerCache& cache : m_caches) {
        if (!cache.open(m_options.maxTokens, static_cast<std::int32_t>(m_layout.length)))
            return answerOutOfMemory();
    }
    m_rowHidden = m_backend.allocate(floatBytes(kMostVerified * m_model.width));
    if (m_rowHidden == nullptr) return answerOutOfMemory();
    return {};
}

Result<void> Generation::firstLogits(const std::stop_token& stop) {
    const bool late = m_options.policy.tspLayer < m_model.layers - 1;
    const float* last = late ? m_carriedHidden->as<float>() +
                                   (static_cast<std::int64_t>(m_trace.carried.size()) - 1) * m_model.width
                             : m_tailHidden->as<float>() + (m_layout.length - m_start - 1) * m_model.width;
    m_trace.finalHidden.resize(static_cast<std::size_t>(m_model.width));
    m_backend.copyToHost(m_trace.finalHidden.data(), last, m_trace.finalHidden.size() * sizeof(float));
    if (Result<void> done = m_runner.logits(last, 1, m_nextLogits); !done) return done;
    if (stop.stop_requested()) return answerCancelled();
    m_logits.swap(m_nextLogits);
    m_tailHidden.reset();
    m_carriedHidden.reset();
    return {};
}

/// Early stage over what is not resident: chunks, the last of which is the observation window.
Result<void> Generation::readTail(const std::stop_token& stop) {
    const std::vector<TokenId> tail = promptTail();
    const auto rows = static_cast<std::int64_t>(tail.size());
    m_tailHidden = m_backend.allocate(floatBytes(rows * m_model.width));
    if (m_tailHidden == nullptr) return answerOutOfMemory();
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
            if (stop.stop_requested()) return answerCancelled();
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
            observe(i, observers, windowRows - 1);
            if (Result<void> done = finishLayer(i, observers, stop); !done) return done;
        }
        row += n;
    }
    m_backend.synchronise();
    if (stop.stop_requested()) return answerCancelled();
    return {};
}

/// Late stage over the carried tokens only, at their original positions.
Result<void> Generation::readCarried(const std::stop_token& stop) {
    const std::int32_t tsp = m_options.policy.tspLayer;
    if (tsp == m_model.layers - 1) return {};
    const auto count = static_cast<std::int64_t>(m_trace.carried.size());
    m_carriedHidden = m_backend.allocate(floatBytes(count * m_model.width));
    if (m_carriedHidden == nullptr) return answerOutOfMemory();
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
        if (!m_caches[static_cast<std::size_t>(i)].open(count, 0, m_trace.carried))
            return answerOutOfMemory();
    }
    return runChunks(tsp + 1, m_model.layers - 1, hidden, m_trace.carried, stop);
}

Result<void> Generation::accept(TokenId token, const std::stop_token& stop) {
    return accept(std::span<const TokenId>(&token, 1), stop);
}

Result<void> Generation::accept(std::span<const TokenId> tokens, const std::stop_token& stop) {
    if (Result<void> done = runRows(tokens, stop); !done) return done;
    const auto n = static_cast<std::int64_t>(tokens.size());
    const float* last = m_rowHidden->as<float>() + (n - 1) * m_model.width;
    m_trace.finalHidden.resize(static_cast<std::size_t>(m_model.width));
    m_backend.copyToHost(m_trace.finalHidden.data(), last, m_trace.finalHidden.size() * sizeof(float));
    if (Result<void> done = m_runner.logits(last, 1, m_nextLogits); !done) return done;
    if (stop.stop_requested()) return answerCancelled();
    m_logits.swap(m_nextLogits);
    m_accepted += n;
    return {};
}

Result<Generation::Verified> Generation::verify(std::span<const TokenId> run, const Choose& choose,
                                                const std::stop_token& stop) {
    if (Result<void> ran = runRows(run, stop); !ran) return tl::unexpected(ran.error());
    const auto n = static_cast<std::int64_t>(run.size());
    const Result<void> done = m_runner.logits(m_rowHidden->as<float>(), n, m_nextLogits);
    if (!done) return tl::unexpected(done.error());
    if (stop.stop_requested()) return answerCancelled();
    Verified verified;
    std::span<const float> row;
    do {
        row = std::span(m_nextLogits)
                  .subspan(static_cast<std::size_t>(verified.standing * m_model.vocabulary),
                           static_cast<std::size_t>(m_model.vocabulary));
        ++verified.standing;
        verified.next = choose(row);
    } while (verified.standing < n && run[static_cast<std::size_t>(verified.standing)] == verified.next);
    m_logits.assign(row.begin(), row.end());
    m_accepted += verified.standing;
    m_attentionRows = std::min(m_attentionRows, verified.standing);
    return verified;
}

/// All layers over tokens that follow what was accepted. Their K/V stand behind it until the next call, which
/// drops what was not accepted meanwhile.
Result<void> Generation::runRows(std::span<const TokenId> tokens, const std::stop_token& stop) {
    const auto n = static_cast<std::int64_t>(tokens.size());
    if (m_accepted + n > m_options.maxTokens) {
        return fail(ErrorCode::TooLarge, "The answer reached its longest length.", "",
                    "Ask for a shorter answer.");
    }
    const bool known = std::all_of(tokens.begin(), tokens.end(),
                                   [&](TokenId id) { return id >= 0 && id < m_model.vocabulary; });
    if (m_rowHidden == nullptr || n < 1 || n > kMostVerified || !known) {
        return fail(ErrorCode::InvalidArgument, "The answer cannot go on with these tokens.",
                    n > 0 ? "token " + std::to_string(tokens.front()) : "", "Ask the question again.");
    }
    m_backend.setStop(stop);
    for (LayerCache& cache : m_caches)
        cache.truncate(m_accepted);
    if (!m_options.observed.empty()) {
        m_attentionRows = n;
        m_attention.assign(static_cast<std::size_t>(n * m_observedEnd), 0.0F);
    }
    std::vector<std::int32_t> positions(tokens.size());
    std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(m_layout.length + m_accepted));
    float* hidden = m_rowHidden->as<float>();
    if (Result<void> read = m_runner.embed(tokens.data(), n, hidden); !read) return read;
    for (std::int32_t i = 0; i < m_model.layers; ++i) {
        if (stop.stop_requested()) return answerCancelled();
        m_runner.run(i, hidden, positions.data(), n, m_caches[static_cast<std::size_t>(i)]);
        observe(i, positions, 0);
    }
    return {};
}

const ObservedLayer* Generation::observedLayer(std::int32_t layer) const {
    for (const ObservedLayer& observed : m_options.observed) {
        if (observed.layer == layer) return &observed;
    }
    return nullptr;
}

/// Adds what the last rows that have run look at, by prompt position, from `first` of `positions` on, which
/// are theirs.
void Generation::observe(std::int32_t layer, std::span<const std::int32_t> positions, std::int64_t first) {
    if (m_options.onHeads) observeHeads(layer, positions, first);
    const ObservedLayer* observed = observedLayer(layer);
    if (observed == nullptr) return;
    const LayerCache& cache = m_caches[static_cast<std::size_t>(layer)];
    const kernels::AttentionShape shape = m_runner.model().attentionShape(layer);
    const std::int64_t k = cache.rows(), n = std::ssize(positions) - first, groups = shape.kvHeads;
    // An answer without evidence is better than none.
    if (!grow(m_groupMass, groups * n * k) || !grow(m_mass, n * k)) return;
    const float* queries =
        m_runner.queries(std::ssize(positions)) + first * shape.heads * std::int64_t{shape.headSize};
    m_backend.attentionMass(shape, queries, positions.data() + first, n, observed->heads, cache.spans(), k,
                            m_groupMass->as<float>());
    // Where all heads keep the same rows their mass is one sum.
    const bool same = std::ranges::all_of(
        cache.spans(), [](const kernels::KvSpan& span) { return span.positions == nullptr; });
    if (same) m_backend.sumRows(m_groupMass->as<float>(), groups, n * k, m_mass->as<float>());
    const std::int64_t parts = same ? 1 : groups;
    std::vector<float> mass(static_cast<std::size_t>(parts * n * k));
    m_backend.copyToHost(mass.data(), (same ? m_mass : m_groupMass)->data(), mass.size() * sizeof(float));
    for (std::int64_t row = 0; row < n; ++row) {
        const std::span<float> attention = std::span(m_attention)
                                               .subspan(static_cast<std::size_t>(row * m_observedEnd),
                                                        static_cast<std::size_t>(m_observedEnd));
        for (std::int64_t g = 0; g < parts; ++g)
            addMass(cache, g, std::span(mass).subspan(static_cast<std::size_t>((g * n + row) * k)),
                    attention);
    }
}

/// Some more than needed: the answer makes the cache longer with every token.
bool Generation::grow(std::unique_ptr<Buffer>& buffer, std::int64_t count) const {
    if (buffer == nullptr || buffer->bytes() < floatBytes(count)) {
        buffer.reset();  // first: there may not be room for both
        buffer = m_backend.allocate(floatBytes(count + count / 8));
    }
    return buffer != nullptr;
}

/// Tells `onHeads` what each head of these rows looks at.
void Generation::observeHeads(std::int32_t layer, std::span<const std::int32_t> positions,
                              std::int64_t first) {
    const LayerCache& cache = m_caches[static_cast<std::size_t>(layer)];
    const kernels::AttentionShape shape = m_runner.model().attentionShape(layer);
    const std::int64_t k = cache.rows(), end = m_layout.documentEnd;
    if (!grow(m_mass, shape.heads * k)) return;
    std::vector<float> mass(static_cast<std::size_t>(shape.heads * k)),
        attention(static_cast<std::size_t>(m_model.heads * end));
    for (std::int64_t row = first; row < std::ssize(positions); ++row) {
        const float* query =
            m_runner.queries(std::ssize(positions)) + row * shape.heads * std::int64_t{shape.headSize};
        m_backend.windowScores(shape, query, positions.data() + row, 1, cache.spans(), k,
                               m_mass->as<float>());
        m_backend.copyToHost(mass.data(), m_mass->data(), mass.size() * sizeof(float));
        std::ranges::fill(attention, 0.0F);
        for (std::int64_t head = 0; head < m_model.heads; ++head) {
            addMass(cache, head * m_model.kvHeads / m_model.heads,
                    std::span(mass).subspan(static_cast<std::size_t>(head * k)),
                    std::span(attention).subspan(static_cast<std::size_t>(head * end),
                                                 static_cast<std::size_t>(end)));
        }
        m_options.onHeads(layer, attention);
    }
}

/// One head's mass by row of the cache -> attention by position.
void Generation::addMass(const LayerCache& cache, std::int64_t kvHead, std::span<const float> mass,
                         std::span<float> attention) const {
    const std::int64_t end = std::ssize(attention);
    const float* from = mass.data();
    for (const kernels::KvSpan& span : cache.spans()) {
        if (span.positions == nullptr) {
            const std::int64_t count = std::clamp<std::int64_t>(end - span.first, 0, span.count);
            for (std::int64_t i = 0; i < count; ++i)
                attention[static_cast<std::size_t>(span.first + i)] += from[i];
        } else {
            const std::int32_t* at = span.positions + kvHead * span.stride;
            for (std::int64_t i = 0; i < span.count && at[i] < end; ++i)
                attention[static_cast<std::size_t>(at[i])] += from[i];
        }
        from += span.count;
    }
}

std::span<const float> Generation::attention(std::int64_t i) const {
    if (i < 0 || i >= m_attentionRows) return {};
    return std::span(m_attention)
        .subspan(static_cast<std::size_t>(i * m_observedEnd), static_cast<std::size_t>(m_observedEnd));
}

std::size_t Generation::bytes() const {
    std::size_t bytes = 0;
    for (const LayerCache& cache : m_caches)
        bytes += cache.bytes();
    return bytes;
}

}  // namespace kvasir
