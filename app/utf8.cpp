#include "app/utf8.h"

#include <algorithm>

namespace kvasir::utf8 {
namespace {

/// Bytes of the sequence that a first byte announces; 0 for a byte that begins none.
std::size_t announced(unsigned char first) {
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return 2;
    if (first >= 0xE0 && first <= 0xEF) return 3;
    if (first >= 0xF0 && first <= 0xF4) return 4;
    return 0;
}

}  // namespace

CodePoint decode(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto begin = static_cast<std::uint32_t>(at);
    const CodePoint invalid{0xFFFD, begin, begin + 1};
    const std::size_t length = announced(byte(at));
    if (length == 0 || at + length > text.size()) return invalid;
    if (length == 1) return {byte(at), begin, begin + 1};
    char32_t value = byte(at) & (0x7FU >> length);
    for (std::size_t i = at + 1; i < at + length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80) return invalid;
        value = (value << 6) | (byte(i) & 0x3FU);
    }
    constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return invalid;
    return {value, begin, begin + static_cast<std::uint32_t>(length)};
}

std::vector<char32_t> codePoints(std::string_view text) {
    std::vector<char32_t> values;
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = decode(text, at);
        values.push_back(point.value);
        at = point.end;
    }
    return values;
}

std::size_t completeLength(std::string_view text) {
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
        const std::size_t at = text.size() - back;
        const std::size_t length = announced(static_cast<unsigned char>(text[at]));
        if (length > back) return at;
        if (length > 0) break;
    }
    return text.size();
}

}  // namespace kvasir::utf8
