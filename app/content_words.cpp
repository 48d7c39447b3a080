#include "app/content_words.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>

#include "app/fact_scan.h"
#include "app/reader/utf8.h"

namespace kvasir {
namespace {

constexpr std::size_t kShortestStem = 4;

std::uint64_t hashOf(std::string_view text) {
    std::uint64_t hash = 0xCBF29CE484222325U;
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    return hash;
}

/// Function words and what answers say about the document instead of from it.
bool isStopWord(std::string_view word) {
    static const std::unordered_set<std::string_view> kWords{
        "a",      "an",     "the",    "this",  "that",      "these",    "those",     "it",        "its",
        "in",     "on",     "at",     "by",    "for",       "from",     "to",        "of",        "with",
        "if",     "when",   "where",  "while", "each",      "any",      "all",       "and",       "or",
        "but",    "as",     "is",     "are",   "was",       "were",     "be",        "been",      "being",
        "has",    "have",   "had",    "do",    "does",      "did",      "will",      "would",     "shall",
        "should", "can",    "could",  "may",   "might",     "must",     "he",        "she",       "they",
        "we",     "you",    "your",   "i",     "his",       "her",      "their",     "our",       "my",
        "me",     "them",   "us",     "there", "here",      "such",     "so",        "what",      "which",
        "who",    "whom",   "whose",  "how",   "why",       "many",     "much",      "long",      "than",
        "then",   "into",   "also",   "about", "according", "document", "text",      "says",      "states",
        "stated", "answer", "please", "tell",  "give",      "find",     "mentioned", "specified", "following",
        "s",      "t",      "not",    "no",    "yes",       "only",     "very",      "most",      "more",
        "other",  "per"};
    return kWords.contains(word);
}

/// Cuts endings that change a word's form and seldom its matter.
std::string_view stemOf(std::string_view word) {
    constexpr std::array<std::string_view, 27> kEndings{
        "ations", "ation", "ements", "ement", "ating", "ments", "ment", "ables", "able",
        "ated",   "ates",  "ions",   "ings",  "ance",  "ence",  "ion",  "ing",   "ies",
        "ate",    "ers",   "ed",     "es",    "er",    "ly",    "s",    "e",     "y"};
    for (const std::string_view ending : kEndings) {
        if (word.size() >= ending.size() + kShortestStem && word.ends_with(ending)) {
            word.remove_suffix(ending.size());
            break;
        }
    }
    if (word.size() == kShortestStem && word.back() == 's' && word[2] != 's') word.remove_suffix(1);
    // "stopped", "stop"
    const std::size_t size = word.size();
    if (size > kShortestStem && word[size - 1] == word[size - 2] && word.back() != 's' &&
        word.back() != 'l') {
        word.remove_suffix(1);
    }
    return word;
}

/// Kanji that ask or point and say nothing.
bool isEmptyKanji(char32_t c) {
    return c == U'何' || c == U'本' || c == U'当' || c == U'該' || c == U'同';
}

class WordFinder {
public:
    WordFinder(const Characters& text, std::vector<ContentWord>& words) : m_text(text), m_words(words) {}

    void run() {
        const std::size_t size = m_text.size() - 1;
        for (std::size_t at = 0; at < size;) {
            const char32_t c = m_text[at].code;
            if (isLetter(c)) {
                at = latin(at);
            } else if (isKatakana(c)) {
                std::size_t end = at;
                while (isKatakana(m_text[end].code))
                    ++end;
                if (end - at > 1) add(hash(at, end), at, end);
                at = end;
            } else if (isKanji(c)) {
                at = kanji(at);
            } else {
                ++at;
            }
        }
    }

private:
    void add(std::uint64_t stem, std::size_t begin, std::size_t end) {
        m_words.push_back({stem, begin, end});
    }

    std::uint64_t hash(std::size_t begin, std::size_t end) {
        m_buffer.clear();
        for (std::size_t i = begin; i < end; ++i)
            appendUtf8(m_buffer, m_text[i].code);
        return hashOf(m_buffer);
    }

    std::size_t latin(std::size_t at) {
        std::size_t end = at;
        m_buffer.clear();
        for (; isLetter(m_text[end].code); ++end)
            appendUtf8(m_buffer, toLower(m_text[end].code));
        // A letter beside digits belongs to a name or a unit.
        const bool alone = end - at == 1;
        if (!alone && !isStopWord(m_buffer)) add(hashOf(stemOf(m_buffer)), at, end);
        return end;
    }

    std::size_t kanji(std::size_t at) {
        std::size_t end = at;
        while (isKanji(m_text[end].code))
            ++end;
        if (end - at == 1 && !isEmptyKanji(m_text[at].code)) add(hash(at, end), at, end);
        for (std::size_t i = at; i + 1 < end; ++i) {
            if (isEmptyKanji(m_text[i].code) || isEmptyKanji(m_text[i + 1].code)) continue;
            add(hash(i, i + 2), i, i + 2);
        }
        return end;
    }

    const Characters& m_text;
    std::vector<ContentWord>& m_words;
    std::string m_buffer;
};

}  // namespace

void findContentWords(const Characters& text, std::vector<ContentWord>& words) {
    WordFinder(text, words).run();
}

}  // namespace kvasir
