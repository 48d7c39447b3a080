// UTF-8 and the classes of characters that tokenizers ask for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvasir {

/// Letter: \p{L}; Number: \p{N}; Space: White_Space. Each character has one.
enum class CharClass : std::uint8_t { Other, Letter, Number, Space };

/// Characters first to last, both included.
struct CharRange {
    char32_t first, last;
    CharClass kind;
};

/// All characters that are not Other, ascending (engine/unicode_tables.cpp).
std::span<const CharRange> charRanges();

/// The class of any number; beyond U+10FFFF it is Other.
CharClass charClass(char32_t character);

struct Utf8Char {
    char32_t code = 0;
    std::uint8_t length = 0;  ///< bytes, 1 to 4; 0 when the bytes at the position are not valid UTF-8
};

/// The character that begins at `position` < text.size(). Overlong forms, surrogates and code points beyond
/// U+10FFFF are not valid.
Utf8Char utf8At(std::string_view text, std::size_t position);

/// The bytes of U+FFFD, which stands for a byte that is not part of a valid character.
inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// `text` with each invalid byte replaced by U+FFFD. `replaced` receives the position, in the result, of each
/// replacement, ascending; empty when the text was valid.
std::string validUtf8(std::string_view text, std::vector<std::size_t>& replaced);

}  // namespace kvasir
