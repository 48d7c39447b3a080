#include "app/follow_up.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <string>
#include <vector>

#include "app/characters.h"
#include "app/content_words.h"

namespace kvasir {
namespace {

using std::string_view;

constexpr auto kOpenings = std::to_array<string_view>(
    {"and",       "but",  "or",      "so",  "then",   "also", "otherwise", "instead", "likewise",
     "similarly", "same", "besides", "why", "really", "else", "again",     "them",    "its",
     "it",        "they", "their",   "he",  "she",    "his",  "her"});
constexpr auto kPronouns = std::to_array<string_view>(
    {"it", "its", "they", "them", "their", "theirs", "he", "she", "him", "his", "her", "hers"});
constexpr auto kPointers = std::to_array<string_view>({"that", "this", "those", "these"});
constexpr auto kAuxiliaries = std::to_array<string_view>(
    {"is",   "are",   "was",    "were",    "does",  "do",    "did",    "has",   "have",
     "had",  "can",   "could",  "will",    "would", "shall", "should", "may",   "might",
     "must", "isn't", "aren't", "doesn't", "don't", "can't", "won't",  "about", "if"});
constexpr auto kQuestionWords = std::to_array<string_view>(
    {"what", "which", "who", "whom", "whose", "when", "where", "how", "why", "name", "list", "give", "tell",
     "explain", "describe", "summarise", "summarize", "show"});
constexpr auto kPrepositions = std::to_array<string_view>(
    {"for",   "in",    "on",     "at",     "by",    "with",    "without", "to",     "of",
     "from",  "after", "before", "during", "under", "outside", "inside",  "within", "until",
     "since", "only",  "not",    "just",   "the",   "a",       "an"});
/// 'How long does it take …', 'Is it allowed …': it stands for nothing.
constexpr auto kAfterEmptyIt = std::to_array<string_view>(
    {"take", "takes", "took", "possible", "allowed", "permitted", "necessary", "required", "forbidden",
     "prohibited", "true", "say", "says", "cost", "costs", "mean"});

bool contains(std::span<const string_view> words, string_view word) {
    return std::ranges::find(words, word) != words.end();
}

std::vector<std::string> wordsOf(const Characters& text) {
    std::vector<std::string> words;
    forEachRun(
        text, [](char32_t c) { return isWordCharacter(c) || c == U'\''; },
        [&](std::size_t begin, std::size_t end) { words.push_back(lowerText(text, begin, end)); });
    return words;
}

/// Among its first words is one that stands for something said before.
bool asksAboutPronoun(const std::vector<std::string>& words) {
    constexpr std::size_t kFirst = 5;
    for (std::size_t i = 1; i < std::min(words.size(), kFirst); ++i) {
        const std::string next = i + 1 < words.size() ? words[i + 1] : std::string();
        if (contains(kPronouns, words[i]) && !(words[i] == "it" && contains(kAfterEmptyIt, next)))
            return true;
        // 'Does that include …', but not 'Is this agreement …': a noun would follow.
        const bool last = next.empty() || contains(kAuxiliaries, next) || next == "include" ||
                          next == "apply" || next == "mean" || next == "happen" || next == "the" ||
                          next == "a" || next == "also";
        if (contains(kPointers, words[i]) && contains(kAuxiliaries, words[i - 1]) && last) return true;
    }
    return false;
}

/// 'In the second year?': begins with a preposition or an article and nobody asks or does anything.
bool isFragment(const std::vector<std::string>& words) {
    if (words.empty() || !contains(kPrepositions, words.front())) return false;
    return std::ranges::none_of(words, [](const std::string& word) {
        return contains(kQuestionWords, word) ||
               (word != "about" && word != "if" && contains(kAuxiliaries, word));
    });
}

bool isEnglishFollowUp(const Characters& text) {
    const std::vector<std::string> words = wordsOf(text);
    if (words.empty()) return false;
    const std::string second = words.size() > 1 ? words[1] : std::string();
    if (contains(kOpenings, words.front()) && !(words.front() == "why" && words.size() > 4)) return true;
    if ((words.front() == "what" || words.front() == "how") &&
        (second == "about" || second == "else" || second == "if"))
        return true;
    return asksAboutPronoun(words) || isFragment(words);
}

/// Blanks and marks left out.
std::string bare(const Characters& text) {
    std::u32string codes;
    for (const Character& c : text) {
        if (isWordCharacter(c.code) || (isWide(c.code) && (c.code < 0x3001 || c.code > 0x3004)))
            codes += c.code;
    }
    Characters kept;
    for (const char32_t c : codes)
        kept.push_back({c, 0});
    kept.push_back({0, 0});
    return lowerText(kept, 0, codes.size());
}

bool isJapaneseFollowUp(const Characters& text) {
    constexpr auto kBegins = std::to_array<string_view>(
        {"それ",     "その", "そこ", "そちら",   "そう",     "では",   "じゃ", "でも",
         "また",     "なら", "同じ", "同様",     "あと",     "ほかに", "他に", "ほかには",
         "この場合", "これ", "逆に", "ちなみに", "ついでに", "さらに", "なぜ", "どうして",
         "もし",     "あの", "彼",   "だったら", "しかし",   "一方",   "次は"});
    constexpr auto kEnds = std::to_array<string_view>(
        {"の場合は", "のときは", "の時は", "ならどう", "なら", "ではどう", "ではどうですか", "ならどうですか",
         "はどう", "はどうですか", "はどうなりますか", "の場合はどうですか", "についても", "もですか",
         "でもですか", "でも同じですか", "も同じですか"});
    const std::string question = bare(text);
    const auto begins = [&](string_view opening) { return question.starts_with(opening); };
    const auto ends = [&](string_view ending) { return question.ends_with(ending); };
    if (std::ranges::any_of(kBegins, begins) || std::ranges::any_of(kEnds, ends)) return true;
    // '休日は？': a topic alone, of a few characters.
    constexpr std::size_t kFewBytes = 5 * 3;
    return question.ends_with("は") && question.size() <= kFewBytes;
}

}  // namespace

bool looksLikeFollowUp(std::string_view question) {
    const Characters text = charactersOf(question);
    const bool japanese = std::ranges::any_of(
        text, [](const Character& c) { return isHiragana(c.code) || isKatakana(c.code) || isKanji(c.code); });
    const bool empty = std::ranges::none_of(
        text, [](const Character& c) { return isWordCharacter(c.code) || isWide(c.code); });
    if (empty) return false;
    if (japanese ? isJapaneseFollowUp(text) : isEnglishFollowUp(text)) return true;
    std::vector<ContentWord> words;
    findContentWords(text, words);
    return words.empty();
}

}  // namespace kvasir
