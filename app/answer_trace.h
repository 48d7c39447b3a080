// What one answer leaves besides its text, for inspection and for the marks on the page.
#pragma once

#include <cstdint>
#include <vector>

#include "app/answer.h"
#include "app/answer_writer.h"
#include "app/document.h"
#include "app/pins.h"
#include "engine/policy.h"
#include "engine/tokenizer.h"

namespace kvasir {

/// Small values in host memory.
struct AnswerTrace {
    Policy policy;
    std::vector<PinnedPassage>
        pinned;               ///< when it was asked; of a full reading too, where they change nothing
    std::int32_t layers = 0;  ///< L of the model
    PromptLayout layout;
    std::vector<std::int32_t> carried;  ///< prompt positions, ascending
    std::vector<float> scores;          ///< t by prompt position [0, N - W); empty when nothing was scored
    std::vector<float> attention;       ///< per document token, summed over the answer's tokens
    std::vector<TextToken> tokens;      ///< the document's tokens with their bytes
    /// Prompt positions of parts that were not read yet, ascending: neither carried nor left out.
    std::vector<Policy::Range> notRead;
    /// Positions per layer and head; nothing of layers that keep all that entered them.
    std::vector<std::vector<std::vector<std::int32_t>>> kept;
    CarryDecision decision;
    struct Timings {
        double earlyMs = 0, lateMs = 0, writingMs = 0;
    };
    Timings timings;
    std::int64_t documentBytes = 0, answerBytes = 0;  ///< keys, values and hidden states
    AnswerWriter::Speed speed;
};

/// Of each document token, whether it was carried.
std::vector<bool> carriedTokens(const AnswerTrace& trace);

/// How many of each word's tokens were carried, and which words were not read yet.
WordMarks wordMarks(const Document& document, const AnswerTrace& trace);

}  // namespace kvasir
