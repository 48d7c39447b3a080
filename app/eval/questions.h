// Questions with what is expected: a table that people write.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/eval/judge.h"
#include "engine/error.h"

namespace kvasir::eval {

struct Question {
    std::string id, document, text;
    std::string kind;  ///< for the table by kinds; may be empty
    Expected expected;
    bool judged = false;               ///< whether `expected` was given
    std::vector<std::int32_t> places;  ///< pages of a PDF file, lines of any other; from 1
    std::string after{};               ///< id of the question that it goes on from; empty: none
};

/// UTF-8, columns apart by tabs, named in the first line: `document` and `question` are needed; `id`, `kind`,
/// `expected`, `pages` and `after` (a row above, about the same document) are read where they are. Lines that
/// begin with # are comments. Errors: NotFound, Empty, Damaged (names the row).
Result<std::vector<Question>> readQuestions(const std::filesystem::path& path);

}  // namespace kvasir::eval
