// An answer as people see it: text, citations, checks, and which words of the document were carried.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/sampler.h"

namespace kvasir {

/// How the document was read for an answer; the words of the user interface.
enum class AnswerMode : std::uint8_t {
    FirstLook,
    Quick,
    Full,
    Parts,  ///< a quick answer from parts that were read apart: an approximation, and never confirmed
};

enum class AnswerState : std::uint8_t {
    Waiting,   ///< for the model or the first reading
    Writing,   ///< its text grows
    Complete,  ///< as long as the model wanted it
    Stopped,   ///< by the user, or by the program's end; what was written stays
    Failed,    ///< `error` says why
};

/// A place in the document that a sentence of the answer rests on.
struct Citation {
    std::int32_t number = 0;  ///< 1, 2, ... in the order of the text; one place, one number
    std::uint32_t sentenceBegin = 0,
                  sentenceEnd = 0;     ///< bytes of the answer's text; the chip stands at sentenceEnd
    std::uint32_t begin = 0, end = 0;  ///< bytes of the document's text
    std::int32_t page = 0;             ///< 0-based
    std::int32_t line = 0;             ///< 0-based, into Document::lines
    std::string quote;                 ///< the document's words, on one line
    std::int32_t document = 0;         ///< of several that were asked together: which, from 0
};

/// The answer check: a number, date or quotation of the answer, looked up in the document.
struct CheckedFact {
    enum class Found : std::uint8_t { OnCitedPage, Elsewhere, Nowhere };
    std::string text;                  ///< as the answer writes it
    std::uint32_t begin = 0, end = 0;  ///< bytes of the answer's text
    Found found = Found::Nowhere;
    std::int32_t page = -1;     ///< 0-based page where it was found, -1: nowhere
    std::int32_t document = 0;  ///< of several that were asked together: whose page it is
};

/// For each word of the document (Document::words): of how many tokens it consists and how many were carried.
struct WordMarks {
    std::vector<std::uint8_t> tokens;   ///< at most 255
    std::vector<std::uint8_t> carried;  ///< <= tokens
    std::vector<bool> unread{};         ///< not read yet; empty: all words were read
};

/// Timings and sizes of one answer.
struct AnswerFigures {
    std::int64_t promptTokens = 0;
    std::int64_t carriedTokens = 0;
    /// From asking to the first token; waiting for the reading is left out, but a first look's own reading
    /// counts. 0: none was written.
    double firstTokenMs = 0;
    double readMs = 0;  ///< reading that the question had to wait for
    double decodeTokensPerSecond = 0;
    std::int64_t answerTokens = 0;
};

/// Of long documents that are read in parts: how many were read when the answer was written.
struct PartsRead {
    std::int32_t read = 0, all = 0;  ///< all 0: not read in parts
};

/// What a question that goes on from earlier answers took along of them.
struct TurnsTaken {
    /// What kept turns from going along.
    enum class Limit : std::uint8_t {
        None,
        Tokens,  ///< turns take no more than kMostTurnTokens together
        Window,  ///< the document leaves no more room in the model's window
    };
    std::int32_t given = 0;   ///< questions and answers that it goes on from; 0: it stands by itself
    std::int32_t taken = 0;   ///< of them, the newest, that went along
    std::int64_t tokens = 0;  ///< of the prompt that they took
    bool shortened = false;   ///< the newest went along in part
    Limit limit = Limit::None;
};

/// What became of a draft when a more faithful reading had its turn.
enum class Verdict : std::uint8_t {
    SameWords,  ///< it writes the same, token for token
    SameFacts,  ///< other words; numbers, dates, names, negations, quoted words and cited pages agree
    Different,
};

/// A passage that the more faithful reading looked at and the draft did not carry.
struct LookedAt {
    std::uint32_t begin = 0, end = 0;  ///< bytes of the document's text
    std::int32_t page = 0;             ///< 0-based
    std::int32_t line = 0;             ///< 0-based, into Document::lines
    float share = 0;                   ///< of the attention on all passages
    std::string quote;                 ///< the document's words, on one line
};

/// How a draft was checked: a first look by the quick answer, a quick answer by the full reading.
struct AnswerCheck {
    Verdict verdict = Verdict::Different;
    AnswerMode by = AnswerMode::Full;
    std::string answer;     ///< id of the answer that was written instead; empty with SameWords
    bool sampled = false;   ///< tokens were drawn: compared with the draws of the same seed
    bool eightBit = false;  ///< keys and values were kept in 8 bits
    double ms = 0;
    std::vector<LookedAt> looked;  ///< the most looked at first; not with SameWords
};

struct Answer {
    std::string id;  ///< "A" and a number, unique in the store; the command line's ANSWER_ID
    std::string question;
    std::string text;
    AnswerState state = AnswerState::Waiting;
    AnswerMode mode = AnswerMode::Quick;
    FinishReason finish = FinishReason::End;
    bool answerable = true;  ///< false: 'The document does not seem to say this'
    std::string follows;  ///< id of the draft that it stands under; empty: the first answer to its question
    std::string after;    ///< id of the answer to an earlier question that it goes on from; empty: of none
    TurnsTaken turns;     ///< what it took along of that answer and those before it
    std::int32_t passages = 0;         ///< of a first look: how many were read
    std::int32_t pins = 0;             ///< passages that were pinned when it was asked
    PartsRead parts;                   ///< of an answer in parts
    std::optional<AnswerCheck> check;  ///< of a draft, once it was checked
    std::vector<Citation> citations;
    std::vector<CheckedFact> facts;
    std::vector<std::int32_t> missingPages;  ///< 0-based pages that are not part of the answer
    AnswerFigures figures;
    double waitSeconds = 0;      ///< while Waiting: estimate until the first word, 0 when unknown
    std::optional<Error> error;  ///< when Failed
    std::int64_t askedAt = 0;    ///< milliseconds since 1970, UTC
};

}  // namespace kvasir
