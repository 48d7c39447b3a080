// What a question looks at in a document that is resident, before anything is carried: scores of every token.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/error.h"
#include "engine/layer_runner.h"
#include "engine/policy.h"
#include "engine/resident_document.h"

namespace kvasir {

/// What the question's observation window asks for at one layer, behind one document.
struct WindowQueries {
    std::unique_ptr<kernels::Buffer> queries;  ///< (W, H, d) device
    std::vector<std::int32_t> positions;       ///< (W)
    std::vector<float> logSums;                ///< (H, W): log of the sum of exponentials of all scores
};

/// One question over documents whose first reading is done, one after another: what the heads of `layer` <= T
/// look at. Runner, question, policy (which says pooling and window) and `stop` must outlive it. Engine
/// thread.
class QuestionScorer {
public:
    QuestionScorer(LayerRunner& runner, std::span<const TokenId> question, const Policy& policy,
                   std::int32_t layer, const std::stop_token& stop);

    /// Layers 0..layer over the question behind the document, which is not changed. Errors:
    /// OutOfMemory, Cancelled, DeviceFailed.
    Result<WindowQueries> queries(const ResidentDocument& document);

    /// t (size of the document) by these log-sum-exps: the queries' own, or the joint ones of several
    /// documents, which makes their scores comparable. Errors as above.
    Result<std::vector<float>> scores(const WindowQueries& asked, const ResidentDocument& document,
                                      std::span<const float> logSums);

private:
    Result<void> runLayer(std::int32_t layer, float* hidden, const std::vector<std::int32_t>& positions,
                          LayerCache& cache);
    Result<WindowQueries> queriesAt(std::int32_t layer, const LayerCache& cache,
                                    const std::vector<std::int32_t>& positions);

    LayerRunner& m_runner;
    kernels::Backend& m_backend;
    std::span<const TokenId> m_question;
    const Policy& m_policy;
    std::int32_t m_layer;
    const std::stop_token& m_stop;
    std::int64_t m_window = 0;
};

/// t of each of the document's tokens, its constant prefix included, for a question that follows it. Errors:
/// InvalidArgument (no question, an id outside the vocabulary, a first reading that is not done, heads behind
/// T), TooLarge (both exceed the window), and those of QuestionScorer.
Result<std::vector<float>> questionScores(LayerRunner& runner, const ResidentDocument& document,
                                          std::span<const TokenId> question, const Policy& policy,
                                          std::int32_t layer, const std::stop_token& stop);

/// Whether a question can stand behind a document of `longest` tokens whose early stage ends with `tspLayer`,
/// and look by this layer. Errors: InvalidArgument, TooLarge.
Result<void> checkQuestion(const ModelConfig& model, std::span<const TokenId> question, std::int32_t layer,
                           std::int32_t tspLayer, std::int64_t longest);

}  // namespace kvasir
