#include "engine/segmented_question.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/answer_errors.h"
#include "engine/question_scores.h"

namespace kvasir {

namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::size_t> readSegments(const SegmentedDocument& document) {
    std::vector<std::size_t> read;
    for (std::size_t i = 0; i < document.segments().size(); ++i) {
        if (document.isRead(i)) read.push_back(i);
    }
    return read;
}

/// log of the sum of exponentials of all segments' sums, by query.
std::vector<float> joined(const std::vector<WindowQueries>& asked) {
    std::vector<float> result(asked.front().logSums.size());
    for (std::size_t i = 0; i < result.size(); ++i) {
        double largest = -std::numeric_limits<double>::infinity();
        for (const WindowQueries& each : asked)
            largest = std::max(largest, static_cast<double>(each.logSums[i]));
        double sum = 0;
        for (const WindowQueries& each : asked)
            sum += std::isinf(largest) ? 0 : std::exp(static_cast<double>(each.logSums[i]) - largest);
        result[i] = static_cast<float>(largest + std::log(sum));
        if (std::isinf(largest)) result[i] = static_cast<float>(largest);
    }
    return result;
}

/// What is pinned, and the `most` best of the others.
void choose(SegmentChoice& choice, const SegmentedDocument& document, const Policy& policy,
            std::int64_t most) {
    struct Token {
        float score;
        std::int64_t index;
    };
    const std::int64_t prefix = std::ssize(document.prefix());
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < choice.scores.size(); ++i) {
        for (std::size_t k = 0; k < choice.scores[i].size(); ++k) {
            const std::int64_t index = document.segments()[i].begin + static_cast<std::int64_t>(k);
            if (policy.isPinned(prefix + index)) {
                choice.tokens.push_back(index);
            } else {
                tokens.push_back({choice.scores[i][k], index});
            }
        }
    }
    choice.pinned = std::ssize(choice.tokens);
    const auto count = static_cast<std::ptrdiff_t>(std::min(most, std::ssize(tokens)));
    std::nth_element(tokens.begin(), tokens.begin() + count, tokens.end(),
                     [](const Token& a, const Token& b) {
                         return a.score != b.score ? a.score > b.score : a.index < b.index;
                     });
    for (auto token = tokens.begin(); token != tokens.begin() + count; ++token)
        choice.tokens.push_back(token->index);
    std::sort(choice.tokens.begin(), choice.tokens.end());
}

std::int64_t longestOf(const SegmentedDocument& document, const std::vector<std::size_t>& read) {
    std::int64_t longest = 0;
    for (const std::size_t i : read)
        longest = std::max(longest, document.resident(i).size());
    return longest;
}

}  // namespace

Result<SegmentChoice> chooseFromSegments(LayerRunner& runner, const SegmentedDocument& document,
                                         std::span<const TokenId> question, const Policy& policy,
                                         std::int32_t layer, std::int64_t most, const std::stop_token& stop) {
    const Clock::time_point begin = Clock::now();
    runner.backend().setStop(stop);
    const std::vector<std::size_t> read = readSegments(document);
    if (read.empty())
        return fail(ErrorCode::Empty, "No part of the document is read.", "", "Wait until one is read.");
    if (Result<void> checked = checkQuestion(runner.model().config(), question, layer, document.tspLayer(),
                                             longestOf(document, read));
        !checked) {
        return tl::unexpected(checked.error());
    }
    QuestionScorer scorer(runner, question, policy, layer, stop);
    std::vector<WindowQueries> asked;
    for (const std::size_t i : read) {
        Result<WindowQueries> queries = scorer.queries(document.resident(i));
        if (!queries) return tl::unexpected(queries.error());
        asked.push_back(std::move(*queries));
    }
    const std::vector<float> logSums = joined(asked);
    SegmentChoice choice;
    choice.scores.resize(document.segments().size());
    for (std::size_t k = 0; k < read.size(); ++k) {
        const Result<std::vector<float>> t = scorer.scores(asked[k], document.resident(read[k]), logSums);
        if (!t) return tl::unexpected(t.error());
        choice.scores[read[k]].assign(t->begin() + document.firstOwnRow(read[k]), t->end());
    }
    choose(choice, document, policy, most);
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
    if (gathered && stop.stop_requested()) return answerCancelled();
    return gathered;
}

}  // namespace kvasir
