#include "app/store/scripts.h"

namespace kvasir {

namespace {

bool within(char32_t c, char32_t first, char32_t last) {
    return c >= first && c <= last;
}

}  // namespace

bool isHiragana(char32_t c) {
    return within(c, 0x3041, 0x309F);
}

bool isUnspacedLetter(char32_t c) {
    if (c < 0x1100) return false;
    return within(c, 0x1100, 0x11FF) || within(c, 0x3005, 0x3007) || isHiragana(c) ||
           (within(c, 0x30A1, 0x30FF) && c != 0x30FB) || within(c, 0x31F0, 0x31FF) ||
           within(c, 0x3400, 0x4DBF) || within(c, 0x4E00, 0x9FFF) || within(c, 0xAC00, 0xD7A3) ||
           within(c, 0xF900, 0xFAFF) || within(c, 0xFF66, 0xFF9F) || within(c, 0x20000, 0x3FFFF);
}

}  // namespace kvasir
