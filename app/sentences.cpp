#include <algorithm>
#include <array>

#include "app/fact_scan.h"
#include "app/facts.h"

namespace kvasir {
namespace {

bool isClosing(char32_t c) {
    return c == U')' || c == U']' || c == U'"' || c == U'\'' || c == 0x201D || c == 0xBB || c == 0x300D ||
           c == 0x300F || c == 0x3011 || c == U'*';
}

bool isOpening(char32_t c) {
    return c == U'(' || c == 0x300C || c == 0x300E || c == 0x3010;
}

bool closes(char32_t open, char32_t close) {
    return open == U'(' ? close == U')' : close == open + 1;
}

/// For each character of [begin, end) whether it lies inside brackets that are closed there.
std::vector<bool> insideBrackets(const Characters& text, std::size_t begin, std::size_t end) {
    std::vector<bool> inside(end - begin, false);
    std::vector<std::size_t> open;
    for (std::size_t i = begin; i < end; ++i) {
        const char32_t c = text[i].code;
        if (isOpening(c)) open.push_back(i);
        if (open.empty() || !closes(text[open.back()].code, c)) continue;
        const std::size_t from = open.back();
        open.pop_back();
        // Inner pairs are part of the outer one: marked once, by the outermost.
        if (open.empty()) std::fill(inside.begin() + from - begin, inside.begin() + i - begin + 1, true);
    }
    // An outer bracket that never closes leaves its inner pairs unmarked: good enough, they are short.
    return inside;
}

/// Abbreviations that a sentence goes on after.
bool goesOnAfter(std::string_view word) {
    constexpr std::array<std::string_view, 34> kWords{
        "e.g", "i.e",  "eg",  "ie",  "vs",   "approx", "mr",  "mrs", "ms",  "dr",   "prof", "st",
        "art", "arts", "sec", "fig", "figs", "para",   "cf",  "ca",  "est", "dept", "rev",  "vol",
        "pp",  "p",    "eq",  "ref", "nos",  "max",    "min", "ver", "tel", "incl"};
    return std::ranges::find(kWords, word) != kWords.end();
}

/// Abbreviations that may end a sentence: it goes on unless the next word begins one.
bool mayEnd(std::string_view word) {
    constexpr std::array<std::string_view, 12> kWords{"ltd", "inc", "co",   "corp", "etc", "plc",
                                                      "jr",  "sr",  "bros", "llc",  "al",  "gmbh"};
    return std::ranges::find(kWords, word) != kWords.end();
}

/// The word before the point at `at` with the points inside it ("e.g", "U.S"), in lower case.
std::string wordBeforePoint(const Characters& text, std::size_t begin, std::size_t at) {
    std::size_t from = at;
    while (from > begin &&
           (isWordCharacter(text[from - 1].code) ||
            (text[from - 1].code == U'.' && from - 1 > begin && isWordCharacter(text[from - 2].code)))) {
        --from;
    }
    return at - from > 12 ? std::string() : lowerText(text, from, at);
}

/// Whether the point at `at` ends a sentence; `next` is the first character behind the space.
bool pointEnds(const Characters& text, std::size_t begin, std::size_t at, std::size_t next) {
    const char32_t c = text[next].code;
    if (isLower(c)) return false;
    const std::string word = wordBeforePoint(text, begin, at);
    if (word.empty()) return true;
    if (goesOnAfter(word)) return false;
    if (word == "no") return !isDigit(c);
    const std::size_t wordBegin = at - std::min<std::size_t>(at - begin, charactersOf(word).size() - 1);
    const bool lineBegins = wordBegin == begin;
    // "1. Item", "14.4. Title", "a. Item"
    const bool marker = isDigit(word.front()) || word.size() == 1;
    if (lineBegins && marker) return false;
    const bool initial = word.size() == 1 && isLetter(static_cast<unsigned char>(word.front()));
    const bool pointed = word.find('.') != std::string::npos && !isDigit(word.front());
    if (!initial && !pointed && !mayEnd(word)) return true;
    return isFunctionWord(lowerText(text, next, lettersEnd(text, next)));
}

class SentenceSplitter {
public:
    SentenceSplitter(const Characters& text, std::vector<TextRange>& out) : m_text(text), m_out(out) {}

    void line(std::size_t begin, std::size_t end) {
        while (begin < end && isBlank(m_text[begin].code))
            ++begin;
        while (end > begin && isBlank(m_text[end - 1].code))
            --end;
        if (begin == end) return;
        if (isTableRow(begin, end)) {
            m_out.push_back({m_text[begin].begin, m_text[end].begin});
            return;
        }
        const std::vector<bool> inside = insideBrackets(m_text, begin, end);
        std::size_t from = begin;
        for (std::size_t i = begin; i < end; ++i) {
            const std::size_t stop = sentenceEnd(from, i, end, inside[i - begin]);
            if (stop == 0) continue;
            emit(from, stop);
            from = stop;
            i = stop - 1;
        }
        emit(from, end);
    }

private:
    bool isTableRow(std::size_t begin, std::size_t end) const {
        std::size_t bars = 0;
        for (std::size_t i = begin; i < end; ++i) {
            if (m_text[i].code == U'\t') return true;
            bars += m_text[i].code == U'|' ? 1 : 0;
        }
        return m_text[begin].code == U'|' && bars >= 2;
    }

    void emit(std::size_t begin, std::size_t end) {
        while (begin < end && isBlank(m_text[begin].code))
            ++begin;
        while (end > begin && isBlank(m_text[end - 1].code))
            --end;
        if (begin < end) m_out.push_back({m_text[begin].begin, m_text[end].begin});
    }

    /// The end of the sentence that the mark at `at` closes, 0 when it closes none.
    std::size_t sentenceEnd(std::size_t from, std::size_t at, std::size_t end, bool inside) const {
        const char32_t c = m_text[at].code;
        const bool wide =
            c == 0x3002 || ((c == U'!' || c == U'?') && at > from && isWide(m_text[at - 1].code));
        if (!wide && c != U'.' && c != U'!' && c != U'?') return 0;
        std::size_t stop = at + 1;
        if (wide) {
            if (inside) return 0;
            while (stop < end && (m_text[stop].code == c || isClosing(m_text[stop].code)))
                ++stop;
            return stop;
        }
        while (stop < end && (m_text[stop].code == U'.' || m_text[stop].code == U'!' ||
                              m_text[stop].code == U'?' || isClosing(m_text[stop].code))) {
            ++stop;
        }
        std::size_t next = stop;
        while (next < end && isBlank(m_text[next].code))
            ++next;
        if (next == stop || next == end) return 0;
        if (c != U'.') return isLower(m_text[next].code) ? 0 : stop;
        return pointEnds(m_text, from, at, next) ? stop : 0;
    }

    const Characters& m_text;
    std::vector<TextRange>& m_out;
};

}  // namespace

std::vector<TextRange> findSentences(std::string_view text) {
    const Characters characters = charactersOf(text);
    std::vector<TextRange> sentences;
    SentenceSplitter splitter(characters, sentences);
    const std::size_t size = characters.size() - 1;
    for (std::size_t begin = 0; begin < size;) {
        std::size_t end = begin;
        while (end < size && characters[end].code != U'\n')
            ++end;
        splitter.line(begin, end);
        begin = end + 1;
    }
    return sentences;
}

}  // namespace kvasir
