// What one answer needs to know of the document: where its facts stand and which passages share its words.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "app/facts.h"
#include "app/passages.h"

namespace kvasir {

/// Built once per answer in time linear in the document. `facts` are the answer's.
class CitationIndex {
public:
    CitationIndex(const Document& document, std::string_view answer, std::span<const Fact> facts,
                  std::string_view question);

    const Passages& passages() const { return m_passages; }
    /// Passages that hold the answer's fact, ascending.
    std::span<const std::int32_t> holders(std::size_t fact) const { return m_holders[fact]; }
    bool holds(std::size_t fact, std::int32_t passage) const;

    /// Content words of the question and of bytes [begin, end) of the answer, to be given to overlap().
    std::vector<std::uint32_t> wordsOf(std::uint32_t begin, std::uint32_t end) const;
    /// Of the words' weight in the document, the part that the passage and (counted less) what stands around
    /// it hold: 0 to 1.
    float overlap(std::span<const std::uint32_t> words, std::int32_t passage) const;
    /// Words that occur in the document.
    bool occurs(std::uint32_t word) const { return m_frequency[word] > 0; }
    /// The words of the question alone, and those of them that occur in bytes [begin, end) of the answer.
    const std::vector<std::uint32_t>& questionWords() const { return m_questionWords; }
    std::vector<std::uint32_t> answerWords(std::uint32_t begin, std::uint32_t end) const;

private:
    struct AnswerWord {
        std::uint32_t word = 0, begin = 0, end = 0;
    };

    std::uint32_t wordId(std::uint64_t stem);
    void collectWords(std::string_view answer, std::string_view question);
    void scanPassages(std::string_view answer, std::span<const Fact> facts);
    void searchNames(std::span<const Fact> facts);
    void searchPiece(std::string_view text, std::span<const std::uint32_t> begins, std::string_view piece,
                     std::vector<std::int32_t>& found) const;
    std::span<const std::uint32_t> wordsOfPassage(std::size_t passage) const;

    Passages m_passages;
    std::vector<std::vector<std::int32_t>> m_holders;
    std::unordered_map<std::uint64_t, std::uint32_t> m_ids;
    std::vector<std::uint32_t> m_questionWords;
    std::vector<AnswerWord> m_answerWords;
    std::vector<std::uint32_t> m_frequency;     ///< passages that hold each word
    std::vector<std::uint32_t> m_passageWords;  ///< ascending ids, passage after passage
    std::vector<std::size_t> m_passageBegin;    ///< into m_passageWords, one more than passages
};

}  // namespace kvasir
