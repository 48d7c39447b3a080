#include "app/citation_index.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "app/content_words.h"
#include "app/fact_scan.h"

namespace kvasir {
namespace {

constexpr float kContextWeight = 0.4F;

bool isTime(std::string_view value) {
    return value.size() >= 5 && value[2] == ':';
}

/// Both readings of a date such as "03/04/2025".
void addReadings(std::string_view value, std::vector<std::string>& keys) {
    if (value.size() != 10 || value[2] != '/') return;
    const std::string first(value.substr(0, 2)), second(value.substr(3, 2)), year(value.substr(6));
    keys.push_back(year + "-" + first + "-" + second);
    keys.push_back(year + "-" + second + "-" + first);
}

/// Other numbers that the same digits may mean: "1.200" is 1.2 or 1200; clause 14.40 is not 14.4.
void addWritten(std::string_view text, std::vector<std::string>& keys) {
    const std::size_t point = text.find('.');
    if (point == std::string_view::npos || text.find_first_not_of("0123456789.") != std::string_view::npos)
        return;
    keys.emplace_back(text);
    if (text.rfind('.') != point || point == 0 || point > 3 || text.size() != point + 4) return;
    keys.push_back(std::string(text.substr(0, point)) + std::string(text.substr(point + 1)));
}

/// What an answer may say of the fact: less of a date or time than the document, a part of spaced digits.
void addPartial(const Fact& fact, std::string_view text, std::vector<std::string>& keys) {
    const std::string& value = fact.value;
    if (fact.kind == FactKind::Date) {
        if (value.size() == 10 && value[4] == '-') {
            keys.push_back(value.substr(0, 7));
            keys.push_back(std::string(1, '-').append(value, 4));
        }
        keys.push_back(value[2] == '/' ? value.substr(6) : value.substr(0, 4));
        return;
    }
    if (isTime(value)) {
        for (const std::size_t size : {std::size_t{5}, std::size_t{8}}) {
            if (value.size() > size) keys.push_back(value.substr(0, size));
        }
        return;
    }
    if (value.front() == '-') keys.push_back(value.substr(1));
    if (fact.kind != FactKind::Number) return;
    for (std::size_t at = 0; text.find(' ') != std::string_view::npos && at < text.size();) {
        const std::size_t stop = std::min(text.find(' ', at), text.size());
        const std::string_view part = text.substr(at, stop - at);
        if (!part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos) {
            keys.push_back(decimalForm(part, {}, 0));
        }
        at = stop + 1;
    }
}

bool isIdentifier(const Fact& fact) {
    return fact.kind == FactKind::Name &&
           std::ranges::any_of(fact.value, [](char c) { return c >= '0' && c <= '9'; });
}

bool isWordByte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

void keepUnique(std::vector<std::int32_t>& passages) {
    std::ranges::sort(passages);
    passages.erase(std::ranges::unique(passages).begin(), passages.end());
}

/// A quotation may leave words out: its parts between dots.
std::vector<std::string_view> piecesOf(std::string_view value) {
    std::vector<std::string_view> pieces;
    while (!value.empty()) {
        std::size_t stop = value.size(), skip = 0;
        for (const std::string_view dots : {"…", "..."}) {
            const std::size_t at = value.find(dots);
            if (at < stop) {
                stop = at;
                skip = dots.size();
            }
        }
        std::string_view piece = value.substr(0, stop);
        while (!piece.empty() && piece.front() == ' ')
            piece.remove_prefix(1);
        while (!piece.empty() && piece.back() == ' ')
            piece.remove_suffix(1);
        if (!piece.empty()) pieces.push_back(piece);
        value.remove_prefix(std::min(value.size(), stop + skip));
    }
    return pieces;
}

}  // namespace

CitationIndex::CitationIndex(const Document& document, std::string_view answer, std::span<const Fact> facts,
                             std::string_view question)
    : m_passages(findPassages(document)), m_holders(facts.size()) {
    collectWords(answer, question);
    scanPassages(answer, facts);
    searchNames(facts);
    for (auto& holders : m_holders)
        keepUnique(holders);
}

bool CitationIndex::holds(std::size_t fact, std::int32_t passage) const {
    return std::ranges::binary_search(m_holders[fact], passage);
}

std::uint32_t CitationIndex::wordId(std::uint64_t stem) {
    return m_ids.try_emplace(stem, static_cast<std::uint32_t>(m_ids.size())).first->second;
}

void CitationIndex::collectWords(std::string_view answer, std::string_view question) {
    std::vector<ContentWord> words;
    findContentWords(charactersOf(question), words);
    for (const ContentWord& word : words)
        m_questionWords.push_back(wordId(word.stem));
    std::ranges::sort(m_questionWords);
    m_questionWords.erase(std::ranges::unique(m_questionWords).begin(), m_questionWords.end());
    words.clear();
    const Characters text = charactersOf(answer);
    findContentWords(text, words);
    for (const ContentWord& word : words) {
        m_answerWords.push_back({wordId(word.stem), text[word.begin].begin, text[word.end].begin});
    }
    m_frequency.assign(m_ids.size(), 0);
}

void CitationIndex::scanPassages(std::string_view answer, std::span<const Fact> facts) {
    std::unordered_map<std::string, std::vector<std::uint32_t>> wanted;
    std::vector<std::string> keys;
    for (std::uint32_t i = 0; i < facts.size(); ++i) {
        keys = {facts[i].value};
        addReadings(facts[i].value, keys);
        addWritten(answer.substr(facts[i].begin, facts[i].end - facts[i].begin), keys);
        for (const std::string& key : keys)
            wanted[key].push_back(i);
    }
    std::vector<Fact> found;
    std::vector<ContentWord> words;
    m_passageBegin.push_back(0);
    for (std::size_t p = 0; p < m_passages.items.size(); ++p) {
        const std::string_view text = m_passages.text(m_passages.items[p]);
        const Characters characters = charactersOf(text);
        found.clear();
        if (!wanted.empty()) scanNumbers(characters, found);
        for (const Fact& fact : found) {
            const std::string_view written = text.substr(fact.begin, fact.end - fact.begin);
            keys = {fact.value};
            addReadings(fact.value, keys);
            addWritten(written, keys);
            addPartial(fact, written, keys);
            for (const std::string& key : keys) {
                const auto match = wanted.find(key);
                if (match == wanted.end()) continue;
                for (const std::uint32_t i : match->second) {
                    if (haveSameUnit(fact, facts[i])) m_holders[i].push_back(static_cast<std::int32_t>(p));
                }
            }
        }
        words.clear();
        findContentWords(characters, words);
        const auto first = static_cast<std::ptrdiff_t>(m_passageWords.size());
        for (const ContentWord& word : words) {
            if (const auto id = m_ids.find(word.stem); id != m_ids.end())
                m_passageWords.push_back(id->second);
        }
        std::sort(m_passageWords.begin() + first, m_passageWords.end());
        m_passageWords.erase(std::unique(m_passageWords.begin() + first, m_passageWords.end()),
                             m_passageWords.end());
        for (auto it = m_passageWords.begin() + first; it != m_passageWords.end(); ++it)
            ++m_frequency[*it];
        m_passageBegin.push_back(m_passageWords.size());
    }
}

void CitationIndex::searchNames(std::span<const Fact> facts) {
    const auto searched = [](const Fact& fact) {
        return fact.kind == FactKind::Quotation || fact.kind == FactKind::Name;
    };
    if (std::ranges::none_of(facts, searched)) return;
    std::string text;
    std::vector<std::uint32_t> begins;
    text.reserve(m_passages.flat.size());
    for (const Passage& passage : m_passages.items) {
        const Characters characters = charactersOf(m_passages.text(passage));
        begins.push_back(static_cast<std::uint32_t>(text.size()));
        std::size_t end = characters.size() - 1;
        text += normalForm(characters, 0, end);
        // A quotation may run over the end of a sentence: its mark is inside then.
        if (end > 0 && characters[end - 1].code == U'.') text.push_back('.');
        if (end > 0 && characters[end - 1].code == 0x3002) {
            text += "。";
        } else {
            text.push_back(' ');
        }
    }
    for (std::size_t i = 0; i < facts.size(); ++i) {
        if (!searched(facts[i])) continue;
        const std::vector<std::string_view> pieces = piecesOf(facts[i].value);
        std::vector<std::int32_t> found;
        std::size_t longest = 0;
        bool all = !pieces.empty();
        for (const std::string_view piece : pieces) {
            std::vector<std::int32_t> here;
            searchPiece(text, begins, piece, here);
            all = all && !here.empty();
            if (piece.size() > longest) found = std::move(here);
            longest = std::max(longest, piece.size());
        }
        if (!all) continue;
        if (!isIdentifier(facts[i]) || m_holders[i].empty()) {
            m_holders[i].insert(m_holders[i].end(), found.begin(), found.end());
        }
    }
}

void CitationIndex::searchPiece(std::string_view text, std::span<const std::uint32_t> begins,
                                std::string_view piece, std::vector<std::int32_t>& found) const {
    for (std::size_t at = text.find(piece); at != std::string_view::npos; at = text.find(piece, at + 1)) {
        const std::size_t end = at + piece.size();
        const bool cutFront = at > 0 && isWordByte(text[at - 1]) && isWordByte(piece.front());
        const bool cutBack = end < text.size() && isWordByte(text[end]) && isWordByte(piece.back());
        if (cutFront || cutBack) continue;
        const auto next = std::ranges::upper_bound(begins, static_cast<std::uint32_t>(at));
        found.push_back(static_cast<std::int32_t>(next - begins.begin()) - 1);
    }
}

std::span<const std::uint32_t> CitationIndex::wordsOfPassage(std::size_t passage) const {
    return std::span(m_passageWords)
        .subspan(m_passageBegin[passage], m_passageBegin[passage + 1] - m_passageBegin[passage]);
}

std::vector<std::uint32_t> CitationIndex::answerWords(std::uint32_t begin, std::uint32_t end) const {
    std::vector<std::uint32_t> words;
    for (const AnswerWord& word : m_answerWords) {
        if (word.begin >= begin && word.end <= end) words.push_back(word.word);
    }
    std::ranges::sort(words);
    words.erase(std::ranges::unique(words).begin(), words.end());
    return words;
}

std::vector<std::uint32_t> CitationIndex::wordsOf(std::uint32_t begin, std::uint32_t end) const {
    const std::vector<std::uint32_t> own = answerWords(begin, end);
    std::vector<std::uint32_t> words;
    std::ranges::set_union(own, m_questionWords, std::back_inserter(words));
    return words;
}

float CitationIndex::overlap(std::span<const std::uint32_t> words, std::int32_t passage) const {
    const auto index = static_cast<std::size_t>(passage);
    const Passage& self = m_passages.items[index];
    std::array<std::span<const std::uint32_t>, 4> context{};
    if (index > 0 && m_passages.items[index - 1].block == self.block && !self.row)
        context[0] = wordsOfPassage(index - 1);
    if (index + 1 < m_passages.items.size() && m_passages.items[index + 1].block == self.block && !self.row) {
        context[1] = wordsOfPassage(index + 1);
    }
    if (self.heading >= 0) {
        const auto heading = static_cast<std::size_t>(self.heading);
        context[2] = wordsOfPassage(heading);
        const std::int32_t above = m_passages.items[heading].heading;
        if (above >= 0) context[3] = wordsOfPassage(static_cast<std::size_t>(above));
    }
    const auto own = wordsOfPassage(index);
    const auto count = static_cast<float>(m_passages.items.size());
    float sum = 0, shared = 0;
    for (const std::uint32_t word : words) {
        if (!occurs(word)) continue;
        const float weight = std::log(1 + count / static_cast<float>(m_frequency[word]));
        sum += weight;
        const auto in = [&](std::span<const std::uint32_t> list) {
            return std::ranges::binary_search(list, word);
        };
        if (in(own)) {
            shared += weight;
        } else if (std::ranges::any_of(context, in)) {
            shared += kContextWeight * weight;
        }
    }
    return sum > 0 ? shared / sum : 0;
}

}  // namespace kvasir
