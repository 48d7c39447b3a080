// UTF-8 text, code point by code point.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace kvasir::utf8 {

/// A code point and its bytes [begin, end). Bytes that are not valid UTF-8 give U+FFFD one by one.
struct CodePoint {
    char32_t value = 0;
    std::uint32_t begin = 0, end = 0;
};

/// The code point that begins at `at` < text.size().
CodePoint decode(std::string_view text, std::size_t at);

std::vector<char32_t> codePoints(std::string_view text);

/// Bytes of the longest beginning of `text` that does not end inside a character.
std::size_t completeLength(std::string_view text);

}  // namespace kvasir::utf8
