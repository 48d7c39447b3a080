// Cutting a document's text into passages for search.
#pragma once

#include <vector>

#include "app/document.h"
#include "app/store/records.h"

namespace kvasir {

struct SearchPassage {
    ByteRange range;
    std::int32_t page = 0;
    std::int32_t line = 0;  ///< index of the line at its begin
};

/// Passages of about 400 characters (about 96 tokens; a character of Han, kana or Hangul counts as three), in
/// order. Each begins with up to 100 characters of the one before, none crosses pages. They are cut at lines,
/// a line over 100 characters also at blanks, or anywhere where it has none. Every byte of the text is in
/// one.
std::vector<SearchPassage> cutForSearch(const Document& document);

}  // namespace kvasir
