#include "ui/document_marks.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace kvasir {

DocumentMarks::DocumentMarks(std::shared_ptr<const Document> document, WordMarks words,
                             const std::vector<Citation>& citations)
    : m_document(std::move(document)), m_words(std::move(words)) {
    const std::size_t count = m_document->words.size();
    if (m_words.tokens.size() != count || m_words.carried.size() != count) m_words = WordMarks();
    if (m_words.unread.size() != count) m_words.unread.clear();
    for (const Citation& citation : citations) {
        if (citation.begin >= citation.end || citation.end > m_document->text.size()) continue;
        const auto [first, last] = m_document->wordsIn(citation.begin, citation.end);
        if (first >= last) continue;
        m_cited.push_back({static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last),
                           citation.number, citation.page});
    }
    // A place may carry several sentences: one entry is enough.
    const auto key = [](const CitedWords& c) { return std::tie(c.firstWord, c.lastWord, c.number); };
    std::sort(m_cited.begin(), m_cited.end(),
              [&](const CitedWords& a, const CitedWords& b) { return key(a) < key(b); });
    m_cited.erase(std::unique(m_cited.begin(), m_cited.end(),
                              [&](const CitedWords& a, const CitedWords& b) { return key(a) == key(b); }),
                  m_cited.end());
    countTokens();
}

void DocumentMarks::countTokens() {
    m_lineShares.assign(m_document->lines.size(), 0);
    m_lineTokens.assign(m_document->lines.size(), 0);
    m_pageShares.assign(m_document->pages.size(), 0);
    if (!known()) return;
    std::uint64_t allTokens = 0, allCarried = 0;
    for (std::size_t p = 0; p < m_document->pages.size(); ++p) {
        const Page& page = m_document->pages[p];
        std::uint64_t pageTokens = 0, pageCarried = 0;
        for (std::size_t l = page.firstLine; l < page.lastLine; ++l) {
            std::uint32_t tokens = 0, carried = 0;
            for (std::size_t w = m_document->lines[l].firstWord; w < m_document->lines[l].lastWord; ++w) {
                if (isUnread(w)) continue;
                tokens += m_words.tokens[w];
                carried += m_words.carried[w];
            }
            m_lineTokens[l] = tokens;
            m_lineShares[l] = tokens == 0 ? 0.0F : static_cast<float>(carried) / static_cast<float>(tokens);
            pageTokens += tokens;
            pageCarried += carried;
        }
        if (pageTokens > 0)
            m_pageShares[p] = static_cast<float>(pageCarried) / static_cast<float>(pageTokens);
        allTokens += pageTokens;
        allCarried += pageCarried;
    }
    if (!m_words.unread.empty()) {
        const auto unread = std::count(m_words.unread.begin(), m_words.unread.end(), true);
        m_readShare = 1 - static_cast<double>(unread) / static_cast<double>(m_words.unread.size());
    }
    m_share = allTokens == 0 ? 0 : static_cast<double>(allCarried) / static_cast<double>(allTokens);
}

std::int32_t DocumentMarks::citedNumber(std::size_t word) const {
    for (const CitedWords& cited : m_cited) {
        if (cited.firstWord > word) break;
        if (word < cited.lastWord) return cited.number;
    }
    return 0;
}

int DocumentMarks::citedOnPage(std::size_t page) const {
    return static_cast<int>(std::count_if(m_cited.begin(), m_cited.end(), [page](const CitedWords& cited) {
        return cited.page == static_cast<std::int32_t>(page);
    }));
}

int percent(double share) {
    if (share <= 0) return 0;
    if (share >= 1) return 100;
    return std::clamp(static_cast<int>(std::lround(share * 100)), 1, 99);
}

}  // namespace kvasir
