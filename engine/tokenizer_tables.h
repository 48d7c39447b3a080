// Look-up tables of the tokenizers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace kvasir {

/// A hash table from 64-bit keys to a pair of 32-bit numbers: open addressing, because merging asks it
/// several times for each byte of a text. Filled once, then read by any number of threads.
class PairTable {
public:
    struct Value {
        std::int32_t first = 0;
        std::int32_t second = 0;
    };

    /// Room for `count` keys at least.
    explicit PairTable(std::size_t count = 0) { grow(count); }

    static constexpr std::uint64_t key(std::int32_t left, std::int32_t right) {
        return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32U) |
               static_cast<std::uint32_t>(right);
    }

    /// Keeps the first value of a key. Any key but the largest.
    void insert(std::uint64_t key, Value value);
    const Value* find(std::uint64_t key) const {
        for (std::size_t i = slot(key);; i = (i + 1) & m_mask) {
            if (m_entries[i].key == key) return &m_entries[i].value;
            if (m_entries[i].key == kFree) return nullptr;
        }
    }

private:
    static constexpr std::uint64_t kFree = ~std::uint64_t{0};
    struct Entry {
        std::uint64_t key = kFree;
        Value value;
    };

    std::size_t slot(std::uint64_t key) const {
        return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> m_shift) & m_mask;
    }
    void grow(std::size_t count);

    std::vector<Entry> m_entries;
    std::size_t m_count = 0;
    std::size_t m_mask = 0;
    unsigned m_shift = 0;
};

/// Finds the longest of a set of texts at a position.
class Trie {
public:
    struct Match {
        std::int32_t value = 0;
        std::size_t length = 0;
    };

    /// `text` is not empty; `value` >= 0. `everywhere`: also found when only such texts are wanted.
    void insert(std::string_view text, std::int32_t value, bool everywhere);
    /// The longest text that `text` has at `position`.
    std::optional<Match> longest(std::string_view text, std::size_t position, bool everywhereOnly) const;

private:
    struct Node {
        std::int32_t value = -1;
        bool everywhere = false;
    };

    PairTable m_edges;
    std::vector<Node> m_nodes{1};
    bool m_starts[256] = {};
};

}  // namespace kvasir
