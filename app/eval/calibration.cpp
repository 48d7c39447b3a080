#include "app/eval/calibration.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "engine/policy_text.h"

namespace kvasir::eval {
namespace {

constexpr std::string_view kKinds[] = {"needles", "tables", "dates", "negation", "pairs"};
constexpr std::size_t kMostLayers = 9;
constexpr double kLeastShare = 0.5;
constexpr double kEnough = 0.9;       // of the answers
constexpr double kNear = 1.0 / 3000;  // of the hidden state's square

/// Positions of the document's tokens that stand on the lines of the answer.
std::vector<bool> answerTokens(const ReadDocument& document, const Question& question) {
    const Document& text = *document.tokenised.document;
    std::vector<bool> tokens(document.tokenised.tokens.size(), false);
    for (const std::int32_t place : question.places) {
        const auto& line = text.lines.at(static_cast<std::size_t>(place - 1));
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            const TextToken& token = document.tokenised.tokens[i];
            if (token.end > line.begin && token.begin < line.end) tokens[i] = true;
        }
    }
    return tokens;
}

/// See Calibrator.
std::int32_t chosenLayer(const std::vector<ModelCalibration::Point>& curve) {
    for (const ModelCalibration::Point& point : curve) {
        if (point.kept >= kEnough - 1e-9 && point.distance <= kNear) return point.layer;
    }
    return std::ranges::max(
               curve, {},
               [](const ModelCalibration::Point& point) { return std::pair(point.kept, -point.distance); })
        .layer;
}

std::string settingOf(std::int32_t layer) {
    return "shipped,tsp=" + std::to_string(layer) + ",least=64,looked=0";
}

}  // namespace

std::vector<std::int32_t> Calibrator::layers() const {
    const ModelConfig& model = m_engine.model().config();
    std::vector<std::int32_t> all;
    for (std::int32_t layer = model.layers / 2; layer < model.layers - 1; ++layer) {
        if (model.reach(layer) == 0) all.push_back(layer);
    }
    if (all.size() <= kMostLayers) return all;
    std::vector<std::int32_t> some;
    some.reserve(kMostLayers);
    for (std::size_t i = 0; i < kMostLayers; ++i)
        some.push_back(all[i * (all.size() - 1) / (kMostLayers - 1)]);
    return some;
}

Result<std::vector<Generated>> Calibrator::documents() const {
    std::vector<Generated> result;
    for (const std::string_view kind : kKinds) {
        if (std::ssize(result) == m_settings.documents) break;
        Result<Generated> generated =
            generate(kind, {m_settings.words, m_settings.questions, m_settings.seed});
        if (!generated) return tl::unexpected(generated.error());
        result.push_back(std::move(*generated));
    }
    return result;
}

Result<double> Calibrator::estimateSeconds(const std::stop_token& stop) {
    constexpr std::int64_t kWords = 200;
    using Clock = std::chrono::steady_clock;
    const Result<Generated> generated = generate("needles", {kWords, 1, m_settings.seed});
    if (!generated) return tl::unexpected(generated.error());
    const Clock::time_point begin = Clock::now();
    const Result<std::unique_ptr<ReadDocument>> read = m_engine.prepare(generated->document);
    if (!read) return tl::unexpected(read.error());
    Result<void> done = m_engine.readEarly(**read, stop, {});
    if (done) done = m_engine.readLate(**read, stop, {});
    if (!done) return tl::unexpected(done.error());
    const Clock::time_point readAt = Clock::now();
    AskRequest request;
    request.question = generated->questions.front().text;
    request.mode = AnswerMode::Full;
    if (const auto asked = m_engine.ask(**read, request, stop, [](std::string_view) {}); !asked)
        return tl::unexpected(asked.error());
    const auto seconds = [](auto from, auto to) { return std::chrono::duration<double>(to - from).count(); };
    const double reading = seconds(begin, readAt) * static_cast<double>(m_settings.words) / kWords;
    const double answering = seconds(readAt, Clock::now());
    const auto settings = static_cast<double>(layers().size()) + 2;  // full, and full once more for the heads
    return m_settings.documents * settings * (reading + m_settings.questions * answering);
}

Result<void> Calibrator::measureHeads(const Generated& generated, const std::stop_token& stop) {
    const ModelConfig& model = m_engine.model().config();
    const Result<std::unique_ptr<ReadDocument>> read = m_engine.prepare(generated.document);
    if (!read) return tl::unexpected(read.error());
    Result<void> done = m_engine.readEarly(**read, stop, {});
    if (done) done = m_engine.readLate(**read, stop, {});
    if (!done) return done;
    for (const Question& question : generated.questions) {
        m_progress("heads: " + question.text, -1);
        const std::vector<bool> holds = answerTokens(**read, question);
        const auto prefix = static_cast<std::size_t>((*read)->tokenised.prefix);
        const auto sinks = prefix + static_cast<std::size_t>(Policy::kSinks);
        std::vector<double> on(m_headShares.size(), 0), all(m_headShares.size(), 0);
        AskRequest request;
        request.question = question.text;
        request.mode = AnswerMode::Full;
        request.speculate = false;
        request.lookedTokens = 0;
        request.onHeads = [&](std::int32_t layer, std::span<const float> attention) {
            const std::size_t end = prefix + holds.size();
            for (std::int32_t head = 0; head < model.heads; ++head) {
                const auto at = static_cast<std::size_t>(layer) * static_cast<std::size_t>(model.heads) +
                                static_cast<std::size_t>(head);
                const std::span<const float> mass =
                    attention.subspan(static_cast<std::size_t>(head) * end, end);
                for (std::size_t i = sinks; i < end; ++i) {
                    all[at] += mass[i];
                    if (holds[i - prefix]) on[at] += mass[i];
                }
            }
        };
        const Result<AskOutcome> outcome = m_engine.ask(**read, request, stop, [](std::string_view) {});
        if (!outcome) return tl::unexpected(outcome.error());
        if (!isRight(outcome->answer.text, question.expected)) continue;
        ++m_rightAnswers;
        for (std::size_t i = 0; i < on.size(); ++i)
            m_headShares[i] += all[i] > 0 ? on[i] / all[i] : 0;
    }
    return {};
}

std::vector<ModelCalibration::Head> Calibrator::bestHeads() const {
    const std::int32_t heads = m_engine.model().config().heads;
    std::vector<ModelCalibration::Head> best;
    for (std::size_t i = 0; i < m_headShares.size(); ++i) {
        const double share = m_headShares[i] / std::max(m_rightAnswers, 1);
        if (share < kLeastShare) continue;
        const auto at = static_cast<std::int32_t>(i);
        best.push_back({at / heads, at % heads, share});
    }
    if (best.empty()) return best;
    // Observing a layer costs time with every token: one must do.
    std::map<std::int32_t, double> together;
    for (const ModelCalibration::Head& head : best)
        together[head.layer] += head.share;
    const auto layer = std::ranges::max_element(together, {}, [](const auto& each) { return each.second; });
    std::erase_if(best, [&](const ModelCalibration::Head& head) { return head.layer != layer->first; });
    std::ranges::sort(best, {},
                      [](const ModelCalibration::Head& head) { return std::pair(-head.share, head.head); });
    return best;
}

Result<ModelCalibration> Calibrator::run(const std::stop_token& stop) {
    const ModelConfig& model = m_engine.model().config();
    const std::vector<std::int32_t> tried = layers();
    if (tried.empty()) {
        return fail(ErrorCode::Unsupported, "This model has no layer to choose.", model.name,
                    "It is used with everything carried.");
    }
    const Result<std::vector<Generated>> sets = documents();
    if (!sets) return tl::unexpected(sets.error());
    std::vector<Setting> settings{*settingFromText("full,looked=0", model)};
    for (const std::int32_t layer : tried)
        settings.push_back(*settingFromText(settingOf(layer), model));
    Evaluation evaluation(m_engine, settings, m_progress);
    m_headShares.assign(static_cast<std::size_t>(model.layers) * static_cast<std::size_t>(model.heads), 0);
    m_rightAnswers = 0;
    for (const Generated& generated : *sets) {
        Result<void> done = evaluation.ask(generated.document, generated.questions, {}, stop);
        if (done) done = measureHeads(generated, stop);
        if (!done) return tl::unexpected(done.error());
    }
    if (m_rightAnswers == 0) {
        return fail(ErrorCode::Empty, "The model answered none of the questions right.", model.name,
                    "It is used with the usual settings.");
    }
    ModelCalibration calibration;
    calibration.model = model.name;
    calibration.questions = static_cast<std::int32_t>(evaluation.rows().size() / settings.size());
    for (std::size_t i = 0; i < tried.size(); ++i) {
        ModelCalibration::Point point{tried[i], 0, 0};
        for (const Row& row : evaluation.rows()) {
            if (row.setting != &settings[i + 1]) continue;
            point.distance += row.distance.value_or(0) / calibration.questions;
            point.kept += (*row.verdict != Verdict::Different ? 1.0 : 0.0) / calibration.questions;
        }
        calibration.curve.push_back(point);
    }
    calibration.tspLayer = chosenLayer(calibration.curve);
    calibration.heads = bestHeads();
    return calibration;
}

}  // namespace kvasir::eval
