// Whether an answer says what is expected, and how many words two answers share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvasir::eval {

/// What a right answer holds: of every fact at least one spelling. Written `spelling | spelling & fact`;
/// `NOT IN DOCUMENT` (no facts) where the document has no answer.
struct Expected {
    std::vector<std::vector<std::string>> facts;
    bool answerable() const { return !facts.empty(); }
};
Expected expectedFromText(std::string_view text);

/// One spelling for widths, case, thousands separators and white space (Unicode NFKC and case folding).
std::string normalised(std::string_view text);

/// Whether the answer holds every fact, none as a part of a longer number or word. What else it says is
/// neither rewarded nor punished.
bool isRight(std::string_view answer, const Expected& expected);

/// F1 of the words both share, counted as often as they occur (as SQuAD does: without articles and
/// punctuation; Rajpurkar et al., arXiv 1606.05250, section 6.1); in Japanese and Chinese a character is a
/// word. 1 for two texts without words.
double sharedWords(std::string_view answer, std::string_view other);
/// The same with the spelling of each fact that fits best.
double sharedWords(std::string_view answer, const Expected& expected);

}  // namespace kvasir::eval
