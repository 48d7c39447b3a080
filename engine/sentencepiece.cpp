// SentencePiece BPE: the neighbours that form the token of the highest score become one, until none do.
// Spaces are written U+2581; a character without a token becomes byte tokens.
#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "engine/tokenizer_vocabulary.h"

namespace kvasir {
namespace {

constexpr std::string_view kScores = "tokenizer.ggml.scores";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581

/// The value of <0xHH>, or -1.
int byteOfToken(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
    const std::size_t high = kDigits.find(text[3]);
    const std::size_t low = kDigits.find(text[4]);
    if (high == std::string_view::npos || low == std::string_view::npos) return -1;
    return static_cast<int>(high * 16 + low);
}

/// How many bytes a character has by its first byte alone. What is not valid UTF-8 becomes byte tokens
/// anyway.
std::size_t lengthByLead(char lead) {
    constexpr std::array<std::uint8_t, 16> kLengths{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4};
    return kLengths[static_cast<unsigned char>(lead) >> 4U];
}

struct Symbol {
    std::uint32_t begin, length;  ///< bytes of the written word; length 0: merged into its neighbour
    std::int32_t previous, next;
    TokenId id;  ///< -1: not known yet
};

/// Two neighbours that form a token. The highest score is merged first, then the leftmost.
struct Candidate {
    float score;
    std::int32_t left;
    std::uint32_t length;
    TokenId result;

    bool operator<(const Candidate& other) const {  // the top of a heap is its largest
        return score != other.score ? score < other.score : left > other.left;
    }
};

/// A word of the text as the vocabulary writes it, with the way back.
class WrittenWord {
public:
    /// `prefix`: a space that is not in the text comes first.
    void set(std::string_view source, std::uint32_t offset, bool prefix) {
        m_source = source;
        m_sourceAt = 0;
        m_writtenAt = prefix ? static_cast<std::uint32_t>(kSpace.size()) : 0;
        m_offset = offset;
        m_text.assign(prefix ? kSpace : std::string_view());
        for (const char c : source) {
            if (c == ' ') {
                m_text += kSpace;
            } else {
                m_text += c;
            }
        }
    }
    std::string_view text() const { return m_text; }

    /// The position in the whole text of a written one. Ask in ascending order. A space belongs to the first
    /// of the bytes that it is written with.
    std::uint32_t original(std::uint32_t written) {
        while (m_writtenAt < written) {
            const bool space = m_source[m_sourceAt] == ' ';
            m_writtenAt += space ? static_cast<std::uint32_t>(kSpace.size()) : 1;
            ++m_sourceAt;
        }
        return m_offset + m_sourceAt;
    }

private:
    std::string m_text;
    std::string_view m_source;
    std::uint32_t m_offset = 0, m_sourceAt = 0, m_writtenAt = 0;
};

class SentencePieceTokenizer final : public VocabularyTokenizer {
public:
    SentencePieceTokenizer(Vocabulary vocabulary, bool spacePrefix)
        : VocabularyTokenizer(std::move(vocabulary)), m_spacePrefix(spacePrefix) {
        m_byteIds.fill(-1);
    }

    Result<void> prepare(const GgufFile& file);
    std::string piece(TokenId id) const override;
    std::string decode(const std::vector<TokenId>& tokens) const override;

protected:
    void encodePlain(std::string_view text, std::uint32_t offset, bool first,
                     std::vector<TextToken>& tokens) const override;

private:
    struct Work {
        WrittenWord word;
        std::vector<Symbol> symbols;
        std::vector<Candidate> heap;
    };

    Result<void> collectTokens(const GgufFile& file);
    TokenId idOf(std::string_view text) const;
    std::size_t wordEnd(std::string_view text, std::size_t position) const;
    void encodeWord(Work& work, std::vector<TextToken>& tokens) const;
    void consider(std::int32_t left, Work& work) const;
    void merge(Work& work) const;

    bool m_spacePrefix;
    std::unordered_map<std::string_view, TokenId> m_ids;
    std::array<TokenId, 256> m_byteIds{};
    std::vector<float> m_scores;
    std::size_t m_longest = 0;
    /// Bytes that stand before U+2581 inside some token: only there can a merge reach across a space.
    std::array<bool, 256> m_crosses{};
};

TokenId SentencePieceTokenizer::idOf(std::string_view text) const {
    if (text.size() > m_longest) return -1;
    const auto found = m_ids.find(text);
    return found != m_ids.end() ? found->second : -1;
}

Result<void> SentencePieceTokenizer::collectTokens(const GgufFile& file) {
    m_ids.reserve(static_cast<std::size_t>(size()));
    for (TokenId id = 0; id < size(); ++id) {
        const std::string_view text = vocabulary().text(id);
        const TokenKind kind = vocabulary().kind(id);
        if (kind == TokenKind::Byte) {
            const int byte = byteOfToken(text);
            if (byte < 0) {
                return damagedVocabulary(file, kTypes,
                                         "byte token " + std::to_string(id) + " is not written <0xHH>");
            }
            m_byteIds[static_cast<std::size_t>(byte)] = id;
        }
        // Text never becomes a control token, whatever the scores say.
        if (kind == TokenKind::Byte || kind == TokenKind::Control || kind == TokenKind::Unknown) continue;
        if (text.empty()) continue;
        m_ids.insert_or_assign(text, id);
        m_longest = std::max(m_longest, text.size());
        for (std::size_t at = text.find(kSpace, 1); at != std::string_view::npos;
             at = text.find(kSpace, at + 1)) {
            m_crosses[static_cast<unsigned char>(text[at - 1])] = true;
        }
    }
    return {};
}

Result<void> SentencePieceTokenizer::prepare(const GgufFile& file) {
    m_scores = file.floats(kScores);
    if (m_scores.size() != static_cast<std::size_t>(size())) {
        return damagedVocabulary(
            file, kScores,
            "it has " + std::to_string(size()) + " tokens, but scores of " + std::to_string(m_scores.size()));
    }
    for (std::size_t i = 0; i < m_scores.size(); ++i) {
        if (std::isnan(m_scores[i])) {
            return damagedVocabulary(file, kScores,
                                     "the score of token " + std::to_string(i) + " is no number");
        }
    }
    return collectTokens(file);
}

std::string SentencePieceTokenizer::piece(TokenId id) const {
    if (!vocabulary().has(id)) return {};
    const std::string_view text = vocabulary().text(id);
    switch (vocabulary().kind(id)) {
        case TokenKind::Byte:
            return std::string(1, static_cast<char>(byteOfToken(text)));
        case TokenKind::Normal:
        case TokenKind::Unused: {
            std::string result;
            for (std::size_t at = 0; at < text.size();) {
                const bool space = text.substr(at).starts_with(kSpace);
                result += space ? ' ' : text[at];
                at += space ? kSpace.size() : 1;
            }
            return result;
        }
        default:
            return std::string(text);
    }
}

std::string SentencePieceTokenizer::decode(const std::vector<TokenId>& tokens) const {
    std::string text = VocabularyTokenizer::decode(tokens);
    const bool added = m_spacePrefix && !tokens.empty() && piece(tokens[0]).starts_with(' ');
    return added ? text.substr(1) : text;
}

/// Cuts before a space where no merge can reach across: words are merged apart, with the same result.
std::size_t SentencePieceTokenizer::wordEnd(std::string_view text, std::size_t position) const {
    std::size_t open = 0;  // written bytes that the present character still takes
    for (std::size_t end = position; end < text.size(); ++end) {
        const bool space = text[end] == ' ';
        if (end > position && open == 0) {
            const char before = text[end - 1] == ' ' ? kSpace.back() : text[end - 1];
            if (space && !m_crosses[static_cast<unsigned char>(before)]) return end;
            if (end - position >= kLongestWord) return end;
        }
        const std::size_t written = space ? kSpace.size() : 1;
        if (open == 0) open = lengthByLead(space ? kSpace[0] : text[end]);
        open -= std::min(open, written);
    }
    return text.size();
}

void SentencePieceTokenizer::encodePlain(std::string_view text, std::uint32_t offset, bool first,
                                         std::vector<TextToken>& tokens) const {
    Work work;
    for (std::size_t position = 0; position < text.size();) {
        const std::size_t end = wordEnd(text, position);
        work.word.set(text.substr(position, end - position), offset + static_cast<std::uint32_t>(position),
                      first && position == 0 && m_spacePrefix);
        encodeWord(work, tokens);
        position = end;
    }
}

void SentencePieceTokenizer::encodeWord(Work& work, std::vector<TextToken>& tokens) const {
    const std::string_view text = work.word.text();
    work.symbols.clear();
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = std::min(lengthByLead(text[at]), text.size() - at);
        const auto index = static_cast<std::int32_t>(work.symbols.size());
        const bool last = at + length == text.size();
        work.symbols.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(length), index - 1,
                                last ? -1 : index + 1, -1});
        at += length;
    }
    merge(work);
    const auto add = [&](TokenId id, std::uint32_t begin, std::uint32_t end) {
        const std::uint32_t from = work.word.original(begin);
        tokens.push_back({id, from, work.word.original(end)});
    };
    for (std::int32_t i = 0; i >= 0; i = work.symbols[static_cast<std::size_t>(i)].next) {
        const Symbol& symbol = work.symbols[static_cast<std::size_t>(i)];
        const TokenId id = symbol.id >= 0 ? symbol.id : idOf(text.substr(symbol.begin, symbol.length));
        if (id >= 0) {
            add(id, symbol.begin, symbol.begin + symbol.length);
            continue;
        }
        for (std::uint32_t at = symbol.begin; at < symbol.begin + symbol.length; ++at) {
            const TokenId byte = m_byteIds[static_cast<unsigned char>(text[at])];
            if (byte >= 0) add(byte, at, at + 1);
        }
    }
}

void SentencePieceTokenizer::consider(std::int32_t left, Work& work) const {
    const Symbol& a = work.symbols[static_cast<std::size_t>(left)];
    if (a.next < 0) return;
    const std::uint32_t length = a.length + work.symbols[static_cast<std::size_t>(a.next)].length;
    const TokenId id = idOf(work.word.text().substr(a.begin, length));
    if (id < 0) return;
    work.heap.push_back({m_scores[static_cast<std::size_t>(id)], left, length, id});
    std::push_heap(work.heap.begin(), work.heap.end());
}

void SentencePieceTokenizer::merge(Work& work) const {
    work.heap.clear();
    const auto count = static_cast<std::int32_t>(work.symbols.size());
    for (std::int32_t i = 0; i + 1 < count; ++i)
        consider(i, work);
    while (!work.heap.empty()) {
        std::pop_heap(work.heap.begin(), work.heap.end());
        const Candidate best = work.heap.back();
        work.heap.pop_back();
        Symbol& left = work.symbols[static_cast<std::size_t>(best.left)];
        if (left.length == 0 || left.next < 0) continue;  // merged meanwhile
        Symbol& right = work.symbols[static_cast<std::size_t>(left.next)];
        if (left.length + right.length != best.length) continue;
        left.id = best.result;
        left.length = best.length;
        left.next = right.next;
        right.length = 0;
        if (left.next >= 0) work.symbols[static_cast<std::size_t>(left.next)].previous = best.left;
        consider(best.left, work);
        if (left.previous >= 0) consider(left.previous, work);
    }
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> loadSentencePiece(const GgufFile& file) {
    auto vocabulary = Vocabulary::load(file, true);
    if (!vocabulary) return tl::unexpected(vocabulary.error());
    const bool prefix = file.boolean("tokenizer.ggml.add_space_prefix").value_or(true);
    auto tokenizer = std::make_unique<SentencePieceTokenizer>(std::move(*vocabulary), prefix);
    if (auto prepared = tokenizer->prepare(file); !prepared) return tl::unexpected(prepared.error());
    return tokenizer;
}

}  // namespace kvasir
