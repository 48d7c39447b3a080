// The outline of a PDF, through QPDF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "app/document.h"

namespace kvasir::reader {

/// At most kMaxOutlineItems, in the order in which a reader shows them; none when there is no outline or it
/// cannot be read. `password` as it opened the document, `pages` how many it has.
std::vector<Document::OutlineItem> readOutline(std::string_view pdf, const std::string& password,
                                               std::size_t pages);

}  // namespace kvasir::reader
