// Documents and answers on their way into the store: what the window and the command line both do.
#pragma once

#include <filesystem>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "app/answer_engine.h"
#include "app/archive.h"
#include "app/document.h"
#include "app/store/store.h"
#include "engine/error.h"

namespace kvasir {

/// Any thread; each call waits for the disk.
class Library {
public:
    explicit Library(Store& store) : m_store(store) {}

    /// Adds or renews a document and makes its text searchable. Gives its row.
    Result<RowId> remember(const Document& document, const std::filesystem::path& path);
    Result<void> index(RowId document, std::shared_ptr<const Document> text);
    /// Where answers about a document are kept.
    struct Conversation {
        RowId document = 0;
        RowId row = 0;
    };
    /// Begins one, which has its first question for a title.
    Result<Conversation> beginConversation(RowId document, const std::string& question);
    /// The exchange of a question that is being asked, under the draft that `asked.follows` names, after the
    /// answer that `asked.after` names; the row is ready when it is on the disk.
    std::shared_future<Result<RowId>> begin(const Conversation& conversation, const Answer& asked,
                                            const std::string& modelName);
    /// The outcome of the exchange `row`: text, citations, check and trace.
    Result<void> finish(RowId row, const Conversation& conversation, const Answer& answer,
                        const AnswerTrace& trace, const std::string& modelName);

    /// What the full reading made of the draft `draft`, and its own answer when its words are others. Gives
    /// that answer's row, 0 when there is none.
    Result<RowId> keepCheck(RowId draft, const Conversation& conversation, const AnswerCheck& check,
                            const Answer& full, const AnswerTrace& trace, const std::string& modelName);

private:
    Store& m_store;
};

/// What search finds in a document for a question that goes on from these turns (oldest first), the best
/// first; nothing when the store cannot be read.
std::vector<ByteRange> searchedPassages(const StoreReader& reader, RowId document,
                                        const std::string& question, std::span<const Turn> turns);
/// The questions whose words are searched for besides, the newest first: of as many turns as go along at
/// most, about.
std::vector<std::string> earlierQuestions(std::span<const Turn> turns);

/// The turns that a question goes on from which is asked after an exchange: that one, and those that it goes
/// on from itself; oldest first, no more than could ever go along. Nothing for 0 and for what is not in the
/// store.
std::vector<Turn> turnsAfter(const StoreReader& reader, RowId exchange);

/// Milliseconds since 1970, UTC.
std::int64_t nowMs();

}  // namespace kvasir
