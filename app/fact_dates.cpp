#include <array>
#include <charconv>
#include <cstdio>

#include "app/fact_scan.h"

namespace kvasir {
namespace {

constexpr int kOldestYear = 1000;

struct Era {
    char32_t first, second;
    int yearZero;
};
constexpr std::array kEras{Era{U'令', U'和', 2018}, Era{U'平', U'成', 1988}, Era{U'昭', U'和', 1925},
                           Era{U'大', U'正', 1911}, Era{U'明', U'治', 1867}};

std::string two(int number) {
    std::array<char, 16> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%02d", number);
    return buffer.data();
}

std::string four(int number) {
    std::array<char, 16> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%04d", number);
    return buffer.data();
}

/// A run of digits: at most eight, value -1 otherwise.
struct Digits {
    int value = -1;
    std::size_t count = 0, end = 0;
};

Digits digitsAt(const Characters& text, std::size_t at) {
    Digits digits{0, 0, at};
    while (isDigit(text[digits.end].code)) {
        if (digits.count < 8)
            digits.value = digits.value * 10 + static_cast<int>(text[digits.end].code - U'0');
        ++digits.end;
        ++digits.count;
    }
    if (digits.count == 0 || digits.count > 8) digits.value = -1;
    return digits;
}

bool isDay(int day) {
    return day >= 1 && day <= 31;
}
bool isMonth(int month) {
    return month >= 1 && month <= 12;
}

ScannedFact dateOf(int year, int month, int day, std::size_t end) {
    std::string value = year > 0 ? four(year) : "-";
    value.append(1, '-').append(two(month));
    if (day > 0) value.append(1, '-').append(two(day));
    return {FactKind::Date, std::move(value), end};
}

std::size_t skipSpace(const Characters& text, std::size_t at) {
    while (text[at].code == U' ')
        ++at;
    return at;
}

std::size_t skipOrdinalEnding(const Characters& text, std::size_t at) {
    const std::size_t end = lettersEnd(text, at);
    if (end - at != 2) return at;
    const std::string ending = lowerText(text, at, end);
    return ending == "st" || ending == "nd" || ending == "rd" || ending == "th" ? end : at;
}

/// A year of four digits, after spaces and at most one comma.
std::optional<Digits> yearAfter(const Characters& text, std::size_t at) {
    std::size_t next = skipSpace(text, at);
    if (text[next].code == U',') next = skipSpace(text, next + 1);
    const Digits year = digitsAt(text, next);
    if (year.count != 4 || year.value < kOldestYear || isLetter(text[year.end].code)) return {};
    return year;
}

/// "1 April 2025", "1st of April, 2025", "01-Apr-2025", "03/Feb/2025", "1 April".
std::optional<ScannedFact> dayThenMonth(const Characters& text, const Digits& day) {
    if (day.count > 2 || !isDay(day.value)) return {};
    std::size_t at = skipOrdinalEnding(text, day.end);
    const char32_t separator = text[at].code;
    const bool tight = separator == U'-' || separator == U'/' || separator == U'.';
    at = tight ? at + 1 : skipSpace(text, at);
    std::size_t wordEnd = lettersEnd(text, at);
    if (lowerText(text, at, wordEnd) == "of") {
        at = skipSpace(text, wordEnd);
        wordEnd = lettersEnd(text, at);
    }
    // "5 may be used": names of months have a capital.
    if (wordEnd == at || !isUpper(text[at].code)) return {};
    const int month = monthOf(lowerText(text, at, wordEnd));
    if (month == 0) return {};
    std::size_t after = wordEnd;
    if (text[after].code == U'.') ++after;
    if (tight) {
        const bool same = text[wordEnd].code == separator;
        const Digits year = same ? digitsAt(text, wordEnd + 1) : Digits{};
        if (year.count != 4) return {};
        return dateOf(year.value, month, day.value, year.end);
    }
    if (const auto year = yearAfter(text, after)) return dateOf(year->value, month, day.value, year->end);
    return dateOf(0, month, day.value, wordEnd);
}

/// "April 1, 2025", "April 1", "April 2025".
std::optional<ScannedFact> monthThenDay(const Characters& text, std::size_t at) {
    if (std::u32string_view(U"JFMASOND").find(text[at].code) == std::u32string_view::npos) return {};
    std::size_t end = lettersEnd(text, at);
    if (end - at > 9) return {};
    const int month = monthOf(lowerText(text, at, end));
    if (month == 0) return {};
    if (text[end].code == U'.') ++end;
    if (const auto year = yearAfter(text, end)) return dateOf(year->value, month, 0, year->end);
    const std::size_t dayAt = skipSpace(text, end);
    const Digits day = digitsAt(text, dayAt);
    if (dayAt == end || day.count > 2 || !isDay(day.value)) return {};
    const std::size_t after = skipOrdinalEnding(text, day.end);
    const char32_t next = text[after].code;
    if (isLetter(next) || next == U'%' || (next == U'.' && isDigit(text[after + 1].code))) return {};
    if (const auto year = yearAfter(text, after)) return dateOf(year->value, month, day.value, year->end);
    return dateOf(0, month, day.value, after);
}

/// What follows a Japanese year: "年4月1日", "年4月".
std::optional<ScannedFact> japaneseRest(const Characters& text, int year, std::size_t at) {
    if (text[at].code != U'年' || year < kOldestYear || year > 9999) return {};
    std::size_t end = 0;
    const auto month = kanjiValue(text, skipSpace(text, at + 1), end);
    end = skipSpace(text, end);
    if (!month || *month < 1 || *month > 12 || text[end].code != U'月') return {};
    const std::size_t monthEnd = end + 1;
    const auto day = kanjiValue(text, skipSpace(text, monthEnd), end);
    end = skipSpace(text, end);
    if (!day || *day < 1 || *day > 31 || text[end].code != U'日') {
        return dateOf(year, static_cast<int>(*month), 0, monthEnd);
    }
    return dateOf(year, static_cast<int>(*month), static_cast<int>(*day), end + 1);
}

/// "2025年4月1日" in digits or kanji, "4月1日".
std::optional<ScannedFact> japaneseDate(const Characters& text, std::size_t at) {
    std::size_t end = 0;
    const auto first = kanjiValue(text, at, end);
    if (!first || *first > 9999) return {};
    end = skipSpace(text, end);
    if (text[end].code == U'年') return japaneseRest(text, static_cast<int>(*first), end);
    if (text[end].code != U'月' || !isMonth(static_cast<int>(*first))) return {};
    std::size_t dayEnd = 0;
    const auto day = kanjiValue(text, skipSpace(text, end + 1), dayEnd);
    dayEnd = skipSpace(text, dayEnd);
    if (!day || *day < 1 || *day > 31 || text[dayEnd].code != U'日') return {};
    return dateOf(0, static_cast<int>(*first), static_cast<int>(*day), dayEnd + 1);
}

std::optional<ScannedFact> eraDate(const Characters& text, std::size_t at) {
    for (const Era& era : kEras) {
        if (text[at].code != era.first || text[at + 1].code != era.second) continue;
        std::size_t end = skipSpace(text, at + 2);
        std::uint64_t year = 1;
        if (text[end].code == U'元') {
            ++end;
        } else if (const auto value = kanjiValue(text, end, end); value && *value >= 1 && *value < 100) {
            year = *value;
        } else {
            return {};
        }
        const int common = era.yearZero + static_cast<int>(year);
        end = skipSpace(text, end);
        if (auto date = japaneseRest(text, common, end)) return date;
        if (text[end].code == U'年') return ScannedFact{FactKind::Number, std::to_string(common), end + 1};
    }
    return {};
}

/// Digits, separator, digits, the same separator, digits.
std::optional<ScannedFact> separated(const Characters& text, const Digits& first) {
    const char32_t separator = text[first.end].code;
    if (separator != U'-' && separator != U'/' && separator != U'.') return {};
    const Digits second = digitsAt(text, first.end + 1);
    if (second.count == 0 || second.count > 2) return {};
    const Digits third = text[second.end].code == separator ? digitsAt(text, second.end + 1) : Digits{};
    const char32_t next = text[std::max(third.end, second.end)].code;
    const bool time = next == U'T' && isDigit(text[third.end + 1].code);
    if (isLetter(next) && !time) return {};
    if (third.count > 0 && text[third.end].code == separator && isDigit(text[third.end + 1].code)) return {};
    if (first.count == 4 && first.value >= kOldestYear) {
        if (third.count >= 1 && third.count <= 2 && isMonth(second.value) && isDay(third.value)) {
            return dateOf(first.value, second.value, third.value, third.end);
        }
        const bool month = separator != U'.' && third.count == 0 && second.count == 2;
        if (month && isMonth(second.value)) return dateOf(first.value, second.value, 0, second.end);
        return {};
    }
    if (first.count > 2 || third.count != 4 || third.value < kOldestYear) return {};
    const bool dayFirst = isDay(first.value) && isMonth(second.value);
    const bool monthFirst = isMonth(first.value) && isDay(second.value);
    // Points are the European way: the day comes first.
    if (dayFirst && (!monthFirst || separator == U'.' || first.value == second.value)) {
        return dateOf(third.value, second.value, first.value, third.end);
    }
    if (monthFirst && !dayFirst) return dateOf(third.value, first.value, second.value, third.end);
    if (!dayFirst) return {};
    const std::string value = two(first.value) + "/" + two(second.value) + "/" + four(third.value);
    return ScannedFact{FactKind::Date, value, third.end};
}

/// "am", "p.m." after spaces: 0 when there is none, else 'a' or 'p'; `end` moves behind it.
char halfOfDay(const Characters& text, std::size_t& end) {
    std::size_t at = skipSpace(text, end);
    const char32_t letter = toLower(text[at].code);
    if (letter != U'a' && letter != U'p') return 0;
    const bool points = text[at + 1].code == U'.';
    at += points ? 2 : 1;
    if (toLower(text[at].code) != U'm' || isWordCharacter(text[at + 1].code)) return 0;
    ++at;
    if (points && text[at].code == U'.') ++at;
    end = at;
    return static_cast<char>(letter);
}

int hourOf(int hour, char half) {
    if (half == 'a') return hour == 12 ? 0 : hour;
    if (half == 'p') return hour < 12 ? hour + 12 : hour;
    return hour;
}

/// "14時30分", "午後2時"; hours that last (時間) are numbers.
std::optional<ScannedFact> japaneseTime(const Characters& text, std::size_t at) {
    char half = 0;
    if (text[at].code == U'午' && (text[at + 1].code == U'前' || text[at + 1].code == U'後')) {
        half = text[at + 1].code == U'前' ? 'a' : 'p';
        at += 2;
    }
    std::size_t end = 0;
    const auto hour = kanjiValue(text, at, end);
    if (!hour || *hour > 24 || text[end].code != U'時' || text[end + 1].code == U'間') return {};
    if (half == 0 && !isDigit(text[at].code)) return {};
    const std::string hours = two(hourOf(static_cast<int>(*hour), half)) + ":";
    const std::size_t hourEnd = end + 1;
    if (text[hourEnd].code == U'半') return ScannedFact{FactKind::Number, hours + "30", hourEnd + 1};
    const auto minute = kanjiValue(text, hourEnd, end);
    if (!minute || *minute > 59 || text[end].code != U'分')
        return ScannedFact{FactKind::Number, hours + "00", hourEnd};
    return ScannedFact{FactKind::Number, hours + two(static_cast<int>(*minute)), end + 1};
}

}  // namespace

int monthOf(std::string_view word) {
    constexpr std::array<std::string_view, 12> kMonths{"january",   "february", "march",    "april",
                                                       "may",       "june",     "july",     "august",
                                                       "september", "october",  "november", "december"};
    if (word == "sept") return 9;
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
        if (word == kMonths[i] || (word.size() == 3 && kMonths[i].starts_with(word)))
            return static_cast<int>(i) + 1;
    }
    return 0;
}

std::optional<ScannedFact> scanDate(const Characters& text, std::size_t at) {
    const char32_t c = text[at].code;
    if (isLetter(c)) return monthThenDay(text, at);
    if (isKanji(c)) {
        if (auto date = eraDate(text, at)) return date;
        return japaneseDate(text, at);
    }
    const Digits first = digitsAt(text, at);
    if (first.count == 0) return {};
    if (auto date = separated(text, first)) return date;
    if (auto date = dayThenMonth(text, first)) return date;
    return japaneseDate(text, at);
}

std::optional<ScannedFact> scanTime(const Characters& text, std::size_t at) {
    if (isKanji(text[at].code)) return japaneseTime(text, at);
    const Digits hour = digitsAt(text, at);
    if (hour.count == 0 || hour.count > 2 || hour.value > 24) return {};
    std::size_t end = hour.end;
    if (text[end].code != U':') {
        if (auto time = japaneseTime(text, at)) return time;
        const char half = hour.value >= 1 && hour.value <= 12 ? halfOfDay(text, end) : '\0';
        if (half == 0) return {};
        return ScannedFact{FactKind::Number, two(hourOf(hour.value, half)) + ":00", end};
    }
    const Digits minute = digitsAt(text, end + 1);
    if (minute.count != 2 || minute.value > 59) return {};
    std::string value = two(hour.value) + ":" + two(minute.value);
    end = minute.end;
    if (text[end].code == U':') {
        const Digits second = digitsAt(text, end + 1);
        if (second.count != 2 || second.value > 60) return {};
        value.append(1, ':').append(two(second.value));
        end = second.end;
        const char32_t point = text[end].code;
        if ((point == U'.' || point == U',') && isDigit(text[end + 1].code)) {
            const std::size_t fractionEnd = digitsAt(text, end + 1).end;
            value.append(1, '.').append(lowerText(text, end + 1, fractionEnd));
            end = fractionEnd;
        }
    }
    // Four groups are an address, not a time.
    if (text[end].code == U':' && isWordCharacter(text[end + 1].code)) return {};
    if (const char half = halfOfDay(text, end); half != 0 && hour.value >= 1 && hour.value <= 12) {
        value.replace(0, 2, two(hourOf(hour.value, half)));
    }
    return ScannedFact{FactKind::Number, std::move(value), end};
}

}  // namespace kvasir
