// What a document is after reading: pages, words with boxes, and one text in which each of them has its
// place.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace kvasir {

/// Bytes [begin, end) of a text.
struct ByteRange {
    std::uint32_t begin = 0, end = 0;
    bool empty() const { return begin >= end; }
    bool operator==(const ByteRange& other) const { return begin == other.begin && end == other.end; }
};

enum class DocumentKind : std::uint8_t { Pdf, Text, Markdown, Log };

enum class PageStatus : std::uint8_t {
    Text,     ///< words were found
    Blank,    ///< nothing on it
    Picture,  ///< pictures or drawings but no text: a scan
    Locked,   ///< needs a password of its own
    Stopped,  ///< the reader crashed, hung or hit a limit on it
    Failed,   ///< the reader reported an error for it
};

/// Points (1/72 inch) from the top left corner of the page as it is shown.
struct Box {
    float left = 0, top = 0, right = 0, bottom = 0;
};

/// A word and its bytes [begin, end) in the document's text. In text files a word is a whole line's run of
/// non-blanks and its box is empty.
struct Word {
    std::uint32_t begin = 0, end = 0;
    Box box;
};

/// A line of words in reading order: words [firstWord, lastWord), bytes [begin, end) without the line break.
struct Line {
    std::uint32_t begin = 0, end = 0;
    std::uint32_t firstWord = 0, lastWord = 0;
};

/// Page i of `pages` is page i + 1 for people. Text files have one page.
struct Page {
    float width = 0, height = 0;  ///< points; 0 in text files
    PageStatus status = PageStatus::Text;
    std::string note;                           ///< for people, when status is neither Text nor Blank
    std::uint32_t begin = 0, end = 0;           ///< bytes of the document's text
    std::uint32_t firstLine = 0, lastLine = 0;  ///< lines [firstLine, lastLine)
};

/// Immutable once read. `text` is valid UTF-8: words joined by spaces, lines by '\n', paragraphs and pages by
/// a blank line, so that a position in it leads to exactly one word, line and page. At most 2 GiB.
struct Document {
    DocumentKind kind = DocumentKind::Pdf;
    std::string name;    ///< file name without folder
    std::string sha256;  ///< of the file's bytes, lower-case hexadecimal
    std::string text;
    std::vector<Page> pages;
    std::vector<Line> lines;
    std::vector<Word> words;
    struct OutlineItem {
        std::string title;
        std::int32_t page = 0;   ///< 0-based; -1 when the item leads nowhere
        std::int32_t level = 0;  ///< 0 is the top
    };
    std::vector<OutlineItem> outline;

    std::size_t pageAt(
        std::uint32_t byte) const;  ///< index of the page that holds the byte (or the gap after it)
    std::size_t lineAt(
        std::uint32_t byte) const;  ///< index of the line that holds the byte (or the gap after it)
    /// Words that share a byte with [begin, end): indices [first, last).
    std::pair<std::size_t, std::size_t> wordsIn(std::uint32_t begin, std::uint32_t end) const;
};

}  // namespace kvasir
