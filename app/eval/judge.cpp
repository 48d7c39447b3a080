#include "app/eval/judge.h"

#include <algorithm>
#include <map>

#include <QRegularExpression>
#include <QString>
#include <QStringList>

#include "app/characters.h"

namespace kvasir::eval {
namespace {

QString normalisedString(std::string_view text) {
    static const QRegularExpression thousands("(?<=\\d),(?=\\d{3})");
    static const QRegularExpression besideWide("(?<=[^\\x{00}-\\x{7f}])\\s+|\\s+(?=[^\\x{00}-\\x{7f}])");
    static const QRegularExpression beforePercent("(?<=\\d) (?=%)");
    QString result = QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()))
                         .normalized(QString::NormalizationForm_KC)
                         .toCaseFolded();
    result.remove(thousands).remove(besideWide).remove(beforePercent);
    return result.simplified();
}

/// The fact as a whole: no digit goes on before or behind a number, no letter before or behind a word.
QRegularExpression patternOf(const QString& fact) {
    static const QRegularExpression timeOfDay("^\\d+:\\d+:\\d+$");
    const QString before = fact.front().isDigit() ? "(?<!\\d)(?<!\\d[.,:])" : "(?<![a-z])";
    QString after = fact.back().isDigit() ? "(?!\\d|[.,:]\\d)" : "(?![a-z])";
    if (timeOfDay.match(fact).hasMatch()) after = "(?!\\d|:)";  // may go on with its fraction of a second
    return QRegularExpression(before + QRegularExpression::escape(fact) + after);
}

using Counts = std::map<std::string, int>;

/// Words in lower case, wide characters alone.
Counts wordsOf(std::string_view text) {
    const std::string folded = normalised(text);
    const Characters characters = charactersOf(folded);
    Counts counts;
    forEachRun(
        characters, [](char32_t c) { return isWordCharacter(c); },
        [&](std::size_t begin, std::size_t end) {
            const std::string word = lowerText(characters, begin, end);
            if (word != "a" && word != "an" && word != "the") ++counts[word];
        });
    for (std::size_t i = 0; i + 1 < characters.size(); ++i) {
        const char32_t c = characters[i].code;
        if (isHiragana(c) || isKatakana(c) || isKanji(c)) ++counts[lowerText(characters, i, i + 1)];
    }
    return counts;
}

int sum(const Counts& counts) {
    int all = 0;
    for (const auto& [word, count] : counts)
        all += count;
    return all;
}

}  // namespace

Expected expectedFromText(std::string_view text) {
    Expected expected;
    const QString whole = QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
    if (whole.trimmed() == "NOT IN DOCUMENT" || whole.trimmed().isEmpty()) return expected;
    for (const QString& fact : whole.split(" & ")) {
        std::vector<std::string> spellings;
        for (const QString& spelling : fact.split(" | ")) {
            if (!spelling.trimmed().isEmpty()) spellings.push_back(spelling.trimmed().toStdString());
        }
        if (!spellings.empty()) expected.facts.push_back(std::move(spellings));
    }
    return expected;
}

std::string normalised(std::string_view text) {
    return normalisedString(text).toStdString();
}

bool isRight(std::string_view answer, const Expected& expected) {
    const QString text = normalisedString(answer);
    return std::ranges::all_of(expected.facts, [&](const std::vector<std::string>& spellings) {
        return std::ranges::any_of(spellings, [&](const std::string& spelling) {
            const QString fact = normalisedString(spelling);
            return !fact.isEmpty() && patternOf(fact).match(text).hasMatch();
        });
    });
}

double sharedWords(std::string_view answer, std::string_view other) {
    const Counts a = wordsOf(answer), b = wordsOf(other);
    const int words = sum(a) + sum(b);
    if (words == 0) return 1;
    int shared = 0;
    for (const auto& [word, count] : a) {
        const auto found = b.find(word);
        if (found != b.end()) shared += std::min(count, found->second);
    }
    return 2.0 * shared / words;
}

double sharedWords(std::string_view answer, const Expected& expected) {
    std::string best;
    for (const std::vector<std::string>& spellings : expected.facts) {
        best += *std::ranges::max_element(spellings, {}, [&](const std::string& spelling) {
            return sharedWords(answer, std::string_view(spelling));
        });
        best += ' ';
    }
    return sharedWords(answer, std::string_view(best));
}

}  // namespace kvasir::eval
