// Find in a document's text.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include <QString>

#include "ui/document_view.h"

namespace kvasir {

constexpr std::size_t kMostHits = 50000;

/// All places of `query` in UTF-8 `text`, in order, without regard to case; a blank of the query
/// matches any run of blanks and line breaks. At most kMostHits. Stops early when `cancel` becomes true. Any
/// thread.
std::vector<ByteRange> findAll(const std::string& text, const QString& query,
                               const std::atomic<bool>& cancel);

}  // namespace kvasir
