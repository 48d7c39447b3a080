// The prompt: constant prefix, document, question. The pieces are tokenised apart and joined, so that the
// document's tokens never depend on the question and no text of a document or user becomes a control token.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

/// What follows the document, and how the answer that begins with it goes on.
struct QuestionPiece {
    std::vector<TokenId>
        tokens;         ///< question, instruction, and the beginning of the answer's turn: an open quotation
    std::string shown;  ///< of that beginning, what belongs to the answer's text
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
    /// The answer quotes the passage that it rests on first, and answers then.
    QuestionPiece question(std::string_view question) const { return this->question(question, {}, {}); }
    /// The same, with tokens of the document repeated before the question (indices, ascending).
    QuestionPiece question(std::string_view question, std::span<const TextToken> document,
                           std::span<const std::int64_t> repeated) const;
    PromptLayout layout(const TokenisedDocument& document, const QuestionPiece& question) const;

private:
    explicit PromptBuilder(const Model& model, const ChatTemplate& chat) : m_model(&model), m_chat(chat) {}

    const Model* m_model;
    ChatTemplate m_chat;
};

/// A question as it is asked: control characters are blanks, and there are none at its ends. Errors: Empty,
/// TooLarge.
Result<std::string> checkedQuestion(std::string_view question);

/// Whether a text is written in Japanese: it holds kana, or kanji and no run of Latin words.
bool isJapanese(std::string_view text);

}  // namespace kvasir
