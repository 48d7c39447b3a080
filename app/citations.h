// From an answer's words to the places in the document they rest on, and the check of its facts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/answer.h"
#include "app/document.h"
#include "engine/tokenizer.h"

namespace kvasir {

/// What the model looked at while it wrote one token of the answer.
struct TokenEvidence {
    std::uint32_t begin = 0, end = 0;  ///< bytes of the answer's text that the token stands for
    std::vector<float> mass;  ///< attention per document token (same order as `documentTokens`), not negative
};

struct CitationInput {
    const Document& document;
    std::span<const TextToken> documentTokens;  ///< tokens of the document's text with their bytes, ascending
    std::string_view question;
    std::string_view answer;
    std::span<const TokenEvidence> evidence;  ///< in the order of the answer
};

struct CitationResult {
    std::vector<Citation> citations;  ///< numbered in the order of the answer; one place has one number
    std::vector<CheckedFact> facts;   ///< numbers, dates and quotations of the answer, looked up
    bool answerable = true;           ///< false: 'The document does not seem to say this'
};

/// design.md, 'Citations, and not in the document': for each sentence of the answer the passages that its
/// tokens look at most are candidates; one is cited when it also holds the sentence's facts, or, for a
/// sentence without facts, when its share of attention is clearly the largest. No passage, no citation. Pure;
/// never fails.
CitationResult cite(const CitationInput& input);

}  // namespace kvasir
