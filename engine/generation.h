// One question over a prompt: FastKV's prefill, then decoding token by token. design.md, 'FastKV, exactly'.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/error.h"
#include "engine/layer_cache.h"
#include "engine/layer_runner.h"
#include "engine/policy.h"
#include "engine/resident_document.h"

namespace kvasir {

/// What the prefill decided. Small values in host memory.
struct PrefillTrace {
    std::int64_t length = 0;            ///< N
    std::int64_t reused = 0;            ///< prompt tokens taken from the resident document
    std::vector<std::int32_t> carried;  ///< positions carried into the late stage, ascending
    std::vector<float> tspScores;       ///< t (N - W); empty when nothing was scored

    // Only with Generation::Options::detailed:
    std::vector<std::vector<float>> tspPooled;                 ///< c at T, (G) of (N - W)
    std::vector<std::vector<std::vector<std::int32_t>>> kept;  ///< positions per layer and head, ascending
    struct Cutoff {
        float smallestKept = 0, largestDropped = 0;
    };
    std::vector<std::vector<std::optional<Cutoff>>>
        cutoffs;                                 ///< per layer and head; empty: nothing was dropped
    std::vector<std::vector<float>> lastHidden;  ///< per layer: hidden state (D) of the last token leaving it
};

/// Reads the question behind a resident document and writes the answer. One thread (the engine's) at a time.
/// Runner and resident document must outlive it and stay as they are meanwhile.
class Generation {
public:
    struct Options {
        Policy policy;
        std::int64_t maxTokens = 512;  ///< room for the answer
        bool detailed = false;         ///< fill the detailed part of the trace
        /// Layers whose attention over the document is observed while the answer is written; see
        /// `attention()`.
        std::vector<std::int32_t> observed;
    };

    /// `resident` holds the prompt's beginning as far as it was read; `question` follows it. `layout.length`
    /// is their sum. Errors: InvalidArgument (policy, layout), TooLarge (prompt and answer exceed the
    /// window).
    static Result<std::unique_ptr<Generation>> create(LayerRunner& runner, const ResidentDocument& resident,
                                                      std::vector<TokenId> question,
                                                      const PromptLayout& layout, Options options);

    /// Must succeed once before `accept`. Errors: Cancelled, OutOfMemory; it may be called again after them.
    Result<void> prefill(const std::stop_token& stop);
    const PrefillTrace& trace() const { return m_trace; }

    /// Logits (V) that follow the last token. Host.
    const std::vector<float>& logits() const { return m_logits; }
    /// Appends a token of the answer and computes the logits that follow it. Errors: Cancelled, OutOfMemory,
    /// TooLarge (more than maxTokens), InvalidArgument (an id outside the vocabulary, no prefill). After an
    /// error the answer stands as it was: the logits are the last ones, and the token may be accepted again.
    Result<void> accept(TokenId token, const std::stop_token& stop);
    std::int64_t accepted() const { return m_accepted; }

    /// Attention probabilities of the row behind `logits()`, over the prompt's positions [0, documentEnd),
    /// summed over the observed layers and all heads. Empty when no layer is observed.
    const std::vector<float>& attention() const { return m_attention; }

private:
    Generation(LayerRunner& runner, const ResidentDocument& resident, std::vector<TokenId> question,
               const PromptLayout& layout, Options options);
    std::vector<TokenId> promptTail() const;
    bool openEarlyCaches();
    Result<void> readTail(const std::stop_token& stop);
    void select(const float* t);
    Result<void> readCarried(const std::stop_token& stop);
    Result<void> runChunks(std::int32_t firstLayer, std::int32_t lastLayer, float* hidden,
                           const std::vector<std::int32_t>& positions, const std::stop_token& stop);
    Result<void> finishLayer(std::int32_t layer, const std::vector<std::int32_t>& window);
    Result<void> compress(std::int32_t layer, const float* c, const std::vector<float>& pooled,
                          std::int64_t entered, std::int64_t scored);
    std::int64_t rowsOutOfReach(std::int32_t layer, std::int64_t scored) const;
    void describeKept(std::int32_t layer, std::int32_t head, const std::vector<std::int32_t>& rows,
                      const std::vector<float>& pooled, std::int64_t scored);
    void observe(std::int32_t layer, std::int32_t position);

    LayerRunner& m_runner;
    kernels::Backend& m_backend;
    const ResidentDocument& m_resident;
    const ModelConfig& m_model;
    std::vector<TokenId> m_question;
    PromptLayout m_layout;
    Options m_options;
    std::int64_t m_window = 0;  ///< W
    std::int64_t m_start = 0;  ///< first position that is computed here, not taken from the resident document

    std::vector<LayerCache> m_caches;
    std::unique_ptr<kernels::Buffer> m_tailHidden;     ///< (N - start, D)
    std::unique_ptr<kernels::Buffer> m_carriedHidden;  ///< (carried, D)
    std::unique_ptr<kernels::Buffer> m_rowHidden;      ///< (1, D), decoding
    PrefillTrace m_trace;
    std::vector<float> m_logits;
    std::vector<float> m_nextLogits;  ///< being computed; its memory is used again
    std::vector<float> m_attention;
    std::int64_t m_accepted = 0;
};

/// The largest logit; ties go to the lower id.
TokenId greedy(const std::vector<float>& logits);

}  // namespace kvasir
