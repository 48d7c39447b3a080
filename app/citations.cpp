#include "app/citations.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "app/characters.h"
#include "app/citation_evidence.h"
#include "app/citation_index.h"
#include "app/unanswered.h"

namespace kvasir {
namespace {

constexpr std::size_t kCandidates = 12;  // passages that attention alone may bring in
constexpr std::size_t kCitationsPerSentence = 3;
constexpr std::size_t kQuoteBytes = 240;
constexpr float kOverlapWeight = 0.6F;   // of shared words beside attention, both at most 1
constexpr float kAttentive = 0.05F;      // least attention of a candidate, of the best passage's
constexpr float kNamedAttentive = 0.3F;  // the same for sentences whose facts are only names
constexpr float kLexicalOverlap = 0.2F;  // least overlap of a passage that attention did not find
constexpr float kNamedOverlap = 0.35F;
constexpr float kLargestRatio = 1.3F;  // 'clearly the largest' with shared words ...
constexpr float kLeastShare = 0.1F;
constexpr float kAloneRatio = 2;  // ... and without
constexpr float kAloneShare = 0.3F;
constexpr std::uint32_t kLeastTokens = 6;  // a passage of fewer tokens is not denser for it

bool hasDigit(const std::string& text) {
    return std::ranges::any_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// Names are soft: only identifiers are facts that a place must hold.
bool isStrong(const Fact& fact) {
    return fact.kind != FactKind::Name || hasDigit(fact.value);
}

/// Attention of a sentence on the passages.
struct Attention {
    std::vector<float> relative;  ///< density per passage, 1 for the largest; empty: nothing known
    std::vector<float> share;     ///< part of the sentence's mass
    float threshold = 0;          ///< `relative` of the last candidate

    float of(std::int32_t passage) const {
        return relative.empty() ? 0 : relative[static_cast<std::size_t>(passage)];
    }
    bool isCandidate(std::int32_t passage, float least) const {
        return !relative.empty() && of(passage) >= std::max(threshold, least);
    }
};

Attention attentionOf(const CitationEvidence& evidence, TextRange sentence) {
    Attention attention;
    attention.share = evidence.passageMass(sentence.begin, sentence.end);
    float sum = 0;
    for (const float mass : attention.share)
        sum += mass;
    if (!(sum > 0) || !std::isfinite(sum)) return attention;
    attention.relative.resize(attention.share.size());
    float best = 0;
    for (std::size_t i = 0; i < attention.share.size(); ++i) {
        const std::uint32_t tokens = std::max(evidence.passageTokens()[i], kLeastTokens);
        attention.relative[i] = attention.share[i] / std::sqrt(static_cast<float>(tokens));
        best = std::max(best, attention.relative[i]);
        attention.share[i] /= sum;
    }
    for (float& relative : attention.relative)
        relative /= best;
    std::vector<float> sorted = attention.relative;
    if (sorted.size() > kCandidates) {
        std::ranges::nth_element(sorted, sorted.begin() + kCandidates - 1, std::greater<>());
        attention.threshold = sorted[kCandidates - 1];
    }
    return attention;
}

std::string quoteOf(std::string_view flat) {
    std::string quote;
    for (const char c : flat) {
        const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (!blank) quote.push_back(c);
        if (blank && !quote.empty() && quote.back() != ' ') quote.push_back(' ');
    }
    if (quote.size() <= kQuoteBytes) return quote;
    constexpr std::string_view kMore = "…";
    std::size_t end = kQuoteBytes - kMore.size();
    const std::size_t blank = quote.rfind(' ', end);
    // Japanese has no blanks: between characters then.
    if (blank != std::string::npos && blank > kQuoteBytes / 2) {
        end = blank;
    } else {
        while (end > 0 && (quote[end] & 0xC0) == 0x80)
            --end;
    }
    return quote.substr(0, end).append(kMore);
}

class Citer {
public:
    explicit Citer(const CitationInput& input)
        : m_input(input),
          m_facts(findFacts(input.answer)),
          m_sentences(findSentences(input.answer)),
          m_index(input.document, input.answer, m_facts, input.question),
          m_evidence(input, m_index.passages(), m_facts) {
        for (Fact& fact : findFacts(input.question))
            m_asked.insert(std::move(fact.value));
    }

    CitationResult run() {
        for (const TextRange& sentence : m_sentences)
            citeSentence(sentence);
        checkFacts();
        m_result.answerable = isAnswerable();
        return std::move(m_result);
    }

private:
    std::string_view textOf(TextRange range) const {
        return m_input.answer.substr(range.begin, range.end - range.begin);
    }

    /// Facts of [begin, end), each value once; of those that lie in a statement that something is missing,
    /// none.
    std::vector<std::size_t> factsOf(TextRange sentence, const std::optional<TextRange>& missing) const {
        std::vector<std::size_t> facts;
        for (std::size_t i = 0; i < m_facts.size(); ++i) {
            const Fact& fact = m_facts[i];
            if (fact.begin < sentence.begin || fact.end > sentence.end) continue;
            if (missing && fact.begin < sentence.begin + missing->end &&
                fact.end > sentence.begin + missing->begin) {
                continue;
            }
            const bool again = std::ranges::any_of(
                facts, [&](std::size_t other) { return m_facts[other].value == fact.value; });
            if (!again) facts.push_back(i);
        }
        return facts;
    }

    float weightOf(std::size_t fact) const {
        if (!isStrong(m_facts[fact])) return 0.5F;
        return m_asked.contains(m_facts[fact].value) ? 1.0F : 2.0F;
    }

    void citeSentence(TextRange sentence) {
        if (m_index.passages().items.empty()) return;
        const auto missing = findNotStated(textOf(sentence));
        const std::vector<std::size_t> facts = factsOf(sentence, missing);
        const Attention attention = attentionOf(m_evidence, sentence);
        const std::vector<std::uint32_t> words = m_index.wordsOf(sentence.begin, sentence.end);
        const bool strong =
            std::ranges::any_of(facts, [&](std::size_t fact) { return isStrong(m_facts[fact]); });
        if (!facts.empty() && citeFacts(sentence, facts, strong, attention, words)) return;
        if (!strong && !missing) citeByAttention(sentence, attention, words);
    }

    struct Choice {
        std::int32_t passage = -1;
        float coverage = 0, score = 0;
    };

    /// The passage that holds most of `open`, which shrinks by what it holds.
    Choice choose(const std::vector<std::size_t>& open, bool strong, const Attention& attention,
                  std::span<const std::uint32_t> words) const {
        std::map<std::int32_t, float> coverage;
        float all = 0;
        for (const std::size_t fact : open) {
            if (isStrong(m_facts[fact])) all += weightOf(fact);
            for (const std::int32_t passage : m_index.holders(fact))
                coverage[passage] += weightOf(fact);
        }
        Choice best;
        for (const auto& [passage, covered] : coverage) {
            if (strong && covered < 1) continue;
            if (covered < best.coverage) continue;
            const float overlap = m_index.overlap(words, passage);
            const bool attentive = attention.isCandidate(passage, strong ? kAttentive : kNamedAttentive);
            const bool lexical = covered >= all && overlap >= (strong ? kLexicalOverlap : kNamedOverlap);
            if (!attentive && !lexical) continue;
            const float score = attention.of(passage) + kOverlapWeight * overlap;
            if (covered > best.coverage || score > best.score) best = {passage, covered, score};
        }
        return best;
    }

    bool citeFacts(TextRange sentence, std::vector<std::size_t> open, bool strong, const Attention& attention,
                   std::span<const std::uint32_t> words) {
        bool cited = false;
        for (std::size_t i = 0; i < kCitationsPerSentence && !open.empty(); ++i) {
            const Choice choice = choose(open, strong, attention, words);
            if (choice.passage < 0) break;
            add(sentence, choice.passage);
            cited = true;
            std::erase_if(open, [&](std::size_t fact) {
                return !isStrong(m_facts[fact]) || m_index.holds(fact, choice.passage);
            });
        }
        return cited;
    }

    void citeByAttention(TextRange sentence, const Attention& attention,
                         std::span<const std::uint32_t> words) {
        if (attention.relative.empty()) return;
        std::array<std::pair<float, std::int32_t>, 2> best{{{0.0F, -1}, {0.0F, -1}}};
        for (std::int32_t p = 0; p < static_cast<std::int32_t>(attention.relative.size()); ++p) {
            if (!attention.isCandidate(p, kAttentive)) continue;
            const float score = attention.of(p) * (0.5F + m_index.overlap(words, p));
            if (score > best[0].first) {
                best[1] = best[0];
                best[0] = {score, p};
            } else if (score > best[1].first) {
                best[1] = {score, p};
            }
        }
        if (best[0].second < 0) return;
        const float share = attention.share[static_cast<std::size_t>(best[0].second)];
        const bool shared = m_index.overlap(words, best[0].second) > 0;
        const float ratio = shared ? kLargestRatio : kAloneRatio;
        if (share < (shared ? kLeastShare : kAloneShare) || best[0].first < ratio * best[1].first) return;
        add(sentence, best[0].second);
    }

    void add(TextRange sentence, std::int32_t index) {
        const Passage& passage = m_index.passages().items[static_cast<std::size_t>(index)];
        const auto next = static_cast<std::int32_t>(m_numbers.size()) + 1;
        const std::int32_t number = m_numbers.try_emplace(index, next).first->second;
        m_result.citations.push_back({number, sentence.begin, sentence.end, passage.begin, passage.end,
                                      passage.page, passage.line, quoteOf(m_index.passages().text(passage))});
    }

    void checkFacts() {
        for (std::size_t i = 0; i < m_facts.size(); ++i) {
            const Fact& fact = m_facts[i];
            if (!isStrong(fact)) continue;
            CheckedFact checked{std::string(m_input.answer.substr(fact.begin, fact.end - fact.begin)),
                                fact.begin, fact.end, CheckedFact::Found::Nowhere, -1};
            lookUp(i, checked);
            m_result.facts.push_back(std::move(checked));
        }
    }

    void lookUp(std::size_t fact, CheckedFact& checked) const {
        const auto holders = m_index.holders(fact);
        if (holders.empty()) return;
        const auto pageOf = [&](std::int32_t p) {
            return m_index.passages().items[static_cast<std::size_t>(p)].page;
        };
        checked.found = CheckedFact::Found::Elsewhere;
        checked.page = pageOf(holders.front());
        // The citations of its own sentence before those of others.
        for (const bool own : {true, false}) {
            for (const Citation& citation : m_result.citations) {
                const bool mine =
                    citation.sentenceBegin <= checked.begin && checked.end <= citation.sentenceEnd;
                if (mine != own) continue;
                for (const std::int32_t holder : holders) {
                    if (pageOf(holder) != citation.page) continue;
                    checked.found = CheckedFact::Found::OnCitedPage;
                    checked.page = citation.page;
                    return;
                }
            }
        }
    }

    bool isFound(const Fact& fact) const {
        return std::ranges::any_of(m_result.facts, [&](const CheckedFact& checked) {
            return checked.begin == fact.begin && checked.found != CheckedFact::Found::Nowhere;
        });
    }

    /// Words of the question that bytes of the answer repeat.
    std::size_t askedWords(TextRange range) const {
        const std::vector<std::uint32_t> words = m_index.answerWords(range.begin, range.end);
        return static_cast<std::size_t>(std::ranges::count_if(
            m_index.questionWords(),
            [&](std::uint32_t word) { return std::ranges::binary_search(words, word); }));
    }

    bool isAnswerable() const {
        std::optional<TextRange> missing;
        for (const TextRange& sentence : m_sentences) {
            const auto statement = findNotStated(textOf(sentence));
            if (!statement || missing) continue;
            missing = TextRange{sentence.begin + statement->begin, sentence.begin + statement->end};
        }
        if (missing) return answersBeside(*missing);
        if (!m_result.citations.empty() || m_sentences.empty()) return true;
        return std::ranges::any_of(m_facts, [&](const Fact& fact) { return isFound(fact); }) ||
               saysKnownWords();
    }

    /// Whether the answer gives a new fact from the document beside its statement that something is missing.
    bool answersBeside(TextRange missing) const {
        const std::size_t missed = askedWords(missing);
        for (const TextRange& sentence : m_sentences) {
            const auto statement = findNotStated(textOf(sentence));
            if (offersInstead(textOf(sentence))) continue;
            for (const std::size_t i : factsOf(sentence, statement)) {
                if (!isStrong(m_facts[i]) || m_asked.contains(m_facts[i].value) || !isFound(m_facts[i]))
                    continue;
                TextRange rest = sentence;
                if (statement && sentence.begin + statement->begin <= m_facts[i].begin) {
                    rest.begin = sentence.begin + statement->end;
                } else if (statement) {
                    rest.end = sentence.begin + statement->begin;
                }
                if (askedWords(rest) >= missed) return true;
            }
        }
        return false;
    }

    /// For answers without facts and without citations: whether the document knows any word that is not the
    /// question's; a bare 'Yes' claims none.
    bool saysKnownWords() const {
        bool any = false;
        for (const std::uint32_t word :
             m_index.answerWords(0, static_cast<std::uint32_t>(m_input.answer.size()))) {
            if (std::ranges::binary_search(m_index.questionWords(), word)) continue;
            any = true;
            if (m_index.occurs(word)) return m_facts.empty();
        }
        return !any && m_facts.empty();
    }

    const CitationInput& m_input;
    std::vector<Fact> m_facts;
    std::vector<TextRange> m_sentences;
    CitationIndex m_index;
    CitationEvidence m_evidence;
    std::set<std::string, std::less<>> m_asked;  ///< facts of the question
    std::map<std::int32_t, std::int32_t> m_numbers;
    CitationResult m_result;
};

}  // namespace

CitationResult cite(const CitationInput& input) {
    return Citer(input).run();
}

}  // namespace kvasir
