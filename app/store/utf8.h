// Stepping through UTF-8 that may be broken.
#pragma once

#include <cstddef>
#include <string_view>

namespace kvasir {

struct CodePoint {
    char32_t value = 0;
    std::size_t length = 1;  ///< bytes it takes
};

/// The code point that begins at `at` (< text.size()). A byte that begins none is U+FFFD of length 1.
CodePoint codePointAt(std::string_view text, std::size_t at);

/// Letters of scripts that put no spaces between words (Han, kana) or are found inside them (Hangul).
bool isUnspacedLetter(char32_t c);

/// Hiragana: mostly endings and particles.
bool isHiragana(char32_t c);

}  // namespace kvasir
