#include "engine/tokenizer_vocabulary.h"

#include <algorithm>
#include <array>

namespace kvasir {
namespace {

constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr std::size_t kMaxTokens = std::size_t{1} << 22;

/// Tokens that end a text or a turn. Only control tokens of these names count: HTML's </s> does not.
constexpr std::array<std::string_view, 18> kEndNames{
    "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>",    "<|eom_id|>",    "<|end|>",
    "<|return|>", "<end_of_turn>", "<turn|>",    "<end_of_utterance>", "</s>",          "<eos>",
    "<EOT>",      "[EOS]",         "<|eos|>",    "<|fim_pad|>",        "<|repo_name|>", "<|file_sep|>"};

/// Some files call their turn markers user-defined. They are control tokens all the same: text of a document
/// must not become one.
bool looksLikeControl(std::string_view text) {
    if (text == "<start_of_turn>" || text == "<end_of_turn>") return true;
    return text.size() > 4 && text.starts_with("<|") && text.ends_with("|>");
}

}  // namespace

tl::unexpected<Error> damagedVocabulary(const GgufFile& file, std::string_view key, const std::string& what) {
    return fail(ErrorCode::Damaged, "The model file's vocabulary is damaged: " + what + ".",
                file.path().string() + ", metadata key '" + std::string(key) + "'",
                "Download the file again, or choose another file of the same model.");
}

Result<Vocabulary> Vocabulary::load(const GgufFile& file, bool beginsByDefault) {
    Vocabulary vocabulary;
    if (auto read = vocabulary.readTokens(file); !read) return tl::unexpected(read.error());
    vocabulary.sortKinds();
    if (auto read = vocabulary.readEnds(file); !read) return tl::unexpected(read.error());
    const auto begin = vocabulary.readId(file, "tokenizer.ggml.bos_token_id");
    if (!begin) return tl::unexpected(begin.error());
    if (file.boolean("tokenizer.ggml.add_bos_token").value_or(beginsByDefault)) vocabulary.m_begin = *begin;
    return vocabulary;
}

Result<void> Vocabulary::readTokens(const GgufFile& file) {
    const auto texts = file.strings(kTokens);
    if (texts.empty()) return damagedVocabulary(file, kTokens, "it has no tokens");
    if (texts.size() > kMaxTokens) {
        return fail(ErrorCode::TooLarge,
                    "The model file has more than 4,194,304 tokens, which is not supported.",
                    file.path().string() + ", metadata key '" + std::string(kTokens) + "'",
                    "Choose another model file.");
    }
    const auto types = file.integers(kTypes);
    if (types.size() != texts.size()) {
        return damagedVocabulary(file, kTypes,
                                 "it has " + std::to_string(texts.size()) + " tokens, but kinds of " +
                                     std::to_string(types.size()));
    }
    m_kinds.reserve(texts.size());
    m_starts.reserve(texts.size() + 1);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (types[i] < 1 || types[i] > 6) {
            return damagedVocabulary(file, kTypes,
                                     "token " + std::to_string(i) + " is of kind " +
                                         std::to_string(types[i]) + " instead of 1 to 6");
        }
        m_kinds.push_back(static_cast<TokenKind>(types[i]));
        m_starts.push_back(m_texts.size());
        m_texts += texts[i];
    }
    m_starts.push_back(m_texts.size());
    return {};
}

void Vocabulary::sortKinds() {
    for (TokenId id = 0; id < size(); ++id) {
        const std::string_view name = text(id);
        TokenKind& kind = m_kinds[static_cast<std::size_t>(id)];
        if (kind == TokenKind::UserDefined && looksLikeControl(name)) kind = TokenKind::Control;
        if (name.empty()) continue;
        // Files of several models call </s> ordinary text or a piece of HTML, and mean the end of a text
        // where markup is read; so it is found there, and only there.
        const bool endMark = name == "</s>";
        const bool special =
            kind == TokenKind::Control || kind == TokenKind::Unknown || kind == TokenKind::UserDefined;
        if (special || endMark) m_special.insert(name, id, kind == TokenKind::UserDefined && !endMark);
    }
}

Result<std::optional<TokenId>> Vocabulary::readId(const GgufFile& file, std::string_view key) const {
    if (!file.has(key)) return std::optional<TokenId>();
    const auto value = file.integer(key);
    if (!value || *value < 0 || *value >= size()) {
        return damagedVocabulary(file, key, "there is no such token");
    }
    return std::optional<TokenId>(static_cast<TokenId>(*value));
}

Result<void> Vocabulary::readEnds(const GgufFile& file) {
    m_ends.assign(m_kinds.size(), false);
    for (const std::string_view key :
         {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
        const auto id = readId(file, key);
        if (!id) return tl::unexpected(id.error());
        if (*id) m_ends[static_cast<std::size_t>(**id)] = true;
    }
    for (const std::string_view name : kEndNames) {
        if (const auto id = findControl(name)) m_ends[static_cast<std::size_t>(*id)] = true;
    }
    return {};
}

std::optional<TokenId> Vocabulary::findControl(std::string_view name) const {
    if (name.empty()) return std::nullopt;
    const auto match = special(name, 0, Specials::Control);
    if (!match || match->length != name.size() || kind(match->value) != TokenKind::Control)
        return std::nullopt;
    return match->value;
}

std::vector<TextToken> VocabularyTokenizer::encode(std::string_view text, Specials specials) const {
    std::vector<TextToken> tokens;
    std::size_t plain = 0;
    bool first = true;
    const auto flush = [&](std::size_t end) {
        if (end == plain) return;
        encodePlain(text.substr(plain, end - plain), static_cast<std::uint32_t>(plain), first, tokens);
    };
    for (std::size_t position = 0; position < text.size();) {
        const auto match = m_vocabulary.special(text, position, specials);
        if (!match) {
            ++position;
            continue;
        }
        flush(position);
        const std::size_t end = position + match->length;
        tokens.push_back(
            {match->value, static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(end)});
        position = plain = end;
        first = true;
    }
    flush(text.size());
    return tokens;
}

std::string VocabularyTokenizer::decode(const std::vector<TokenId>& tokens) const {
    std::string text;
    for (const TokenId id : tokens)
        text += piece(id);
    return text;
}

bool VocabularyTokenizer::isControl(TokenId id) const {
    return m_vocabulary.has(id) && m_vocabulary.kind(id) == TokenKind::Control;
}

}  // namespace kvasir
