// Cuts a text into the words that byte-level BPE merges apart from each other (the 'pre-tokenizer').
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kvasir {

/// Named as tokenizer.ggml.pre names them. Each does what its regular expression says:
/// Smollm     first every \p{N} apart, then in what is left
///            's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
/// Qwen2      (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|
///            \s*[\r\n]+|\s+(?!\S)|\s+
/// LlamaBpe   as Qwen2, with \p{N}{1,3}
/// (?i:...) takes ASCII letters alone.
enum class BpeWords : std::uint8_t { Smollm, Qwen2, LlamaBpe };

std::optional<BpeWords> bpeWordsNamed(std::string_view name);

/// The end of the word that begins at `position` < text.size(). `text` is valid UTF-8. Taking word after word
/// costs time in proportion to the text.
std::size_t bpeWordEnd(BpeWords words, std::string_view text, std::size_t position);

}  // namespace kvasir
