// The prompt: constant prefix, document, question. The pieces are tokenised apart and joined, so that the
// document's tokens never depend on the question and no text of a document or user becomes a control token.
// Questions and answers that the question goes on from (turns) belong to the question piece: they are
// computed again behind the resident document.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/answer.h"
#include "app/document.h"
#include "engine/error.h"
#include "engine/model.h"
#include "engine/policy.h"
#include "engine/tokenizer.h"

namespace kvasir {

/// A document as tokens. Immutable.
struct TokenisedDocument {
    std::shared_ptr<const Document> document;
    std::vector<TokenId> prompt;  ///< prefix and document: what a resident document is made of
    std::int64_t prefix = 0;      ///< tokens before the document's first
    std::vector<TextToken>
        tokens;  ///< prompt[prefix + i] stands for bytes [begin, end) of the document's text
};

/// A question that was answered before, and its answer as it is shown.
struct Turn {
    std::string question, answer;
    bool operator==(const Turn&) const = default;
};

/// Earlier turns take at most this many tokens of a question piece. On a processor each 100 tokens behind a
/// document of 8,000 cost about 0.7 s: so 1.8 s at the most (docs/decisions/turns.md).
inline constexpr std::int64_t kMostTurnTokens = 256;
/// As many turns as could ever go along, each of a few words.
inline constexpr std::size_t kMostTurns = 16;

/// Turns as a transcript in the model's chat format. It begins inside the user's turn that the document
/// stands in and ends inside the user's turn that the next question stands in.
struct EarlierTurns {
    std::vector<TokenId> tokens;
    TurnsTaken taken;
};

/// What follows the document, and how the answer that begins with it goes on.
struct QuestionPiece {
    /// Earlier turns, repeated passages, question, instruction, and the beginning of the answer's turn: an
    /// open quotation.
    std::vector<TokenId> tokens;
    /// Of these, the earlier turns'. They are always carried and kept, as the question is, but never observe:
    /// the observation window lies behind them (PromptLayout::asked).
    std::int64_t turnTokens = 0;
    std::string shown;       ///< of that beginning, what belongs to the answer's text
    std::string closeQuote;  ///< ends the quotation
    std::string answerLead;  ///< stands between quotation and answer
    /// Tokens of the document that are repeated before the question: tokens[i] is the document's token
    /// repeated[i], or none of it where that is -1. No longer than the last of them.
    std::vector<std::int64_t> repeated;
};

/// Builds prompts for one model. Immutable; any number of threads may use it. The model must outlive it.
class PromptBuilder {
public:
    /// Unsupported when the model has no known chat format.
    static Result<PromptBuilder> create(const Model& model);

    TokenisedDocument tokenise(std::shared_ptr<const Document> document) const;
    /// The newest of the turns (oldest first) that have no more than `mostTokens` tokens together, each
    /// whole. Where the newest alone has more, its quotation and its answer are cut, and end with an
    /// ellipsis; where that leaves next to nothing of it, there are none.
    EarlierTurns turns(std::span<const Turn> turns, std::int64_t mostTokens) const;
    /// The answer quotes the passage that it rests on first, and answers then.
    QuestionPiece question(std::string_view question, const EarlierTurns& earlier = {}) const {
        return this->question(question, {}, {}, earlier);
    }
    /// The same, with tokens of the document repeated before the question (indices, ascending), behind the
    /// earlier turns.
    QuestionPiece question(std::string_view question, std::span<const TextToken> document,
                           std::span<const std::int64_t> repeated, const EarlierTurns& earlier = {}) const;
    PromptLayout layout(const TokenisedDocument& document, const QuestionPiece& question) const;

private:
    explicit PromptBuilder(const Model& model, const ChatTemplate& chat) : m_model(&model), m_chat(chat) {}
    std::vector<TokenId> turnTokens(const Turn& turn, bool first) const;
    Turn shortened(const Turn& turn, std::int64_t mostTokens) const;

    const Model* m_model;
    ChatTemplate m_chat;
};

/// A question as it is asked: control characters are blanks, and there are none at its ends. Errors: Empty,
/// TooLarge.
Result<std::string> checkedQuestion(std::string_view question);

/// Whether a text is written in Japanese: it holds kana, or kanji and no run of Latin words.
bool isJapanese(std::string_view text);

}  // namespace kvasir
