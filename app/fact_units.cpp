#include <algorithm>
#include <array>
#include <utility>

#include "app/fact_scan.h"

namespace kvasir {
namespace {

using Unit = std::pair<std::string_view, std::string_view>;  // as written in lower case, and its one name

constexpr auto kUnits = std::to_array<Unit>({
    {"second", "second"},
    {"seconds", "second"},
    {"sec", "second"},
    {"s", "second"},
    {"ms", "ms"},
    {"minute", "minute"},
    {"minutes", "minute"},
    {"min", "minute"},
    {"hour", "hour"},
    {"hours", "hour"},
    {"h", "hour"},
    {"day", "day"},
    {"days", "day"},
    {"week", "week"},
    {"weeks", "week"},
    {"month", "month"},
    {"months", "month"},
    {"year", "year"},
    {"years", "year"},
    {"quarter", "quarter"},
    {"quarters", "quarter"},
    {"percent", "%"},
    {"kw", "kw"},
    {"w", "w"},
    {"kwh", "kwh"},
    {"v", "v"},
    {"kv", "kv"},
    {"hz", "hz"},
    {"rpm", "rpm"},
    {"mm", "mm"},
    {"cm", "cm"},
    {"m", "m"},
    {"km", "km"},
    {"m2", "m2"},
    {"m3", "m3"},
    {"metre", "m"},
    {"metres", "m"},
    {"kg", "kg"},
    {"g", "g"},
    {"t", "t"},
    {"bar", "bar"},
    {"mbar", "mbar"},
    {"kpa", "kpa"},
    {"mpa", "mpa"},
    {"nm", "nm"},
    {"kb", "kb"},
    {"mb", "mb"},
    {"gb", "gb"},
    {"tb", "tb"},
    {"kib", "kib"},
    {"mib", "mib"},
    {"gib", "gib"},
    {"tib", "tib"},
    {"litre", "l"},
    {"litres", "l"},
    {"dollar", "usd"},
    {"dollars", "usd"},
    {"euro", "eur"},
    {"euros", "eur"},
    {"yen", "jpy"},
    {"usd", "usd"},
    {"us", "usd"},
    {"eur", "eur"},
    {"jpy", "jpy"},
    {"gbp", "gbp"},
    {"chf", "chf"},
    {"cny", "cny"},
    {"aud", "aud"},
    {"cad", "cad"},
    {"inr", "inr"},
    {"rs", "inr"},
});

constexpr auto kCurrencies =
    std::to_array<std::string_view>({"usd", "eur", "jpy", "gbp", "chf", "cny", "aud", "cad", "inr"});

/// Between a number and its unit: "ten Business Days".
constexpr auto kBetween = std::to_array<std::string_view>(
    {"business", "calendar", "working", "full", "consecutive", "clear", "more", "further", "successive"});

constexpr auto kJapanese =
    std::to_array<std::pair<std::u32string_view, std::string_view>>({{U"パーセント", "%"},
                                                                     {U"ヶ月", "month"},
                                                                     {U"ヵ月", "month"},
                                                                     {U"か月", "month"},
                                                                     {U"カ月", "month"},
                                                                     {U"ケ月", "month"},
                                                                     {U"箇月", "month"},
                                                                     {U"個月", "month"},
                                                                     {U"営業日", "day"},
                                                                     {U"日", "day"},
                                                                     {U"年", "year"},
                                                                     {U"時間", "hour"},
                                                                     {U"分", "minute"},
                                                                     {U"秒", "second"},
                                                                     {U"週", "week"},
                                                                     {U"円", "jpy"},
                                                                     {U"ミリ", "mm"},
                                                                     {U"キロ", "kilo"}});

std::string_view nameOf(std::string_view word) {
    const auto* const found = std::ranges::find(kUnits, word, &Unit::first);
    return found == kUnits.end() ? std::string_view() : found->second;
}

std::string_view currencyOf(char32_t sign) {
    switch (sign) {
        case U'$':
            return "usd";
        case 0xA3:
            return "gbp";
        case 0xA5:
            return "jpy";
        case 0x20AC:
            return "eur";
        default:
            return {};
    }
}

bool startsWith(const Characters& text, std::size_t at, std::u32string_view word) {
    if (at + word.size() >= text.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (text[at + i].code != word[i]) return false;
    }
    return true;
}

std::string_view unitAfter(const Characters& text, std::size_t at) {
    const auto skipBlank = [&](std::size_t i) {
        const char32_t c = text[i].code;
        return c == U' ' || c == U'-' || c == U'\n' ? i + 1 : i;
    };
    std::size_t begin = skipBlank(at);
    if (text[begin].code == U'%') return "%";
    if (const std::string_view currency = currencyOf(text[begin].code); !currency.empty()) return currency;
    for (const auto& [word, name] : kJapanese) {
        if (startsWith(text, begin, word)) return name;
    }
    for (std::size_t words = 0; words < 2; ++words) {
        std::size_t end = lettersEnd(text, begin);
        if (end == begin || end - begin > 12) return {};
        if (isDigit(text[end].code)) ++end;  // m2
        const std::string word = lowerText(text, begin, end);
        if (word == "per" && startsWith(text, end, U" cent")) return "%";
        if (std::ranges::find(kBetween, word) == kBetween.end()) return nameOf(word);
        begin = skipBlank(end);
    }
    return {};
}

}  // namespace

std::string unitOf(const Characters& text, std::size_t begin, std::size_t end) {
    if (begin > 0) {
        const std::size_t sign = text[begin - 1].code == U' ' && begin > 1 ? begin - 2 : begin - 1;
        if (const std::string_view currency = currencyOf(text[sign].code); !currency.empty())
            return std::string(currency);
        std::size_t word = sign + 1;
        while (word > 0 && isLetter(text[word - 1].code) && sign + 1 - word < 4)
            --word;
        const std::string_view code = nameOf(lowerText(text, word, sign + 1));
        if (std::ranges::find(kCurrencies, code) != kCurrencies.end()) return std::string(code);
    }
    return std::string(unitAfter(text, end));
}

}  // namespace kvasir
