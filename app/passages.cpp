#include "app/passages.h"

#include <algorithm>
#include <array>

#include "app/characters.h"
#include "app/facts.h"

namespace kvasir {
namespace {

constexpr std::size_t kShortest = 30, kLongest = 400;  // bytes
constexpr std::size_t kLongestTitle = 120;             // bytes
constexpr float kCellGap = 1.2F;                       // heights of a word: more than justified text leaves
constexpr float kColumnTolerance = 4;                  // points

/// A line of the document's text and what its looks say.
struct TextLine {
    std::uint32_t begin = 0, end = 0;
    std::int32_t line = 0, page = 0;
    bool row = false;
    std::vector<std::uint32_t> cells;  ///< bytes where cells after the first begin
    std::vector<float> columns;        ///< left edges of all cells, points
    std::uint32_t characters = 0;
};

char32_t firstCharacter(std::string_view text) {
    return text.empty() ? 0 : charactersOf(text.substr(0, 4)).front().code;
}

char32_t lastCharacter(std::string_view text) {
    const std::size_t from = text.size() > 4 ? text.size() - 4 : 0;
    const Characters tail = charactersOf(text.substr(from));
    return tail.size() < 2 ? 0 : tail[tail.size() - 2].code;
}

std::uint32_t countCharactersOf(std::string_view text) {
    return static_cast<std::uint32_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

bool endsSentence(char32_t c) {
    return c == U'.' || c == U'!' || c == U'?' || c == U';' || c == U':' || c == 0x3002 || c == 0x300D ||
           c == U')';
}

/// "2025-04-01 02:14:05 ...", "[02:14:05] ...", "02:14:05.123 ...": lines of a log in whatever file.
bool beginsWithTime(std::string_view line) {
    std::size_t digits = 0, marks = 0;
    for (const char c : line.substr(0, 20)) {
        if (c >= '0' && c <= '9') {
            ++digits;
        } else if (c == ':') {
            ++marks;
        } else if (c != '[' && c != '-' && c != '/' && c != '.' && c != ' ' && c != 'T') {
            break;
        }
    }
    return marks >= 2 && digits >= 6;
}

/// Bytes of what numbers or marks the paragraph that the line begins: "-", "•", "(a)", "(ii)", "1.", "14.4";
/// 0 when there is nothing of the kind with a blank behind it.
std::size_t markerLength(std::string_view line) {
    const Characters text = charactersOf(line.substr(0, 24));
    const char32_t c = text[0].code;
    const bool bullet =
        c == 0x2022 || c == 0x25CF || c == 0x25A0 || c == U'-' || c == U'*' || c == 0x2013 || c == U'+';
    if (bullet) return isBlank(text[1].code) ? text[1].begin : 0;
    const bool open = c == U'(';
    const std::size_t from = open ? 1 : 0;
    std::size_t at = from;
    while (isDigit(text[at].code) || (text[at].code == U'.' && at > from))
        ++at;
    const bool number = at > from;
    while (!number && isLetter(text[at].code))
        ++at;
    if (at == from || at - from > (number ? 8U : open ? 4U : 1U)) return 0;
    const bool closed = text[at].code == U')' || (!open && !number && text[at].code == U'.');
    if ((open || !number) && !closed) return 0;
    if (closed) ++at;
    return isBlank(text[at].code) ? text[at].begin : 0;
}

/// Where a paragraph begins: a marker, "第3条", a Markdown title.
bool beginsItem(std::string_view line) {
    const char32_t c = firstCharacter(line);
    return c == U'第' || c == U'#' || c == 0x30FB || markerLength(line) > 0;
}

/// Reads lines one after the other, in step with the document's own lines and pages.
class LineReader {
public:
    explicit LineReader(const Document& document) : m_document(document), m_text(document.text) {}

    bool next(TextLine& line) {
        if (m_at >= m_text.size()) return false;
        const std::size_t stop = std::min(m_text.find('\n', m_at), m_text.size());
        line = {};
        line.begin = static_cast<std::uint32_t>(m_at);
        line.end = static_cast<std::uint32_t>(stop);
        m_at = stop + 1;
        while (line.end > line.begin && blank(line.end - 1))
            --line.end;
        while (line.begin < line.end && blank(line.begin))
            ++line.begin;
        if (line.begin == line.end) return true;
        advance(m_document.lines, m_line, line.begin);
        advance(m_document.pages, m_page, line.begin);
        line.line = static_cast<std::int32_t>(m_line);
        line.page = static_cast<std::int32_t>(m_page);
        line.characters = countCharactersOf(view(line));
        findCells(line);
        // The space behind a paragraph's number parts no cells.
        std::string_view rest = view(line).substr(markerLength(view(line)));
        while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t'))
            rest.remove_prefix(1);
        line.row = line.row || m_document.kind == DocumentKind::Log || looksLikeRow(rest);
        return true;
    }

    std::string_view view(const TextLine& line) const {
        return m_text.substr(line.begin, line.end - line.begin);
    }

private:
    bool blank(std::size_t at) const {
        const char c = m_text[at];
        return c == ' ' || c == '\t' || c == '\r';
    }

    template <typename Item>
    static void advance(const std::vector<Item>& items, std::size_t& index, std::uint32_t byte) {
        while (index + 1 < items.size() && items[index + 1].begin <= byte)
            ++index;
    }

    static bool looksLikeRow(std::string_view line) {
        if (line.empty()) return false;
        if (line.front() == '|' || line.find('\t') != std::string_view::npos || beginsWithTime(line))
            return true;
        return line.find("   ") != std::string_view::npos;
    }

    /// Cells of a table on a page are wide apart.
    void findCells(TextLine& line) const {
        if (m_document.kind != DocumentKind::Pdf || m_line >= m_document.lines.size()) return;
        const Line& words = m_document.lines[m_line];
        const std::size_t last = std::min<std::size_t>(words.lastWord, m_document.words.size());
        const std::uint32_t text = line.begin + static_cast<std::uint32_t>(markerLength(view(line)));
        for (std::size_t i = words.firstWord; i < last; ++i) {
            const Word& word = m_document.words[i];
            const float height = word.box.bottom - word.box.top;
            if (i == words.firstWord) {
                line.columns.push_back(word.box.left);
            } else if (m_document.words[i - 1].end > text && height > 0 &&
                       word.box.left - m_document.words[i - 1].box.right > kCellGap * height) {
                line.columns.push_back(word.box.left);
                line.cells.push_back(word.begin);
            }
        }
        line.row = !line.cells.empty();
    }

    const Document& m_document;
    std::string_view m_text;
    std::size_t m_at = 0, m_line = 0, m_page = 0;
};

/// Lines of one paragraph or one table row, made flat, with the document's byte for each of its bytes.
class Block {
public:
    bool empty() const { return m_flat.empty(); }
    bool row() const { return m_row; }
    const std::string& flat() const { return m_flat; }
    const std::vector<float>& columns() const { return m_columns; }
    std::uint32_t source(std::size_t at) const { return m_source[at]; }
    std::uint32_t sourceEnd(std::size_t at) const { return m_source[at - 1] + 1; }
    const TextLine& lastLine() const { return m_last; }

    void clear() {
        m_flat.clear();
        m_source.clear();
        m_columns.clear();
        m_row = false;
    }

    void add(std::string_view text, const TextLine& line) {
        if (empty()) {
            m_row = line.row;
            m_columns = line.columns;
        } else {
            join(text);
        }
        std::size_t cell = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            const auto at = static_cast<std::uint32_t>(line.begin + i);
            const bool beforeCell = cell < line.cells.size() && at + 1 == line.cells[cell];
            if (beforeCell) ++cell;
            push(beforeCell && text[i] == ' ' ? '\t' : text[i], at);
        }
        m_last = line;
    }

private:
    void push(char c, std::uint32_t at) {
        m_flat.push_back(c);
        m_source.push_back(at);
    }

    /// Between a line and the next.
    void join(std::string_view next) {
        const std::size_t size = m_flat.size();
        const char32_t after = firstCharacter(next);
        const char32_t before = lastCharacter(m_flat);
        if (isWide(before) && isWide(after)) return;
        const bool hyphen = m_flat.back() == '-' && size > 1 && (m_flat[size - 2] & 0x80) == 0 &&
                            isWordCharacter(static_cast<unsigned char>(m_flat[size - 2]));
        if (hyphen && isWordCharacter(after)) {
            // "termi-|nation" is one word; "P-|40" keeps its hyphen.
            if (isLower(after) && isLower(static_cast<unsigned char>(m_flat[size - 2]))) {
                m_flat.pop_back();
                m_source.pop_back();
            }
            return;
        }
        push(' ', m_last.end);
    }

    std::string m_flat;
    std::vector<std::uint32_t> m_source;
    std::vector<float> m_columns;
    TextLine m_last;
    bool m_row = false;
};

/// Groups lines to blocks and cuts those into passages.
class PassageBuilder {
public:
    explicit PassageBuilder(const Document& document)
        : m_reader(document),
          m_markdown(document.kind != DocumentKind::Pdf),
          m_log(document.kind == DocumentKind::Log) {
        m_result.flat.reserve(document.text.size() + 64);
    }

    Passages build() {
        TextLine line;
        std::vector<TextLine> paragraph;
        while (m_reader.next(line)) {
            if (line.begin == line.end) {
                addParagraph(paragraph);
                continue;
            }
            if (!paragraph.empty() && paragraph.back().page != line.page) addParagraph(paragraph);
            paragraph.push_back(line);
        }
        addParagraph(paragraph);
        flush();
        return std::move(m_result);
    }

private:
    void addParagraph(std::vector<TextLine>& lines) {
        if (lines.empty()) return;
        const bool continues = continuesSentence(lines.front());
        if (!continues) flush();
        std::uint32_t widest = 0;
        for (const TextLine& line : lines)
            widest = std::max(widest, line.characters);
        for (std::size_t i = 0; i < lines.size(); ++i) {
            const bool first = i == 0 && !continues;
            if (!first && i > 0 && breaksBefore(lines[i], lines[i - 1], widest)) flush();
            m_block.add(m_reader.view(lines[i]), lines[i]);
        }
        lines.clear();
    }

    /// Whether a paragraph goes on with a line on the next page.
    bool continuesSentence(const TextLine& line) const {
        if (m_block.empty() || m_block.row() || line.row || m_block.lastLine().page == line.page)
            return false;
        if (m_block.flat().size() < kShortest) return false;
        const std::string_view next = m_reader.view(line);
        const char32_t last = lastCharacter(m_block.flat());
        const char32_t first = firstCharacter(next);
        if (endsSentence(last) || beginsItem(next)) return false;
        return isLower(first) || (isWide(last) && isWide(first));
    }

    bool breaksBefore(const TextLine& line, const TextLine& previous, std::uint32_t widest) const {
        if (line.row) return true;
        if (m_block.row()) return !continuesCell(line);
        const std::string_view text = m_reader.view(line);
        const std::string_view before = m_reader.view(previous);
        const char32_t last = lastCharacter(before);
        if (before.front() == '#' && m_markdown) return true;
        if (beginsItem(text)) {
            const bool bullet = !isDigit(firstCharacter(text)) && !isLetter(firstCharacter(text));
            if (bullet || endsSentence(last)) return true;
        }
        const char32_t first = firstCharacter(text);
        if (last == U',' || last == U'-' || last == 0x3001 || isLower(first) ||
            !shortLine(text, previous, widest)) {
            return false;
        }
        return !endsOpen(before);
    }

    /// Whether the next line's first word would have fitted on the line: it was ended on purpose.
    static bool shortLine(std::string_view next, const TextLine& line, std::uint32_t widest) {
        const bool wide = isWide(firstCharacter(next));
        const std::size_t word = wide ? 2 : std::min(next.find(' '), next.size());
        return (line.characters + 1 + word) * 100 < std::size_t{widest} * 80;
    }

    /// Ends with a word that needs another: "shall pay to | Northmoor".
    static bool endsOpen(std::string_view line) {
        constexpr std::array<std::string_view, 12> kOpen{" to",  " of",   " the", " and", " or",   " by",
                                                         " for", " with", " in",  " a",   " from", " under"};
        return std::ranges::any_of(kOpen, [&](std::string_view word) { return line.ends_with(word); });
    }

    /// The second line of a cell that is not the first of its row.
    bool continuesCell(const TextLine& line) const {
        if (line.columns.empty() || m_block.columns().size() < 2) return false;
        return std::any_of(m_block.columns().begin() + 1, m_block.columns().end(), [&](float left) {
            return std::abs(left - line.columns.front()) < kColumnTolerance;
        });
    }

    void flush() {
        if (m_block.empty()) return;
        const std::size_t first = m_result.items.size();
        // A log has no head; a reader may put a blank line between the rows of a table.
        const bool tableGoesOn = m_block.row() && m_lastWasRow && !m_log;
        if (!tableGoesOn) ++m_blockNumber;
        if (m_block.row()) {
            if (!tableGoesOn) m_tableHead = m_log ? -1 : static_cast<std::int32_t>(first);
            emit(0, m_block.flat().size(), tableGoesOn ? m_tableHead : m_title);
        } else {
            cut();
            const bool title = m_result.items.size() == first + 1 && m_block.flat().size() <= kLongestTitle &&
                               !endsSentence(lastCharacter(m_block.flat()));
            if (title) m_title = static_cast<std::int32_t>(first);
        }
        m_lastWasRow = m_block.row();
        m_block.clear();
    }

    /// Sentences, the short ones joined with the next, the long ones in parts.
    void cut() {
        std::vector<TextRange> sentences = findSentences(m_block.flat());
        std::size_t begin = 0;
        bool open = false;
        for (std::size_t i = 0; i < sentences.size(); ++i) {
            if (!open) begin = sentences[i].begin;
            const std::size_t end = sentences[i].end;
            const bool last = i + 1 == sentences.size();
            open = !last && end - begin < kShortest;
            if (open) continue;
            // A short end belongs to what stands before it.
            const bool shortEnd = last && i > 0 && end - begin < kShortest && !m_result.items.empty() &&
                                  m_result.items.back().block == m_blockNumber && end - m_lastCut <= kLongest;
            if (shortEnd) {
                begin = m_lastCut;
                m_result.flat.resize(m_result.items.back().flatBegin);
                m_result.items.pop_back();
            }
            emitParts(begin, end);
        }
    }

    void emitParts(std::size_t begin, std::size_t end) {
        while (end - begin > kLongest) {
            const std::size_t stop = partEnd(begin, begin + kLongest);
            emit(begin, stop, m_title);
            begin = stop;
            while (begin < end && m_block.flat()[begin] == ' ')
                ++begin;
        }
        if (begin < end) emit(begin, end, m_title);
    }

    /// Behind the last semicolon, else comma, else blank before `limit`, else between characters.
    std::size_t partEnd(std::size_t begin, std::size_t limit) const {
        const std::string_view text = std::string_view(m_block.flat()).substr(begin, limit - begin);
        for (const std::string_view mark : {"; ", "、", ", ", " "}) {
            const std::size_t at = text.rfind(mark);
            const bool date = mark == ", " && at != std::string_view::npos && at > 0 && text[at - 1] >= '0' &&
                              text[at - 1] <= '9';
            if (at != std::string_view::npos && at > kLongest / 2 && !date) {
                return begin + at + (mark == " " ? 0 : mark == "、" ? mark.size() : 1);
            }
        }
        while (limit > begin + 1 && (m_block.flat()[limit] & 0xC0) == 0x80)
            --limit;
        return limit;
    }

    void emit(std::size_t begin, std::size_t end, std::int32_t heading) {
        Passage passage;
        passage.begin = m_block.source(begin);
        passage.end = m_block.sourceEnd(end);
        passage.flatBegin = static_cast<std::uint32_t>(m_result.flat.size());
        m_result.flat.append(m_block.flat(), begin, end - begin);
        passage.flatEnd = static_cast<std::uint32_t>(m_result.flat.size());
        m_result.flat.push_back('\n');
        passage.block = m_blockNumber;
        passage.heading = heading;
        passage.row = m_block.row();
        m_lastCut = begin;
        m_result.items.push_back(passage);
    }

    LineReader m_reader;
    bool m_markdown, m_log;
    Block m_block;
    Passages m_result;
    std::uint32_t m_blockNumber = 0;
    std::int32_t m_title = -1, m_tableHead = -1;
    std::size_t m_lastCut = 0;  ///< byte of the block where the last passage begins
    bool m_lastWasRow = false;
};

template <typename Item>
std::size_t step(const std::vector<Item>& items, std::size_t index, std::uint32_t byte) {
    while (index + 1 < items.size() && items[index + 1].begin <= byte)
        ++index;
    return index;
}

}  // namespace

Passages findPassages(const Document& document) {
    Passages passages = PassageBuilder(document).build();
    std::size_t page = 0, line = 0;
    for (Passage& passage : passages.items) {
        page = step(document.pages, page, passage.begin);
        line = step(document.lines, line, passage.begin);
        passage.page = static_cast<std::int32_t>(page);
        passage.line = static_cast<std::int32_t>(line);
    }
    return passages;
}

}  // namespace kvasir
