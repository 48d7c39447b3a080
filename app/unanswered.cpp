#include "app/unanswered.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "app/characters.h"

namespace kvasir {
namespace {

constexpr auto kDocumentWords = std::to_array<std::string_view>(
    {"document", "documents", "text",    "agreement", "contract", "manual",  "log",
     "logs",     "report",    "passage", "context",   "file",     "excerpt", "excerpts",
     "section",  "pages",     "source",  "material",  "article",  "paper",   "information"});
constexpr auto kAdverbs = std::to_array<std::string_view>(
    {"explicitly", "specifically", "directly", "clearly", "actually", "anywhere", "itself", "even", "appear",
     "seem", "to", "be", "any", "expressly", "currently", "been", "further", "fully"});
constexpr auto kSays = std::to_array<std::string_view>(
    {"say",    "mention",  "specify",  "state",    "contain", "provide",  "include",
     "give",   "describe", "indicate", "define",   "list",    "address",  "discuss",
     "cover",  "offer",    "refer",    "disclose", "name",    "identify", "show",
     "answer", "reveal",   "tell",     "explain",  "clarify", "have",     "detail"});
constexpr auto kSaid = std::to_array<std::string_view>(
    {"mentioned",  "specified", "stated",   "provided",  "given",     "included",  "described",
     "indicated",  "defined",   "listed",   "found",     "available", "disclosed", "addressed",
     "discussed",  "covered",   "present",  "contained", "named",     "recorded",  "shown",
     "identified", "known",     "answered", "said",      "detailed"});
constexpr auto kMatter = std::to_array<std::string_view>(
    {"information", "mention", "details", "data", "reference", "indication", "answer", "evidence", "record"});
constexpr auto kAfterMatter = std::to_array<std::string_view>(
    {"about", "on", "regarding", "in", "is", "was", "available", "given", "provided", "concerning", "of",
     "that", "can", "to", "for", "are", "here"});
constexpr auto kBeFound = std::to_array<std::string_view>(
    {"found", "determined", "answered", "located", "identified", "inferred", "established"});
constexpr auto kFind =
    std::to_array<std::string_view>({"find", "answer", "determine", "locate", "tell", "say", "identify"});
constexpr auto kTurns =
    std::to_array<std::string_view>({"but", "however", "although", "though", "whereas", "nevertheless"});
constexpr auto kConditions =
    std::to_array<std::string_view>({"if", "unless", "where", "when", "whenever", "until"});

bool contains(std::span<const std::string_view> words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
}

bool contains(std::initializer_list<std::string_view> words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
}

enum class Before : std::uint8_t { Blank, Comma, Break };

struct Word {
    std::string text;
    std::uint32_t begin = 0, end = 0;
    Before before = Before::Blank;
};

/// "doesn't" is given as "does", "not", "cannot" as "can", "not".
std::vector<Word> wordsOf(std::string_view sentence) {
    const Characters text = charactersOf(sentence);
    std::vector<Word> words;
    Before before = Before::Break;
    for (std::size_t at = 0; at + 1 < text.size();) {
        const char32_t c = text[at].code;
        if (!isWordCharacter(c)) {
            const bool strong =
                c == U';' || c == U':' || c == 0x2026 || c == U'.' || c == 0x2014 || c == U'\n';
            if (strong) before = Before::Break;
            if (c == U',' && before == Before::Blank) before = Before::Comma;
            ++at;
            continue;
        }
        std::size_t end = at;
        while (isWordCharacter(text[end].code) || (text[end].code == U'\'' && isLetter(text[end + 1].code)))
            ++end;
        Word word{lowerText(text, at, end), text[at].begin, text[end].begin, before};
        const bool negated = word.text.ends_with("n't");
        if (negated || word.text == "cannot") {
            Word verb = word;
            verb.text = word.text == "can't" || !negated ? "can" : word.text.substr(0, word.text.size() - 3);
            words.push_back(verb);
            word.text = "not";
            word.before = Before::Blank;
        }
        words.push_back(std::move(word));
        before = Before::Blank;
        at = end;
    }
    return words;
}

/// Looks for statements in the words of one sentence.
class StatementFinder {
public:
    explicit StatementFinder(std::span<const Word> words) : m_words(words) {
        for (const Word& word : words) {
            m_document = m_document || contains(kDocumentWords, word.text);
            m_duty = m_duty || word.text == "shall" || word.text == "must";
        }
    }

    std::optional<TextRange> find() const {
        for (std::size_t i = 0; i < m_words.size(); ++i) {
            const std::size_t first = clauseBegin(i);
            if (contains(kConditions, m_words[first].text)) continue;
            const bool passive = isPassive(i, first);
            if (passive || isActive(i, first) || isNoMatter(i) || isNotFound(i, first) || isPhrase(i)) {
                return TextRange{m_words[first].begin, m_words[clauseEnd(i, passive) - 1].end};
            }
        }
        return {};
    }

private:
    std::string_view at(std::size_t i) const {
        return i < m_words.size() ? m_words[i].text : std::string_view();
    }

    bool turnsAt(std::size_t i) const {
        return m_words[i].before == Before::Break || contains(kTurns, m_words[i].text);
    }

    std::size_t clauseBegin(std::size_t i) const {
        while (i > 0 && !turnsAt(i))
            --i;
        return i;
    }

    std::size_t clauseEnd(std::size_t i, bool atComma) const {
        for (++i; i < m_words.size(); ++i) {
            if (turnsAt(i) || (atComma && m_words[i].before == Before::Comma)) break;
        }
        return i;
    }

    std::size_t skipAdverbs(std::size_t i) const {
        while (contains(kAdverbs, at(i)))
            ++i;
        return i;
    }

    /// "the document does not say"
    bool isActive(std::size_t i, std::size_t first) const {
        const bool fails = contains({"fails", "fail", "failed"}, at(i)) && at(i + 1) == "to";
        const bool negated = contains({"does", "do", "did"}, at(i)) && at(i + 1) == "not";
        if ((!fails && !negated) || !contains(kSays, at(skipAdverbs(i + 2)))) return false;
        if (i == first) return true;
        if (contains({"it", "this", "they", "which"}, at(i - 1))) return m_document || i - first <= 1;
        for (std::size_t j = i; j-- > first;) {
            if (contains(kDocumentWords, at(j))) return true;
        }
        return false;
    }

    /// "is not stated", "not mentioned in the document"
    bool isPassive(std::size_t i, std::size_t first) const {
        if (at(i) != "not" || m_duty) return false;
        const std::size_t verb = skipAdverbs(i + 1);
        if (!contains(kSaid, at(verb))) return false;
        const bool copula = i > 0 && contains({"is", "are", "was", "were", "been", "be"}, at(i - 1));
        if (!copula && i != first && !m_document) return false;
        if (at(verb + 1) == "by" || at(verb + 1) == "to") return false;
        const bool ends =
            verb + 1 == m_words.size() || turnsAt(verb + 1) || m_words[verb + 1].before == Before::Comma;
        return ends || m_document || contains({"here", "anywhere"}, at(verb + 1));
    }

    /// "no information about", "there is no mention of"
    bool isNoMatter(std::size_t i) const {
        if (m_duty || (at(i) != "no" && at(i) != "insufficient")) return false;
        const std::size_t noun =
            contains({"specific", "explicit", "such", "direct", "further"}, at(i + 1)) ? i + 2 : i + 1;
        if (!contains(kMatter, at(noun))) return false;
        return noun + 1 == m_words.size() || contains(kAfterMatter, at(noun + 1)) || turnsAt(noun + 1);
    }

    /// "cannot be found", "I could not find", "unable to determine"
    bool isNotFound(std::size_t i, std::size_t first) const {
        std::size_t verb = 0;
        if (contains({"can", "could"}, at(i)) && at(i + 1) == "not") verb = i + 2;
        if (contains({"unable", "impossible"}, at(i)) && at(i + 1) == "to") verb = i + 2;
        if (at(i) == "not" && contains({"able", "possible"}, at(i + 1)) && at(i + 2) == "to") verb = i + 3;
        if (verb == 0 || m_duty) return false;
        if (at(verb) == "be") return contains(kBeFound, at(verb + 1));
        if (!contains(kFind, at(verb))) return false;
        const bool speaker = std::ranges::any_of(m_words.subspan(first, i - first), [](const Word& word) {
            return word.text == "i" || word.text == "we" || word.text == "it";
        });
        return speaker || i == first;
    }

    bool isPhrase(std::size_t i) const {
        const bool place =
            contains({"in", "part", "from"}, at(i + 1)) &&
            std::ranges::any_of(m_words.subspan(i, std::min<std::size_t>(6, m_words.size() - i)),
                                [](const Word& word) { return contains(kDocumentWords, word.text); });
        if (contains({"nowhere", "nothing", "absent", "missing"}, at(i)) && place) return true;
        if (at(i) == "not" && place && (i == 0 || contains({"is", "are", "was", "were"}, at(i - 1))))
            return true;
        if (at(i) == "not" && at(i + 1) == "enough" && at(i + 2) == "information") return true;
        if (at(i) == "not" && at(i + 1) == "know" && i > 1 && at(i - 2) == "i") return true;
        if (at(i) == "silent" && contains({"on", "about", "as"}, at(i + 1)) && m_document) return true;
        return m_words.size() == 1 && contains({"unknown", "unanswerable", "unspecified"}, at(0));
    }

    std::span<const Word> m_words;
    bool m_document = false, m_duty = false;
};

/// What the end of a Japanese statement must be followed by: with a noun behind it ("記載のない部品") it
/// describes that noun.
bool endsStatement(std::string_view rest) {
    constexpr std::array<std::string_view, 17> kAfter{"。",   "、", "」", "）",   ")",    "ため",
                                                      "ので", "が", "と", "です", "よう", "けれど",
                                                      "から", "し", "\n", "!",    "."};
    return rest.empty() ||
           std::ranges::any_of(kAfter, [&](std::string_view mark) { return rest.starts_with(mark); });
}

std::optional<TextRange> findJapanese(std::string_view sentence) {
    constexpr std::array<std::string_view, 16> kSubjects{"記載", "言及", "明記", "明示", "記述", "情報",
                                                         "説明", "規定", "定義", "指定", "特定", "提供",
                                                         "示",   "書か", "含ま", "触れ"};
    constexpr std::array<std::string_view, 16> kNegations{
        "ありません",     "ございません",     "ない",         "無い",           "なし",
        "されていません", "されておりません", "されていない", "見当たりません", "見つかりません",
        "見当たらない",   "れていません",     "れていない",   "れておりません", "できません",
        "おりません"};
    constexpr std::array<std::string_view, 8> kWhole{"わかりません",   "分かりません",  "見当たりません",
                                                     "見つかりません", "不明です",      "確認できません",
                                                     "読み取れません", "判断できません"};
    std::size_t end = std::string_view::npos;
    for (const std::string_view whole : kWhole) {
        if (const std::size_t at = sentence.find(whole); at != std::string_view::npos)
            end = std::min(end, at + whole.size());
    }
    for (const std::string_view subject : kSubjects) {
        for (std::size_t at = sentence.find(subject); at != std::string_view::npos;
             at = sentence.find(subject, at + 1)) {
            std::size_t next = at + subject.size();
            for (const std::string_view particle : {"については", "は", "が", "も", "を", "に"}) {
                if (sentence.substr(next).starts_with(particle)) next += particle.size();
            }
            for (const std::string_view negation : kNegations) {
                if (!sentence.substr(next).starts_with(negation)) continue;
                const std::size_t stop = next + negation.size();
                if (endsStatement(sentence.substr(stop))) end = std::min(end, stop);
            }
        }
    }
    if (end == std::string_view::npos) return {};
    std::size_t begin = 0;
    for (const std::string_view turn : {"が、", "ただし", "しかし", "一方"}) {
        const std::size_t at = sentence.substr(0, end).rfind(turn);
        if (at != std::string_view::npos) begin = std::max(begin, at + turn.size());
    }
    return TextRange{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
}

}  // namespace

std::optional<TextRange> findNotStated(std::string_view sentence) {
    const std::vector<Word> words = wordsOf(sentence);
    if (const auto statement = StatementFinder(words).find()) return statement;
    return findJapanese(sentence);
}

bool offersInstead(std::string_view sentence) {
    const std::vector<Word> words = wordsOf(sentence);
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const std::string_view next = words[i + 1].text;
        const bool says = std::ranges::any_of(
            kSays, [&](std::string_view verb) { return next.starts_with(verb.substr(0, verb.size() - 1)); });
        if (words[i].text == "only" && says) return true;
    }
    return sentence.find("のみ") != std::string_view::npos;
}

}  // namespace kvasir
