#include "engine/prompt_lookup.h"

#include <algorithm>
#include <iterator>

namespace kvasir {

std::vector<TokenId> PromptLookup::guess(TokenId next, std::int64_t most) const {
    const auto size = static_cast<std::int64_t>(m_text.size());
    const auto token = [&](std::int64_t at) { return m_text[static_cast<std::size_t>(at)]; };
    std::int64_t best = 0, bestEnd = 0;
    for (std::int64_t end = size; end > 0 && best < kLongest; --end) {
        // The place [end - length, end) is compared with the text's end, `next` included, from behind.
        if (token(end - 1) != next) continue;
        std::int64_t length = 1;
        while (length < kLongest && length < end && token(end - 1 - length) == token(size - length))
            ++length;
        if (length <= best) continue;
        best = length;
        bestEnd = end;
    }
    if (best < kShortest) return {};
    std::vector<TokenId> followed;
    for (std::int64_t at = bestEnd; at <= size && std::ssize(followed) < most; ++at)
        followed.push_back(at < size ? token(at) : next);
    return followed;
}

void GuessLength::tell(std::int64_t guessed, std::int64_t stood) {
    if (guessed == 0) return;
    m_next = stood == guessed ? std::min(2 * m_next, kMost) : std::max<std::int64_t>(1, stood);
}

}  // namespace kvasir
