// Pins: passages of a document that the user wants carried for every answer about it. What they do to an
// answer is the engine's (Policy::pins); here they are bytes of the document's text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/document.h"
#include "engine/error.h"
#include "engine/policy.h"
#include "engine/tokenizer.h"

namespace kvasir {

/// A pinned passage and where it begins; part of every trace.
struct PinnedPassage {
    ByteRange range;        ///< of the document's text
    std::int32_t page = 0;  ///< 0-based
    std::int32_t line = 0;  ///< 0-based, into Document::lines
    bool operator==(const PinnedPassage&) const = default;
};

/// The words that share a byte with the range, whole, without the blanks at either end; of Japanese, which is
/// written without blanks, the characters. None where there are only blanks.
std::optional<ByteRange> wholeWords(const Document& document, ByteRange range);

/// Ascending and apart: ranges that overlap or touch are one.
std::vector<ByteRange> joinedRanges(std::vector<ByteRange> ranges);

/// Tokens that the ranges (ascending, apart) share a byte with; `tokenBegins`: first byte of each of the
/// document's tokens, ascending.
std::int64_t countTokens(std::span<const std::uint32_t> tokenBegins, std::span<const ByteRange> ranges);

/// Prompt positions of the tokens that share a byte with the pins (ascending), as a policy wants them. The
/// first of the tokens is prompt position `first`.
std::vector<Policy::Range> pinnedPositions(std::int64_t first, std::span<const TextToken> tokens,
                                           std::span<const ByteRange> pins);

/// The pins with one more: what overlaps it becomes one with it. Errors: InvalidArgument (there is no word in
/// the range), TooLarge (all together would hold more than Policy::kMostPinned tokens). `tokenBegins` empty:
/// not known yet; then only asking finds out.
Result<std::vector<ByteRange>> withPin(const Document& document, std::span<const ByteRange> pins,
                                       ByteRange range, std::span<const std::uint32_t> tokenBegins);

std::vector<PinnedPassage> pinnedPassages(const Document& document, std::span<const ByteRange> pins);

/// Where these words stand in the document, whole and ascending: letter for letter, but any white space
/// counts as one blank, and as none beside Japanese. Empty for words that are white space alone.
std::vector<ByteRange> placesOf(const Document& document, std::string_view words);

/// Whether a text has the form that linesOf reads.
bool areLines(std::string_view place);

/// '[PAGE:]FIRST[-LAST]' as the words of those lines: pages and lines from 1, lines from the page's top.
/// Where there is one page it may be left out. Errors: InvalidArgument (it cannot be read), NotFound (there
/// is no such page or line, or no word on them).
Result<ByteRange> linesOf(const Document& document, std::string_view place);

/// A place for people: 'page 3, line 12', or 'line 12' in text files.
std::string placeText(const Document& document, std::uint32_t byte);

}  // namespace kvasir
