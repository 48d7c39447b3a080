// Builds a Document from what the reader sends. The reader is not trusted: everything is cleaned here again.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/document.h"
#include "app/reader/page_text.h"
#include "engine/error.h"

namespace kvasir {

/// Joins words to one text with its source map. Not thread-safe. Use addPage for PDF, addText for text files.
class DocumentBuilder {
public:
    /// `sizes`: width and height in points of each page; one page of 0 x 0 for text files.
    DocumentBuilder(DocumentKind kind, std::string name, const std::vector<std::pair<float, float>>& sizes);

    /// The next page. Boxes are clamped to it. TooLarge when the document's text would pass 2 GiB.
    Result<void> addPage(const PageText& page, std::string note);

    /// The next piece of a text file, split anywhere between characters. LF and CRLF end lines, which keep
    /// their numbers: line i of the file is Document::lines[i - 1]. Terminal colour sequences are dropped.
    Result<void> addText(std::string_view text);

    void setOutline(std::vector<Document::OutlineItem> outline);

    /// What is there so far: pages not added yet begin and end at 2^32 - 1, where no byte
    /// leads.
    const Document& document() const { return m_document; }

    /// Ends the document. `sha256` as in Document.
    Document finish(std::string sha256);

private:
    enum class Escape : std::uint8_t { None, Started, Sequence };

    void addWord(std::string_view text, const Box& box, Join join);
    void addCharacter(char32_t character);
    void endLine();

    Document m_document;
    std::size_t m_nextPage = 0;
    std::size_t m_firstEmptyPage =
        0;  ///< pages from here to m_nextPage are empty and begin where text goes on
    Join m_pendingJoin = Join::None;  ///< of words that cleaning left nothing of
    // Text files: the line that is being read.
    std::uint32_t m_lineBegin = 0, m_wordBegin = 0, m_wordEnd = 0;
    bool m_carriageReturn = false;
    Escape m_escape = Escape::None;
};

}  // namespace kvasir
