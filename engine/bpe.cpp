// Byte-level BPE. Texts are bytes; a vocabulary writes each byte as one printable character.
#include <algorithm>
#include <array>
#include <unordered_map>

#include "engine/bpe_words.h"
#include "engine/tokenizer_tables.h"
#include "engine/tokenizer_vocabulary.h"
#include "engine/unicode.h"

namespace kvasir {
namespace {

constexpr std::string_view kMerges = "tokenizer.ggml.merges";
constexpr std::string_view kPre = "tokenizer.ggml.pre";

/// The byte that a character of the vocabulary stands for, or -1. Printable bytes of Latin-1 stand for
/// themselves, the other 68 are written as U+0100 and onwards, in ascending order.
int byteOfChar(char32_t c) {
    constexpr char32_t kEntries = 0x100 + 68;
    static const std::array<std::int16_t, kEntries> table = [] {
        std::array<std::int16_t, kEntries> bytes{};
        bytes.fill(-1);
        std::size_t shifted = 0x100;
        for (std::int16_t b = 0; b < 256; ++b) {
            const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            bytes[printable ? static_cast<std::size_t>(b) : shifted++] = b;
        }
        return bytes;
    }();
    return c < kEntries ? table[c] : -1;
}

/// The bytes that a text of the vocabulary stands for; empty when it is not written in the alphabet of bytes.
std::optional<std::string> bytesOfText(std::string_view text) {
    std::string bytes;
    for (std::size_t position = 0; position < text.size();) {
        const Utf8Char c = utf8At(text, position);
        const int byte = c.length != 0 ? byteOfChar(c.code) : -1;
        if (byte < 0) return std::nullopt;
        bytes += static_cast<char>(byte);
        position += c.length;
    }
    return bytes;
}

struct Symbol {
    TokenId id;
    std::uint32_t begin, end;  ///< bytes of the word
    std::int32_t previous, next;
};

/// Two neighbours that may become one token. The lowest rank is merged first, then the leftmost.
struct Candidate {
    std::int32_t rank;
    std::int32_t left;
    TokenId leftId, rightId, result;

    bool operator<(const Candidate& other) const {  // the top of a heap is its largest
        return rank != other.rank ? rank > other.rank : left > other.left;
    }
};

class BpeTokenizer final : public VocabularyTokenizer {
public:
    BpeTokenizer(Vocabulary vocabulary, BpeWords words)
        : VocabularyTokenizer(std::move(vocabulary)), m_words(words) {
        m_byteIds.fill(-1);
    }

    Result<void> prepare(const GgufFile& file);
    std::string piece(TokenId id) const override;

protected:
    void encodePlain(std::string_view text, std::uint32_t offset, bool first,
                     std::vector<TextToken>& tokens) const override;

private:
    struct Work {
        std::vector<Symbol> symbols;
        std::vector<Candidate> heap;
    };

    void collectTokens();
    Result<void> readMerges(const GgufFile& file);
    bool touchesControl(std::string_view left, std::string_view right) const;
    TokenId idOf(std::string_view bytes) const;
    void encodeValid(std::string_view text, std::uint32_t offset, std::vector<TextToken>& tokens) const;
    void encodeWord(std::string_view word, std::uint32_t offset, Work& work,
                    std::vector<TextToken>& tokens) const;
    void consider(std::int32_t left, Work& work) const;
    void merge(Work& work) const;

    BpeWords m_words;
    std::string m_bytes;  ///< of all tokens that text can become
    std::unordered_map<std::string_view, TokenId> m_ids;
    std::array<TokenId, 256> m_byteIds{};
    PairTable m_merges;  ///< (left, right) -> (rank, result)
};

TokenId BpeTokenizer::idOf(std::string_view bytes) const {
    const auto found = m_ids.find(bytes);
    return found != m_ids.end() ? found->second : -1;
}

void BpeTokenizer::collectTokens() {
    struct Piece {
        TokenId id;
        std::size_t begin, end;
    };
    std::vector<Piece> pieces;
    for (TokenId id = 0; id < size(); ++id) {
        const TokenKind kind = vocabulary().kind(id);
        // Text never becomes a control token, whatever the merges say.
        if (kind == TokenKind::Control || kind == TokenKind::Unknown) continue;
        const auto bytes = bytesOfText(vocabulary().text(id));
        if (!bytes || bytes->empty()) continue;
        pieces.push_back({id, m_bytes.size(), m_bytes.size() + bytes->size()});
        m_bytes += *bytes;
    }
    m_ids.reserve(pieces.size());
    for (const Piece& piece : pieces) {
        const auto bytes = std::string_view(m_bytes).substr(piece.begin, piece.end - piece.begin);
        m_ids.insert_or_assign(bytes, piece.id);
    }
    for (std::size_t b = 0; b < 256; ++b) {
        const char byte = static_cast<char>(b);
        m_byteIds[b] = idOf(std::string_view(&byte, 1));
    }
}

/// Whether a merge makes a control token or takes one.
bool BpeTokenizer::touchesControl(std::string_view left, std::string_view right) const {
    const auto control = [&](std::string_view text) {
        const auto match = vocabulary().special(text, 0, Specials::Control);
        return match && match->length == text.size() && idOf(text) < 0;
    };
    return control(left) || control(right) || control(std::string(left) + std::string(right));
}

Result<void> BpeTokenizer::readMerges(const GgufFile& file) {
    const auto merges = file.strings(kMerges);
    if (merges.empty()) return damagedVocabulary(file, kMerges, "it has no merges");
    m_merges = PairTable(merges.size());
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
        const std::string_view text = merges[rank];
        const std::size_t gap = text.find(' ', 1);
        const auto left = bytesOfText(text.substr(0, gap));
        const auto right =
            gap != std::string_view::npos ? bytesOfText(text.substr(gap + 1)) : std::optional<std::string>();
        const bool whole = left && right && !left->empty() && !right->empty();
        const TokenId leftId = whole ? idOf(*left) : -1;
        const TokenId rightId = whole ? idOf(*right) : -1;
        const TokenId result = whole ? idOf(*left + *right) : -1;
        if (leftId < 0 || rightId < 0 || result < 0) {
            if (whole && touchesControl(text.substr(0, gap), text.substr(gap + 1))) continue;
            return damagedVocabulary(file, kMerges,
                                     "merge " + std::to_string(rank) + " names texts that are not tokens");
        }
        m_merges.insert(PairTable::key(leftId, rightId), {static_cast<std::int32_t>(rank), result});
    }
    return {};
}

Result<void> BpeTokenizer::prepare(const GgufFile& file) {
    collectTokens();
    return readMerges(file);
}

std::string BpeTokenizer::piece(TokenId id) const {
    if (!vocabulary().has(id)) return {};
    const std::string_view text = vocabulary().text(id);
    if (vocabulary().kind(id) != TokenKind::Normal) return std::string(text);
    return bytesOfText(text).value_or(std::string(text));
}

void BpeTokenizer::encodePlain(std::string_view text, std::uint32_t offset, bool /*first*/,
                               std::vector<TextToken>& tokens) const {
    std::vector<std::size_t> replaced;
    const std::string valid = validUtf8(text, replaced);
    if (replaced.empty()) {
        encodeValid(text, offset, tokens);
        return;
    }
    const std::size_t before = tokens.size();
    encodeValid(valid, 0, tokens);
    // Back to the bytes of `text`: each replacement has three bytes for one, which belongs to its first.
    std::size_t passed = 0;
    const auto original = [&](std::uint32_t position) {
        while (passed < replaced.size() && replaced[passed] + kReplacement.size() <= position)
            ++passed;
        std::size_t extra = passed * (kReplacement.size() - 1);
        if (passed < replaced.size() && replaced[passed] < position) extra += position - replaced[passed] - 1;
        return offset + static_cast<std::uint32_t>(position - extra);
    };
    for (std::size_t i = before; i < tokens.size(); ++i) {
        tokens[i].begin = original(tokens[i].begin);
        tokens[i].end = original(tokens[i].end);
    }
}

void BpeTokenizer::encodeValid(std::string_view text, std::uint32_t offset,
                               std::vector<TextToken>& tokens) const {
    Work work;
    for (std::size_t position = 0; position < text.size();) {
        const std::size_t wordEnd = bpeWordEnd(m_words, text, position);
        while (position < wordEnd) {
            std::size_t end = std::min(wordEnd, position + kLongestWord);
            while (end < wordEnd && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
                --end;
            encodeWord(text.substr(position, end - position), offset + static_cast<std::uint32_t>(position),
                       work, tokens);
            position = end;
        }
    }
}

void BpeTokenizer::encodeWord(std::string_view word, std::uint32_t offset, Work& work,
                              std::vector<TextToken>& tokens) const {
    // Llama 3 takes a word that is a token as it is, even where merging would end elsewhere.
    if (m_words == BpeWords::LlamaBpe) {
        if (const TokenId id = idOf(word); id >= 0) {
            tokens.push_back({id, offset, offset + static_cast<std::uint32_t>(word.size())});
            return;
        }
    }
    work.symbols.clear();
    const auto count = static_cast<std::int32_t>(word.size());
    for (std::int32_t i = 0; i < count; ++i) {
        const auto at = static_cast<std::uint32_t>(i);
        const TokenId id = m_byteIds[static_cast<unsigned char>(word[at])];
        work.symbols.push_back({id, at, at + 1, i - 1, i + 1 < count ? i + 1 : -1});
    }
    merge(work);
    for (std::int32_t i = 0; i >= 0; i = work.symbols[static_cast<std::size_t>(i)].next) {
        const Symbol& symbol = work.symbols[static_cast<std::size_t>(i)];
        if (symbol.id >= 0) tokens.push_back({symbol.id, offset + symbol.begin, offset + symbol.end});
    }
}

void BpeTokenizer::consider(std::int32_t left, Work& work) const {
    const Symbol& a = work.symbols[static_cast<std::size_t>(left)];
    if (a.next < 0) return;
    const Symbol& b = work.symbols[static_cast<std::size_t>(a.next)];
    if (a.id < 0 || b.id < 0) return;
    const PairTable::Value* merged = m_merges.find(PairTable::key(a.id, b.id));
    if (merged == nullptr) return;
    work.heap.push_back({merged->first, left, a.id, b.id, merged->second});
    std::push_heap(work.heap.begin(), work.heap.end());
}

void BpeTokenizer::merge(Work& work) const {
    work.heap.clear();
    const auto count = static_cast<std::int32_t>(work.symbols.size());
    for (std::int32_t i = 0; i + 1 < count; ++i)
        consider(i, work);
    while (!work.heap.empty()) {
        std::pop_heap(work.heap.begin(), work.heap.end());
        const Candidate best = work.heap.back();
        work.heap.pop_back();
        Symbol& left = work.symbols[static_cast<std::size_t>(best.left)];
        if (left.id != best.leftId || left.next < 0) continue;  // merged meanwhile
        Symbol& right = work.symbols[static_cast<std::size_t>(left.next)];
        if (right.id != best.rightId) continue;
        left.id = best.result;
        left.end = right.end;
        left.next = right.next;
        right.id = -1;
        if (left.next >= 0) work.symbols[static_cast<std::size_t>(left.next)].previous = best.left;
        consider(best.left, work);
        if (left.previous >= 0) consider(left.previous, work);
    }
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> loadBpe(const GgufFile& file) {
    const auto name = file.string(kPre);
    const auto words = bpeWordsNamed(name.value_or(""));
    if (!words) {
        const std::string what =
            name ? "pre-tokenizer '" + std::string(*name) + "'" : "missing pre-tokenizer";
        return fail(ErrorCode::Unsupported,
                    "The model file's tokenizer is gpt2 (byte-level BPE) with the " + what +
                        ", which is not supported; supported are smollm, qwen2 and llama-bpe.",
                    file.path().string() + ", metadata key '" + std::string(kPre) + "'",
                    "Choose another model, for example SmolLM2, Qwen 2.5 or Llama 3.");
    }
    auto vocabulary = Vocabulary::load(file, *words == BpeWords::LlamaBpe);
    if (!vocabulary) return tl::unexpected(vocabulary.error());
    auto tokenizer = std::make_unique<BpeTokenizer>(std::move(*vocabulary), *words);
    if (auto prepared = tokenizer->prepare(file); !prepared) return tl::unexpected(prepared.error());
    return tokenizer;
}

}  // namespace kvasir
