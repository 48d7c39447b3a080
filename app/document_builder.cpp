#include "app/document_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "app/reader/utf8.h"

namespace kvasir {
namespace {

constexpr std::size_t kMaxTextBytes = (std::size_t{1} << 31) - 1;
constexpr char32_t kEscape = 0x1B;

float clampTo(float value, float limit) {
    return std::isfinite(value) ? std::clamp(value, 0.0F, limit) : 0.0F;
}

tl::unexpected<Error> tooLarge(const std::string& name) {
    return fail(ErrorCode::TooLarge, "The document holds more than 2 GiB of text.", name,
                "Split it into smaller files and open those.");
}

std::uint32_t sizeOf(const std::string& text) {
    return static_cast<std::uint32_t>(text.size());
}

}  // namespace

DocumentBuilder::DocumentBuilder(DocumentKind kind, std::string name,
                                 const std::vector<std::pair<float, float>>& sizes) {
    m_document.kind = kind;
    m_document.name = std::move(name);
    m_document.pages.reserve(sizes.size());
    for (const auto& [width, height] : sizes) {
        Page page;
        page.width = width;
        page.height = height;
        // Nothing leads to a page that is not read yet.
        if (kind == DocumentKind::Pdf) page.begin = page.end = std::numeric_limits<std::uint32_t>::max();
        m_document.pages.push_back(std::move(page));
    }
}

Result<void> DocumentBuilder::addPage(const PageText& content, std::string note) {
    if (m_nextPage >= m_document.pages.size()) {
        return fail(ErrorCode::InvalidArgument, "More pages were read than the document has.",
                    m_document.name, "Open the document again.");
    }
    // A cleaned character takes at most three bytes for one (U+FFFD), and a join at most two.
    if (m_document.text.size() + 3 * content.text.size() + 2 * content.words.size() > kMaxTextBytes) {
        return tooLarge(m_document.name);
    }
    Page& page = m_document.pages[m_nextPage];
    page.status = content.status;
    page.note = std::move(note);
    page.begin = page.end = sizeOf(m_document.text);
    page.firstLine = page.lastLine = static_cast<std::uint32_t>(m_document.lines.size());
    m_pendingJoin = Join::Paragraph;
    for (const PageWord& word : content.words) {
        if (word.begin > word.end || word.end > content.text.size()) continue;
        const Box box{clampTo(word.box.left, page.width), clampTo(word.box.top, page.height),
                      clampTo(word.box.right, page.width), clampTo(word.box.bottom, page.height)};
        addWord(std::string_view(content.text).substr(word.begin, word.end - word.begin), box, word.join);
    }
    ++m_nextPage;
    page.lastLine = static_cast<std::uint32_t>(m_document.lines.size());
    if (page.firstLine == page.lastLine) return {};
    page.begin = m_document.lines[page.firstLine].begin;
    page.end = sizeOf(m_document.text);
    // Empty pages before this one begin where it does, so that the gap between two pages leads to the first.
    for (; m_firstEmptyPage + 1 < m_nextPage; ++m_firstEmptyPage) {
        Page& empty = m_document.pages[m_firstEmptyPage];
        empty.begin = empty.end = page.begin;
    }
    m_firstEmptyPage = m_nextPage;
    return {};
}

void DocumentBuilder::addWord(std::string_view raw, const Box& box, Join join) {
    join = std::max(join, m_pendingJoin);
    std::string cleaned;
    cleaned.reserve(raw.size());
    for (std::size_t at = 0; at < raw.size();) {
        const char32_t character = cleanCharacter(nextUtf8(raw, at));
        const bool space = character == U' ';
        if (character == 0 || (space && (cleaned.empty() || cleaned.back() == ' '))) continue;
        appendUtf8(cleaned, character);
    }
    while (!cleaned.empty() && cleaned.back() == ' ')
        cleaned.pop_back();
    m_pendingJoin = cleaned.empty() ? join : Join::None;
    if (cleaned.empty()) return;

    std::string& text = m_document.text;
    const bool newLine = text.empty() || join >= Join::Line;
    if (!text.empty() && join != Join::None) {
        text += join == Join::Paragraph ? "\n\n" : join == Join::Line ? "\n" : " ";
    }
    const std::uint32_t begin = sizeOf(text);
    text += cleaned;
    const auto index = static_cast<std::uint32_t>(m_document.words.size());
    m_document.words.push_back({begin, sizeOf(text), box});
    if (newLine) m_document.lines.push_back({begin, begin, index, index});
    m_document.lines.back().end = sizeOf(text);
    m_document.lines.back().lastWord = index + 1;
}

Result<void> DocumentBuilder::addText(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        if (m_document.text.size() + 4 > kMaxTextBytes) return tooLarge(m_document.name);
        addCharacter(nextUtf8(text, at));
    }
    m_document.pages.front().end = sizeOf(m_document.text);
    m_document.pages.front().lastLine = static_cast<std::uint32_t>(m_document.lines.size());
    return {};
}

void DocumentBuilder::addCharacter(char32_t character) {
    // ESC [ parameters letter: a terminal's colours and cursor moves, common in logs.
    if (m_escape == Escape::Started) {
        m_escape = character == U'[' ? Escape::Sequence : Escape::None;
        if (m_escape == Escape::Sequence) return;
    } else if (m_escape == Escape::Sequence && character >= 0x20 && character < 0x7F) {
        if (character >= 0x40) m_escape = Escape::None;
        return;
    }
    m_escape = character == kEscape ? Escape::Started : Escape::None;
    if (character == kEscape) return;

    std::string& text = m_document.text;
    const bool returned = std::exchange(m_carriageReturn, character == U'\r');
    if (character == U'\n') {
        endLine();
        text.push_back('\n');
        m_lineBegin = sizeOf(text);
        return;
    }
    if (returned) text.push_back(' ');
    if (character == U'\r') return;
    const char32_t cleaned = character == U'\t' ? character : cleanCharacter(character);
    if (cleaned == 0) return;
    const std::uint32_t begin = sizeOf(text);
    appendUtf8(text, cleaned);
    if (cleaned == U' ' || cleaned == U'\t') return;
    if (m_wordEnd <= m_lineBegin) m_wordBegin = begin;
    m_wordEnd = sizeOf(text);
}

void DocumentBuilder::endLine() {
    const auto index = static_cast<std::uint32_t>(m_document.words.size());
    const bool blank = m_wordEnd <= m_lineBegin;
    if (!blank) m_document.words.push_back({m_wordBegin, m_wordEnd, {}});
    m_document.lines.push_back({m_lineBegin, sizeOf(m_document.text), index, blank ? index : index + 1});
}

void DocumentBuilder::setOutline(std::vector<Document::OutlineItem> outline) {
    m_document.outline = std::move(outline);
}

Document DocumentBuilder::finish(std::string sha256) {
    if (m_document.kind != DocumentKind::Pdf) {
        if (m_lineBegin < m_document.text.size()) endLine();
        Page& page = m_document.pages.front();
        page.end = sizeOf(m_document.text);
        page.lastLine = static_cast<std::uint32_t>(m_document.lines.size());
        if (m_document.words.empty()) page.status = PageStatus::Blank;
    }
    m_document.sha256 = std::move(sha256);
    return std::exchange(m_document, {});
}

}  // namespace kvasir
