#include "engine/unicode.h"

namespace kvasir {
namespace {

constexpr char32_t kCodePoints = 0x110000;

std::vector<CharClass> expandRanges() {
    std::vector<CharClass> classes(kCodePoints, CharClass::Other);
    for (const CharRange& range : charRanges()) {
        for (char32_t c = range.first; c <= range.last; ++c)
            classes[c] = range.kind;
    }
    return classes;
}

bool continues(std::string_view text, std::size_t position) {
    return position < text.size() && (static_cast<unsigned char>(text[position]) & 0xC0U) == 0x80U;
}

}  // namespace

CharClass charClass(char32_t character) {
    // One byte a character: texts touch a few pages of it, and a look-up is one read.
    static const std::vector<CharClass> classes = expandRanges();
    return character < kCodePoints ? classes[character] : CharClass::Other;
}

Utf8Char utf8At(std::string_view text, std::size_t position) {
    const auto lead = static_cast<unsigned char>(text[position]);
    if (lead < 0x80) return {lead, 1};
    std::uint8_t length = 0;
    if (lead >= 0xC2 && lead <= 0xDF) length = 2;
    if (lead >= 0xE0 && lead <= 0xEF) length = 3;
    if (lead >= 0xF0 && lead <= 0xF4) length = 4;
    if (length == 0) return {};
    char32_t code = lead & (0xFFU >> (length + 1U));
    for (std::uint8_t i = 1; i < length; ++i) {
        if (!continues(text, position + i)) return {};
        code = (code << 6U) | (static_cast<unsigned char>(text[position + i]) & 0x3FU);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (overlong || surrogate || code >= kCodePoints) return {};
    return {code, length};
}

std::string validUtf8(std::string_view text, std::vector<std::size_t>& replaced) {
    std::string result;
    result.reserve(text.size());
    replaced.clear();
    for (std::size_t position = 0; position < text.size();) {
        const std::uint8_t length = utf8At(text, position).length;
        if (length == 0) {
            replaced.push_back(result.size());
            result += kReplacement;
            ++position;
        } else {
            result += text.substr(position, length);
            position += length;
        }
    }
    return result;
}

}  // namespace kvasir
