// Passages of a document that are repeated before the question, for the model to have them at hand: those
// that search finds, and those that the question looks at (docs/decisions/repeated-passages.md).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "app/document.h"
#include "app/passages.h"
#include "engine/tokenizer.h"

namespace kvasir {

/// Search finds runs of lines: each as the sentences and rows that begin in it, whole, or the one that it
/// lies in.
std::vector<ByteRange> wholeSentences(const Passages& passages, std::span<const ByteRange> found);

/// The sentences and rows that a question looks at, the most first. `scores`: t by token of the document, 0
/// for what nothing is known of. Of equals the earlier one comes first.
std::vector<ByteRange> byAttention(const Passages& passages, std::span<const TextToken> tokens,
                                   std::span<const float> scores);

/// `chosen` and tokens of the passages, the best of which come first, as far as whole ones add no more than
/// `mostTokens` to it together; indices, ascending. `tokens` ascend.
std::vector<std::int64_t> withBest(std::vector<std::int64_t> chosen, std::span<const TextToken> tokens,
                                   std::span<const ByteRange> passages, std::int64_t mostTokens);

}  // namespace kvasir
