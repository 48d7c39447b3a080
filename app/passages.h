// The pieces of a document that can be cited: sentences of paragraphs, table rows, log lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/document.h"

namespace kvasir {

/// A sentence or row: bytes [begin, end) of the document's text, and [flatBegin, flatEnd) of Passages::flat.
struct Passage {
    std::uint32_t begin = 0, end = 0;
    std::uint32_t flatBegin = 0, flatEnd = 0;
    std::uint32_t block = 0;    ///< paragraph or table: passages of one share it
    std::int32_t heading = -1;  ///< passage that heads this one: a title, or a table's first row; -1: none
    std::int32_t page = 0;      ///< 0-based, of `begin`
    std::int32_t line = 0;      ///< 0-based, of `begin`
    bool row = false;           ///< a table row or log line
};

/// `flat` holds the words of all passages, each on one line: hard line breaks are spaces (or nothing in
/// Japanese), words split by a hyphen are whole, cells of a table are apart by a tab.
struct Passages {
    std::vector<Passage> items;  ///< ascending, not overlapping; together all words of the document
    std::string flat;

    std::string_view text(const Passage& passage) const {
        return std::string_view(flat).substr(passage.flatBegin, passage.flatEnd - passage.flatBegin);
    }
};

/// Passages of about 30 to 400 bytes; a title, a short row or a long word may be shorter or longer. They stay
/// on one page unless a sentence runs over its end. Pure; linear in the text.
Passages findPassages(const Document& document);

}  // namespace kvasir
