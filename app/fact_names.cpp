#include <algorithm>
#include <array>

#include "app/fact_scan.h"

namespace kvasir {
namespace {

constexpr std::size_t kLongestQuotation = 600;  // characters

struct Marks {
    char32_t open, close;
};
constexpr std::array kQuotationMarks{Marks{0x201C, 0x201D}, Marks{0x201E, 0x201C}, Marks{0x300C, 0x300D},
                                     Marks{0x300E, 0x300F}, Marks{0xAB, 0xBB},     Marks{U'"', U'"'},
                                     Marks{0x2018, U'\''},  Marks{U'\'', U'\''}};

bool opensStraight(const Characters& text, std::size_t at) {
    const char32_t before = at == 0 ? U' ' : text[at - 1].code;
    const bool outside =
        isBlank(before) || before == U'(' || before == U'[' || before == U':' || isWide(before);
    return outside && !isBlank(text[at + 1].code) && text[at + 1].code != 0;
}

bool closesStraight(const Characters& text, std::size_t at) {
    return !isBlank(text[at - 1].code) && !isWordCharacter(text[at + 1].code);
}

/// The closing mark of a quotation that opens at `at`; 0 when there is none before a blank line.
std::size_t closingMark(const Characters& text, std::size_t at, const Marks& marks) {
    const bool straight = marks.close == U'"' || marks.close == U'\'';
    const std::size_t last = std::min(text.size() - 1, at + kLongestQuotation);
    for (std::size_t i = at + 1; i < last; ++i) {
        if (text[i].code == U'\n' && text[i + 1].code == U'\n') return 0;
        if (text[i].code == marks.close && (!straight || closesStraight(text, i))) return i;
        if (text[i].code == marks.open) return 0;
    }
    return 0;
}

std::size_t wordCount(const Characters& text, std::size_t begin, std::size_t end) {
    std::size_t words = 0;
    for (std::size_t i = begin; i < end; ++i) {
        if (isWordCharacter(text[i].code) && !isWordCharacter(text[i - 1].code)) ++words;
    }
    return words;
}

/// Between words of a name: "Bank of Calderbeck".
bool joinsNames(std::string_view word) {
    return word == "of" || word == "and" || word == "de" || word == "van";
}

/// The end of capitalised words that begin at `at`, joined by spaces; counts them.
std::size_t capitalisedEnd(const Characters& text, std::size_t at, std::size_t& count) {
    std::size_t end = lettersEnd(text, at);
    count = 1;
    while (text[end].code == U' ') {
        std::size_t next = end + 1;
        std::size_t nextEnd = lettersEnd(text, next);
        if (nextEnd - next <= 3 && joinsNames(lowerText(text, next, nextEnd)) && text[nextEnd].code == U' ' &&
            lowerText(text, next, nextEnd) != "and") {
            next = nextEnd + 1;
            nextEnd = lettersEnd(text, next);
        }
        if (nextEnd == next || !isUpper(text[next].code)) break;
        end = nextEnd;
        ++count;
    }
    return end;
}

void scanLatinNames(const Characters& text, std::vector<Fact>& facts) {
    const std::size_t size = text.size() - 1;
    for (std::size_t at = 0; at < size;) {
        if (!isLetter(text[at].code)) {
            ++at;
            continue;
        }
        std::size_t wordEnd = lettersEnd(text, at);
        if (!isUpper(text[at].code)) {
            at = wordEnd;
            continue;
        }
        std::size_t count = 0;
        const std::size_t end = capitalisedEnd(text, at, count);
        std::size_t begin = at;
        while (count > 0 && isFunctionWord(lowerText(text, begin, wordEnd))) {
            begin = wordEnd + 1;
            --count;
            wordEnd = count > 0 ? lettersEnd(text, begin) : end;
        }
        const bool month = count == 2 && monthOf(lowerText(text, begin, wordEnd)) != 0;
        if (count >= 2 && !month && begin < end) {
            facts.push_back(
                {FactKind::Name, normalForm(text, begin, end), text[begin].begin, text[end].begin});
        }
        at = end;
    }
}

bool isCompanyForm(const Characters& text, std::size_t at) {
    constexpr std::array<std::u32string_view, 4> kForms{U"株式会社", U"有限会社", U"合同会社", U"合資会社"};
    return std::ranges::any_of(kForms, [&](std::u32string_view form) {
        for (std::size_t i = 0; i < form.size(); ++i) {
            if (at + i >= text.size() || text[at + i].code != form[i]) return false;
        }
        return true;
    });
}

bool isJapaneseNameCharacter(char32_t c) {
    return isKanji(c) || isKatakana(c) || isWordCharacter(c);
}

void scanJapaneseNames(const Characters& text, std::vector<Fact>& facts) {
    forEachRun(text, isJapaneseNameCharacter, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i + 4 < end + 1; ++i) {
            if (!isCompanyForm(text, i) || end - begin < 5) continue;
            facts.push_back(
                {FactKind::Name, normalForm(text, begin, end), text[begin].begin, text[end].begin});
            return;
        }
    });
    constexpr std::size_t kShortestKatakana = 4;
    forEachRun(text, isKatakana, [&](std::size_t begin, std::size_t end) {
        if (end - begin < kShortestKatakana) return;
        facts.push_back({FactKind::Name, normalForm(text, begin, end), text[begin].begin, text[end].begin});
    });
}

}  // namespace

bool isFunctionWord(std::string_view word) {
    constexpr std::array<std::string_view, 62> kWords{
        "a",      "an",   "the",   "this",  "that",  "these",     "those",  "it",      "its",
        "in",     "on",   "at",    "by",    "for",   "from",      "to",     "of",      "with",
        "under",  "if",   "when",  "where", "while", "after",     "before", "upon",    "each",
        "any",    "all",  "no",    "not",   "and",   "or",        "but",    "as",      "is",
        "are",    "was",  "were",  "be",    "he",    "she",       "they",   "we",      "you",
        "i",      "yes",  "there", "here",  "such",  "unless",    "until",  "however", "both",
        "either", "what", "which", "who",   "how",   "according", "every",  "per"};
    return std::ranges::find(kWords, word) != kWords.end();
}

void scanQuotations(const Characters& text, std::vector<Fact>& facts) {
    const std::size_t size = text.size() - 1;
    for (std::size_t at = 0; at < size; ++at) {
        for (const Marks& marks : kQuotationMarks) {
            if (text[at].code != marks.open) continue;
            const bool straight = marks.open < 0x80;
            if (straight && !opensStraight(text, at)) continue;
            const std::size_t close = closingMark(text, at, marks);
            if (close == 0) continue;
            std::string value = normalForm(text, at + 1, close);
            // A lone word in apostrophes is a term or a plural more often than words of a document.
            const bool apostrophe = marks.close == U'\'';
            const bool enough = close - at > 2 && (!apostrophe || wordCount(text, at + 1, close) >= 2);
            if (!enough || value.empty()) continue;
            facts.push_back({FactKind::Quotation, std::move(value), text[at].begin, text[close + 1].begin});
            at = close;
            break;
        }
    }
}

void scanNames(const Characters& text, std::vector<Fact>& facts) {
    scanLatinNames(text, facts);
    scanJapaneseNames(text, facts);
}

}  // namespace kvasir
