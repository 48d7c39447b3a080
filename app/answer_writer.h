// Writes an answer: quotation, lead, answer proper; token by token, or several at once where a guess stands.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "app/citations.h"
#include "app/passages.h"
#include "app/prompt.h"
#include "app/quotation.h"
#include "engine/generation.h"
#include "engine/prompt_lookup.h"
#include "engine/sampler.h"
#include "engine/tokenizer.h"

namespace kvasir {

/// An answer's text as it grows, and which tokens may come next: words of the document in the quotation, then
/// the lead to the answer, which is ours, then what the model likes. Tokenizer, piece and passages must
/// outlive it.
class WrittenAnswer {
public:
    WrittenAnswer(const Tokenizer& tokenizer, const QuestionPiece& piece, const Passages& passages,
                  const SamplerSettings& sampling);

    /// The next token, from the logits (V) behind the last one.
    TokenId choose(std::span<const float> logits);
    /// Whether the answer is over when `token` is next.
    bool ends(TokenId token) const;
    void add(TokenId token);
    /// Tokens of the lead that are still to come.
    const std::deque<TokenId>& lead() const { return m_lead; }
    /// Drops everything behind byte `bytes`.
    void cut(std::size_t bytes) { m_text.resize(bytes); }

    const std::string& text() const { return m_text; }
    /// Complete characters only.
    std::string_view complete() const;

private:
    void beginLead();
    bool answerEnds() const;

    const Tokenizer& m_tokenizer;
    const QuestionPiece& m_piece;
    Quotation m_quotation;
    Sampler m_sampler;
    std::string m_text;
    std::size_t m_tokens = 0;
    std::deque<TokenId> m_lead;
    bool m_quoting = true;
    std::size_t m_leadEnd = 0;  ///< where the answer proper begins, once it was led to
};

/// One answer. The generation's prefill must be done.
class AnswerWriter {
public:
    struct Options {
        std::int64_t maxTokens = 256;
        SamplerSettings sampling;
        bool speculate = true;  ///< guess continuations that are copied from prompt and answer
        /// Another answer to the same question: its tokens are the first guess. Never changes what is
        /// written.
        std::span<const TokenId> draft;
    };
    /// What is read: `prompt` (prefix and document, `prefix` tokens before the document's first) and the
    /// question; and what may be quoted. All must outlive the writer.
    struct Source {
        const Tokenizer& tokenizer;
        const QuestionPiece& piece;
        const Passages& passages;
        std::span<const TokenId> prompt;
        std::int64_t prefix = 0;
    };
    AnswerWriter(const Source& source, Generation& generation, const Options& options);

    /// The whole text so far, complete characters only.
    using OnText = std::function<void(std::string_view text)>;
    /// Writes to the end, and says why it ended. Errors: those of Generation but Cancelled, which is the
    /// reason Stopped.
    Result<FinishReason> write(const std::stop_token& stop, const OnText& onText);

    std::string text() const;
    const std::vector<TokenId>& tokens() const { return m_tokens; }
    const std::vector<TokenEvidence>& evidence() const { return m_evidence; }

    /// What guessing did.
    struct Speed {
        std::int64_t batches = 0;  ///< passes through the model
        std::int64_t guessed = 0;  ///< tokens that were guessed
        std::int64_t stood = 0;    ///< of them, those that the model would have written
    };
    const Speed& speed() const { return m_speed; }

private:
    Result<void> writeRun(const std::vector<TokenId>& run, const std::stop_token& stop);
    TokenId writtenThen(TokenId token, std::span<const float> logits);
    std::vector<TokenId> guess() const;
    void noteEvidence(std::size_t first, std::span<const float> before);
    void endRepetition();
    std::int64_t room() const;

    Generation& m_generation;
    Options m_options;
    Source m_source;
    PromptLookup m_lookup;
    GuessLength m_guessLength;
    WrittenAnswer m_text;
    TokenId m_next = 0;  ///< chosen, not yet written
    std::vector<TokenId> m_tokens;
    std::vector<TokenEvidence> m_evidence;
    Repetition m_repetition;
    Speed m_speed;
};

}  // namespace kvasir
