#include "app/prompt.h"

#include <string>

#include "app/utf8.h"

namespace kvasir {
namespace {

// The same for every document and question of a model: it is read once and stays resident with the document.
constexpr std::string_view kSystem =
    "You answer questions about a document. Use only what the document says. Answer with the exact numbers, "
    "dates and "
    "names of the document, in one short sentence, in the language of the question. If the document does not "
    "contain "
    "the answer, say that the document does not say it.";
constexpr std::string_view kBeforeDocument = "Document:\n\n";
constexpr std::string_view kBeforeQuestion = "\n\n---\nAnswer from the document above.\nQuestion: ";
constexpr std::string_view kBeforeQuestionJapanese =
    "\n\n---\n上の文書だけに基づいて、一文で答えてください。\n質問: ";

void append(std::vector<TokenId>& to, const std::vector<TokenId>& tokens) {
    to.insert(to.end(), tokens.begin(), tokens.end());
}

}  // namespace

Result<PromptBuilder> PromptBuilder::create(const Model& model) {
    if (!model.chat()) return tl::unexpected(model.chat().error());
    return PromptBuilder(model, *model.chat());
}

TokenisedDocument PromptBuilder::tokenise(std::shared_ptr<const Document> document) const {
    const Tokenizer& tokenizer = m_model->tokenizer();
    TokenisedDocument result;
    if (const std::optional<TokenId> begin = tokenizer.beginOfText()) result.prompt.push_back(*begin);
    append(result.prompt, tokenizer.ids(m_chat.systemBegin, Specials::Control));
    append(result.prompt, tokenizer.ids(kSystem, Specials::Plain));
    append(result.prompt, tokenizer.ids(m_chat.systemEnd, Specials::Control));
    if (!m_chat.systemOpensUser) append(result.prompt, tokenizer.ids(m_chat.userBegin, Specials::Control));
    append(result.prompt, tokenizer.ids(kBeforeDocument, Specials::Plain));
    result.prefix = static_cast<std::int64_t>(result.prompt.size());
    result.tokens = tokenizer.encode(document->text, Specials::Plain);
    result.prompt.reserve(result.prompt.size() + result.tokens.size());
    for (const TextToken& token : result.tokens)
        result.prompt.push_back(token.id);
    result.document = std::move(document);
    return result;
}

std::vector<TokenId> PromptBuilder::question(std::string_view question) const {
    const Tokenizer& tokenizer = m_model->tokenizer();
    std::vector<TokenId> tokens;
    append(tokens,
           tokenizer.ids(isJapanese(question) ? kBeforeQuestionJapanese : kBeforeQuestion, Specials::Plain));
    append(tokens, tokenizer.ids(question, Specials::Plain));
    append(tokens, tokenizer.ids(m_chat.userEnd + m_chat.assistantBegin, Specials::Control));
    return tokens;
}

PromptLayout PromptBuilder::layout(const TokenisedDocument& document,
                                   const std::vector<TokenId>& question) const {
    PromptLayout layout;
    layout.prefix = document.prefix;
    layout.documentEnd = static_cast<std::int64_t>(document.prompt.size());
    layout.length = layout.documentEnd + static_cast<std::int64_t>(question.size());
    return layout;
}

bool isJapanese(std::string_view text) {
    std::int64_t kana = 0, kanji = 0, latin = 0;
    for (const char32_t c : utf8::codePoints(text)) {
        if (c >= 0x3040 && c <= 0x30FF) ++kana;
        if (c >= 0x4E00 && c <= 0x9FFF) ++kanji;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) ++latin;
    }
    return kana > 0 || (kanji > 0 && kanji * 2 > latin);
}

}  // namespace kvasir
