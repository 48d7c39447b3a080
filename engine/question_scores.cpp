#include "engine/question_scores.h"

#include <algorithm>
#include <numeric>

#include "engine/answer_errors.h"

namespace kvasir {

using kernels::Buffer;
using kernels::KvSpan;

QuestionScorer::QuestionScorer(LayerRunner& runner, std::span<const TokenId> question, const Policy& policy,
                               std::int32_t layer, const std::stop_token& stop)
    : m_runner(runner),
      m_backend(runner.backend()),
      m_question(question),
      m_policy(policy),
      m_layer(layer),
      m_stop(stop) {
    const PromptLayout layout{0, 0, std::ssize(question)};
    m_window = std::min(policy.windowRows(layout), kWindowRows);
}

Result<WindowQueries> QuestionScorer::queries(const ResidentDocument& document) {
    const std::int64_t width = m_runner.model().config().width;
    const auto n = std::ssize(m_question);
    std::unique_ptr<Buffer> memory = m_backend.allocate(floatBytes(n * width));
    if (memory == nullptr) return answerOutOfMemory();
    float* hidden = memory->as<float>();
    const std::int64_t chunk = m_runner.chunkRows();
    for (std::int64_t row = 0; row < n; row += chunk) {
        Result<void> read =
            m_runner.embed(m_question.data() + row, std::min(chunk, n - row), hidden + row * width);
        if (!read) return tl::unexpected(read.error());
    }
    std::vector<std::int32_t> positions(static_cast<std::size_t>(n));
    const auto first = static_cast<std::int32_t>(document.size());
    std::iota(positions.begin(), positions.end(), first);
    for (std::int32_t layer = 0; layer <= m_layer; ++layer) {
        LayerCache cache(m_backend, m_runner.model().attentionShape(layer), document.kvType());
        cache.addView(document.span(layer, document.size()));
        if (!cache.open(n, first)) return answerOutOfMemory();
        if (Result<void> done = runLayer(layer, hidden, positions, cache); !done)
            return tl::unexpected(done.error());
        if (layer == m_layer) return queriesAt(layer, cache, positions);
        m_backend.synchronise();  // before the cache's memory is freed
    }
    return answerCancelled();
}

Result<void> QuestionScorer::runLayer(std::int32_t layer, float* hidden,
                                      const std::vector<std::int32_t>& positions, LayerCache& cache) {
    const auto rows = std::ssize(positions);
    for (std::int64_t row = 0; row < rows;) {
        // The window lies in the last chunk whole: its queries are asked for after that.
        std::int64_t n = std::min(m_runner.chunkRows(), rows - row);
        if (row + n < rows) n = std::min(n, rows - m_window - row);
        if (m_stop.stop_requested()) return answerCancelled();
        m_runner.run(layer, hidden + row * m_runner.model().config().width, positions.data() + row, n, cache);
        row += n;
    }
    return {};
}

Result<WindowQueries> QuestionScorer::queriesAt(std::int32_t layer, const LayerCache& cache,
                                                const std::vector<std::int32_t>& positions) {
    const kernels::AttentionShape shape = m_runner.model().attentionShape(layer);
    WindowQueries asked;
    asked.positions.assign(positions.end() - m_window, positions.end());
    const std::int64_t width = std::int64_t{shape.heads} * shape.headSize;
    asked.queries = m_backend.allocate(floatBytes(m_window * width));
    const std::unique_ptr<Buffer> logSums = m_backend.allocate(floatBytes(shape.heads * m_window));
    if (asked.queries == nullptr || logSums == nullptr) return answerOutOfMemory();
    std::vector<std::int32_t> rows(static_cast<std::size_t>(m_window));
    std::iota(rows.begin(), rows.end(), 0);
    m_backend.gatherRows(m_runner.queries(m_window), width, rows.data(), m_window,
                         asked.queries->as<float>());
    m_backend.windowLogSums(shape, asked.queries->as<float>(), asked.positions.data(), m_window,
                            cache.spans(), logSums->as<float>());
    asked.logSums.resize(static_cast<std::size_t>(shape.heads * m_window));
    m_backend.copyToHost(asked.logSums.data(), logSums->data(), asked.logSums.size() * sizeof(float));
    if (m_stop.stop_requested()) return answerCancelled();
    if (Result<void> state = deviceState(m_backend); !state) return tl::unexpected(state.error());
    return asked;
}

Result<std::vector<float>> QuestionScorer::scores(const WindowQueries& asked,
                                                  const ResidentDocument& document,
                                                  std::span<const float> logSums) {
    const kernels::AttentionShape shape = m_runner.model().attentionShape(m_layer);
    const KvSpan span = document.span(m_layer, document.size());
    const std::unique_ptr<Buffer> sums = m_backend.allocate(floatBytes(std::ssize(logSums))),
                                  s = m_backend.allocate(floatBytes(shape.heads * span.count)),
                                  c = m_backend.allocate(floatBytes(shape.kvHeads * span.count)),
                                  t = m_backend.allocate(floatBytes(span.count));
    if (sums == nullptr || s == nullptr || c == nullptr || t == nullptr) return answerOutOfMemory();
    m_backend.copyToDevice(sums->data(), logSums.data(), logSums.size() * sizeof(float));
    m_backend.windowScoresAgainst(shape, asked.queries->as<float>(), asked.positions.data(), m_window,
                                  {&span, 1}, span.count, sums->as<float>(), s->as<float>());
    m_backend.poolScores(shape, s->as<float>(), span.count, m_policy.kernel, m_policy.pooling,
                         c->as<float>());
    m_backend.sumRows(c->as<float>(), shape.kvHeads, span.count, t->as<float>());
    std::vector<float> result(static_cast<std::size_t>(span.count));
    m_backend.copyToHost(result.data(), t->data(), result.size() * sizeof(float));
    if (m_stop.stop_requested()) return answerCancelled();
    if (Result<void> state = deviceState(m_backend); !state) return tl::unexpected(state.error());
    return result;
}

Result<std::vector<float>> questionScores(LayerRunner& runner, const ResidentDocument& document,
                                          std::span<const TokenId> question, const Policy& policy,
                                          std::int32_t layer, const std::stop_token& stop) {
    const ModelConfig& model = runner.model().config();
    if (Result<void> checked = checkQuestion(model, question, layer, document.tspLayer(), document.size());
        !checked)
        return tl::unexpected(checked.error());
    if (!document.earlyDone()) {
        return fail(ErrorCode::InvalidArgument, "The document is not read yet.", "",
                    "Wait until its first reading is done.");
    }
    runner.backend().setStop(stop);
    QuestionScorer scorer(runner, question, policy, layer, stop);
    const Result<WindowQueries> asked = scorer.queries(document);
    if (!asked) return tl::unexpected(asked.error());
    return scorer.scores(*asked, document, asked->logSums);
}

Result<void> checkQuestion(const ModelConfig& model, std::span<const TokenId> question, std::int32_t layer,
                           std::int32_t tspLayer, std::int64_t longest) {
    if (layer < 0 || layer > tspLayer) {
        return fail(ErrorCode::InvalidArgument, "The question cannot look at the document by this layer.",
                    "layer " + std::to_string(layer), "Choose one that the first reading goes through.");
    }
    const auto known = [&](TokenId id) { return id >= 0 && id < model.vocabulary; };
    if (question.empty() || !std::ranges::all_of(question, known)) {
        return fail(ErrorCode::InvalidArgument, "The question's tokens do not belong to this model.", "",
                    "Ask the question again.");
    }
    if (longest + std::ssize(question) > model.window) {
        return fail(ErrorCode::TooLarge, "The question does not fit into the model's window.", "",
                    "Ask a shorter question.");
    }
    return {};
}

}  // namespace kvasir
