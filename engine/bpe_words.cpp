#include "engine/bpe_words.h"

#include <array>

#include "engine/unicode.h"

namespace kvasir {
namespace {

/// One character of a text and what comes after it. At the end of the text: class Other, length 0.
struct Char {
    char32_t code = 0;
    std::size_t next = 0;
    CharClass kind = CharClass::Other;
    bool exists = false;

    bool is(CharClass wanted) const { return exists && kind == wanted; }
    bool isNewline() const { return exists && (code == '\r' || code == '\n'); }
};

Char charAt(std::string_view text, std::size_t position) {
    if (position >= text.size()) return {0, position, CharClass::Other, false};
    const Utf8Char c = utf8At(text, position);
    return {c.code, position + c.length, charClass(c.code), true};
}

std::size_t runEnd(std::string_view text, std::size_t position, CharClass kind) {
    for (Char c = charAt(text, position); c.is(kind); c = charAt(text, position))
        position = c.next;
    return position;
}

std::size_t newlinesEnd(std::string_view text, std::size_t position) {
    while (position < text.size() && (text[position] == '\r' || text[position] == '\n'))
        ++position;
    return position;
}

/// The length of 's, 't, 're, 've, 'm, 'll or 'd at `position`, or 0.
std::size_t contraction(std::string_view text, std::size_t position, bool anyCase) {
    constexpr std::array<std::string_view, 7> kEndings{"s", "t", "re", "ve", "m", "ll", "d"};
    if (text[position] != '\'') return 0;
    for (const std::string_view ending : kEndings) {
        const std::string_view there = text.substr(position + 1, ending.size());
        bool same = there.size() == ending.size();
        for (std::size_t i = 0; same && i < ending.size(); ++i) {
            const char c = there[i];
            same = c == ending[i] || (anyCase && c == ending[i] - 'a' + 'A');
        }
        if (same) return 1 + ending.size();
    }
    return 0;
}

/// \s+(?!\S)|\s+ : a run of blanks leaves its last one to the word behind it.
std::size_t blanksEnd(std::string_view text, std::size_t position, bool numberEndsText) {
    std::size_t end = position;
    std::size_t last = position;
    Char c = charAt(text, position);
    for (; c.is(CharClass::Space); c = charAt(text, end)) {
        last = end;
        end = c.next;
    }
    const bool textEnds = !c.exists || (numberEndsText && c.is(CharClass::Number));
    return textEnds || last == position ? end : last;
}

std::size_t smollmEnd(std::string_view text, std::size_t position) {
    const Char first = charAt(text, position);
    if (first.is(CharClass::Number)) return first.next;
    if (const std::size_t length = contraction(text, position, false)) return position + length;
    const bool blank = first.code == ' ';
    const Char start = blank ? charAt(text, first.next) : first;
    const std::size_t from = blank ? first.next : position;
    const bool word = start.is(CharClass::Letter) || start.is(CharClass::Other);
    if (word) return runEnd(text, from, start.kind);
    return blanksEnd(text, position, true);
}

std::size_t qwenEnd(std::string_view text, std::size_t position, int numbers) {
    const Char first = charAt(text, position);
    if (const std::size_t length = contraction(text, position, true)) return position + length;
    if (first.is(CharClass::Letter)) return runEnd(text, first.next, CharClass::Letter);
    if (first.is(CharClass::Number)) {
        std::size_t end = first.next;
        for (int i = 1; i < numbers; ++i) {
            const Char c = charAt(text, end);
            if (!c.is(CharClass::Number)) break;
            end = c.next;
        }
        return end;
    }
    const Char second = charAt(text, first.next);
    if (!first.isNewline() && second.is(CharClass::Letter))
        return runEnd(text, second.next, CharClass::Letter);
    const bool blank = first.code == ' ';
    if ((blank ? second : first).is(CharClass::Other)) {
        return newlinesEnd(text, runEnd(text, blank ? first.next : position, CharClass::Other));
    }
    // What is left begins with a blank. \s*[\r\n]+ reaches to the last newline of the run.
    std::size_t lastNewline = 0;
    std::size_t end = position;
    for (Char c = first; c.is(CharClass::Space); c = charAt(text, end)) {
        end = c.next;
        if (c.isNewline()) lastNewline = end;
    }
    return lastNewline != 0 ? lastNewline : blanksEnd(text, position, false);
}

}  // namespace

std::optional<BpeWords> bpeWordsNamed(std::string_view name) {
    if (name == "smollm") return BpeWords::Smollm;
    if (name == "qwen2") return BpeWords::Qwen2;
    if (name == "llama-bpe") return BpeWords::LlamaBpe;
    return std::nullopt;
}

std::size_t bpeWordEnd(BpeWords words, std::string_view text, std::size_t position) {
    if (words == BpeWords::Smollm) return smollmEnd(text, position);
    return qwenEnd(text, position, words == BpeWords::LlamaBpe ? 3 : 1);
}

}  // namespace kvasir
