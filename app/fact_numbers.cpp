#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "app/fact_scan.h"

namespace kvasir {
namespace {

using WordValue = std::pair<std::string_view, int>;

constexpr std::array kSmall{WordValue{"zero", 0},      WordValue{"one", 1},       WordValue{"two", 2},
                            WordValue{"three", 3},     WordValue{"four", 4},      WordValue{"five", 5},
                            WordValue{"six", 6},       WordValue{"seven", 7},     WordValue{"eight", 8},
                            WordValue{"nine", 9},      WordValue{"ten", 10},      WordValue{"eleven", 11},
                            WordValue{"twelve", 12},   WordValue{"thirteen", 13}, WordValue{"fourteen", 14},
                            WordValue{"fifteen", 15},  WordValue{"sixteen", 16},  WordValue{"seventeen", 17},
                            WordValue{"eighteen", 18}, WordValue{"nineteen", 19}, WordValue{"twenty", 20},
                            WordValue{"thirty", 30},   WordValue{"forty", 40},    WordValue{"fifty", 50},
                            WordValue{"sixty", 60},    WordValue{"seventy", 70},  WordValue{"eighty", 80},
                            WordValue{"ninety", 90}};

constexpr std::array kOrdinals{
    WordValue{"first", 1},       WordValue{"second", 2},       WordValue{"third", 3},
    WordValue{"fourth", 4},      WordValue{"fifth", 5},        WordValue{"sixth", 6},
    WordValue{"seventh", 7},     WordValue{"eighth", 8},       WordValue{"ninth", 9},
    WordValue{"tenth", 10},      WordValue{"eleventh", 11},    WordValue{"twelfth", 12},
    WordValue{"thirteenth", 13}, WordValue{"fourteenth", 14},  WordValue{"fifteenth", 15},
    WordValue{"sixteenth", 16},  WordValue{"seventeenth", 17}, WordValue{"eighteenth", 18},
    WordValue{"nineteenth", 19}, WordValue{"twentieth", 20},   WordValue{"thirtieth", 30}};

/// "one of the parties" counts nothing, "one day" does; so for first and second.
constexpr std::array<std::string_view, 34> kCounted{
    "second",  "seconds",  "minute",  "minutes", "hour",     "hours",    "day",      "days",        "week",
    "weeks",   "month",    "months",  "year",    "years",    "quarter",  "quarters", "percent",     "per",
    "hundred", "thousand", "million", "billion", "business", "calendar", "working",  "anniversary", "half",
    "copy",    "copies",   "time",    "unit",    "units",    "piece",    "pieces"};

template <std::size_t Size>
int valueOf(const std::array<WordValue, Size>& words, std::string_view word) {
    const auto found = std::ranges::find(words, word, &WordValue::first);
    return found == words.end() ? -1 : found->second;
}

int powerOf(std::string_view word) {
    if (word == "thousand") return 3;
    if (word == "million") return 6;
    if (word == "billion") return 9;
    if (word == "trillion") return 12;
    return 0;
}

struct Word {
    std::string text;
    std::size_t begin = 0, end = 0;
};

/// The word after one space, line break or hyphen (or at `at` itself); empty when there is none.
Word wordAt(const Characters& text, std::size_t at) {
    if (text[at].code == U' ' || text[at].code == U'-' || text[at].code == U'\n') ++at;
    const std::size_t end = lettersEnd(text, at);
    if (end - at > 11) return {{}, at, at};
    return {lowerText(text, at, end), at, end};
}

std::size_t digitRunEnd(const Characters& text, std::size_t at) {
    while (isDigit(text[at].code))
        ++at;
    return at;
}

std::string digitsText(const Characters& text, std::size_t begin, std::size_t end) {
    std::string digits;
    for (std::size_t i = begin; i < end; ++i) {
        if (isDigit(text[i].code)) digits.push_back(static_cast<char>(text[i].code));
    }
    return digits;
}

/// End of groups of three digits after `separator` behind the digits that end at `at`; `at` when there are
/// none or they do not end as groups do. Indian groups of two before the last three count too.
std::size_t groupsEnd(const Characters& text, std::size_t at, char32_t separator) {
    std::size_t end = at;
    std::size_t last = 0;
    while (text[end].code == separator && isDigit(text[end + 1].code)) {
        const std::size_t groupEnd = digitRunEnd(text, end + 1);
        last = groupEnd - end - 1;
        const bool indian =
            separator == U',' && last == 2 && text[groupEnd].code == U',' && isDigit(text[groupEnd + 1].code);
        if (last != 3 && !indian) break;
        end = groupEnd;
    }
    if (end != at && last != 3 && separator != U' ') return at;
    return end;
}

/// "60 (sixty)", "sixty (60)": the end of brackets that say the same number again.
std::size_t repeatedEnd(const Characters& text, std::size_t end, const std::string& value, bool words) {
    std::size_t at = end;
    if (text[at].code == U' ') ++at;
    if (text[at].code != U'(') return end;
    const auto inner = words ? scanDigits(text, at + 1, false) : scanNumberWords(text, at + 1);
    if (!inner || inner->value != value || text[inner->end].code != U')') return end;
    return inner->end + 1;
}

/// "4 million", and "2m", "1.5bn" behind a currency.
int multiplierAfter(const Characters& text, std::size_t& end, bool money) {
    const std::size_t at = text[end].code == U' ' ? end + 1 : end;
    const std::size_t wordEnd = lettersEnd(text, at);
    if (wordEnd == at || wordEnd - at > 8) return 0;
    const std::string word = lowerText(text, at, wordEnd);
    int power = powerOf(word);
    if (power == 0 && word == "hundred") power = 2;
    if (power == 0 && money && at == end) power = word == "m" ? 6 : word == "bn" ? 9 : word == "k" ? 3 : 0;
    if (power != 0) end = wordEnd;
    return power;
}

int kanjiDigit(char32_t c) {
    constexpr std::u32string_view kDigits = U"〇一二三四五六七八九";
    constexpr std::u32string_view kFormal = U"零壱弐参";
    if (isDigit(c)) return static_cast<int>(c - U'0');
    if (const auto at = kDigits.find(c); at != std::u32string_view::npos) return static_cast<int>(at);
    if (const auto at = kFormal.find(c); at != std::u32string_view::npos) return static_cast<int>(at);
    return -1;
}

int smallPower(char32_t c) {
    return c == U'十' || c == U'拾' ? 1 : c == U'百' ? 2 : c == U'千' ? 3 : 0;
}
int largePower(char32_t c) {
    return c == U'万' || c == U'萬' ? 4 : c == U'億' ? 8 : c == U'兆' ? 12 : 0;
}

std::uint64_t powerOfTen(int power) {
    std::uint64_t value = 1;
    for (; power > 0; --power)
        value *= 10;
    return value;
}

/// Whether what follows kanji numerals is counted by them.
bool countsSomething(const Characters& text, std::size_t end) {
    constexpr std::u32string_view kCounters =
        U"年月日時分秒週箇個条項号回名件台枚社円割倍歳章節頁階本度ヶヵカか%ドルユパポページ部以つ人";
    const char32_t c = text[end].code;
    const char32_t next = c == 0 ? 0 : text[end + 1].code;
    if (c == U'か') return next == U'月' || next == U'所' || next == U'年' || next == U'国';
    if (c == U'部') return next == U'を' || next == U'作';
    if (c == U'以') return next == U'上' || next == U'下' || next == U'内';
    if (c == U'度' || c == U'つ' || c == U'本' || c == U'時') return c == U'時' && next == U'間';
    return kCounters.find(c) != std::u32string_view::npos;
}

/// Words that are written with numerals and mean no number.
bool isIdiom(const Characters& text, std::size_t at, std::size_t end) {
    constexpr std::array<std::u32string_view, 6> kIdioms{U"十分",   U"五十嵐", U"八百屋",
                                                         U"千円札", U"百分率", U"万年"};
    for (const auto idiom : kIdioms) {
        if (at + idiom.size() + 1 > text.size() || end > at + idiom.size()) continue;
        bool same = true;
        for (std::size_t i = 0; i < idiom.size(); ++i)
            same = same && text[at + i].code == idiom[i];
        if (same) return true;
    }
    return false;
}

}  // namespace

std::string decimalForm(std::string_view whole, std::string_view fraction, int power) {
    std::string digits(whole);
    std::string rest(fraction);
    for (; power > 0; --power) {
        digits.push_back(rest.empty() ? '0' : rest.front());
        if (!rest.empty()) rest.erase(0, 1);
    }
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    if (digits.empty()) digits.push_back('0');
    while (!rest.empty() && rest.back() == '0')
        rest.pop_back();
    return rest.empty() ? digits : digits.append(1, '.').append(rest);
}

std::optional<ScannedFact> scanDigits(const Characters& text, std::size_t at, bool money) {
    const std::size_t firstEnd = digitRunEnd(text, at);
    if (firstEnd == at) return {};
    std::size_t end = firstEnd;
    char32_t decimal = U'.';
    if (firstEnd - at <= 3 && text[at].code != U'0') {
        for (const char32_t separator : {U',', U'\'', U' '}) {
            end = groupsEnd(text, firstEnd, separator);
            if (end != firstEnd) break;
        }
        if (end == firstEnd) {
            // One group behind a point is a decimal, unless it is money or a decimal comma follows.
            const std::size_t points = groupsEnd(text, firstEnd, U'.');
            const bool comma = text[points].code == U',' && isDigit(text[points + 1].code);
            const std::size_t next = text[points].code == U' ' ? points + 1 : points;
            const bool priced = money || text[next].code == U'€' || text[next].code == U'円';
            if (points > firstEnd + 4 || (points == firstEnd + 4 && (comma || priced))) {
                end = points;
                decimal = U',';
            }
        }
    }
    std::string whole = digitsText(text, at, end);
    std::string fraction;
    const std::size_t fractionEnd = text[end].code == decimal ? digitRunEnd(text, end + 1) : end;
    if (fractionEnd > end + 1) {
        fraction = digitsText(text, end + 1, fractionEnd);
        end = fractionEnd;
    } else if (end == firstEnd && text[end].code == U',') {
        const std::size_t commaEnd = digitRunEnd(text, end + 1);
        if (commaEnd > end + 1 && commaEnd <= end + 3 && text[commaEnd].code != U',') {
            fraction = digitsText(text, end + 1, commaEnd);
            end = commaEnd;
        }
    }
    if (largePower(text[end].code) != 0 || smallPower(text[end].code) != 0) {
        std::size_t mixedEnd = 0;
        const auto mixed = fraction.empty() ? kanjiValue(text, at, mixedEnd) : std::nullopt;
        if (mixed) return ScannedFact{FactKind::Number, std::to_string(*mixed), mixedEnd};
        const int power = largePower(text[end].code) + smallPower(text[end].code);
        return ScannedFact{FactKind::Number, decimalForm(whole, fraction, power), end + 1};
    }
    const int power = multiplierAfter(text, end, money);
    std::string value = decimalForm(whole, fraction, power);
    end = repeatedEnd(text, end, value, false);
    return ScannedFact{FactKind::Number, std::move(value), end};
}

std::optional<std::uint64_t> kanjiValue(const Characters& text, std::size_t at, std::size_t& end) {
    constexpr std::uint64_t kLimit = std::numeric_limits<std::uint64_t>::max() / 100000;
    std::uint64_t total = 0, section = 0, number = 0;
    bool digits = false, any = false, fits = true;
    std::size_t i = at;
    end = at;
    for (; i + 1 < text.size(); ++i) {
        const char32_t c = text[i].code;
        if (const int digit = kanjiDigit(c); digit >= 0) {
            fits = fits && number <= kLimit;
            number = number * 10 + static_cast<unsigned>(digit);
            digits = true;
        } else if (digits && c == U',' && groupsEnd(text, i, U',') >= i + 4) {
            continue;
        } else if (const int small = smallPower(c); small != 0) {
            section += (digits ? number : 1) * powerOfTen(small);
            number = 0;
            digits = false;
        } else if (const int large = largePower(c); large != 0 && any) {
            section += number;
            fits = fits && section != 0 && total <= kLimit * 10000 &&
                   section <= std::numeric_limits<std::uint64_t>::max() / 4 / powerOfTen(large);
            total += section * powerOfTen(large);
            section = number = 0;
            digits = false;
        } else {
            break;
        }
        any = true;
    }
    end = i;
    if (!any || !fits) return {};
    return total + section + number;
}

std::optional<ScannedFact> scanKanjiNumber(const Characters& text, std::size_t at) {
    std::size_t end = at;
    const auto value = kanjiValue(text, at, end);
    if (!value || isIdiom(text, at, end)) return {};
    const bool ordinal = at > 0 && text[at - 1].code == U'第';
    const bool composed = end - at >= 2;
    if (!ordinal && !composed && !countsSomething(text, end)) return {};
    // Single powers (千葉, 万一) count only before a counter; names run on in kanji.
    if (!ordinal && composed && isKanji(text[end].code) && !countsSomething(text, end)) return {};
    return ScannedFact{FactKind::Number, std::to_string(*value), end};
}

namespace {

/// Number words as they are added up: sections of hundreds closed by thousand, million, ...
struct WordSum {
    std::uint64_t total = 0, section = 0;
    bool any = false, ordinal = false;
    std::uint64_t lastPart = 0;  ///< the last small word, so that "five six" are two numbers

    bool add(std::string_view word) {
        int part = valueOf(kSmall, word);
        if (part < 0) {
            part = valueOf(kOrdinals, word);
            ordinal = part >= 0;
        }
        if (part >= 0) {
            const bool afterTens = lastPart >= 20 && lastPart % 10 == 0 && part < 10 && part > 0;
            if (lastPart != 0 && !afterTens) return false;
            if (any && part == 0) return false;
            section += static_cast<unsigned>(part);
            lastPart = static_cast<unsigned>(part);
        } else if (word == "hundred" && section < 100) {
            section = (section == 0 ? 1 : section) * 100;
            lastPart = 0;
        } else if (const int power = powerOf(word); power != 0) {
            if (total != 0 && total < powerOfTen(power)) return false;
            total += (section == 0 ? 1 : section) * powerOfTen(power);
            section = lastPart = 0;
        } else {
            return false;
        }
        any = true;
        return true;
    }
};

bool isCounted(const Characters& text, std::size_t end) {
    return std::ranges::find(kCounted, wordAt(text, end).text) != kCounted.end();
}

}  // namespace

std::optional<ScannedFact> scanNumberWords(const Characters& text, std::size_t at) {
    // Most words are told by their first letter: cheaper than reading them.
    constexpr std::u32string_view kFirstLetters = U"zotfsenaZOTFSENA";
    if (kFirstLetters.find(text[at].code) == std::u32string_view::npos) return {};
    WordSum sum;
    Word word = wordAt(text, at);
    if (word.begin != at || word.text.empty()) return {};
    const std::string first = word.text;
    const bool article = first == "a" && text[word.end].code == U' ';
    if (article) word = wordAt(text, word.end);
    if (article && word.text != "hundred" && powerOf(word.text) == 0) return {};
    if (!article && valueOf(kSmall, first) < 0 && valueOf(kOrdinals, first) < 0) return {};
    std::size_t end = at;
    std::size_t words = 0;
    while (!word.text.empty() && !sum.ordinal) {
        if (word.text == "and" && words > 0) {
            const Word next = wordAt(text, word.end);
            WordSum trial = sum;
            // "two and three" are two numbers; "two hundred and three" is one.
            if (sum.lastPart != 0 || !trial.add(next.text)) break;
            word = next;
        }
        if (!sum.add(word.text)) break;
        ++words;
        end = word.end;
        word = wordAt(text, end);
    }
    if (words == 0) return {};
    std::string value = std::to_string(sum.total + sum.section);
    const std::size_t repeated = repeatedEnd(text, end, value, true);
    if (repeated == end && words == 1) {
        const bool loose = first == "one" || first == "first" || first == "second";
        if (loose && !isCounted(text, end)) return {};
        if (first == "third" && !isCounted(text, end)) return {};
    }
    return ScannedFact{FactKind::Number, std::move(value), repeated};
}

}  // namespace kvasir
