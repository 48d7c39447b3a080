// The pieces a chat model expects around a system text, a document and a question.
#pragma once

#include <string>
#include <string_view>

#include "engine/error.h"
#include "engine/gguf.h"

namespace kvasir {

enum class ChatFormat { ChatMl, Llama3, Mistral, Gemma };

/// Markup of one format; each text holds control tokens and is tokenised with Specials::Control, apart from
/// what stands between. A conversation is: systemBegin S systemEnd (userBegin U userEnd assistantBegin A
/// assistantEnd)*. Formats without a system role (Gemma, Mistral) give system text inside the first user
/// turn: there systemBegin is the user turn's beginning, systemEnd a blank line, and `systemOpensUser` is
/// true, so the first userBegin is left out.
struct ChatTemplate {
    ChatFormat format = ChatFormat::ChatMl;
    std::string systemBegin, systemEnd;
    std::string userBegin, userEnd;
    std::string assistantBegin, assistantEnd;
    bool systemOpensUser = false;

    /// Recognised from tokenizer.chat_template. Errors: Unsupported when the file has none or one that is not
    /// known (the message says which formats are).
    static Result<ChatTemplate> recognise(const GgufFile& file);
};

}  // namespace kvasir
