// How much FastKV carries and keeps: the settings of design 'FastKV, exactly', and the counts that follow
// from them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

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
    /// Where, behind the document, that which is asked begins: earlier turns stand before it. 0: at
    /// documentEnd. A window whose width the policy leaves open does not reach before it, unless less than
    /// the least width follows.
    std::int64_t asked = 0;
};

/// What settled how many tokens are carried.
enum class CarriedBy : std::uint8_t {
    Everything,  ///< nothing could be left out, or nothing was to be
    Rate,        ///< the share of the prompt
    Minimum,     ///< the least number, or what is always carried alone is more
    Maximum,     ///< the largest number: the coverage wanted more
    Coverage,    ///< as many as hold the share of attention
};

/// How many tokens are carried and why; part of every trace.
struct CarryDecision {
    CarriedBy by = CarriedBy::Everything;
    std::int64_t carried = 0;  ///< in all
    std::int64_t always = 0;   ///< of them: prefix, question and window, whatever their scores
    std::int64_t pinned = 0;   ///< of them: pinned, and not always carried anyway
    /// Share of the competing tokens' unpooled attention that the chosen ones hold; -1 where it was not
    /// measured (policies other than the adaptive one).
    double covered = -1;
};

/// Shares are per mille and counts are taken in integers: 0.29 of 100 is 29. One value describes every
/// policy; the functions below make the usual ones.
struct Policy {
    /// Positions [first, last).
    struct Range {
        std::int64_t first = 0, last = 0;
        bool operator==(const Range&) const = default;
    };
    /// Pins hold at most this many tokens together: they come on top of what rate and retention allow.
    static constexpr std::int64_t kMostPinned = 4096;
    /// The first tokens of a prompt draw attention whatever they say (attention sinks, arXiv 2309.17453).
    /// Adaptive coverage leaves them out.
    static constexpr std::int64_t kSinks = 4;

    std::string name = "custom";            ///< "shipped", "paper", "full", "fixed", "adaptive" or "custom"
    std::int32_t tspLayer = 0;              ///< T, 0-based
    std::int32_t ratePerMille = 200;        ///< of the prompt's tokens, carried into the late stage
    std::int64_t minimumCarried = 0;        ///< tokens, whatever the rate or the coverage
    std::int64_t maximumCarried = 0;        ///< tokens, with coverage only; 0: no bound
    std::int32_t coveragePerMille = 0;      ///< adaptive: of the unpooled attention; 0: the rate counts
    std::int32_t retentionPerMille = 1000;  ///< of the prompt's K/V entries, kept by each layer for decoding
    std::int64_t window = 0;  ///< W; 0: the question piece without earlier turns, 8 to 64 tokens
    kernels::Pooling pooling = kernels::Pooling::Max;
    std::int32_t kernel = 7;  ///< pooling width in positions, odd
    bool keepPrompt = true;   ///< what is not document is always carried and kept
    /// Prompt positions that are carried, and kept in every layer and head, on top of rate and retention;
    /// ascending, not touching.
    std::vector<Range> pins;

    /// What ships: T as calibrated, else at 0.87 L; as many tokens as hold 95 % of the attention, 2,048 to
    /// 8,192, everything kept (docs/decisions/shipped-policy.md).
    static Policy shipped(const ModelConfig& model);
    /// The paper's setting: T in the middle, 20 % carried, 10 % kept, eight tokens observe (arXiv 2502.01068,
    /// section 4).
    static Policy paper(const ModelConfig& model);
    /// Full context: everything is carried and kept.
    static Policy full(const ModelConfig& model);
    /// The shipped policy with another share, and no least number: who names a share means that share.
    static Policy fixedRate(const ModelConfig& model, std::int32_t perMille);
    /// The shipped policy with this many tokens carried, whatever the prompt's length.
    static Policy fixedLength(const ModelConfig& model, std::int64_t tokens);
    /// The shipped policy with the smallest number of tokens, taken in the order of their scores t, whose
    /// unpooled attention s is at least `coveragePerMille` of that of all competing tokens; between `least`
    /// and `most` tokens.
    static Policy adaptive(const ModelConfig& model, std::int32_t coveragePerMille, std::int64_t least,
                           std::int64_t most);

    /// InvalidArgument names the setting that is out of range; TooLarge: more is pinned than kMostPinned.
    Result<void> check(const ModelConfig& model) const;

    /// W for a prompt: at least 1, at most its length.
    std::int64_t windowRows(const PromptLayout& prompt) const;
    /// Positions that compete by their scores unless they are pinned; all others are carried. last <= N - W.
    Range candidates(const PromptLayout& prompt) const;
    bool isPinned(std::int64_t position) const;  ///< the pins must have been checked
    /// Whether every token of such a prompt is carried, whatever the scores.
    bool carriesAll(const PromptLayout& prompt) const;
    /// Tokens carried in all by rate and least number, before those that are always carried raise it.
    std::int64_t carriedTarget(const PromptLayout& prompt) const;
    /// K/V entries kept per head, likewise.
    std::int64_t capacity(const PromptLayout& prompt) const;

    /// What one competing token shows the policy.
    struct Candidate {
        float score = 0;      ///< t, by which tokens are chosen
        float attention = 0;  ///< unpooled: s summed over the query heads; read by the adaptive policy alone
        bool sink = false;    ///< its attention does not count
    };
    /// How many of the candidates are carried besides what always is and what is pinned, and why: the
    /// decision's `carried` less `always` and `pinned`.
    CarryDecision decide(const PromptLayout& prompt, std::int64_t pinned,
                         std::span<const Candidate> candidates) const;
};

}  // namespace kvasir
