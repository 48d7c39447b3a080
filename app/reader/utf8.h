// Characters: UTF-8 in and out, what is cleaned from documents, and which scripts are written without spaces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kvasir {

inline constexpr char32_t kReplacement = 0xFFFD;

/// Appends one character; surrogates and values over U+10FFFF become U+FFFD.
void appendUtf8(std::string& out, char32_t character);

/// The character at `position` (must be < text.size()), which moves behind it. A byte that breaks UTF-8's
/// rules gives U+FFFD and moves by one.
char32_t nextUtf8(std::string_view text, std::size_t& position);

/// UTF-16 to UTF-8; unpaired surrogates become U+FFFD.
std::string utf16ToUtf8(std::u16string_view text);

/// Number of characters of valid UTF-8.
std::size_t countCharacters(std::string_view text);

/// What a character of a document becomes in our text: 0 to drop it (direction controls, zero-width marks,
/// tag characters: what nobody sees on the page must not reach a model), a space (control characters,
/// separators, no-break spaces), or itself.
char32_t cleanCharacter(char32_t character);

/// Scripts written without spaces between words.
enum class Script : std::uint8_t { Spaced, Han, Hiragana, Katakana, CjkMark };
Script scriptOf(char32_t character);
inline bool isCjk(char32_t character) {
    return scriptOf(character) != Script::Spaced;
}

}  // namespace kvasir
