// What an answer did with each word, line and page of its document: shares and cited places, ready to paint.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "app/answer.h"
#include "app/document.h"

namespace kvasir {

/// Which marks are shown; the three buttons of the toolbar.
enum class MarkMode : std::uint8_t { Plain, Citations, Carried };

/// Immutable, shared by page view, log view, strip and thumbnails. Plain values: no thread of its own.
class DocumentMarks {
public:
    struct CitedWords {
        std::uint32_t firstWord = 0, lastWord = 0;  ///< words [firstWord, lastWord)
        std::int32_t number = 0;
        std::int32_t page = 0;
    };

    /// `words` may be empty (not known yet): then nothing counts as carried and `known()` is false. Citations
    /// outside the document are left out.
    DocumentMarks(std::shared_ptr<const Document> document, WordMarks words,
                  const std::vector<Citation>& citations);

    const Document& document() const { return *m_document; }
    bool known() const { return !m_words.tokens.empty(); }
    /// Known, and not everything was carried, or read. When nothing was left out, there is nothing to tell
    /// apart: only citations are marked.
    bool leftSomethingOut() const { return known() && (m_share < 1 || m_readShare < 1); }
    bool isCarried(std::size_t word) const { return known() && m_words.carried[word] > 0; }
    /// The word lies in a part that was not read yet: neither carried nor left out.
    bool isUnread(std::size_t word) const { return !m_words.unread.empty() && m_words.unread[word]; }
    bool isLineUnread(std::size_t line) const {
        return m_document->lines[line].firstWord < m_document->lines[line].lastWord &&
               isUnread(m_document->lines[line].firstWord);
    }
    /// Share of the words whose parts were read, 0..1.
    double readShare() const { return m_readShare; }
    int tokensOf(std::size_t word) const { return known() ? m_words.tokens[word] : 0; }
    int carriedOf(std::size_t word) const { return known() ? m_words.carried[word] : 0; }
    /// Number of the citation that holds the word, 0 when it is not cited.
    std::int32_t citedNumber(std::size_t word) const;

    double share() const { return m_share; }  ///< of the tokens that were read, 0..1
    double pageShare(std::size_t page) const { return m_pageShares[page]; }
    double lineShare(std::size_t line) const { return m_lineShares[line]; }
    std::uint32_t lineTokens(std::size_t line) const { return m_lineTokens[line]; }
    int citedOnPage(std::size_t page) const;

    const std::vector<CitedWords>& cited() const { return m_cited; }  ///< by first word

private:
    void countTokens();

    std::shared_ptr<const Document> m_document;
    WordMarks m_words;
    std::vector<CitedWords> m_cited;
    std::vector<float> m_pageShares, m_lineShares;
    std::vector<std::uint32_t> m_lineTokens;
    double m_share = 0, m_readShare = 1;
};

/// Whole percents; anything carried is at least 1, anything left out keeps it below 100.
int percent(double share);

}  // namespace kvasir
