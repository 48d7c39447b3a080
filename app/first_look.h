// Passages of a document that search found, instead of the whole in the prompt of a first look.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "app/document.h"
#include "app/passages.h"
#include "app/prompt.h"
#include "engine/tokenizer.h"

namespace kvasir {

/// As many of the passages, the best of which come first, as have no more than `mostTokens` tokens together;
/// in the document's order, overlapping ones joined. Tokens stand for bytes of the document's text as usual;
/// those between passages stand for none. No tokens: not one passage fits.
TokenisedDocument tokenisePassages(const PromptBuilder& prompts, const Tokenizer& tokenizer,
                                   std::shared_ptr<const Document> document,
                                   std::span<const ByteRange> passages, std::int64_t mostTokens);

/// What passages take of a first look's budget, at most `most`.
std::int64_t passageTokens(const Tokenizer& tokenizer, std::string_view text,
                           std::span<const ByteRange> passages, std::int64_t most);

/// Those of a document's passages that hold one of the tokens: what an answer from them may quote.
Passages onlyTokens(const Passages& passages, std::span<const TextToken> tokens);

/// How many pieces of text it consists of.
std::int32_t countPassages(const TokenisedDocument& passages);

}  // namespace kvasir
