#include "app/document.h"

#include <algorithm>

namespace kvasir {
namespace {

/// Index of the last item whose `begin` is not behind the byte; 0 when there is none. Items that are empty
/// begin where the next one does, so that a byte leads to the item that holds it.
template <typename Item>
std::size_t lastBeginningAt(const std::vector<Item>& items, std::uint32_t byte) {
    const auto next = std::upper_bound(items.begin(), items.end(), byte,
                                       [](std::uint32_t at, const Item& item) { return at < item.begin; });
    return next == items.begin() ? 0 : static_cast<std::size_t>(next - items.begin()) - 1;
}

}  // namespace

std::size_t Document::pageAt(std::uint32_t byte) const {
    return lastBeginningAt(pages, byte);
}

std::size_t Document::lineAt(std::uint32_t byte) const {
    return lastBeginningAt(lines, byte);
}

std::pair<std::size_t, std::size_t> Document::wordsIn(std::uint32_t begin, std::uint32_t end) const {
    const auto first =
        std::partition_point(words.begin(), words.end(), [&](const Word& word) { return word.end <= begin; });
    const auto last =
        std::partition_point(first, words.end(), [&](const Word& word) { return word.begin < end; });
    const auto index = static_cast<std::size_t>(first - words.begin());
    return {index, begin < end ? static_cast<std::size_t>(last - words.begin()) : index};
}

}  // namespace kvasir
