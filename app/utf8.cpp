#include "app/utf8.h"

#include <algorithm>

#include "app/reader/utf8.h"

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
    std::size_t end = at;
    const char32_t value = nextUtf8(text, end);
    return {value, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)};
}

std::vector<char32_t> codePoints(std::string_view text) {
    std::vector<char32_t> values;
    for (std::size_t at = 0; at < text.size();)
        values.push_back(nextUtf8(text, at));
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
