// From logits to the next token: greedy, or drawn; and the end of answers that go round in circles.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/error.h"
#include "engine/tokenizer.h"

namespace kvasir {

/// The order is: repetition penalty, temperature, min-p, top-p, draw.
struct SamplerSettings {
    float temperature = 0;    ///< 0: the largest logit, ties to the lower id; nothing below counts then but
                              ///< the penalty
    float topP = 1;           ///< of the probability, the most probable tokens first; (0, 1]
    float minP = 0;           ///< least probability, as a share of the largest; [0, 1]
    float repeatPenalty = 1;  ///< of tokens among the answer's last 64 (arXiv 1909.05858); 1: none
    std::uint64_t seed = 0;

    /// InvalidArgument names the setting that is out of range.
    Result<void> check() const;
    bool operator==(const SamplerSettings&) const = default;
};

/// Chooses one answer's tokens. The same seed and logits give the same tokens on every platform: the
/// generator is our own (splitmix64, public domain) and sums are taken in a fixed order in double. One thread
/// at a time.
class Sampler {
public:
    explicit Sampler(const SamplerSettings& settings) : m_settings(settings), m_state(settings.seed) {}

    /// The next token, from logits (V), none of them NaN. A draw moves the generator on by one number.
    TokenId pick(std::span<const float> logits);
    /// The token that was written, whoever chose it: it counts for the penalty.
    void accept(TokenId token);
    /// Whether `pick` is the largest logit alone.
    bool isGreedy() const { return m_settings.temperature <= 0 && m_settings.repeatPenalty == 1; }

private:
    static constexpr std::size_t kPenalised = 64;  ///< tokens back

    std::span<const float> penalise(std::span<const float> logits);
    TokenId draw(std::span<const float> logits);
    double uniform();

    SamplerSettings m_settings;
    std::uint64_t m_state;
    std::vector<TokenId> m_recent;  ///< a ring of the last kPenalised tokens
    std::size_t m_next = 0;
    std::vector<float> m_penalised;
};

/// The largest logit; ties go to the lower id.
TokenId greedy(std::span<const float> logits);

/// Why an answer ended.
enum class FinishReason : std::uint8_t {
    End,         ///< an end token, or the end of the turn
    Length,      ///< the longest answer that was asked for
    Repetition,  ///< it began to say the same over and over
    Stopped,     ///< by the caller
};

/// Tokens at the end that say the same thing over and over: the length of one round and how many rounds there
/// are; period 0: they do not. Three rounds of 6 to 96 tokens, or more rounds of fewer tokens: 18 in all, at
/// least.
struct Repetition {
    std::size_t period = 0, rounds = 0;
};
Repetition findRepetition(std::span<const TokenId> tokens);

}  // namespace kvasir
