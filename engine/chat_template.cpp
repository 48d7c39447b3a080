#include "engine/chat_template.h"

namespace kvasir {
namespace {

ChatTemplate chatMl() {
    return {ChatFormat::ChatMl, "<|im_start|>system\n",    "<|im_end|>\n", "<|im_start|>user\n",
            "<|im_end|>\n",     "<|im_start|>assistant\n", "<|im_end|>\n", false};
}

ChatTemplate llama3() {
    const auto role = [](const std::string& name) {
        return "<|start_header_id|>" + name + "<|end_header_id|>\n\n";
    };
    return {ChatFormat::Llama3, role("system"),    "<|eot_id|>", role("user"),
            "<|eot_id|>",       role("assistant"), "<|eot_id|>", false};
}

/// No blanks around the brackets: where the format has them, they are the space that SentencePiece puts in
/// front of each text.
ChatTemplate mistral() {
    return {ChatFormat::Mistral, "[INST]", "\n\n", "[INST]", "[/INST]", "", "</s>", true};
}

ChatTemplate gemma() {
    return {
        ChatFormat::Gemma,        "<start_of_turn>user\n", "\n\n", "<start_of_turn>user\n", "<end_of_turn>\n",
        "<start_of_turn>model\n", "<end_of_turn>\n",       true};
}

}  // namespace

Result<ChatTemplate> ChatTemplate::recognise(const GgufFile& file) {
    constexpr std::string_view kKey = "tokenizer.chat_template";
    const auto text = file.string(kKey);
    const auto has = [&](std::string_view marker) { return text->find(marker) != std::string_view::npos; };
    if (text) {
        if (has("<|start_header_id|>") && has("<|eot_id|>")) return llama3();
        if (has("<|im_start|>") && has("<|im_end|>")) return chatMl();
        if (has("<start_of_turn>") && has("<end_of_turn>")) return gemma();
        // Llama 2 has the same brackets around another format.
        if (has("[INST]") && has("[/INST]") && !has("<<SYS>>")) return mistral();
    }
    const std::string what =
        text ? "The model's chat template is of a kind that is not known"
             : "The model file has no chat template, so it is probably not meant to answer questions";
    return fail(ErrorCode::Unsupported, what + "; known are ChatML, Llama 3, Mistral and Gemma.",
                file.path().string() + ", metadata key '" + std::string(kKey) + "'",
                "Choose an 'instruct' or 'chat' file of the model, or another model.");
}

}  // namespace kvasir
