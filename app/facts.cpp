#include "app/facts.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "app/fact_scan.h"

namespace kvasir {
namespace {

bool isCurrencySign(char32_t c) {
    return c == U'$' || c == 0xA3 || c == 0xA5 || (c >= 0x20A0 && c <= 0x20BF);
}

bool isCurrencyCode(std::string_view lowerCase) {
    constexpr std::array<std::string_view, 11> kCodes{"usd", "eur", "jpy", "gbp", "chf", "cny",
                                                      "aud", "cad", "us",  "rs",  "inr"};
    return std::ranges::find(kCodes, lowerCase) != kCodes.end();
}

/// Words whose number is the name of a part of a document or a version.
bool namesPart(std::string_view lowerCase) {
    constexpr std::array<std::string_view, 24> kParts{
        "clause",  "clauses",  "section", "sections",  "sec",     "article", "articles", "art",
        "annex",   "appendix", "chapter", "paragraph", "para",    "figure",  "fig",      "table",
        "version", "release",  "ver",     "v",         "exhibit", "rule",    "item",     "part"};
    return std::ranges::find(kParts, lowerCase) != kParts.end();
}

/// Units that hold a digit and name nothing.
bool isUnitWithDigit(std::string_view lowerCase) {
    constexpr std::array<std::string_view, 11> kUnits{"m2",  "m3",  "mm2",  "mm3",  "cm2",   "cm3",
                                                      "km2", "dm3", "m3/h", "m3/s", "m3/min"};
    return std::ranges::find(kUnits, lowerCase) != kUnits.end();
}

/// What a run of letters, digits and connectors between them consists of.
struct Token {
    std::size_t begin = 0, end = 0;
    bool letters = false, digits = false;
};

bool connects(const Characters& text, std::size_t at) {
    const char32_t c = text[at].code;
    if (c == 0) return false;
    const char32_t before = text[at - 1].code;
    const char32_t after = text[at + 1].code;
    if (!isWordCharacter(after)) return c == U'_' && after == U'_';
    if (c == U'_' || c == U'-' || c == U'/') return true;
    return (c == U'.' || c == U':') && isDigit(before) && isDigit(after);
}

Token tokenAt(const Characters& text, std::size_t at) {
    Token token{at, at};
    for (; isWordCharacter(text[token.end].code) ||
           (token.end > at && (text[token.end].code == U'_' || connects(text, token.end)));
         ++token.end) {
        token.letters = token.letters || isLetter(text[token.end].code);
        token.digits = token.digits || isDigit(text[token.end].code);
    }
    return token;
}

/// Reads numbers, dates and identifiers from left to right.
class NumberScanner {
public:
    NumberScanner(const Characters& text, std::vector<Fact>& facts) : m_text(text), m_facts(facts) {}

    void run() {
        findBullets();
        const std::size_t size = m_text.size() - 1;
        for (std::size_t at = 0; at < size;) {
            const char32_t c = m_text[at].code;
            if (c == U'[' || (!m_bullets.empty() && isLineBegin(at))) {
                const std::size_t next = c == U'[' ? citationEnd(at) : bulletEnd(at);
                if (next != at) {
                    at = next;
                    continue;
                }
            }
            if (isWordCharacter(c)) {
                at = token(at);
            } else if (isKanji(c) || c == U'〇') {
                at = kanji(at);
            } else {
                ++at;
            }
        }
    }

private:
    bool isLineBegin(std::size_t at) const {
        while (at > 0 && (m_text[at - 1].code == U' ' || m_text[at - 1].code == U'\t'))
            --at;
        return at == 0 || m_text[at - 1].code == U'\n';
    }

    /// "[1]", "[2, 3]": where other texts cite, not facts.
    std::size_t citationEnd(std::size_t at) const {
        std::size_t end = at + 1;
        std::size_t digits = 0;
        for (; isDigit(m_text[end].code) || m_text[end].code == U',' || m_text[end].code == U' '; ++end) {
            digits = isDigit(m_text[end].code) ? digits + 1 : digits;
        }
        return digits > 0 && digits < 10 && m_text[end].code == U']' ? end + 1 : at;
    }

    struct Bullet {
        std::size_t begin = 0, end = 0;
        int number = 0;
    };

    /// "1. ", "(1) ", "1) " before text on the same line; "60. Text" alone is no list.
    void findBullets() {
        std::vector<Bullet> all;
        const std::size_t size = m_text.size() - 1;
        for (std::size_t at = 0; at < size;) {
            if (const auto bullet = bulletAt(at)) all.push_back(*bullet);
            while (at < size && m_text[at].code != U'\n')
                ++at;
            ++at;
        }
        for (std::size_t i = 0; i < all.size(); ++i) {
            const bool first = all[i].number == 1;
            const bool before = i > 0 && all[i - 1].number + 1 == all[i].number;
            const bool after = i + 1 < all.size() && all[i + 1].number == all[i].number + 1;
            const bool bracketed = !isDigit(m_text[all[i].begin].code) && all[i].number < 100;
            if (first || before || after || bracketed) m_bullets.push_back(all[i]);
        }
    }

    std::optional<Bullet> bulletAt(std::size_t at) const {
        while (m_text[at].code == U' ' || m_text[at].code == U'\t')
            ++at;
        Bullet bullet{at, at, 0};
        const bool open = m_text[at].code == U'(';
        std::size_t digit = open ? at + 1 : at;
        const std::size_t firstDigit = digit;
        for (; isDigit(m_text[digit].code) && digit < firstDigit + 3; ++digit) {
            bullet.number = bullet.number * 10 + static_cast<int>(m_text[digit].code - U'0');
        }
        const char32_t close = m_text[digit].code;
        if (digit == firstDigit || (close != U')' && (open || close != U'.'))) return {};
        bullet.end = digit + 1;
        if (m_text[bullet.end].code != U' ' && !(close == U')' && isWide(m_text[bullet.end].code))) return {};
        std::size_t rest = bullet.end;
        while (m_text[rest].code == U' ')
            ++rest;
        if (m_text[rest].code == U'\n' || m_text[rest].code == 0) return {};
        return bullet;
    }

    std::size_t bulletEnd(std::size_t at) {
        while (m_nextBullet < m_bullets.size() && m_bullets[m_nextBullet].begin < at)
            ++m_nextBullet;
        if (m_nextBullet == m_bullets.size() || m_bullets[m_nextBullet].begin != at) return at;
        return m_bullets[m_nextBullet].end;
    }

    void add(std::size_t begin, const ScannedFact& fact) {
        m_facts.push_back({fact.kind, fact.value, m_text[begin].begin, m_text[fact.end].begin});
    }

    /// Adds a number with the currency and the percent sign that touch it, and returns its end.
    std::size_t addNumber(std::size_t begin, ScannedFact fact) {
        std::size_t from = begin;
        if (from > 0 && isCurrencySign(m_text[from - 1].code)) --from;
        const bool minus = from > 0 && m_text[from - 1].code == U'-';
        const char32_t before = from > 1 ? m_text[from - 2].code : U' ';
        if (minus && fact.kind == FactKind::Number && (isBlank(before) || before == U'(')) {
            fact.value = std::string(1, '-').append(fact.value);
            --from;
        }
        const std::size_t number = fact.end;
        const std::size_t sign = m_text[number].code == U' ' ? number + 1 : number;
        if (m_text[sign].code == U'%') fact.end = sign + 1;
        if (isCurrencySign(m_text[number].code) || m_text[number].code == U'円') fact.end = number + 1;
        add(from, fact);
        if (fact.kind == FactKind::Number) m_facts.back().unit = unitOf(m_text, begin, number);
        return number;
    }

    std::size_t token(std::size_t at) {
        if (at > 0 && isWordCharacter(m_text[at - 1].code) && isLetter(m_text[at].code) &&
            isLetter(m_text[at - 1].code)) {
            return lettersEnd(m_text, at);
        }
        const char32_t c = m_text[at].code;
        if (isDigit(c) || isUpper(c)) {
            if (const auto date = scanDate(m_text, at)) {
                add(at, *date);
                return afterDate(date->end);
            }
        }
        const Token token = tokenAt(m_text, at);
        if (!token.digits) return word(at);
        return isDigit(c) ? digits(token) : lettersFirst(token);
    }

    /// "T02:14:05Z" behind an ISO date, ":02:14:05" behind a web server's.
    std::size_t afterDate(std::size_t end) {
        const char32_t c = m_text[end].code;
        if (c != U'T' && c != U':') return end;
        const auto time = isDigit(m_text[end + 1].code) ? scanTime(m_text, end + 1) : std::nullopt;
        if (!time) return end;
        add(end + 1, *time);
        return m_text[time->end].code == U'Z' ? time->end + 1 : time->end;
    }

    std::size_t word(std::size_t at) {
        if (const auto number = scanNumberWords(m_text, at)) return addNumber(at, *number);
        return lettersEnd(m_text, at);
    }

    /// The word before a number, over one space, a point and "no."; in lower case.
    std::string wordBefore(std::size_t at) const {
        std::size_t end = at;
        while (end > 0 && (m_text[end - 1].code == U' ' || m_text[end - 1].code == U'.'))
            --end;
        std::size_t begin = end;
        while (begin > 0 && isLetter(m_text[begin - 1].code) && end - begin < 12)
            --begin;
        return lowerText(m_text, begin, end);
    }

    bool followsMoney(std::size_t at) const {
        if (at == 0) return false;
        const std::size_t before = m_text[at - 1].code == U' ' && at > 1 ? at - 2 : at - 1;
        return isCurrencySign(m_text[before].code) || isCurrencyCode(wordBefore(at));
    }

    std::size_t digits(const Token& token) {
        std::size_t dotted = token.begin;
        std::size_t dots = 0;
        while (isDigit(m_text[dotted].code) ||
               (m_text[dotted].code == U'.' && isDigit(m_text[dotted + 1].code))) {
            dots = m_text[dotted].code == U'.' ? dots + 1 : dots;
            ++dotted;
        }
        if (const auto time = scanTime(m_text, token.begin)) {
            add(token.begin, *time);
            return time->end;
        }
        const auto number = scanDigits(m_text, token.begin, followsMoney(token.begin));
        if (!number) return token.end;
        const bool grouped = number->end > dotted || (dots > 1 && number->end == dotted);
        if (!grouped && dots > 0 && namesClause(token.begin, dotted, dots)) {
            return addName(token.begin, dotted);
        }
        if (number->end < token.end && isIdentifier(number->end, token.end)) {
            return addName(token.begin, token.end);
        }
        const std::size_t end = addNumber(token.begin, *number);
        return std::max(end, unitEnd(end));
    }

    /// "14.4.2", "clause 14.4", and "14.4 Title" where a line begins.
    bool namesClause(std::size_t begin, std::size_t end, std::size_t dots) const {
        if (dots > 1 || namesPart(wordBefore(begin))) return true;
        const bool title =
            m_text[end].code == U' ' && (isUpper(m_text[end + 1].code) || isKanji(m_text[end + 1].code));
        return title && isLineBegin(begin);
    }

    /// Whether the rest of a token that began with a number makes a name of it: "8f3a2", "2231-FSA"; not
    /// "5kg", "30-day", "30-45", "10mm-20mm".
    bool isIdentifier(std::size_t at, std::size_t end) const {
        while (at < end) {
            const std::size_t letters = lettersEnd(m_text, at);
            if (letters > at) {
                const bool capitals =
                    isUpper(m_text[at].code) && letters - at > 1 && isUpper(m_text[at + 1].code);
                const bool afterConnector = !isDigit(m_text[at - 1].code);
                if (isDigit(m_text[letters].code))
                    return !isUnitWithDigit(lowerText(m_text, at, letters + 1));
                if (capitals && afterConnector) return true;
                if (m_text[letters].code == U'_') return true;
                at = letters;
            } else {
                if (m_text[at].code == U'_') return true;
                ++at;
            }
        }
        return false;
    }

    /// The end of letters that touch a number as its unit.
    std::size_t unitEnd(std::size_t at) const {
        const std::size_t letters = lettersEnd(m_text, at);
        return letters > at && isUnitWithDigit(lowerText(m_text, at, letters + 1)) ? letters + 1 : letters;
    }

    std::size_t addName(std::size_t begin, std::size_t end) {
        add(begin, {FactKind::Name, normalForm(m_text, begin, end), end});
        return end;
    }

    /// "P-40", "FSA-2231", "EUR500", "mid-2025".
    std::size_t lettersFirst(const Token& token) {
        const std::size_t letters = lettersEnd(m_text, token.begin);
        const std::string first = lowerText(m_text, token.begin, letters);
        if (isDigit(m_text[letters].code) && isCurrencyCode(first)) return letters;
        const std::string all = lowerText(m_text, token.begin, token.end);
        if (isUnitWithDigit(all)) return token.end;
        const bool joined = m_text[letters].code == U'-' || m_text[letters].code == U'/';
        const bool lower = !isUpper(m_text[token.begin].code) && letters - token.begin > 1;
        if (joined && lower && isPrefix(first)) return letters + 1;
        if (scanNumberWords(m_text, token.begin)) return word(token.begin);
        return addName(token.begin, token.end);
    }

    static bool isPrefix(std::string_view word) {
        constexpr std::array<std::string_view, 10> kPrefixes{"mid",   "pre",   "post",  "early", "late",
                                                             "since", "about", "under", "over",  "to"};
        return std::ranges::find(kPrefixes, word) != kPrefixes.end();
    }

    std::size_t kanji(std::size_t at) {
        const auto date = scanDate(m_text, at);
        if (date) {
            add(at, *date);
            return date->end;
        }
        if (const auto time = scanTime(m_text, at)) {
            add(at, *time);
            return time->end;
        }
        if (const auto number = scanKanjiNumber(m_text, at)) return addNumber(at, *number);
        std::size_t end = at;
        // The rest of a run of numerals that is no number is none either.
        (void)kanjiValue(m_text, at, end);
        return std::max(end, at + 1);
    }

    const Characters& m_text;
    std::vector<Fact>& m_facts;
    std::vector<Bullet> m_bullets;
    std::size_t m_nextBullet = 0;
};

}  // namespace

std::size_t lettersEnd(const Characters& text, std::size_t at) {
    while (isLetter(text[at].code))
        ++at;
    return at;
}

void scanNumbers(const Characters& text, std::vector<Fact>& facts) {
    NumberScanner(text, facts).run();
}

std::vector<Fact> findFacts(std::string_view text) {
    const Characters characters = charactersOf(text);
    std::vector<Fact> facts;
    scanNumbers(characters, facts);
    scanQuotations(characters, facts);
    scanNames(characters, facts);
    std::ranges::sort(facts, [](const Fact& a, const Fact& b) {
        return std::tie(a.begin, a.end, a.kind) < std::tie(b.begin, b.end, b.kind);
    });
    return facts;
}

}  // namespace kvasir
