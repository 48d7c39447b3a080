// Attention of an answer's tokens as mass on the document's passages.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "app/citations.h"
#include "app/facts.h"
#include "app/passages.h"

namespace kvasir {

/// Refers to the input, which must outlive it. Evidence whose size is not that of the document's tokens, or
/// whose place is not in the answer, is left out; so are masses that are not finite and positive.
class CitationEvidence {
public:
    CitationEvidence(const CitationInput& input, const Passages& passages, std::span<const Fact> facts);

    /// Mass per passage of the answer's bytes [begin, end): all zero when nothing is known.
    std::vector<float> passageMass(std::uint32_t begin, std::uint32_t end) const;
    /// Tokens that count in each passage.
    std::span<const std::uint32_t> passageTokens() const { return m_passageTokens; }

private:
    void placeTokens(const CitationInput& input, const Passages& passages);
    void dropSinks(std::size_t documentTokens);
    void weighBytes(std::string_view answer, std::span<const Fact> facts);

    std::vector<const TokenEvidence*> m_evidence;
    std::vector<std::int32_t> m_passageOf;  ///< of each token of the document, -1: does not count
    std::vector<std::uint32_t> m_passageTokens;
    std::vector<float>
        m_byteWeight;  ///< of each byte of the answer: 0 says nothing, 1 a content word, 2 a fact
};

}  // namespace kvasir
