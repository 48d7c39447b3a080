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
#include "engine/sampler.h"

namespace kvasir {

/// What the prefill decided. Small values in host memory.
struct PrefillTrace {
    std::int64_t length = 0;            ///< N
    std::int64_t reused = 0;            ///< prompt tokens taken from the resident document
    std::vector<std::int32_t> carried;  ///< positions carried into the late stage, ascending
    std::vector<float> tspScores;       ///< t (N - W); empty when nothing was scored
    CarryDecision decision;             ///< how many are carried, and why
    /// Positions per layer and head, ascending; of a layer that keeps everything that entered it there is
    /// nothing here, unless Generation::Options::detailed.
    std::vector<std::vector<std::vector<std::int32_t>>> kept;
    std::vector<float> finalHidden;  ///< (D): of the last token, leaving the last layer
    double earlyMs = 0;              ///< question through the early stage, scores and selection
    double lateMs = 0;               ///< late stage over the carried tokens, and the first logits

    // Only with Generation::Options::detailed:
    std::vector<std::vector<float>> tspPooled;  ///< c at T, (G) of (N - W)
    struct Cutoff {
        float smallestKept = 0, largestDropped = 0;
    };
    std::vector<std::vector<std::optional<Cutoff>>>
        cutoffs;                                 ///< per layer and head; empty: nothing was dropped
    std::vector<std::vector<float>> lastHidden;  ///< per layer: hidden state (D) of the last token leaving it
};

/// A layer and those of its query heads that count.
struct ObservedLayer {
    std::int32_t layer = 0;
    std::vector<std::int32_t> heads;  ///< empty: all
};

/// Called with attention probabilities (H, documentEnd) over the prompt's positions.
using HeadObserver = std::function<void(std::int32_t layer, std::span<const float> attention)>;

/// Reads the question behind a resident document and writes the answer. One thread (the engine's) at a time.
/// Runner and resident document must outlive it and stay as they are meanwhile.
class Generation {
public:
    struct Options {
        Policy policy;
        std::int64_t maxTokens = 512;  ///< room for the answer
        bool detailed = false;         ///< fill the detailed part of the trace
        /// Whose attention over the document is observed while the answer is written; see `attention()`.
        std::vector<ObservedLayer> observed;
        /// Tokens of the question, from its first, that are observed like the document.
        std::int64_t observedOfQuestion = 0;
        /// For measuring: every head of every layer, for each token of the answer in order, the last of the
        /// prompt first. Slow.
        HeadObserver onHeads;
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
    /// The same for several tokens that follow one another, computed in one batch: at least 1, at most
    /// kMostVerified.
    Result<void> accept(std::span<const TokenId> tokens, const std::stop_token& stop);
    std::int64_t accepted() const { return m_accepted; }

    /// Says which token follows, from the logits (V) behind one: greedy, or a sampler's draw.
    using Choose = std::function<TokenId(std::span<const float> logits)>;
    struct Verified {
        std::int64_t standing = 0;  ///< tokens of the run that were appended, at least 1
        TokenId next = 0;           ///< what `choose` says follows them
    };
    static constexpr std::int64_t kMostVerified = 32;
    /// Appends run[0], which the caller has chosen, and those of the others that `choose` would have written,
    /// up to the first that it would not. The whole run is computed in one batch, which costs far less than
    /// one token after another; the result is that of accepting the standing tokens one by one, bit for bit,
    /// and `choose` is called for the same logits in the same order. 1 to kMostVerified tokens. Errors as of
    /// `accept`.
    Result<Verified> verify(std::span<const TokenId> run, const Choose& choose, const std::stop_token& stop);

    /// Attention probabilities of the row behind `logits()`, over the prompt's positions [0, documentEnd +
    /// observedOfQuestion), summed over the observed layers and heads. Empty when no layer is observed.
    std::span<const float> attention() const { return attention(m_attentionRows - 1); }
    /// The same of the i-th token that the last `verify` or `accept` appended.
    std::span<const float> attention(std::int64_t i) const;

    /// Memory of this answer's own keys and values.
    std::size_t bytes() const;

private:
    Generation(LayerRunner& runner, const ResidentDocument& resident, std::vector<TokenId> question,
               const PromptLayout& layout, Options options);
    std::vector<TokenId> promptTail() const;
    bool openEarlyCaches();
    Result<void> readTail(const std::stop_token& stop);
    Result<void> readCarried(const std::stop_token& stop);
    Result<void> runChunks(std::int32_t firstLayer, std::int32_t lastLayer, float* hidden,
                           const std::vector<std::int32_t>& positions, const std::stop_token& stop);
    Result<void> firstLogits(const std::stop_token& stop);
    Result<void> runRows(std::span<const TokenId> tokens, const std::stop_token& stop);
    void observe(std::int32_t layer, std::span<const std::int32_t> positions, std::int64_t first);
    const ObservedLayer* observedLayer(std::int32_t layer) const;
    void addMass(const LayerCache& cache, std::int64_t kvHead, std::span<const float> mass,
                 std::span<float> attention) const;
    void observeHeads(std::int32_t layer, std::span<const std::int32_t> positions, std::int64_t first);
    bool grow(std::unique_ptr<kernels::Buffer>& buffer, std::int64_t floats) const;

    // generation_selection.cpp
    /// What a layer keeps: rows of its cache, in m_keptRows from `at` on.
    struct Kept {
        std::int32_t layer = 0;
        std::int64_t at = 0;
        std::int64_t count = 0;     ///< per key/value head
        bool drops = false;         ///< the cache holds these alone
        std::vector<float> pooled;  ///< c (G, scored), with Options::detailed
    };
    Result<void> finishLayer(std::int32_t layer, const std::vector<std::int32_t>& window,
                             const std::stop_token& stop);
    std::int64_t rowsBefore(std::int32_t layer, std::int64_t position) const;
    std::int64_t raisePins(std::int32_t layer, const kernels::KeptRows& which, float* scores,
                           std::int64_t heads, std::int64_t stride);
    Result<std::vector<Policy::Candidate>> candidates(const Policy::Range& range, const float* s,
                                                      std::int64_t scored);
    Result<void> select(float* t, const float* s, std::int64_t scored, const std::stop_token& stop);
    std::int64_t mostKept() const;
    Result<void> compress(std::int32_t layer, float* c, std::vector<float> pooled, std::int64_t entered,
                          std::int64_t scored);
    std::int64_t rowsOutOfReach(std::int32_t layer, std::int64_t scored) const;
    Result<void> placeKept(const std::stop_token& stop);
    void describeCutoffs(const Kept& kept, std::span<const std::int32_t> rows);

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
    std::unique_ptr<kernels::Buffer> m_tailHidden;         ///< (N - start, D)
    std::unique_ptr<kernels::Buffer> m_carriedHidden;      ///< (carried, D)
    std::unique_ptr<kernels::Buffer> m_rowHidden;          ///< (kMostVerified, D), decoding
    std::unique_ptr<kernels::Buffer> m_keptRows;           ///< int32, of all layers in `m_kept`
    std::vector<Kept> m_kept;                              ///< between `compress` and `placeKept`
    std::unique_ptr<kernels::Buffer> m_groupMass, m_mass;  ///< observation's scratch; grows
    PrefillTrace m_trace;
    std::vector<float> m_logits;
    std::vector<float> m_nextLogits;  ///< being computed; its memory is used again
    std::int64_t m_observedEnd = 0;   ///< positions before it are observed
    std::vector<float> m_attention;   ///< (m_attentionRows, m_observedEnd)
    std::int64_t m_attentionRows = 0;
    std::int64_t m_accepted = 0;
};

}  // namespace kvasir
