// The tokens of a model file: texts, kinds, special ones. Used by the tokenizers alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/error.h"
#include "engine/gguf.h"
#include "engine/tokenizer.h"
#include "engine/tokenizer_tables.h"

namespace kvasir {

/// tokenizer.ggml.token_type
enum class TokenKind : std::uint8_t { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };

/// Bytes that are merged at most as one word; longer words are cut, so that memory stays bounded.
inline constexpr std::size_t kLongestWord = std::size_t{1} << 20;

/// Immutable after load; owns its texts.
class Vocabulary {
public:
    /// Errors: Damaged (names the key), TooLarge.
    static Result<Vocabulary> load(const GgufFile& file, bool beginsByDefault);

    std::int64_t size() const { return static_cast<std::int64_t>(m_kinds.size()); }
    bool has(TokenId id) const { return id >= 0 && id < size(); }
    std::string_view text(TokenId id) const {  ///< as the file has it
        const auto i = static_cast<std::size_t>(id);
        return std::string_view(m_texts).substr(m_starts[i], m_starts[i + 1] - m_starts[i]);
    }
    TokenKind kind(TokenId id) const { return m_kinds[static_cast<std::size_t>(id)]; }
    /// Control tokens and user-defined ones are matched before anything else.
    std::optional<Trie::Match> special(std::string_view text, std::size_t position, Specials specials) const {
        return m_special.longest(text, position, specials == Specials::Plain);
    }
    bool endsGeneration(TokenId id) const { return has(id) && m_ends[static_cast<std::size_t>(id)]; }
    std::optional<TokenId> beginOfText() const { return m_begin; }
    std::optional<TokenId> findControl(std::string_view name) const;

private:
    Result<void> readTokens(const GgufFile& file);
    Result<void> readEnds(const GgufFile& file);
    Result<std::optional<TokenId>> readId(const GgufFile& file, std::string_view key) const;
    void sortKinds();

    std::string m_texts;
    std::vector<std::size_t> m_starts;  ///< one more than tokens
    std::vector<TokenKind> m_kinds;
    std::vector<bool> m_ends;
    Trie m_special;
    std::optional<TokenId> m_begin;
};

/// The part that all tokenizers share: special tokens are cut out, the rest goes to encodePlain.
class VocabularyTokenizer : public Tokenizer {
public:
    std::vector<TextToken> encode(std::string_view text, Specials specials) const override;
    std::string decode(const std::vector<TokenId>& tokens) const override;
    std::int64_t size() const override { return m_vocabulary.size(); }
    bool isControl(TokenId id) const override;
    bool endsGeneration(TokenId id) const override { return m_vocabulary.endsGeneration(id); }
    std::optional<TokenId> beginOfText() const override { return m_vocabulary.beginOfText(); }
    std::optional<TokenId> find(std::string_view name) const override {
        return m_vocabulary.findControl(name);
    }

protected:
    explicit VocabularyTokenizer(Vocabulary vocabulary) : m_vocabulary(std::move(vocabulary)) {}

    /// Appends the tokens of `text`, whose first byte is at `offset` of the whole. `first`: at the whole's
    /// beginning or after a special token.
    virtual void encodePlain(std::string_view text, std::uint32_t offset, bool first,
                             std::vector<TextToken>& tokens) const = 0;
    const Vocabulary& vocabulary() const { return m_vocabulary; }

private:
    Vocabulary m_vocabulary;
};

/// A failure about tokenizer metadata.
tl::unexpected<Error> damagedVocabulary(const GgufFile& file, std::string_view key, const std::string& what);

/// The two tokenizers; errors as Tokenizer::load.
Result<std::unique_ptr<Tokenizer>> loadBpe(const GgufFile& file);
Result<std::unique_ptr<Tokenizer>> loadSentencePiece(const GgufFile& file);

}  // namespace kvasir
