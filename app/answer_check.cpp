#include "app/answer_check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>
#include <set>
#include <string>
#include <string_view>

#include "app/characters.h"
#include "app/content_words.h"
#include "app/facts.h"

namespace kvasir {
namespace {

std::set<std::string> valuesOf(const std::vector<Fact>& facts, FactKind kind) {
    std::set<std::string> values;
    for (const Fact& fact : facts) {
        if (fact.kind == kind) values.insert(fact.value);
    }
    return values;
}

/// Every number of one answer is in the other, with its unit where both name one.
bool numbersIn(const std::vector<Fact>& from, const std::vector<Fact>& by) {
    return std::ranges::all_of(from, [&](const Fact& one) {
        return one.kind != FactKind::Number || std::ranges::any_of(by, [&](const Fact& other) {
                   return other.kind == FactKind::Number && other.value == one.value &&
                          haveSameUnit(other, one);
               });
    });
}

/// The numbers that stand in no quotation: what the answer itself says.
std::vector<Fact> ownNumbers(const std::vector<Fact>& facts) {
    std::vector<Fact> own;
    std::ranges::copy_if(facts, std::back_inserter(own), [&](const Fact& fact) {
        return fact.kind == FactKind::Number && std::ranges::none_of(facts, [&](const Fact& quotation) {
                   return quotation.kind == FactKind::Quotation && quotation.begin <= fact.begin &&
                          fact.end <= quotation.end;
               });
    });
    return own;
}

/// The same numbers; and of those outside quotations, one answer holds all of the other's: a quoted row has
/// numbers of many kinds, and who says another one of them says something else.
bool numbersAgree(const std::vector<Fact>& a, const std::vector<Fact>& b) {
    const std::vector<Fact> ownOfA = ownNumbers(a), ownOfB = ownNumbers(b);
    return numbersIn(a, b) && numbersIn(b, a) && (numbersIn(ownOfA, ownOfB) || numbersIn(ownOfB, ownOfA));
}

/// Quotations agree when each of one answer holds, or is held by, one of the other: where a quotation begins
/// and ends is the model's choice.
bool quotesAgree(const std::set<std::string>& a, const std::set<std::string>& b) {
    const auto covered = [](const std::set<std::string>& from, const std::set<std::string>& by) {
        return std::all_of(from.begin(), from.end(), [&](const std::string& one) {
            return std::any_of(by.begin(), by.end(), [&](const std::string& other) {
                return one.find(other) != std::string::npos || other.find(one) != std::string::npos;
            });
        });
    };
    return covered(a, b) && covered(b, a);
}

/// Words that turn a statement round, or take something out of it.
std::int64_t countNegations(std::string_view text) {
    static constexpr std::array<std::string_view, 16> kEnglish{
        "not",     "no",     "never",  "none",   "neither",  "nor",      "nothing",   "nobody",
        "without", "except", "unless", "cannot", "excludes", "excluded", "excluding", "nowhere"};
    static constexpr std::array<std::string_view, 8> kJapanese{"ない", "ません", "なし", "なく",
                                                               "ず、", "以外",   "除く", "除き"};
    std::string word;
    std::int64_t count = 0;
    const auto endWord = [&] {
        if (word.ends_with("n't") || std::find(kEnglish.begin(), kEnglish.end(), word) != kEnglish.end())
            ++count;
        word.clear();
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if ((c >= 'a' && c <= 'z') || c == '\'') {
            word += c;
        } else if (c >= 'A' && c <= 'Z') {
            word += static_cast<char>(c - 'A' + 'a');
        } else if (text.substr(i).starts_with("\xE2\x80\x99")) {  // the typographic apostrophe
            word += '\'';
            i += 2;
        } else {
            endWord();
        }
    }
    endWord();
    for (const std::string_view negation : kJapanese) {
        for (std::size_t at = text.find(negation); at != std::string_view::npos;
             at = text.find(negation, at + negation.size()))
            ++count;
    }
    return count;
}

std::set<std::uint64_t> contentOf(std::string_view text) {
    std::vector<ContentWord> words;
    findContentWords(charactersOf(text), words);
    std::set<std::uint64_t> stems;
    for (const ContentWord& word : words)
        stems.insert(word.stem);
    return stems;
}

std::set<std::int32_t> pagesOf(const Answer& answer) {
    std::set<std::int32_t> pages;
    for (const Citation& citation : answer.citations)
        pages.insert(citation.page);
    return pages;
}

std::string onOneLine(std::string_view text) {
    std::string line;
    for (const char c : text) {
        const bool blank = c == '\n' || c == ' ' || c == '\t';
        if (!blank) line += c;
        if (blank && !line.empty() && line.back() != ' ') line += ' ';
    }
    return line;
}

}  // namespace

Verdict compareFacts(const Answer& draft, const Answer& later) {
    const std::vector<Fact> a = findFacts(draft.text), b = findFacts(later.text);
    if (!numbersAgree(a, b)) return Verdict::Different;
    for (const FactKind kind : {FactKind::Date, FactKind::Name}) {
        if (valuesOf(a, kind) != valuesOf(b, kind)) return Verdict::Different;
    }
    const bool agree = quotesAgree(valuesOf(a, FactKind::Quotation), valuesOf(b, FactKind::Quotation)) &&
                       countNegations(draft.text) == countNegations(later.text) &&
                       pagesOf(draft) == pagesOf(later) && draft.answerable == later.answerable;
    if (!agree) return Verdict::Different;
    if (a.empty() && contentOf(draft.text) != contentOf(later.text)) return Verdict::Different;
    return Verdict::SameFacts;
}

Verdict compareTexts(const Answer& draft, const Answer& later) {
    return draft.text == later.text ? Verdict::SameWords : compareFacts(draft, later);
}

std::vector<LookedAt> lookedAtMost(const Passages& passages, std::span<const TextToken> tokens,
                                   std::span<const float> attention, const std::vector<bool>& carried) {
    constexpr std::size_t kMost = 3, kSinks = 4;
    constexpr float kLeastShare = 0.02F;
    if (tokens.size() != attention.size() || tokens.size() != carried.size()) return {};
    struct Sum {
        float mass = 0;
        std::int32_t tokens = 0, carried = 0;
    };
    std::vector<Sum> sums(passages.items.size());
    std::size_t passage = 0;  // tokens and passages both ascend
    // The first tokens draw attention whatever they say.
    for (std::size_t i = kSinks; i < tokens.size(); ++i) {
        while (passage < sums.size() && passages.items[passage].end < tokens[i].end)
            ++passage;
        if (passage == sums.size()) break;
        if (tokens[i].end <= passages.items[passage].begin) continue;
        Sum& sum = sums[passage];
        if (std::isfinite(attention[i]) && attention[i] > 0) sum.mass += attention[i];
        ++sum.tokens;
        if (carried[i]) ++sum.carried;
    }
    const float all = std::accumulate(sums.begin(), sums.end(), 0.0F,
                                      [](float total, const Sum& sum) { return total + sum.mass; });
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < sums.size(); ++i) {
        if (2 * sums[i].carried < sums[i].tokens && sums[i].mass >= kLeastShare * all && all > 0)
            order.push_back(i);
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return sums[a].mass != sums[b].mass ? sums[a].mass > sums[b].mass : a < b;
    });
    order.resize(std::min(order.size(), kMost));
    std::vector<LookedAt> looked;
    for (const std::size_t i : order) {
        const Passage& p = passages.items[i];
        looked.push_back({p.begin, p.end, p.page, p.line, sums[i].mass / all, onOneLine(passages.text(p))});
    }
    return looked;
}

}  // namespace kvasir
