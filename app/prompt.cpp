#include "app/prompt.h"

#include <string>

#include "app/prompt_wording.h"
#include "app/utf8.h"

namespace kvasir {
namespace {

// The same for every document and question of a model: it is read once and stays resident with the document.
constexpr std::string_view kSystem = "You are a helpful assistant.";
constexpr std::string_view kBeforeDocument = "Document:\n\n";

constexpr std::string_view kBetweenRepeated = "\n\n";  // as paragraphs are apart in a document

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

QuestionPiece PromptBuilder::question(std::string_view question, std::span<const TextToken> document,
                                      std::span<const std::int64_t> repeated,
                                      const EarlierTurns& earlier) const {
    const Tokenizer& tokenizer = m_model->tokenizer();
    const Wording& wording = wordingFor(question);
    QuestionPiece piece;
    piece.tokens = earlier.tokens;
    piece.turnTokens = std::ssize(earlier.tokens);
    // A turn of its own begins without the lines that keep a question apart from the document.
    const auto opening = [&](std::string_view text) {
        return earlier.tokens.empty() || std::ssize(piece.tokens) > piece.turnTokens ? text
                                                                                     : withoutGap(text);
    };
    for (std::size_t i = 0; i < repeated.size(); ++i) {
        // What is not one passage in the document is not one here.
        if (i == 0 || repeated[i] != repeated[i - 1] + 1)
            append(piece.tokens, tokenizer.ids(i == 0 ? opening(wording.beforeRepeated) : kBetweenRepeated,
                                               Specials::Plain));
        piece.repeated.resize(piece.tokens.size(), -1);
        piece.repeated.push_back(repeated[i]);
        piece.tokens.push_back(document[static_cast<std::size_t>(repeated[i])].id);
    }
    append(piece.tokens, tokenizer.ids(opening(wording.beforeQuestion), Specials::Plain));
    append(piece.tokens, tokenizer.ids(question, Specials::Plain));
    append(piece.tokens, tokenizer.ids(wording.afterQuestion, Specials::Plain));
    append(piece.tokens, tokenizer.ids(m_chat.userEnd + m_chat.assistantBegin, Specials::Control));
    append(piece.tokens,
           tokenizer.ids(std::string(wording.quoteLead) + std::string(wording.openQuote), Specials::Plain));
    piece.shown = wording.openQuote;
    piece.closeQuote = wording.closeQuote;
    piece.answerLead = wording.answerLead;
    return piece;
}

PromptLayout PromptBuilder::layout(const TokenisedDocument& document, const QuestionPiece& question) const {
    PromptLayout layout;
    layout.prefix = document.prefix;
    layout.documentEnd = static_cast<std::int64_t>(document.prompt.size());
    layout.length = layout.documentEnd + static_cast<std::int64_t>(question.tokens.size());
    layout.asked = layout.documentEnd + question.turnTokens;
    return layout;
}

Result<std::string> checkedQuestion(std::string_view question) {
    constexpr std::size_t kMaxQuestionBytes = 40000;
    std::string text;
    for (const char c : question) {
        const auto byte = static_cast<unsigned char>(c);
        text += byte < 0x20 || byte == 0x7F ? ' ' : c;
    }
    const std::size_t first = text.find_first_not_of(' ');
    if (first == std::string::npos)
        return fail(ErrorCode::Empty, "The question is empty.", "", "Type a question about the document.");
    text = text.substr(first, text.find_last_not_of(' ') - first + 1);
    if (text.size() > kMaxQuestionBytes) {
        return fail(ErrorCode::TooLarge, "The question is longer than 40,000 bytes.", "",
                    "Ask a shorter question.");
    }
    return text;
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
