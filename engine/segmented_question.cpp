#include "engine/segmented_question.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

namespace kvasir {

using kernels::Backend;
using kernels::Buffer;
using kernels::KvSpan;

namespace {

using Clock = std::chrono::steady_clock;

tl::unexpected<Error> cancelled() {
    return fail(ErrorCode::Cancelled, "The answer was stopped.", "", "Ask again when you like.");
}

tl::unexpected<Error> outOfMemory() {
    return fail(ErrorCode::OutOfMemory, "There is not enough memory for this answer.", "",
                "Close other programs, or carry less of the document.");
}

std::size_t floats(std::int64_t count) {
    return static_cast<std::size_t>(std::max<std::int64_t>(count, 1)) * sizeof(float);
}

/// The same memory from row `row` of every head on, `count` rows, at the positions they have.
KvSpan part(const KvSpan& span, std::int64_t row, std::int64_t count, std::int64_t headSize) {
    KvSpan moved = span;
    const std::int64_t bytes = row * headSize * kernels::bytesOf(span.type);
    moved.keys += bytes;
    moved.values += bytes;
    moved.count = count;
    moved.first = span.first + static_cast<std::int32_t>(row);
    return moved;
}

/// What the window's queries at T say behind one segment.
struct Looked {
    std::unique_ptr<Buffer> queries;      ///< (W, H, d)
    std::vector<std::int32_t> positions;  ///< (W)
    std::vector<float> logSums;           ///< (H, W)
};

/// One question over one document's segments.
class SegmentLooker {
public:
    SegmentLooker(LayerRunner& runner, const SegmentedDocument& document, std::span<const TokenId> question,
                  const Policy& policy, const std::stop_token& stop)
        : m_runner(runner),
          m_backend(runner.backend()),
          m_model(runner.model().config()),
          m_document(document),
          m_question(question),
          m_policy(policy),
          m_stop(stop),
          m_shape(runner.model().attentionShape(document.tspLayer())) {
        const PromptLayout layout{0, 0, std::ssize(question)};
        m_window = std::min(policy.windowRows(layout), kWindowRows);
    }

    /// Layers 0..T over the question behind `views(layer)`, from position `first` on.
    template <typename Views>
    Result<Looked> look(std::int64_t first, const Views& views) {
        const auto n = std::ssize(m_question);
        std::unique_ptr<Buffer> memory = m_backend.allocate(floats(n * m_model.width));
        if (memory == nullptr) return outOfMemory();
        float* hidden = memory->as<float>();
        const std::int64_t chunk = m_runner.chunkRows();
        for (std::int64_t row = 0; row < n; row += chunk) {
            Result<void> read = m_runner.embed(m_question.data() + row, std::min(chunk, n - row),
                                               hidden + row * m_model.width);
            if (!read) return tl::unexpected(read.error());
        }
        std::vector<std::int32_t> positions(static_cast<std::size_t>(n));
        std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(first));
        for (std::int32_t layer = 0; layer <= m_document.tspLayer(); ++layer) {
            LayerCache cache(m_backend, m_runner.model().attentionShape(layer), m_document.kvType());
            for (const KvSpan& view : views(layer))
                cache.addView(view);
            if (!cache.open(n, static_cast<std::int32_t>(first))) return outOfMemory();
            if (Result<void> done = runLayer(layer, hidden, positions, cache); !done)
                return tl::unexpected(done.error());
            if (layer == m_document.tspLayer()) return lookedAt(cache, positions);
            m_backend.synchronise();  // before the cache's memory is freed
        }
        return cancelled();
    }

    /// t of rows [0, rows) of a span by the log-sum-exps of all segments, to `t` (rows).
    Result<void> score(const Looked& looked, const KvSpan& span, const Buffer& logSums,
                       std::vector<float>& t) {
        const std::unique_ptr<Buffer> s = m_backend.allocate(floats(m_shape.heads * span.count)),
                                      c = m_backend.allocate(floats(m_shape.kvHeads * span.count)),
                                      sums = m_backend.allocate(floats(span.count));
        if (s == nullptr || c == nullptr || sums == nullptr) return outOfMemory();
        m_backend.windowScoresAgainst(m_shape, looked.queries->as<float>(), looked.positions.data(), m_window,
                                      {&span, 1}, span.count, logSums.as<float>(), s->as<float>());
        m_backend.poolScores(m_shape, s->as<float>(), span.count, m_policy.kernel, m_policy.pooling,
                             c->as<float>());
        m_backend.sumRows(c->as<float>(), m_shape.kvHeads, span.count, sums->as<float>());
        t.resize(static_cast<std::size_t>(span.count));
        m_backend.copyToHost(t.data(), sums->data(), t.size() * sizeof(float));
        if (m_stop.stop_requested()) return cancelled();
        return deviceState(m_backend);
    }

    std::unique_ptr<Buffer> upload(const std::vector<float>& values) {
        std::unique_ptr<Buffer> buffer = m_backend.allocate(values.size() * sizeof(float));
        if (buffer != nullptr)
            m_backend.copyToDevice(buffer->data(), values.data(), values.size() * sizeof(float));
        return buffer;
    }

private:
    Result<void> runLayer(std::int32_t layer, float* hidden, const std::vector<std::int32_t>& positions,
                          LayerCache& cache) {
        const auto rows = std::ssize(positions);
        for (std::int64_t row = 0; row < rows;) {
            // The window lies in the last chunk whole: its queries are asked for after that.
            std::int64_t n = std::min(m_runner.chunkRows(), rows - row);
            if (row + n < rows) n = std::min(n, rows - m_window - row);
            if (m_stop.stop_requested()) return cancelled();
            m_runner.run(layer, hidden + row * m_model.width, positions.data() + row, n, cache);
            row += n;
        }
        return {};
    }

    Result<Looked> lookedAt(const LayerCache& cache, const std::vector<std::int32_t>& positions) {
        Looked looked;
        looked.positions.assign(positions.end() - m_window, positions.end());
        const std::int64_t width = std::int64_t{m_shape.heads} * m_shape.headSize;
        looked.queries = m_backend.allocate(floats(m_window * width));
        const std::unique_ptr<Buffer> logSums = m_backend.allocate(floats(m_shape.heads * m_window));
        if (looked.queries == nullptr || logSums == nullptr) return outOfMemory();
        std::vector<std::int32_t> rows(static_cast<std::size_t>(m_window));
        std::iota(rows.begin(), rows.end(), 0);
        m_backend.gatherRows(m_runner.queries(m_window), width, rows.data(), m_window,
                             looked.queries->as<float>());
        m_backend.windowLogSums(m_shape, looked.queries->as<float>(), looked.positions.data(), m_window,
                                cache.spans(), logSums->as<float>());
        looked.logSums.resize(static_cast<std::size_t>(m_shape.heads * m_window));
        m_backend.copyToHost(looked.logSums.data(), logSums->data(), looked.logSums.size() * sizeof(float));
        if (m_stop.stop_requested()) return cancelled();
        if (Result<void> state = deviceState(m_backend); !state) return tl::unexpected(state.error());
        return looked;
    }

    LayerRunner& m_runner;
    Backend& m_backend;
    const ModelConfig& m_model;
    const SegmentedDocument& m_document;
    std::span<const TokenId> m_question;
    const Policy& m_policy;
    const std::stop_token& m_stop;
    kernels::AttentionShape m_shape;
    std::int64_t m_window = 0;
};

std::vector<std::size_t> readSegments(const SegmentedDocument& document) {
    std::vector<std::size_t> read;
    for (std::size_t i = 0; i < document.segments().size(); ++i) {
        if (document.isRead(i)) read.push_back(i);
    }
    return read;
}

/// log of the sum of exponentials of all segments' sums, by query.
std::vector<float> joined(const std::vector<Looked>& looked) {
    std::vector<float> result(looked.front().logSums.size());
    for (std::size_t i = 0; i < result.size(); ++i) {
        double largest = -std::numeric_limits<double>::infinity();
        for (const Looked& each : looked)
            largest = std::max(largest, static_cast<double>(each.logSums[i]));
        double sum = 0;
        for (const Looked& each : looked)
            sum += std::isinf(largest) ? 0 : std::exp(static_cast<double>(each.logSums[i]) - largest);
        result[i] = static_cast<float>(largest + std::log(sum));
        if (std::isinf(largest)) result[i] = static_cast<float>(largest);
    }
    return result;
}

std::vector<std::int64_t> best(const SegmentedDocument& document, const SegmentChoice& choice,
                               std::int64_t most) {
    struct Token {
        float score;
        std::int64_t index;
    };
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < choice.scores.size(); ++i) {
        for (std::size_t k = 0; k < choice.scores[i].size(); ++k)
            tokens.push_back(
                {choice.scores[i][k], document.segments()[i].begin + static_cast<std::int64_t>(k)});
    }
    const auto count = static_cast<std::ptrdiff_t>(std::min(most, std::ssize(tokens)));
    std::nth_element(tokens.begin(), tokens.begin() + count, tokens.end(),
                     [](const Token& a, const Token& b) {
                         return a.score != b.score ? a.score > b.score : a.index < b.index;
                     });
    std::vector<std::int64_t> chosen;
    for (auto token = tokens.begin(); token != tokens.begin() + count; ++token)
        chosen.push_back(token->index);
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

Result<void> check(const SegmentedDocument& document, const ModelConfig& model,
                   std::span<const TokenId> question, const std::vector<std::size_t>& read) {
    const auto known = [&](TokenId id) { return id >= 0 && id < model.vocabulary; };
    if (question.empty() || !std::ranges::all_of(question, known)) {
        return fail(ErrorCode::InvalidArgument, "The question's tokens do not belong to this model.", "",
                    "Ask the question again.");
    }
    if (read.empty())
        return fail(ErrorCode::Empty, "No part of the document is read.", "", "Wait until one is read.");
    std::int64_t longest = 0;
    for (const std::size_t i : read)
        longest = std::max(longest, document.resident(i).size());
    if (longest + std::ssize(question) > model.window) {
        return fail(ErrorCode::TooLarge, "The question does not fit into the model's window.", "",
                    "Ask a shorter question.");
    }
    return {};
}

}  // namespace

Result<SegmentChoice> chooseFromSegments(LayerRunner& runner, const SegmentedDocument& document,
                                         std::span<const TokenId> question, const Policy& policy,
                                         std::int64_t most, const std::stop_token& stop, SegmentWay way) {
    const Clock::time_point begin = Clock::now();
    runner.backend().setStop(stop);
    const std::vector<std::size_t> read = readSegments(document);
    if (Result<void> checked = check(document, runner.model().config(), question, read); !checked)
        return tl::unexpected(checked.error());
    const std::int32_t tsp = document.tspLayer();
    const std::int64_t headSize = runner.model().config().headSize, prefix = std::ssize(document.prefix());
    SegmentLooker looker(runner, document, question, policy, stop);
    std::vector<Looked> looked;
    if (way == SegmentWay::Apart) {
        for (const std::size_t i : read) {
            const ResidentDocument& segment = document.resident(i);
            Result<Looked> seen = looker.look(segment.size(), [&](std::int32_t layer) {
                return std::vector<KvSpan>{segment.span(layer, segment.size())};
            });
            if (!seen) return tl::unexpected(seen.error());
            looked.push_back(std::move(*seen));
        }
    } else {
        std::int64_t first = 0;
        for (const std::size_t i : read)
            first = std::max(first, document.resident(i).size());
        Result<Looked> seen = looker.look(first, [&](std::int32_t layer) {
            std::vector<KvSpan> views{document.resident(read.front()).span(layer, prefix)};
            for (const std::size_t i : read) {
                const ResidentDocument& segment = document.resident(i);
                views.push_back(part(segment.span(layer, segment.size()), document.firstOwnRow(i),
                                     segment.size() - document.firstOwnRow(i), headSize));
            }
            return views;
        });
        if (!seen) return tl::unexpected(seen.error());
        looked.push_back(std::move(*seen));
    }
    const std::unique_ptr<Buffer> logSums = looker.upload(joined(looked));
    if (logSums == nullptr) return outOfMemory();
    SegmentChoice choice;
    choice.scores.resize(document.segments().size());
    for (std::size_t k = 0; k < read.size(); ++k) {
        const ResidentDocument& segment = document.resident(read[k]);
        std::vector<float> t;
        if (Result<void> scored = looker.score(looked[std::min(k, looked.size() - 1)],
                                               segment.span(tsp, segment.size()), *logSums, t);
            !scored) {
            return tl::unexpected(scored.error());
        }
        choice.scores[read[k]].assign(t.begin() + document.firstOwnRow(read[k]), t.end());
    }
    choice.tokens = best(document, choice, most);
    choice.ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    return choice;
}

Result<std::unique_ptr<ResidentDocument>> gatherChosen(LayerRunner& runner, const SegmentedDocument& document,
                                                       std::span<const std::int64_t> tokens,
                                                       const std::stop_token& stop) {
    runner.backend().setStop(stop);
    const std::vector<std::size_t> read = readSegments(document);
    std::vector<ResidentDocument::Piece> pieces;
    auto next = tokens.begin();
    for (const std::size_t i : read) {
        ResidentDocument::Piece piece{&document.resident(i), {}};
        if (pieces.empty()) {
            piece.rows.resize(document.prefix().size());
            std::iota(piece.rows.begin(), piece.rows.end(), 0);
        }
        const Segment& segment = document.segments()[i];
        for (; next != tokens.end() && *next >= segment.begin && *next < segment.end; ++next)
            piece.rows.push_back(static_cast<std::int32_t>(document.firstOwnRow(i) + *next - segment.begin));
        if (!piece.rows.empty()) pieces.push_back(std::move(piece));
    }
    if (next != tokens.end() || pieces.empty()) {
        return fail(ErrorCode::InvalidArgument, "A chosen token lies in no part that is read.", "",
                    "Ask the question again.");
    }
    Result<std::unique_ptr<ResidentDocument>> gathered =
        ResidentDocument::gather(runner.model(), runner.backend(), pieces);
    if (gathered && stop.stop_requested()) return cancelled();
    return gathered;
}

}  // namespace kvasir
