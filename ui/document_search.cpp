#include "ui/document_search.h"

#include <QChar>

namespace kvasir {
namespace {

bool isBlank(char32_t c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == 0xA0 || c == 0x3000;
}

// Next code point of valid UTF-8, lower-cased; advances `at`.
char32_t nextFolded(const std::string& text, std::size_t& at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
        ++at;
        return lead >= 'A' && lead <= 'Z' ? lead + 32U : lead;
    }
    const int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    char32_t c = lead & (0xFFU >> (length + 1));
    for (int i = 1; i < length && at + i < text.size(); ++i)
        c = (c << 6U) | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
    at = std::min(text.size(), at + length);
    return QChar::toCaseFolded(c);
}

std::u32string foldedQuery(const QString& query) {
    std::u32string folded;
    for (const uint c : query.simplified().toUcs4())
        folded += QChar::toCaseFolded(static_cast<char32_t>(c));
    return folded;
}

// End of the match that begins at `at`, 0 when there is none.
std::size_t matchEnd(const std::string& text, std::size_t at, const std::u32string& query) {
    for (const char32_t wanted : query) {
        if (at >= text.size()) return 0;
        if (wanted == ' ') {
            std::size_t next = at;
            if (!isBlank(nextFolded(text, next))) return 0;
            while (next < text.size()) {
                std::size_t further = next;
                if (!isBlank(nextFolded(text, further))) break;
                next = further;
            }
            at = next;
        } else if (nextFolded(text, at) != wanted) {
            return 0;
        }
    }
    return at;
}

}  // namespace

std::vector<ByteRange> findAll(const std::string& text, const QString& query,
                               const std::atomic<bool>& cancel) {
    std::vector<ByteRange> hits;
    const std::u32string folded = foldedQuery(query);
    if (folded.empty()) return hits;
    constexpr std::size_t kLook = 1 << 16;  // bytes between two looks at `cancel`
    std::size_t at = 0, nextLook = kLook;
    while (at < text.size() && hits.size() < kMostHits) {
        if (at >= nextLook) {
            if (cancel.load(std::memory_order_relaxed)) break;
            nextLook = at + kLook;
        }
        std::size_t next = at;
        if (nextFolded(text, next) == folded.front()) {
            const std::size_t end = matchEnd(text, at, folded);
            if (end > at) {
                hits.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)});
                next = end;
            }
        }
        at = next;
    }
    return hits;
}

}  // namespace kvasir
