// Facts in a text that can be looked up in another: numbers, dates, quotations, names; and its sentences.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvasir {

enum class FactKind : std::uint8_t { Number, Date, Quotation, Name };

/// `value` is a normal form: equal facts have equal values whatever way they are written ("1,200", "1200",
/// "１２００"; "sixty (60)", "60"; "1 April 2025", "2025-04-01", "2025年4月1日").
struct Fact {
    FactKind kind = FactKind::Number;
    std::string value;
    std::uint32_t begin = 0, end = 0;  ///< bytes of the text
    std::string unit = {};             ///< what a number counts: "day", "gbp", "%"; empty: not known
};

/// "£110" and "110 kW" have not; a number in a table, whose unit is not known, has that of any other.
inline bool haveSameUnit(const Fact& a, const Fact& b) {
    return a.unit.empty() || b.unit.empty() || a.unit == b.unit;
}

/// In the order of the text. UTF-8 that is not valid is skipped.
std::vector<Fact> findFacts(std::string_view text);

struct TextRange {
    std::uint32_t begin = 0, end = 0;
};

/// Sentences of English and Japanese text, lists and table rows line by line; ranges without surrounding
/// white space.
std::vector<TextRange> findSentences(std::string_view text);

}  // namespace kvasir
