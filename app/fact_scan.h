// The parts of findFacts: each reads one kind of fact at one place. Internal to app.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/characters.h"
#include "app/facts.h"

namespace kvasir {

/// A fact that begins where it was asked for and ends before character `end`.
struct ScannedFact {
    FactKind kind = FactKind::Number;
    std::string value;
    std::size_t end = 0;
};

/// A month's number by its English name or abbreviation in lower case, 0 when it is none.
int monthOf(std::string_view word);

/// Dates that begin at a digit, a month's name, or a Japanese era: "2025-04-01", month "2025-04", without a
/// year "--04-01"; "03/04/2025", whose order of day and month is unknown, stays as it is.
std::optional<ScannedFact> scanDate(const Characters& text, std::size_t at);
/// Times of day, "02:14:05": 24 hours, seconds and their fraction when they are there.
std::optional<ScannedFact> scanTime(const Characters& text, std::size_t at);
/// Decimal digits with separators and multipliers ("4 million", "400万"). `money`: a currency stands before.
std::optional<ScannedFact> scanDigits(const Characters& text, std::size_t at, bool money);
/// English number words, "sixty (60)" as one, and ordinals.
std::optional<ScannedFact> scanNumberWords(const Characters& text, std::size_t at);
/// Kanji numerals where they count something.
std::optional<ScannedFact> scanKanjiNumber(const Characters& text, std::size_t at);
/// The value of kanji numerals or digits at `at`, whatever follows; nothing when there are none or they pass
/// 64 bits. `end` moves behind them in both cases.
std::optional<std::uint64_t> kanjiValue(const Characters& text, std::size_t at, std::size_t& end);

/// An integer or decimal times ten to a power, without needless zeros: ("2", "50", 6) is "2500000".
std::string decimalForm(std::string_view whole, std::string_view fraction, int power);

/// What the number at [begin, end) counts, by one name for each unit: "day", "gbp", "%", "kw". Empty when
/// that is not known.
std::string unitOf(const Characters& text, std::size_t begin, std::size_t end);

/// Numbers, dates and identifiers (names with digits) alone: what a document is indexed by.
void scanNumbers(const Characters& text, std::vector<Fact>& facts);
void scanQuotations(const Characters& text, std::vector<Fact>& facts);
void scanNames(const Characters& text, std::vector<Fact>& facts);

/// Words that begin sentences and never a name.
bool isFunctionWord(std::string_view lowerCaseWord);

/// End of the run of letters (and nothing else) at `at`.
std::size_t lettersEnd(const Characters& text, std::size_t at);

}  // namespace kvasir
