#include "app/repeated_passages.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace kvasir {
namespace {

constexpr int kFewTokens = 8;  // a page's number is no sentence: what is shorter counts as having these
constexpr std::size_t kMostPassages = 32;

}  // namespace

std::vector<ByteRange> wholeSentences(const Passages& passages, std::span<const ByteRange> found) {
    const std::vector<Passage>& items = passages.items;
    std::vector<ByteRange> whole;
    for (const ByteRange& range : found) {
        auto first =
            std::ranges::partition_point(items, [&](const Passage& p) { return p.begin < range.begin; });
        const auto last =
            std::partition_point(first, items.end(), [&](const Passage& p) { return p.begin < range.end; });
        if (first == last && first != items.begin() && std::prev(first)->end > range.begin) --first;
        if (first != last) whole.push_back({first->begin, std::prev(last)->end});
    }
    return whole;
}

std::vector<ByteRange> byAttention(const Passages& passages, std::span<const TextToken> tokens,
                                   std::span<const float> scores) {
    struct Scored {
        double score;
        ByteRange range;
    };
    std::vector<Scored> scored;
    std::size_t token = 0;  // tokens and passages both ascend
    for (const Passage& passage : passages.items) {
        while (token < tokens.size() && tokens[token].end <= passage.begin)
            ++token;
        double sum = 0;
        int count = 0;
        for (; token < tokens.size() && tokens[token].begin < passage.end; ++token, ++count)
            sum += scores[token];
        if (sum > 0) scored.push_back({sum / std::max(count, kFewTokens), {passage.begin, passage.end}});
    }
    const std::size_t most = std::min(kMostPassages, scored.size());
    std::ranges::partial_sort(
        scored, scored.begin() + static_cast<std::ptrdiff_t>(most), [](const Scored& a, const Scored& b) {
            return a.score != b.score ? a.score > b.score : a.range.begin < b.range.begin;
        });
    scored.resize(most);
    std::vector<ByteRange> best;
    std::ranges::transform(scored, std::back_inserter(best), &Scored::range);
    return best;
}

std::vector<std::int64_t> withBest(std::vector<std::int64_t> chosen, std::span<const TextToken> tokens,
                                   std::span<const ByteRange> passages, std::int64_t mostTokens) {
    std::set<std::int64_t> all(chosen.begin(), chosen.end());
    std::int64_t added = 0;
    for (const ByteRange& passage : passages) {
        const auto first = std::partition_point(tokens.begin(), tokens.end(),
                                                [&](const TextToken& t) { return t.end <= passage.begin; });
        const auto last = std::partition_point(first, tokens.end(),
                                               [&](const TextToken& t) { return t.begin < passage.end; });
        std::vector<std::int64_t> missing;
        for (auto token = first; token != last; ++token) {
            if (!all.contains(token - tokens.begin())) missing.push_back(token - tokens.begin());
        }
        if (added + std::ssize(missing) > mostTokens) continue;  // a shorter one may still fit
        added += std::ssize(missing);
        all.insert(missing.begin(), missing.end());
    }
    return {all.begin(), all.end()};
}

}  // namespace kvasir
