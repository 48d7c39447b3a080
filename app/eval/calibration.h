// Measures a model: at which layer FastKV should select, and which heads look at what is being told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "app/answer_engine.h"
#include "app/eval/evaluation.h"
#include "app/eval/generators.h"
#include "app/model_calibration.h"
#include "engine/error.h"

namespace kvasir::eval {

/// Asks generated questions (needles, tables, pairs, negation, dates; none of any test set) by full reading
/// and by quick answers that select at each of several layers, with the shipped policy's other settings and
/// no least number. T is the earliest layer that keeps the facts of nine of ten full answers and whose last
/// hidden states are within 1/3000 of the full reading's; where none is, the one that keeps most, and of
/// equals the one with the smallest distance. Heads: over the right full answers, the mean share of a head's
/// attention on the document, sinks left out, that lands on the lines that hold the answer while the
/// quotation is written; those with at least half, of the layer that has most of them.
class Calibrator {
public:
    struct Settings {
        std::int64_t words = 1500;   ///< of each document
        std::int32_t questions = 5;  ///< to each document
        std::uint64_t seed = 77;
        std::int32_t documents = 5;  ///< at most one of each kind
    };
    /// The engine must outlive it. One thread.
    Calibrator(AnswerEngine& engine, Settings settings, Progress progress)
        : m_engine(engine), m_settings(settings), m_progress(std::move(progress)) {}

    /// Layers that are tried: from the middle to the last but one, at most nine, full-attention layers only.
    std::vector<std::int32_t> layers() const;
    /// How long `run` will take, from reading and answering one short document. Errors: those of
    /// AnswerEngine.
    Result<double> estimateSeconds(const std::stop_token& stop);
    /// Without fingerprint. Errors: those of AnswerEngine; Unsupported (a model without a layer to choose);
    /// Empty (not one full answer was right: the model is too weak to be measured so).
    Result<ModelCalibration> run(const std::stop_token& stop);

private:
    Result<std::vector<Generated>> documents() const;
    Result<void> measureHeads(const Generated& generated, const std::stop_token& stop);
    std::vector<ModelCalibration::Head> bestHeads() const;

    AnswerEngine& m_engine;
    Settings m_settings;
    Progress m_progress;
    std::vector<double> m_headShares;  ///< (L, H): sums over the right answers
    std::int32_t m_rightAnswers = 0;
};

}  // namespace kvasir::eval
