// Guesses how a text goes on from where it went on before: answers quote their document.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/tokenizer.h"

namespace kvasir {

/// Prompt-lookup speculation: the last tokens are looked for earlier in document, question and answer, and
/// what followed them there is the guess. Generation::verify checks it; a wrong guess costs time and never
/// changes an answer. One thread at a time.
class PromptLookup {
public:
    /// `text`: what may be copied from.
    explicit PromptLookup(std::vector<TokenId> text) : m_text(std::move(text)) {}

    /// A token that was written.
    void append(TokenId token) { m_text.push_back(token); }
    /// When `next` comes behind the text: at most `most` tokens that followed the longest earlier occurrence
    /// of its end, the latest one of several; empty when fewer than kShortest tokens are the same.
    std::vector<TokenId> guess(TokenId next, std::int64_t most) const;

private:
    /// Fewer are too often followed by something else; more never decide between places.
    static constexpr std::int64_t kShortest = 3, kLongest = 16;

    std::vector<TokenId> m_text;
};

/// How many tokens to guess: more after guesses that stood, fewer after those that did not.
class GuessLength {
public:
    std::int64_t next() const { return m_next; }
    void tell(std::int64_t guessed, std::int64_t stood);

private:
    static constexpr std::int64_t kFirst = 4, kMost = 15;

    std::int64_t m_next = kFirst;
};

}  // namespace kvasir
