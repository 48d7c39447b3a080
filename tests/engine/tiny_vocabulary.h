// Small vocabularies for tests: a byte-level BPE and a SentencePiece one, as metadata of a GGUF file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/engine/gguf_writer.h"

namespace kvasir::test {

/// Kinds of tokens as model files number them.
inline constexpr std::int32_t kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5,
                              kByte = 6;

inline std::string written(std::string_view bytes) {
    std::string result;
    for (const char c : bytes)
        result += writtenByte(static_cast<unsigned char>(c));
    return result;
}

struct TinyVocabulary {
    std::vector<std::string> tokens;
    std::vector<std::int32_t> kinds;
    std::vector<float> scores;
    std::vector<std::pair<std::string, std::string>> merges;  ///< in bytes

    std::int32_t add(std::string text, std::int32_t kind) {
        tokens.push_back(std::move(text));
        kinds.push_back(kind);
        scores.push_back(-static_cast<float>(tokens.size()));
        return static_cast<std::int32_t>(tokens.size()) - 1;
    }
    std::int32_t id(std::string_view text) const {
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            if (tokens[i] == text) return static_cast<std::int32_t>(i);
        }
        return -1;
    }
};

/// Tokens 0 to 4 are special, then every byte but 04 and 06, then what the merges make.
inline TinyVocabulary tinyBpeVocabulary() {
    TinyVocabulary vocabulary;
    vocabulary.add("<|endoftext|>", kControl);
    vocabulary.add("<|im_start|>", kControl);
    vocabulary.add("<|im_end|>", kControl);
    vocabulary.add("<tool>", kUserDefined);
    vocabulary.add("</s>", kNormal);
    for (int byte = 0; byte < 256; ++byte) {
        if (byte != 4 && byte != 6) vocabulary.add(writtenByte(byte), kNormal);
    }
    vocabulary.merges = {{"h", "e"},
                         {"l", "l"},
                         {"he", "ll"},
                         {"hell", "o"},
                         {" ", "w"},
                         {"o", "r"},
                         {" w", "or"},
                         {"a", "a"},
                         {"aa", "aa"},
                         {"aa", "a"},
                         {"a", "b"},
                         {"b", "a"},
                         {" ", " "},
                         {"  ", "  "},
                         {"\n", "\n"},
                         {"\xC3", "\xA9"},
                         {"\xEF", "\xBF"},
                         {"\xEF\xBF", "\xBD"},
                         {"\xEF\xBF\xBD", "\xEF\xBF\xBD"}};
    for (const auto& [left, right] : vocabulary.merges)
        vocabulary.add(written(left + right), kNormal);
    return vocabulary;
}

inline GgufWriter bpeFile(const TinyVocabulary& vocabulary, std::string_view pre) {
    std::vector<std::string> merges;
    merges.reserve(vocabulary.merges.size());
    for (const auto& [left, right] : vocabulary.merges)
        merges.push_back(written(left) + " " + written(right));
    GgufWriter writer;
    writer.string("tokenizer.ggml.model", "gpt2")
        .string("tokenizer.ggml.pre", pre)
        .strings("tokenizer.ggml.tokens", vocabulary.tokens)
        .i32s("tokenizer.ggml.token_type", vocabulary.kinds)
        .strings("tokenizer.ggml.merges", merges)
        .u32("tokenizer.ggml.bos_token_id", 1)
        .u32("tokenizer.ggml.eos_token_id", 2);
    return writer;
}

/// Tokens 0 to 5 are special, then <0x00> to <0xFF>, then letters and what they make. U+2581 is a space.
inline TinyVocabulary tinySentencePieceVocabulary() {
    TinyVocabulary vocabulary;
    vocabulary.add("<unk>", kUnknown);
    vocabulary.add("<s>", kControl);
    vocabulary.add("</s>", kControl);
    vocabulary.add("<start_of_turn>", kUserDefined);
    vocabulary.add("\n\n", kUserDefined);
    vocabulary.add("<b>", kUserDefined);
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    for (std::size_t byte = 0; byte < 256; ++byte) {
        vocabulary.add(std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + ">", kByte);
    }
    for (const char* text : {"he", "ll",   "hell", "hello", "▁h",  "▁hello", "aa", "aaa", "aaaa", "ab",
                             "▁▁", "▁▁▁▁", "▁a",   "b▁",    "b▁a", "あい",   "▁",  "h",   "e",    "l",
                             "o",  "a",    "b",    "<",     "s",   ">",      "<s", "/",   "あ",   "い"}) {
        vocabulary.add(text, kNormal);
    }
    return vocabulary;
}

inline GgufWriter sentencePieceFile(const TinyVocabulary& vocabulary, bool spacePrefix) {
    GgufWriter writer;
    writer.string("tokenizer.ggml.model", "llama")
        .strings("tokenizer.ggml.tokens", vocabulary.tokens)
        .i32s("tokenizer.ggml.token_type", vocabulary.kinds)
        .f32s("tokenizer.ggml.scores", vocabulary.scores)
        .boolean("tokenizer.ggml.add_space_prefix", spacePrefix)
        .u32("tokenizer.ggml.bos_token_id", 1)
        .u32("tokenizer.ggml.eos_token_id", 2);
    return writer;
}

}  // namespace kvasir::test
