#include "app/reader/utf8.h"

#include <algorithm>
#include <array>

namespace kvasir {

void appendUtf8(std::string& out, char32_t character) {
    if (character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF)) character = kReplacement;
    const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (character < 0x80) {
        put(character);
    } else if (character < 0x800) {
        put(0xC0 | (character >> 6));
        put(0x80 | (character & 0x3F));
    } else if (character < 0x10000) {
        put(0xE0 | (character >> 12));
        put(0x80 | ((character >> 6) & 0x3F));
        put(0x80 | (character & 0x3F));
    } else {
        put(0xF0 | (character >> 18));
        put(0x80 | ((character >> 12) & 0x3F));
        put(0x80 | ((character >> 6) & 0x3F));
        put(0x80 | (character & 0x3F));
    }
}

char32_t nextUtf8(std::string_view text, std::size_t& position) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte(position++);
    if (first < 0x80) return first;
    const std::size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4 || text.size() - position < more) return kReplacement;
    char32_t character = first & (0x3FU >> more);
    for (std::size_t i = 0; i < more; ++i) {
        if ((byte(position + i) & 0xC0) != 0x80) return kReplacement;
        character = (character << 6) | (byte(position + i) & 0x3F);
    }
    constexpr std::array<char32_t, 4> kSmallest{0, 0x80, 0x800, 0x10000};
    if (character < kSmallest[more] || character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF)) {
        return kReplacement;
    }
    position += more;
    return character;
}

std::string utf16ToUtf8(std::u16string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        char32_t character = text[i];
        const bool high = character >= 0xD800 && character < 0xDC00;
        if (high && i + 1 < text.size() && text[i + 1] >= 0xDC00 && text[i + 1] < 0xE000) {
            character = 0x10000 + ((character - 0xD800) << 10) + (text[++i] - 0xDC00U);
        }
        appendUtf8(out, character);
    }
    return out;
}

std::size_t countCharacters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

char32_t cleanCharacter(char32_t c) {
    if (c < 0x20 || c == 0xA0 || c == 0x2028 || c == 0x2029 || (c >= 0x7F && c < 0xA0)) return U' ';
    if (c < 0xAD) return c;
    if (c == 0xAD || c == 0x61C || c == 0x200B || c == 0x200E || c == 0x200F || c == 0xFEFF) return 0;
    if ((c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || (c >= 0xFFF9 && c <= 0xFFFB))
        return 0;
    if (c >= 0xE0000 && c <= 0xE0FFF) return 0;
    if ((c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF)) return kReplacement;
    return c;
}

Script scriptOf(char32_t c) {
    if (c < 0x2E80) return Script::Spaced;
    if (c >= 0x3041 && c <= 0x309F) return Script::Hiragana;
    if ((c >= 0x30A1 && c <= 0x30FF && c != 0x30FB) || (c >= 0x31F0 && c <= 0x31FF)) return Script::Katakana;
    if (c >= 0xFF66 && c <= 0xFF9F) return Script::Katakana;
    if ((c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF)) {
        return Script::Han;
    }
    if ((c >= 0x20000 && c <= 0x323AF) || c == 0x3005 || c == 0x3007 || (c >= 0x2E80 && c <= 0x2FDF)) {
        return Script::Han;
    }
    if ((c >= 0x3000 && c <= 0x33FF && !(c >= 0x3131 && c <= 0x318E)) || (c >= 0xFE10 && c <= 0xFE19) ||
        (c >= 0xFE30 && c <= 0xFE4F)) {
        return Script::CjkMark;
    }
    // Full-width forms: digits and letters keep together like Latin words, marks stand alone.
    if ((c >= 0xFF01 && c <= 0xFF0F) || (c >= 0xFF1A && c <= 0xFF20) || (c >= 0xFF3B && c <= 0xFF40) ||
        (c >= 0xFF5B && c <= 0xFF65) || (c >= 0xFFE0 && c <= 0xFFE6)) {
        return Script::CjkMark;
    }
    return Script::Spaced;
}

}  // namespace kvasir
