// Text in a fixed-pitch grid: cells of characters, rows of wrapped lines, levels of log lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "app/document.h"

namespace kvasir {

/// Cells a character takes: 0 (combining), 1, or 2 (East Asian wide).
int cellsOf(char32_t character);
/// Cells of valid UTF-8; a tab reaches to the next multiple of 8 counted from `from`.
int cellsOf(std::string_view utf8, int from = 0);
/// Byte of `utf8` that stands in `cell` (its length when the text ends before).
std::size_t byteInCell(std::string_view utf8, int cell);

/// What is shown in one row: bytes of the document's text and the line they belong to.
struct TextRow {
    std::uint32_t begin = 0, end = 0, line = 0;
};
/// One row a line when `columns` is 0, else lines wrapped at blanks so that no row is longer than `columns`.
std::vector<TextRow> textRows(const Document& document, int columns);

enum class LogLevel : std::uint8_t { Other, Warning, Error };
struct LevelWord {
    std::size_t begin = 0, end = 0;  ///< bytes of the line
    LogLevel level = LogLevel::Other;
};
/// The level near the line's beginning, written in capitals as loggers do.
std::optional<LevelWord> levelOf(std::string_view line);

}  // namespace kvasir
