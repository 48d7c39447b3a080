// Several documents as one text, so that passages, citations and checks go through all of them at once; and
// the way back to each.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "app/answer.h"
#include "app/document.h"
#include "engine/error.h"

namespace kvasir {

/// Immutable. Documents are numbered in the order they were given.
class DocumentSet {
public:
    static constexpr std::size_t kMostDocuments = 256;

    /// Errors: InvalidArgument (none), TooLarge (more than kMostDocuments, or texts of more than 2 GiB
    /// together).
    static Result<DocumentSet> create(std::vector<std::shared_ptr<const Document>> documents);

    /// All texts, a blank line between any two; pages, lines and words one document's behind the other's. Of
    /// one document: itself.
    const std::shared_ptr<const Document>& joined() const { return m_joined; }
    std::size_t size() const { return m_parts.size(); }
    const std::shared_ptr<const Document>& document(std::size_t index) const {
        return m_parts[index].document;
    }
    /// The document's bytes in the joined text.
    ByteRange range(std::size_t index) const;
    /// Which document's byte it is; of a gap between two: the one before it.
    std::size_t documentAt(std::uint32_t byte) const;

    /// Puts places of the joined text into the documents they lie in: citations and checked facts. Pages that
    /// are missing are given up here: they are told with each document.
    void placeInDocuments(Answer& answer) const;
    /// The answer as it is kept with one of the documents: with the citations that lie in it.
    Answer ofDocument(const Answer& answer, std::size_t index) const;

private:
    struct Part {
        std::shared_ptr<const Document> document;
        std::uint32_t begin = 0;  ///< byte of the joined text
        std::int32_t firstPage = 0, firstLine = 0;
    };
    DocumentSet() = default;

    std::shared_ptr<const Document> m_joined;
    std::vector<Part> m_parts;
};

}  // namespace kvasir
