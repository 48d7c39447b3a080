// Words that carry a text's matter, as numbers that are equal when the words are, in whatever form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "app/characters.h"

namespace kvasir {

struct ContentWord {
    std::uint64_t stem = 0;          ///< hash of the stem
    std::size_t begin = 0, end = 0;  ///< characters
};

/// Stems of English words without function words; pairs of kanji, lone kanji, katakana words. Numbers are
/// facts, not content words. Appends to `words` in the order of the text.
void findContentWords(const Characters& text, std::vector<ContentWord>& words);

}  // namespace kvasir
