// The words of one page in reading order, as the reader sends them and the document builder joins them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/document.h"

namespace kvasir {

/// What stands between a word and the one before it.
enum class Join : std::uint8_t { None, Space, Line, Paragraph };

/// Bytes [begin, end) of PageText::text; words do not overlap and ascend.
struct PageWord {
    std::uint32_t begin = 0, end = 0;
    Box box;
    Join join = Join::Paragraph;
};

struct PageText {
    PageStatus status = PageStatus::Text;
    bool cut = false;  ///< more text than a page may hold; what is here is the beginning
    std::string text;  ///< the words one after another, nothing between them; UTF-8
    std::vector<PageWord> words;
};

inline constexpr std::size_t kMaxPageCharacters = 200'000;
inline constexpr std::size_t kMaxPageWords = 100'000;

}  // namespace kvasir
