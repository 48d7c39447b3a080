// How much FastKV carries and keeps: the settings of design 'FastKV, exactly', and the counts that follow
// from them.
#pragma once

#include <cstdint>
#include <string>

#include "engine/error.h"
#include "engine/family.h"
#include "kernels/backend.h"

namespace kvasir {

/// Where the parts of a prompt lie: [0, prefix) system text, [prefix, documentEnd) document, [documentEnd,
/// length) question. Positions in tokens.
struct PromptLayout {
    std::int64_t prefix = 0;
    std::int64_t documentEnd = 0;
    std::int64_t length = 0;  ///< N
};

/// Shares are per mille and counts are taken in integers: 0.29 of 100 is 29.
struct Policy {
    std::string name = "custom";            ///< "shipped", "paper", "full", or "custom"
    std::int32_t tspLayer = 0;              ///< T, 0-based
    std::int32_t ratePerMille = 200;        ///< of the prompt's tokens, carried into the late stage
    std::int64_t minimumCarried = 0;        ///< tokens, whatever the rate
    std::int32_t retentionPerMille = 1000;  ///< of the prompt's K/V entries, kept by each layer for decoding
    std::int64_t window = 0;                ///< W; 0: the question piece, between 8 and 64 tokens
    kernels::Pooling pooling = kernels::Pooling::Max;
    std::int32_t kernel = 7;  ///< pooling width in positions, odd
    bool keepPrompt = true;   ///< what is not document is always carried and kept

    /// What ships: T at 0.7 L, 20 % and at least 2,048 tokens, everything kept
    /// (docs/decisions/shipped-policy.md).
    static Policy shipped(const ModelConfig& model);
    /// The paper's setting: T in the middle, 20 % carried, 10 % kept, eight tokens observe (arXiv 2502.01068,
    /// section 4).
    static Policy paper(const ModelConfig& model);
    /// Full context: everything is carried and kept.
    static Policy full(const ModelConfig& model);

    /// InvalidArgument names the setting that is out of range.
    Result<void> check(const ModelConfig& model) const;

    /// W for a prompt: at least 1, at most its length.
    std::int64_t windowRows(const PromptLayout& prompt) const;
    /// Positions [first, last) that compete by their scores; all others are carried. last <= N - W.
    struct Range {
        std::int64_t first = 0, last = 0;
    };
    Range candidates(const PromptLayout& prompt) const;
    /// Tokens carried in all, before those that are always carried raise it.
    std::int64_t carriedTarget(const PromptLayout& prompt) const;
    /// K/V entries kept per head, likewise.
    std::int64_t capacity(const PromptLayout& prompt) const;
};

}  // namespace kvasir
