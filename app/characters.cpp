#include "app/characters.h"

#include "app/reader/utf8.h"

namespace kvasir {
namespace {

char32_t fold(char32_t c) {
    if (c < 0x80) return c == U'\r' || c == U'\f' || c == U'\v' ? U' ' : c;
    if (c == 0xFF0D || c == 0x2212 || c == 0x2010 || c == 0x2011) return U'-';
    if (c >= 0xFF01 && c <= 0xFF5E) return c - 0xFEE0;
    if (c == 0x3000 || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F) return U' ';
    if (c == 0x2019 || c == 0x02BC) return U'\'';
    return c;
}

bool isQuoteMark(char32_t c) {
    return c == U'"' || c == U'\'' || (c >= 0x2018 && c <= 0x201F) || (c >= 0x300C && c <= 0x300F) ||
           c == 0xAB || c == 0xBB;
}

bool isEdgePunctuation(char32_t c) {
    return isQuoteMark(c) || isBlank(c) || c == U'.' || c == U',' || c == U';' || c == U':' || c == U'!' ||
           c == U'?' || c == 0x3001 || c == 0x3002 || c == 0x2026 || c == U'*' || c == U'_' || c == U'`';
}

}  // namespace

Characters charactersOf(std::string_view text) {
    Characters characters;
    characters.reserve(text.size() + 1);
    for (std::size_t at = 0; at < text.size();) {
        const auto begin = static_cast<std::uint32_t>(at);
        characters.push_back({fold(nextUtf8(text, at)), begin});
    }
    characters.push_back({0, static_cast<std::uint32_t>(text.size())});
    return characters;
}

bool isUpper(char32_t c) {
    if (c < 0x80) return c >= U'A' && c <= U'Z';
    return toLower(c) != c;
}

bool isLower(char32_t c) {
    if (c < 0x80) return c >= U'a' && c <= U'z';
    return isLetter(c) && !isUpper(c);
}

char32_t toLower(char32_t c) {
    if (c < 0x80) return c >= U'A' && c <= U'Z' ? c + 32 : c;
    if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F)) {
        return c + 32;
    }
    if (c >= 0x400 && c <= 0x40F) return c + 80;
    // Pairs of Latin Extended-A: the capital is even up to U+0137 and from U+014A, odd in between.
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c | 1U;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return (c & 1U) != 0 ? c + 1 : c;
    return c;
}

std::string lowerText(const Characters& characters, std::size_t begin, std::size_t end) {
    std::string out;
    for (std::size_t i = begin; i < end; ++i)
        appendUtf8(out, toLower(characters[i].code));
    return out;
}

std::string normalForm(const Characters& characters, std::size_t begin, std::size_t end) {
    while (begin < end && isEdgePunctuation(characters[begin].code))
        ++begin;
    while (end > begin && isEdgePunctuation(characters[end - 1].code))
        --end;
    std::string out;
    out.reserve(end - begin);
    char32_t last = 0;
    bool blank = false;
    for (std::size_t i = begin; i < end; ++i) {
        const char32_t c = characters[i].code;
        if (isQuoteMark(c)) continue;
        if (isBlank(c)) {
            blank = true;
            continue;
        }
        if (blank && last != 0 && !isWide(last) && !isWide(c)) out.push_back(' ');
        blank = false;
        appendUtf8(out, toLower(c));
        last = c;
    }
    return out;
}

}  // namespace kvasir
