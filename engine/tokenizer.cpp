#include "engine/tokenizer.h"

#include <new>

#include "engine/tokenizer_vocabulary.h"

namespace kvasir {

Result<std::unique_ptr<Tokenizer>> Tokenizer::load(const GgufFile& file) {
    constexpr std::string_view kModel = "tokenizer.ggml.model";
    try {
        const auto model = file.string(kModel);
        if (!model) return damagedVocabulary(file, kModel, "it does not say what kind it is");
        if (*model == "gpt2") return loadBpe(file);
        if (*model == "llama") return loadSentencePiece(file);
        return fail(ErrorCode::Unsupported,
                    "The model file's tokenizer '" + std::string(*model) +
                        "' is not supported; supported are gpt2 (byte-level BPE) and llama (SentencePiece).",
                    file.path().string() + ", metadata key '" + std::string(kModel) + "'",
                    "Choose another model, for example SmolLM2, Qwen 2.5, Llama 3 or Gemma 3.");
    } catch (const std::bad_alloc&) {
        return fail(ErrorCode::OutOfMemory, "There is not enough memory for the model's vocabulary.",
                    file.path().string(), "Close other programs and try again.");
    }
}

std::vector<TokenId> Tokenizer::ids(std::string_view text, Specials specials) const {
    std::vector<TokenId> result;
    const std::vector<TextToken> tokens = encode(text, specials);
    result.reserve(tokens.size());
    for (const TextToken& token : tokens)
        result.push_back(token.id);
    return result;
}

}  // namespace kvasir
