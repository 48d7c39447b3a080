// Which scripts need which treatment in search.
#pragma once

namespace kvasir {

/// Letters of scripts that put no spaces between words (Han, kana) or are found inside them (Hangul).
bool isUnspacedLetter(char32_t c);

/// Hiragana: mostly endings and particles.
bool isHiragana(char32_t c);

}  // namespace kvasir
