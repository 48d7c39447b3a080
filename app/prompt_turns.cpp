// PromptBuilder: questions and answers that a question goes on from, as a transcript.
#include <algorithm>
#include <deque>
#include <string>

#include "app/prompt.h"
#include "app/prompt_wording.h"
#include "app/utf8.h"

namespace kvasir {
namespace {

constexpr std::int64_t kLeastAnswer = 16;  // tokens: what is left of an answer at least
constexpr std::string_view kEllipsis = "\u2026";

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \n\r\t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \n\r\t") - first + 1);
}

/// The first `end` bytes of a text, or less, so that no word and no number is cut.
std::string_view headOf(std::string_view text, std::size_t end) {
    constexpr std::size_t kLongestWord = 24;  // bytes: in Japanese there are no blanks
    const std::string_view head = text.substr(0, utf8::completeLength(text.substr(0, end)));
    const std::size_t blank = head.find_last_of(" \n");
    if (blank != std::string_view::npos && head.size() - blank <= kLongestWord) return head.substr(0, blank);
    return head.substr(0, head.find_last_not_of("0123456789.,") + 1);
}

/// The beginning of a text with an ellipsis, no more than so many tokens; as it is where it has no more.
std::string cut(const Tokenizer& tokenizer, std::string_view text, std::int64_t mostTokens) {
    const std::vector<TextToken> tokens = tokenizer.encode(text, Specials::Plain);
    if (std::ssize(tokens) <= mostTokens) return std::string(text);
    // Tokens may join otherwise at the new end: fewer are tried until they fit.
    for (std::int64_t count = mostTokens - 1; count > 0; --count) {
        const std::string_view head = headOf(text, tokens[static_cast<std::size_t>(count) - 1].end);
        if (head.find_first_not_of(" \n") == std::string_view::npos) break;
        const std::string result = std::string(head) + std::string(kEllipsis);
        if (std::ssize(tokenizer.ids(result, Specials::Plain)) <= mostTokens) return result;
    }
    return {};
}

}  // namespace

/// A turn, and the beginning of the user's turn behind it. The first stands in the document's turn. How an
/// answer is to be written is said with the new question alone.
std::vector<TokenId> PromptBuilder::turnTokens(const Turn& turn, bool first) const {
    const Tokenizer& tokenizer = m_model->tokenizer();
    const Wording& wording = wordingFor(turn.question);
    std::vector<TokenId> tokens;
    const auto add = [&](std::string_view text, Specials specials) {
        const std::vector<TokenId> ids = tokenizer.ids(text, specials);
        tokens.insert(tokens.end(), ids.begin(), ids.end());
    };
    add(first ? wording.beforeQuestion : withoutGap(wording.beforeQuestion), Specials::Plain);
    add(turn.question, Specials::Plain);
    add(m_chat.userEnd + m_chat.assistantBegin, Specials::Control);
    // An answer begins with its quotation, as the new one is to.
    const bool quotes = turn.answer.starts_with(wording.openQuote);
    add((quotes ? std::string(wording.quoteLead) : std::string()) + turn.answer, Specials::Plain);
    add(m_chat.assistantEnd + m_chat.userBegin, Specials::Control);
    return tokens;
}

/// The answer's own words before those that it quotes: they say what it is about.
Turn PromptBuilder::shortened(const Turn& turn, std::int64_t mostTokens) const {
    const Tokenizer& tokenizer = m_model->tokenizer();
    const Wording& wording = wordingFor(turn.question);
    const std::int64_t room = mostTokens - std::ssize(turnTokens({turn.question, ""}, true));
    if (room < kLeastAnswer) return {};
    const auto size = [&](std::string_view text) { return std::ssize(tokenizer.ids(text, Specials::Plain)); };
    const std::string lead = std::string(wording.closeQuote) + std::string(wording.answerLead);
    const std::size_t split = turn.answer.find(lead);
    if (split == std::string::npos)
        return {turn.question, cut(tokenizer, turn.answer, room - kLeastAnswer / 2)};
    const std::string_view text = turn.answer;
    const std::string_view quotation = text.substr(0, split);
    // What joins the two, and what tokens of their ends may make more.
    const std::int64_t words = room - size(lead) - size(wording.quoteLead) - 4;
    const std::int64_t own = std::max(words / 2, words - size(quotation));
    const std::string answer = cut(tokenizer, text.substr(split + lead.size()), own);
    const std::string quoted = cut(tokenizer, quotation, words - size(answer));
    if (answer.empty() || quoted.empty()) return {};
    return {turn.question, quoted + lead + answer};
}

EarlierTurns PromptBuilder::turns(std::span<const Turn> turns, std::int64_t mostTokens) const {
    EarlierTurns earlier;
    TurnsTaken& taken = earlier.taken;
    std::deque<Turn> chosen;  // oldest first
    std::int64_t tokens = 0;  // of the chosen ones, as if none were the first
    for (std::size_t i = turns.size(); i-- > 0;) {
        const Result<std::string> question = checkedQuestion(turns[i].question);
        Turn turn{question ? *question : std::string(), std::string(trimmed(turns[i].answer))};
        if (turn.question.empty() || turn.answer.empty()) continue;  // there is nothing to go on from
        ++taken.given;
        if (taken.limit != TurnsTaken::Limit::None) continue;
        if (tokens + std::ssize(turnTokens(turn, true)) > mostTokens) {
            taken.limit = TurnsTaken::Limit::Tokens;
            if (!chosen.empty()) continue;
            turn = shortened(turn, mostTokens);
            const bool fits = !turn.answer.empty() && std::ssize(turnTokens(turn, true)) <= mostTokens;
            if (!fits) continue;
            taken.shortened = true;
        }
        tokens += std::ssize(turnTokens(turn, false));
        chosen.push_front(std::move(turn));
    }
    for (const Turn& turn : chosen) {
        const std::vector<TokenId> own = turnTokens(turn, earlier.tokens.empty());
        earlier.tokens.insert(earlier.tokens.end(), own.begin(), own.end());
    }
    taken.taken = static_cast<std::int32_t>(chosen.size());
    taken.tokens = std::ssize(earlier.tokens);
    return earlier;
}

}  // namespace kvasir
