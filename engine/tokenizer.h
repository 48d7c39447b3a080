// Text to token ids and back, as the model file's own tokenizer defines it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "engine/gguf.h"

namespace kvasir {

using TokenId = std::int32_t;

/// A token and the bytes of the text it stands for: [begin, end). Tokens of one text cover it in order; a
/// byte that the vocabulary cannot express belongs to no token. A token that holds a part of a character has
/// the part's bytes.
struct TextToken {
    TokenId id = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
};

/// Whether control tokens written in the text (for example <|im_start|>) become those tokens. Text of
/// documents and users is always Plain; only our own templates are Control.
enum class Specials : std::uint8_t { Plain, Control };

/// Byte-level BPE (pre-tokenizers smollm, qwen2, llama-bpe) or SentencePiece (llama/gemma). Immutable; any
/// number of threads may use one object. Never fails on any byte sequence: invalid UTF-8 is taken as U+FFFD.
class Tokenizer {
public:
    /// Errors: Unsupported (names tokenizer model and pre-tokenizer, and what is supported), Damaged (a
    /// missing or inconsistent vocabulary; names the key), TooLarge (more than 4,194,304 tokens),
    /// OutOfMemory. The file may be closed afterwards.
    static Result<std::unique_ptr<Tokenizer>> load(const GgufFile& file);
    virtual ~Tokenizer() = default;

    /// No begin-of-text token is added. Texts up to 2 GiB.
    virtual std::vector<TextToken> encode(std::string_view text, Specials specials) const = 0;
    /// The ids alone.
    std::vector<TokenId> ids(std::string_view text, Specials specials) const;

    /// The bytes a token stands for; control tokens give their name. Bytes of neighbours may have to be
    /// joined to be valid UTF-8. Empty for an id outside the vocabulary.
    virtual std::string piece(TokenId id) const = 0;
    /// All pieces joined as the model file means it (SentencePiece drops the space it puts in front of a
    /// text).
    virtual std::string decode(const std::vector<TokenId>& tokens) const = 0;

    virtual std::int64_t size() const = 0;
    /// Control tokens of the file, and turn markers that it calls user-defined.
    virtual bool isControl(TokenId id) const = 0;
    /// End of text, end of turn and their kin: generation stops there.
    virtual bool endsGeneration(TokenId id) const = 0;
    virtual std::optional<TokenId> beginOfText()
        const = 0;  ///< only when the file says prompts begin with it
    virtual std::optional<TokenId> find(std::string_view name) const = 0;  ///< a control token by its name
};

}  // namespace kvasir
