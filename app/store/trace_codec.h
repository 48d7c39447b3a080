// Traces and token maps as compact bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/store/records.h"
#include "engine/error.h"

namespace kvasir {

/// Errors: InvalidArgument (ranges that are not ascending or touch or pass the prompt's end, more scores than
/// tokens, kept or unread ranges that overlap, a value that is negative or not a number). `tokenMap` is not
/// among the bytes.
Result<std::string> encodeTrace(const Trace& trace);
/// Error: Damaged.
Result<Trace> decodeTrace(std::string_view bytes);

/// Ranges must ascend and not overlap (InvalidArgument). Used for token maps and citations' places.
Result<std::string> encodeRanges(const std::vector<ByteRange>& ranges);
/// Error: Damaged.
Result<std::vector<ByteRange>> decodeRanges(std::string_view bytes);

}  // namespace kvasir
