#include "ui/text_rows.h"

#include <algorithm>
#include <array>

#include <QChar>

namespace kvasir {
namespace {

constexpr int kTab = 8;
constexpr std::size_t kLevelSearch = 96;  // bytes; loggers write the level early

char32_t decode(std::string_view text, std::size_t& at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
        ++at;
        return lead;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    char32_t c = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length && at + i < text.size(); ++i)
        c = (c << 6U) | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
    at = std::min(text.size(), at + length);
    return c;
}

int advance(char32_t c, int cell) {
    return c == '\t' ? kTab - cell % kTab : cellsOf(c);
}

// Splits one line into rows no longer than `columns`, at a blank where there is one.
void wrapLine(std::string_view text, std::uint32_t begin, std::uint32_t line, int columns,
              std::vector<TextRow>& rows) {
    std::size_t rowStart = 0, at = 0, lastBreak = 0;
    int cell = 0;
    while (at < text.size()) {
        const std::size_t before = at;
        const char32_t c = decode(text, at);
        const int width = advance(c, cell);
        if (cell + width > columns && before > rowStart) {
            const std::size_t cut = lastBreak > rowStart ? lastBreak : before;
            rows.push_back({static_cast<std::uint32_t>(begin + rowStart),
                            static_cast<std::uint32_t>(begin + cut), line});
            rowStart = cut;
            cell = cellsOf(text.substr(rowStart, before - rowStart));
        }
        cell += width;
        if (c == ' ' || c == '\t' || width == 2) lastBreak = at;
    }
    rows.push_back({static_cast<std::uint32_t>(begin + rowStart),
                    static_cast<std::uint32_t>(begin + text.size()), line});
}

}  // namespace

int cellsOf(char32_t c) {
    if (c < 0x300) return 1;
    const QChar::Category category = QChar::category(c);
    if (category == QChar::Mark_NonSpacing || category == QChar::Mark_Enclosing ||
        category == QChar::Other_Format)
        return 0;
    const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF && c != 0x303F) ||
                      (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                      (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                      (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) ||
                      (c >= 0x20000 && c <= 0x3FFFD);
    return wide ? 2 : 1;
}

int cellsOf(std::string_view utf8, int from) {
    int cell = from;
    for (std::size_t at = 0; at < utf8.size();)
        cell += advance(decode(utf8, at), cell);
    return cell - from;
}

std::size_t byteInCell(std::string_view utf8, int cell) {
    int reached = 0;
    for (std::size_t at = 0; at < utf8.size();) {
        const std::size_t before = at;
        reached += advance(decode(utf8, at), reached);
        if (reached > cell) return before;
    }
    return utf8.size();
}

std::vector<TextRow> textRows(const Document& document, int columns) {
    std::vector<TextRow> rows;
    rows.reserve(document.lines.size());
    for (std::size_t l = 0; l < document.lines.size(); ++l) {
        const Line& line = document.lines[l];
        const auto index = static_cast<std::uint32_t>(l);
        if (columns <= 0) {
            rows.push_back({line.begin, line.end, index});
            continue;
        }
        wrapLine(std::string_view(document.text).substr(line.begin, line.end - line.begin), line.begin, index,
                 columns, rows);
    }
    return rows;
}

std::optional<LevelWord> levelOf(std::string_view line) {
    struct Known {
        std::string_view word;
        LogLevel level;
    };
    static constexpr std::array<Known, 13> kKnown = {{{"ERROR", LogLevel::Error},
                                                      {"FATAL", LogLevel::Error},
                                                      {"CRITICAL", LogLevel::Error},
                                                      {"SEVERE", LogLevel::Error},
                                                      {"ERR", LogLevel::Error},
                                                      {"WARNING", LogLevel::Warning},
                                                      {"WARN", LogLevel::Warning},
                                                      {"INFO", LogLevel::Other},
                                                      {"NOTICE", LogLevel::Other},
                                                      {"DEBUG", LogLevel::Other},
                                                      {"TRACE", LogLevel::Other},
                                                      {"FINE", LogLevel::Other},
                                                      {"VERBOSE", LogLevel::Other}}};
    const auto isWordByte = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
               static_cast<unsigned char>(c) >= 0x80;
    };
    const std::string_view head = line.substr(0, kLevelSearch);
    std::size_t at = 0;
    while (at < head.size()) {
        while (at < head.size() && !isWordByte(head[at]))
            ++at;
        std::size_t end = at;
        while (end < head.size() && isWordByte(head[end]))
            ++end;
        const std::string_view word = head.substr(at, end - at);
        for (const Known& known : kKnown)
            if (word == known.word) return LevelWord{at, end, known.level};
        at = end;
    }
    return std::nullopt;
}

}  // namespace kvasir
