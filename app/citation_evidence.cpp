#include "app/citation_evidence.h"

#include <algorithm>
#include <cmath>

#include "app/characters.h"
#include "app/content_words.h"

namespace kvasir {
namespace {

constexpr std::size_t kFirstTokens = 4;     // every model rests its attention there
constexpr std::size_t kTokensForSinks = 8;  // fewer answer tokens may all mean the same words
constexpr float kSinkShare = 0.005F;        // of a token's mass on the document ...
constexpr std::size_t kSinkUniform = 20;    // ... and at least so many times its even share ...
constexpr std::size_t kSinkPercent = 90;    // ... for that part of the answer's tokens
constexpr std::size_t kNeighbours = 4;      // tokens on either side ...
constexpr float kSinkPeak = 4;              // ... whose mean a sink passes so many times
constexpr float kFactWeight = 2;

bool holdsWord(std::string_view text) {
    for (const Character& c : charactersOf(text)) {
        if (isWordCharacter(c.code) || isHiragana(c.code) || isKatakana(c.code) || isKanji(c.code))
            return true;
        // A token with a part of a character: it may be one of a word.
        if (c.code == 0xFFFD) return true;
    }
    return false;
}

float usable(float mass) {
    return std::isfinite(mass) && mass > 0 ? mass : 0;
}

}  // namespace

CitationEvidence::CitationEvidence(const CitationInput& input, const Passages& passages,
                                   std::span<const Fact> facts) {
    const std::size_t tokens = input.documentTokens.size();
    for (const TokenEvidence& evidence : input.evidence) {
        const bool placed = evidence.begin < evidence.end && evidence.end <= input.answer.size();
        if (placed && tokens > 0 && evidence.mass.size() == tokens) m_evidence.push_back(&evidence);
    }
    m_passageTokens.assign(passages.items.size(), 0);
    if (m_evidence.empty()) return;
    placeTokens(input, passages);
    dropSinks(tokens);
    for (const std::int32_t passage : m_passageOf) {
        if (passage >= 0) ++m_passageTokens[static_cast<std::size_t>(passage)];
    }
    weighBytes(input.answer, facts);
}

void CitationEvidence::placeTokens(const CitationInput& input, const Passages& passages) {
    const std::string_view text = input.document.text;
    m_passageOf.assign(input.documentTokens.size(), -1);
    for (std::size_t i = kFirstTokens; i < input.documentTokens.size(); ++i) {
        const TextToken& token = input.documentTokens[i];
        if (token.begin >= token.end || token.end > text.size()) continue;
        // By its last byte: a token often begins with the blank before its word.
        const std::uint32_t byte = token.end - 1;
        const auto next = std::ranges::upper_bound(passages.items, byte, {}, &Passage::begin);
        if (next == passages.items.begin() || std::prev(next)->end <= byte) continue;
        if (!holdsWord(text.substr(token.begin, token.end - token.begin))) continue;
        m_passageOf[i] = static_cast<std::int32_t>(next - passages.items.begin()) - 1;
    }
}

/// A token that nearly all tokens of the answer look at, while they do not look at its neighbours: words that
/// an answer rests on are looked at together.
void CitationEvidence::dropSinks(std::size_t documentTokens) {
    if (m_evidence.size() < kTokensForSinks) return;
    std::vector<std::uint32_t> seen(documentTokens, 0);
    std::vector<float> total(documentTokens, 0);
    const float uniform = static_cast<float>(kSinkUniform) / static_cast<float>(documentTokens);
    for (const TokenEvidence* evidence : m_evidence) {
        float sum = 0;
        for (const float mass : evidence->mass)
            sum += usable(mass);
        const float threshold = std::max(kSinkShare, uniform) * sum;
        if (sum <= 0) continue;
        for (std::size_t i = 0; i < documentTokens; ++i) {
            seen[i] += evidence->mass[i] > threshold ? 1 : 0;
            total[i] += usable(evidence->mass[i]) / sum;
        }
    }
    for (std::size_t i = 0; i < documentTokens; ++i) {
        if (seen[i] * std::size_t{100} < m_evidence.size() * kSinkPercent) continue;
        const std::size_t first = i - std::min(i, kNeighbours);
        const std::size_t last = std::min(documentTokens, i + kNeighbours + 1);
        float around = -total[i];
        for (std::size_t j = first; j < last; ++j)
            around += total[j];
        if (total[i] > kSinkPeak * around / static_cast<float>(last - first)) m_passageOf[i] = -1;
    }
}

void CitationEvidence::weighBytes(std::string_view answer, std::span<const Fact> facts) {
    m_byteWeight.assign(answer.size(), 0);
    const Characters text = charactersOf(answer);
    std::vector<ContentWord> words;
    findContentWords(text, words);
    for (const ContentWord& word : words) {
        std::fill(m_byteWeight.begin() + text[word.begin].begin, m_byteWeight.begin() + text[word.end].begin,
                  1.0F);
    }
    for (const Fact& fact : facts) {
        if (fact.kind == FactKind::Quotation) continue;
        std::fill(m_byteWeight.begin() + fact.begin, m_byteWeight.begin() + fact.end, kFactWeight);
    }
}

std::vector<float> CitationEvidence::passageMass(std::uint32_t begin, std::uint32_t end) const {
    std::vector<float> masses(m_passageTokens.size(), 0);
    std::vector<std::pair<const TokenEvidence*, float>> tokens;
    float heaviest = 0;
    for (const TokenEvidence* evidence : m_evidence) {
        if (evidence->begin >= end || evidence->end <= begin) continue;
        float weight = 0;
        for (std::uint32_t i = std::max(begin, evidence->begin); i < std::min(end, evidence->end); ++i) {
            weight = std::max(weight, m_byteWeight[i]);
        }
        heaviest = std::max(heaviest, weight);
        tokens.emplace_back(evidence, weight);
    }
    for (const auto& [evidence, weight] : tokens) {
        // "Yes." has neither content words nor facts: all its tokens count.
        const float factor = heaviest > 0 ? weight : 1;
        if (factor == 0) continue;
        for (std::size_t i = 0; i < m_passageOf.size(); ++i) {
            if (m_passageOf[i] >= 0)
                masses[static_cast<std::size_t>(m_passageOf[i])] += factor * usable(evidence->mass[i]);
        }
    }
    return masses;
}

}  // namespace kvasir
