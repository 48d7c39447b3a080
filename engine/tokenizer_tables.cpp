#include "engine/tokenizer_tables.h"

#include <bit>
#include <utility>

namespace kvasir {

void PairTable::grow(std::size_t count) {
    const std::size_t size = std::bit_ceil(count * 2 + 2);
    std::vector<Entry> old = std::exchange(m_entries, std::vector<Entry>(size));
    m_mask = size - 1;
    m_shift = 64U - static_cast<unsigned>(std::countr_zero(size));
    m_count = 0;
    for (const Entry& entry : old) {
        if (entry.key != kFree) insert(entry.key, entry.value);
    }
}

void PairTable::insert(std::uint64_t key, Value value) {
    if ((m_count + 1) * 2 > m_entries.size()) grow(m_entries.size());
    std::size_t i = slot(key);
    while (m_entries[i].key != kFree && m_entries[i].key != key)
        i = (i + 1) & m_mask;
    if (m_entries[i].key == key) return;
    m_entries[i] = {key, value};
    ++m_count;
}

void Trie::insert(std::string_view text, std::int32_t value, bool everywhere) {
    m_starts[static_cast<unsigned char>(text[0])] = true;
    std::int32_t node = 0;
    for (const char c : text) {
        const std::uint64_t edge = PairTable::key(node, static_cast<unsigned char>(c));
        if (const PairTable::Value* next = m_edges.find(edge)) {
            node = next->first;
        } else {
            const auto added = static_cast<std::int32_t>(m_nodes.size());
            m_edges.insert(edge, {added, 0});
            m_nodes.emplace_back();
            node = added;
        }
    }
    m_nodes[static_cast<std::size_t>(node)] = {value, everywhere};
}

std::optional<Trie::Match> Trie::longest(std::string_view text, std::size_t position,
                                         bool everywhereOnly) const {
    if (!m_starts[static_cast<unsigned char>(text[position])]) return std::nullopt;
    std::optional<Match> best;
    std::int32_t node = 0;
    for (std::size_t i = position; i < text.size(); ++i) {
        const auto* next = m_edges.find(PairTable::key(node, static_cast<unsigned char>(text[i])));
        if (next == nullptr) break;
        node = next->first;
        const Node& reached = m_nodes[static_cast<std::size_t>(node)];
        if (reached.value >= 0 && (reached.everywhere || !everywhereOnly)) {
            best = Match{reached.value, i + 1 - position};
        }
    }
    return best;
}

}  // namespace kvasir
