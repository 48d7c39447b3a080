// Text as characters with their bytes, folded so that ways of writing the same thing look alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvasir {

/// A folded character and the byte it begins at: full-width forms become ASCII, every blank but the line
/// break and the tab becomes a space, hyphens and the minus sign become '-', curly apostrophes become '\''.
/// A byte that is not valid UTF-8 is U+FFFD.
struct Character {
    char32_t code = 0;
    std::uint32_t begin = 0;
};

/// Characters of a text and a last one of code 0 that begins at its end, so that [i + 1] may be read.
using Characters = std::vector<Character>;
Characters charactersOf(std::string_view text);

constexpr bool isDigit(char32_t c) {
    return c >= U'0' && c <= U'9';
}
constexpr bool isBlank(char32_t c) {
    return c == U' ' || c == U'\t' || c == U'\n';
}
constexpr bool isHiragana(char32_t c) {
    return c >= 0x3041 && c <= 0x309F;
}
constexpr bool isKatakana(char32_t c) {
    return (c >= 0x30A1 && c <= 0x30FA) || c == 0x30FC || (c >= 0xFF66 && c <= 0xFF9F);
}
constexpr bool isKanji(char32_t c) {
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || c == 0x3005 ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3134F);
}
/// Japanese writing and its punctuation: no blanks between words.
constexpr bool isWide(char32_t c) {
    return isHiragana(c) || isKatakana(c) || isKanji(c) || (c >= 0x3001 && c <= 0x303F);
}
bool isUpper(char32_t c);
bool isLower(char32_t c);
/// Letters of scripts that are written with blanks.
constexpr bool isLetter(char32_t c) {
    return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') ||
           (c >= 0xC0 && c <= 0x1FFF && c != 0xD7 && c != 0xF7);
}
constexpr bool isWordCharacter(char32_t c) {
    return isLetter(c) || isDigit(c);
}
char32_t toLower(char32_t c);

/// Characters [begin, end) in lower case as UTF-8.
std::string lowerText(const Characters& characters, std::size_t begin, std::size_t end);

/// The form in which quotations and names are compared: lower case, blanks as one space and none beside
/// Japanese, no quotation marks, no punctuation at either end.
std::string normalForm(const Characters& characters, std::size_t begin, std::size_t end);

/// Calls `visit(begin, end)` for each run of characters that satisfy `belongs`.
template <typename Belongs, typename Visit>
void forEachRun(const Characters& characters, Belongs belongs, Visit visit) {
    const std::size_t size = characters.empty() ? 0 : characters.size() - 1;
    for (std::size_t at = 0; at < size;) {
        if (!belongs(characters[at].code)) {
            ++at;
            continue;
        }
        const std::size_t begin = at;
        while (at < size && belongs(characters[at].code))
            ++at;
        visit(begin, at);
    }
}

}  // namespace kvasir
