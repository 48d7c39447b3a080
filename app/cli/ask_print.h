// How `ask` shows an answer: its places, and what is to be said about it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "app/answer.h"
#include "app/cli/output.h"
#include "app/document.h"

namespace kvasir::cli {

/// The documents that are asked; a citation says which it lies in.
using AskedDocuments = std::vector<std::shared_ptr<const Document>>;

/// Lines are counted from 1: in a text file through the file, on a page from its top.
std::int64_t lineOf(const Document& document, std::int32_t page, std::int32_t line);
/// "page 3", or "line 120" in a text file.
std::string placeName(const Document& document, std::int32_t page, std::int32_t line);

Json citationsJson(const AskedDocuments& documents, const Answer& answer);
/// What stands below an answer's text: how it ended, places, doubts, figures.
void printBelow(const AskedDocuments& documents, const Answer& answer);

}  // namespace kvasir::cli
