// Documents that are asked in parts: longer than the model's window, or several at once. The engine's word
// for a part is segment (engine/segmented_document.h).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/answer.h"
#include "app/answer_trace.h"
#include "app/document_set.h"
#include "app/passages.h"
#include "app/prompt.h"
#include "app/reading.h"
#include "engine/segmented_document.h"
#include "engine/segmented_question.h"
#include "engine/tokenizer.h"

namespace kvasir {

/// Belongs to the engine thread, like ReadDocument.
struct ReadParts {
    DocumentSet documents;
    std::int64_t prefix = 0;                      ///< tokens of the constant prefix
    std::vector<TextToken> tokens;                ///< of all documents, with their bytes of the joined text
    Passages passages;                            ///< of the joined text
    std::unique_ptr<SegmentedDocument> segments;  ///< what of the parts is on the device
    std::string sentence;         ///< for the user, before reading starts: memory, and whether all parts fit
    std::size_t answerBytes = 0;  ///< of the device, that parts leave free for what is chosen of them
    std::uint64_t used = 0;       ///< when; larger is later: see ResidentMemory
    std::deque<Reading> readings = {};  ///< of each part, wherever it lies; they move by themselves

    /// All of them were used then: asked or opened.
    void setUsed(std::uint64_t when);
    /// Waits until what is read is on the disk, as far as it may be kept: in this order.
    void finishKeeping(std::span<const std::size_t> order);
    PartsRead read() const;
    /// Own tokens of parts that came from the disk.
    std::int64_t restoredTokens() const;
    /// Bytes of the joined text that are the part's own.
    ByteRange bytes(std::size_t part) const;
};

/// Whether a part has bytes of the pins (ascending, of the joined text).
bool holdsPin(const ReadParts& parts, std::size_t part, std::span<const ByteRange> pins);

/// The order in which parts are read for a question: those that hold pins first, then those with the best
/// passages, then the others from the beginning. `passages` of the joined text, the best first.
std::vector<std::size_t> rankParts(const ReadParts& parts, std::span<const ByteRange> passages,
                                   std::span<const ByteRange> pins = {});

/// The next part to be read in this order; none when all are that memory can hold.
std::optional<std::size_t> nextPart(const ReadParts& parts, std::span<const std::size_t> order);

/// So many of the best parts a first answer may wait for.
constexpr std::size_t kBestParts = 8;

/// A first answer waits for the best parts only, and not for long, but for all that hold pins: whether this
/// part is still worth waiting for after `seconds` of reading, when another takes `each`.
bool isWorthWaiting(const ReadParts& parts, std::span<const std::size_t> order, std::size_t part,
                    double seconds, double each, std::span<const ByteRange> pins = {});

/// The chosen tokens as a document to be asked, without its resident part.
TokenisedDocument tokenisedChoice(const ReadParts& parts, std::span<const std::int64_t> chosen);

/// The trace of an answer over chosen tokens, as one over the whole of the documents: positions are those of
/// prefix, all tokens and question, one behind another.
void spreadTrace(AnswerTrace& trace, const ReadParts& parts, const SegmentChoice& choice);

/// Of a trace over several documents what belongs to one of them.
AnswerTrace traceOf(const AnswerTrace& trace, const DocumentSet& documents, std::size_t index);

}  // namespace kvasir
