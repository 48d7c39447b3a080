#include "app/document_set.h"

#include <algorithm>
#include <string>
#include <utility>

namespace kvasir {
namespace {

constexpr std::size_t kMaxTextBytes = std::size_t{1} << 31;
constexpr std::string_view kBetween = "\n\n";  // as paragraphs are apart in a document

/// Appends what `from` has, moved behind what is there.
void append(Document& to, const Document& from) {
    if (!to.text.empty()) to.text += kBetween;
    const auto bytes = static_cast<std::uint32_t>(to.text.size()),
               lines = static_cast<std::uint32_t>(to.lines.size()),
               words = static_cast<std::uint32_t>(to.words.size());
    to.text += from.text;
    for (Page page : from.pages) {
        page.begin += bytes;
        page.end += bytes;
        page.firstLine += lines;
        page.lastLine += lines;
        to.pages.push_back(std::move(page));
    }
    for (Line line : from.lines)
        to.lines.push_back(
            {line.begin + bytes, line.end + bytes, line.firstWord + words, line.lastWord + words});
    for (Word word : from.words)
        to.words.push_back({word.begin + bytes, word.end + bytes, word.box});
}

}  // namespace

Result<DocumentSet> DocumentSet::create(std::vector<std::shared_ptr<const Document>> documents) {
    std::size_t bytes = 0;
    for (const auto& document : documents)
        bytes += document->text.size() + kBetween.size();
    if (documents.empty())
        return fail(ErrorCode::InvalidArgument, "There is no document to ask.", "", "Open one first.");
    if (documents.size() > kMostDocuments) {
        return fail(ErrorCode::TooLarge,
                    std::to_string(documents.size()) + " documents cannot be asked at once; at most " +
                        std::to_string(kMostDocuments) + " can.",
                    "", "Ask fewer documents at a time.");
    }
    if (bytes > kMaxTextBytes) {
        return fail(ErrorCode::TooLarge, "The documents hold more than 2 GiB of text together.", "",
                    "Ask fewer documents at a time.");
    }
    DocumentSet set;
    if (documents.size() == 1) {
        set.m_joined = documents.front();
        set.m_parts.push_back({std::move(documents.front()), 0, 0, 0});
        return set;
    }
    auto joined = std::make_shared<Document>();
    joined->kind = documents.front()->kind;
    for (std::shared_ptr<const Document>& document : documents) {
        const auto firstPage = static_cast<std::int32_t>(joined->pages.size()),
                   firstLine = static_cast<std::int32_t>(joined->lines.size());
        append(*joined, *document);
        const auto begin = static_cast<std::uint32_t>(joined->text.size() - document->text.size());
        joined->name += (joined->name.empty() ? "" : ", ") + document->name;
        set.m_parts.push_back({std::move(document), begin, firstPage, firstLine});
    }
    set.m_joined = std::move(joined);
    return set;
}

ByteRange DocumentSet::range(std::size_t index) const {
    const Part& part = m_parts[index];
    return {part.begin, part.begin + static_cast<std::uint32_t>(part.document->text.size())};
}

std::size_t DocumentSet::documentAt(std::uint32_t byte) const {
    const auto next =
        std::partition_point(m_parts.begin(), m_parts.end(), [&](const Part& p) { return p.begin <= byte; });
    return next == m_parts.begin() ? 0 : static_cast<std::size_t>(next - m_parts.begin()) - 1;
}

void DocumentSet::placeInDocuments(Answer& answer) const {
    if (size() == 1) return;
    for (Citation& citation : answer.citations) {
        const std::size_t index = documentAt(citation.begin);
        const Part& part = m_parts[index];
        citation.document = static_cast<std::int32_t>(index);
        citation.begin -= part.begin;
        citation.end =
            std::min(citation.end - part.begin, static_cast<std::uint32_t>(part.document->text.size()));
        citation.page -= part.firstPage;
        citation.line -= part.firstLine;
    }
    for (CheckedFact& fact : answer.facts) {
        if (fact.page < 0) continue;
        const auto next = std::partition_point(m_parts.begin(), m_parts.end(),
                                               [&](const Part& p) { return p.firstPage <= fact.page; });
        fact.document = static_cast<std::int32_t>(next - m_parts.begin()) - 1;
        fact.page -= m_parts[static_cast<std::size_t>(fact.document)].firstPage;
    }
    answer.missingPages.clear();
}

Answer DocumentSet::ofDocument(const Answer& answer, std::size_t index) const {
    Answer own = answer;
    std::erase_if(own.citations, [&](const Citation& citation) {
        return citation.document != static_cast<std::int32_t>(index);
    });
    for (Citation& citation : own.citations)
        citation.document = 0;
    for (CheckedFact& fact : own.facts) {
        if (fact.document == static_cast<std::int32_t>(index)) {
            fact.document = 0;
        } else {
            // It stands in another document: of this one nothing can be said about it.
            fact.page = -1;
        }
    }
    return own;
}

}  // namespace kvasir
