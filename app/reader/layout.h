// Layout analysis: the words of a page, as a parser delivers them, put into reading order.
#pragma once

#include <string>
#include <vector>

#include "app/reader/page_text.h"

namespace kvasir::reader {

/// A piece of text as it stands on the page. Sizes in points, boxes from the page's top left corner.
struct TextRun {
    std::string text;  ///< UTF-8
    Box box;
    /// Quarter turns clockwise of the direction of writing: 0 to the right, 1 downwards (vertical Japanese,
    /// too), 2 to the left (upside down), 3 upwards.
    int rotation = 0;
    /// One box for each character of the text, or empty when that is not known.
    std::vector<Box> characters;
};

/// Words of `runs` in reading order: columns one after another, tables row by row, headers first, footers
/// last, text in other directions at the end. Runs of scripts without spaces are divided where the kind of
/// character changes. Ligature characters are written as letters. Total time is O(n log n) for n runs; what
/// is over kMaxPageCharacters or kMaxPageWords is left out (`cut`). Boxes may be anything, NaN included.
/// The status is Text, also when there is no word.
PageText layoutPage(const std::vector<TextRun>& runs, float width, float height);

}  // namespace kvasir::reader
