// The outline of a PDF, through QPDF. This header is C++17, as its source must be: it includes nothing of
// ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvasir::reader {

struct OutlineEntry {
    std::string title;
    std::int32_t page = -1;  ///< 0-based; -1 when it leads nowhere
    std::int32_t level = 0;
};

/// At most `limit` entries, in the order in which a reader shows them; none when there is no outline or it
/// cannot be read. `password` as it opened the document, `pages` how many it has.
std::vector<OutlineEntry> readOutline(std::string_view pdf, const std::string& password, std::size_t pages,
                                      std::size_t limit);

}  // namespace kvasir::reader
