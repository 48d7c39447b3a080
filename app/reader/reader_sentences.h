// What the reader's codes mean to people.
#pragma once

#include <cstddef>
#include <string>

#include "app/reader/protocol.h"
#include "engine/error.h"

namespace kvasir::reader {

/// Why a document cannot be opened. `file` is its path or name.
Error openError(const Refused& refused, const std::string& file);

/// For a page (0-based) that was refused, crashed or took too long; the other pages are not affected.
std::string pageFailedNote(std::size_t page);
std::string pageCrashedNote(std::size_t page);
std::string pageTimeNote(std::size_t page);
std::string pageMemoryNote(std::size_t page);
std::string pageCutNote(std::size_t page);
std::string pageGivenUpNote(std::size_t page);
std::string pagePictureNote(std::size_t page);

}  // namespace kvasir::reader
