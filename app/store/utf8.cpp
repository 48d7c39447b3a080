#include "app/store/utf8.h"

namespace kvasir {

namespace {

bool within(char32_t c, char32_t first, char32_t last) {
    return c >= first && c <= last;
}

}  // namespace

CodePoint codePointAt(std::string_view text, std::size_t at) {
    constexpr CodePoint kBroken{0xFFFD, 1};
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) return kBroken;
    char32_t value = lead & (0x7Fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[at + i]);
        if ((next & 0xC0u) != 0x80u) return kBroken;
        value = value << 6 | (next & 0x3Fu);
    }
    const bool tooLong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    if (tooLong || within(value, 0xD800, 0xDFFF) || value > 0x10FFFF) return kBroken;
    return {value, length};
}

bool isHiragana(char32_t c) {
    return within(c, 0x3041, 0x309F);
}

bool isUnspacedLetter(char32_t c) {
    if (c < 0x1100) return false;
    return within(c, 0x1100, 0x11FF) || within(c, 0x3005, 0x3007) || isHiragana(c) ||
           (within(c, 0x30A1, 0x30FF) && c != 0x30FB) || within(c, 0x31F0, 0x31FF) ||
           within(c, 0x3400, 0x4DBF) || within(c, 0x4E00, 0x9FFF) || within(c, 0xAC00, 0xD7A3) ||
           within(c, 0xF900, 0xFAFF) || within(c, 0xFF66, 0xFF9F) || within(c, 0x20000, 0x3FFFF);
}

}  // namespace kvasir
