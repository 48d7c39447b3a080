#include "app/quotation.h"

#include <algorithm>
#include <numeric>

namespace kvasir {
namespace {

constexpr char kBarrier = '\x1F';        // no token of a text holds it: documents have no control characters
constexpr std::size_t kTried = 64;       // likeliest tokens that are looked at first
constexpr std::size_t kShortest = 24;    // bytes, unless the passage ends before
constexpr std::size_t kContinued = 512;  // places whose own next token is looked at

/// Blanks as single spaces, and a barrier where one block ends: a quotation does not run from one to the
/// next.
std::string wordsOf(const Passages& passages) {
    std::string words = passages.flat;
    std::ranges::replace(words, '\t', ' ');
    for (std::size_t i = 0; i < passages.items.size(); ++i) {
        const bool last =
            i + 1 == passages.items.size() || passages.items[i + 1].block != passages.items[i].block;
        words[passages.items[i].flatEnd] = last ? kBarrier : ' ';
    }
    words.push_back(kBarrier);
    return words;
}

bool isAsciiWord(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool beginsCharacter(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

/// A quotation may begin with any word; where words are not set apart, with any character.
std::vector<std::uint32_t> beginnings(const std::string& words) {
    std::vector<std::uint32_t> begins;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == ' ' || words[i] == kBarrier || !beginsCharacter(words[i])) continue;
        const bool inWord = i > 0 && isAsciiWord(words[i]) && isAsciiWord(words[i - 1]);
        if (!inWord) begins.push_back(static_cast<std::uint32_t>(i));
    }
    return begins;
}

std::vector<TokenId> likeliest(const std::vector<float>& logits, std::size_t count) {
    std::vector<TokenId> ids(logits.size());
    std::iota(ids.begin(), ids.end(), 0);
    count = std::min(count, ids.size());
    std::partial_sort(
        ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end(), [&](TokenId a, TokenId b) {
            const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
            return x != y ? x > y : a < b;
        });
    ids.resize(count);
    return ids;
}

}  // namespace

Quotation::Quotation(const Passages& passages, const Tokenizer& tokenizer, std::string close)
    : m_tokenizer(tokenizer),
      m_close(std::move(close)),
      m_closeToken(tokenizer.ids(m_close, Specials::Plain).front()),
      m_words(wordsOf(passages)),
      m_ends(beginnings(m_words)),
      m_closed(m_ends.empty()) {}

std::string_view Quotation::fitting(std::string_view piece) const {
    if (m_text.empty() && piece.starts_with(' ')) piece.remove_prefix(1);
    return piece;
}

bool Quotation::continues(std::string_view piece) const {
    if (piece.empty()) return false;
    return std::ranges::any_of(
        m_ends, [&](std::uint32_t end) { return m_words.compare(end, piece.size(), piece) == 0; });
}

/// Whether some place that goes on with `head` may end there: behind a word, and not before enough was said.
bool Quotation::mayClose(std::string_view head) const {
    const std::size_t size = m_text.size() + head.size();
    if (size == 0) return false;
    return std::ranges::any_of(m_ends, [&](std::uint32_t at) {
        if (m_words.compare(at, head.size(), head) != 0) return false;
        const std::size_t end = at + head.size();
        if (m_words[end] == kBarrier) return true;
        const bool inWord = isAsciiWord(m_words[end]) && isAsciiWord(m_words[end - 1]);
        return size >= kShortest && !inWord && beginsCharacter(m_words[end]);
    });
}

TokenId Quotation::next(const std::vector<float>& logits) const {
    for (const TokenId token : likeliest(logits, kTried)) {
        const std::string piece = m_tokenizer.piece(token);
        if (m_tokenizer.endsGeneration(token) || piece.starts_with('\n')) {
            if (mayClose("")) return m_closeToken;
            continue;
        }
        if (m_tokenizer.isControl(token)) continue;
        const std::size_t mark = piece.find(m_close);
        if (mark != std::string::npos && mayClose(fitting(std::string_view(piece).substr(0, mark))))
            return token;
        if (continues(fitting(piece))) return token;
    }
    return mayClose("") ? m_closeToken : likeliestContinuation(logits);
}

/// Of the tokens that the document itself goes on with. There is one: a quotation that cannot close goes on.
TokenId Quotation::likeliestContinuation(const std::vector<float>& logits) const {
    TokenId best = m_closeToken;
    float bestLogit = 0;
    const std::size_t step = std::max<std::size_t>(1, m_ends.size() / kContinued);
    for (std::size_t i = 0; i < m_ends.size(); i += step) {
        const std::size_t limit = std::min(m_words.find(kBarrier, m_ends[i]), m_ends[i] + kShortest);
        const auto tokens =
            m_tokenizer.ids(std::string_view(m_words).substr(m_ends[i], limit - m_ends[i]), Specials::Plain);
        if (tokens.empty() || !continues(fitting(m_tokenizer.piece(tokens.front())))) continue;
        const float logit = logits[static_cast<std::size_t>(tokens.front())];
        if (best != m_closeToken && logit <= bestLogit) continue;
        best = tokens.front();
        bestLogit = logit;
    }
    return best;
}

void Quotation::accept(std::string_view piece) {
    const std::size_t mark = piece.find(m_close);
    if (mark != std::string_view::npos && (mark == 0 || !continues(fitting(piece)))) {
        piece = piece.substr(0, mark);
        m_closed = true;
    }
    piece = fitting(piece);
    std::erase_if(m_ends, [&](std::uint32_t end) { return m_words.compare(end, piece.size(), piece) != 0; });
    for (std::uint32_t& end : m_ends)
        end += static_cast<std::uint32_t>(piece.size());
    m_text += piece;
}

std::vector<TextRange> Quotation::places() const {
    std::vector<TextRange> places;
    if (m_text.empty()) return places;
    for (const std::uint32_t end : m_ends)
        places.push_back({end - static_cast<std::uint32_t>(m_text.size()), end});
    return places;
}

}  // namespace kvasir
