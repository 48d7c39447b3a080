// What an answer left, for `kvasir-cli inspect`: as JSON and as a self-contained HTML page.
#pragma once

#include <string>

#include "app/answer.h"
#include "app/answer_engine.h"
#include "app/cli/output.h"
#include "app/store/store_reader.h"

namespace kvasir::cli {

struct InspectedAnswer {
    Answer answer;
    AnswerTrace trace;
    Json policy;
    std::vector<PinnedPassage> pinned;  ///< when it was asked
    DocumentRecord document;
    std::string text;  ///< the document's
};

/// Errors: NotFound (no such answer; it left no trace), and those of the store.
Result<InspectedAnswer> loadInspectedAnswer(const StoreReader& reader, const std::string& answerId);

/// Keys as docs/cli.md lists them.
Json inspectedJson(const InspectedAnswer& inspected);

/// The document's text with carried, not carried and cited marks, and the answer above it.
std::string inspectedHtml(const InspectedAnswer& inspected);

}  // namespace kvasir::cli
