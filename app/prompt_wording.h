// The words around a question and its answer, in the question's language. Of prompt.cpp and prompt_turns.cpp.
#pragma once

#include <string_view>

#include "app/prompt.h"

namespace kvasir {

// Small models answer far better after they have copied the passage they answer from
// (docs/decisions/quote-first.md); and whoever reads the answer sees at once what it stands on.
struct Wording {
    std::string_view beforeRepeated;
    std::string_view beforeQuestion, afterQuestion;
    std::string_view quoteLead;  ///< begins the answer's turn, not shown
    std::string_view openQuote, closeQuote;
    std::string_view answerLead;  ///< between quotation and answer
};
inline constexpr Wording kEnglish{
    "\n\nPassages of the document that seem closest to the question:\n\n",
    "\n\nQuestion: ",
    "\nFirst quote the sentence or table row of the document that answers the question, then answer.",
    "Quote: ",
    "\"",
    "\"",
    "\n\nAnswer:"};
inline constexpr Wording kJapanese{
    "\n\n文書のうち、質問に最も近いと思われる部分:\n\n",
    "\n\n質問: ",
    "\nまず、質問に答えている文または表の行を文書からそのまま引用し、次に答えを書いてください。",
    "引用:",
    "「",
    "」",
    "\n\n答え:"};

inline const Wording& wordingFor(std::string_view question) {
    return isJapanese(question) ? kJapanese : kEnglish;
}

/// Without the line breaks at its beginning.
inline std::string_view withoutGap(std::string_view text) {
    return text.substr(text.find_first_not_of('\n'));
}

}  // namespace kvasir
