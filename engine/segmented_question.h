// A question over segments that were read apart: which of their tokens it looks at, and those tokens as one
// document. design.md, 'Documents longer than the model's window, several documents, logs'.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/error.h"
#include "engine/layer_runner.h"
#include "engine/policy.h"
#include "engine/resident_document.h"
#include "engine/segmented_document.h"

namespace kvasir {

/// What a question looks at. Small values in host memory.
struct SegmentChoice {
    std::vector<std::int64_t> tokens;  ///< the best, of all documents, and what is pinned; ascending
    std::int64_t pinned = 0;           ///< of them, those that are pinned
    /// t of each segment's own tokens; empty for those that are not read.
    std::vector<std::vector<float>> scores;
    double ms = 0;
};

/// The `most` best tokens of the segments that are read, all when there are no more, by what the heads of
/// `layer` <= T look at: the question runs behind each apart, and the joint log-sum-exp makes their scores
/// comparable (docs/decisions/segments.md). `policy` says pooling and window, and what is pinned: its pins
/// count positions as if the prefix and all tokens stood one behind another. Pinned tokens of segments that
/// are read are chosen on top of `most`, whatever their scores. Ties go to the earlier token. Errors: Empty
/// (no segment is read), InvalidArgument (an id outside the vocabulary, no question), TooLarge (a segment and
/// the question exceed the window), OutOfMemory, Cancelled.
Result<SegmentChoice> chooseFromSegments(LayerRunner& runner, const SegmentedDocument& document,
                                         std::span<const TokenId> question, const Policy& policy,
                                         std::int32_t layer, std::int64_t most, const std::stop_token& stop);

/// The prefix and these tokens (ascending, of segments that are read) as one document, in their order and
/// without gaps, for a Generation that carries all of it and whose window lies in the question. Errors: those
/// of ResidentDocument::gather, Cancelled.
Result<std::unique_ptr<ResidentDocument>> gatherChosen(LayerRunner& runner, const SegmentedDocument& document,
                                                       std::span<const std::int64_t> tokens,
                                                       const std::stop_token& stop);

}  // namespace kvasir
