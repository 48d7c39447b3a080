// The one writer of the database: documents, conversations, answers, traces, pins, settings, metrics.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/document.h"
#include "app/store/records.h"
#include "app/store/store_reader.h"
#include "engine/error.h"

namespace kvasir {

/// The outcome of a write. Ready when it is on the disk (or was refused); whoever does not care drops it.
template <typename T>
using Pending = std::future<Result<T>>;

struct StoreOptions {
    std::filesystem::path folder;  ///< created with mode 0700; Store::defaultFolder() for the user's own
    std::chrono::milliseconds commitDelay{500};  ///< how long a write without hurry may wait for company
    /// Called on the writer's thread with every failure; once for writes that failed together for the same
    /// reason. Must not throw and not wait for the store.
    std::function<void(const Error&)> onError;
};

/// Owns a thread that does all writing, many writes in one transaction. Every method may be called from any
/// thread and returns at once: what happens to the write stands in the Pending, and in onError as well when
/// it failed. Writes take effect in the order of the calls. A write that breaks no other is kept although its
/// neighbours in the transaction fail.
///
/// Errors of a write: NotFound (it belongs to something that was deleted), NoSpace, ReadOnly, Damaged, Busy,
/// InvalidArgument, Unreadable. What was reported as written stays, whatever happens to the program.
class Store {
public:
    /// $KVASIR_DATA, or the platform's folder for data of programs and `kvasir` in it: the same for all our
    /// programs. Error: NotFound when the platform names none.
    static Result<std::filesystem::path> defaultFolder();

    /// Opens the store or begins one. Waits for the disk, and after an unclean end for a check of the whole
    /// database. Answers that were being written then become Interrupted.
    /// Errors: Busy (another program has it open for writing: StoreReader still works), ReadOnly, NoSpace,
    /// Unreadable, Unsupported (written by a newer version). A damaged database is no error: see notice().
    static Result<std::unique_ptr<Store>> open(StoreOptions options);

    /// Writes what is queued, then closes.
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// Set when the database was damaged and a new one was begun: says where the old one was moved to.
    const std::optional<Error>& notice() const;

    /// A connection for one other thread.
    Result<std::unique_ptr<StoreReader>> reader() const;

    /// Adds a document, or brings the one with the same sha256 up to date (name, path, kind, characters,
    /// statuses, openedAt; the place where the user left it is kept). Gives its id.
    Pending<RowId> addDocument(DocumentRecord document);
    /// Where the user is in it. Without hurry.
    Pending<void> saveView(RowId document, std::int32_t page, double zoom);
    /// Makes the text searchable, in place of what was indexed before.
    Pending<void> indexDocument(RowId document, std::shared_ptr<const Document> text);
    /// With conversations, answers, traces, pins, search index and kept readings; nothing readable stays in
    /// the files.
    Pending<void> deleteDocument(RowId document);

    /// An id for a conversation that is begun later: questions may name it at once. Any thread.
    RowId reserveConversation();
    /// Gives its id: the reserved one that it has, or a new one for 0.
    Pending<RowId> addConversation(ConversationRecord conversation);
    Pending<void> renameConversation(RowId conversation, std::string title);
    Pending<void> deleteConversation(RowId conversation);

    /// Gives the new exchange's id. `exchange.id` is not used.
    Pending<RowId> beginExchange(Exchange exchange);
    /// The answer as far as it is written. May be called for every token: only the newest text is written,
    /// once per commitDelay. Has no effect on an answer that is no longer Writing.
    void saveAnswer(RowId exchange, std::string textSoFar);
    /// Everything else about it; replaces citations, facts and trace. `exchange.id` names it.
    Pending<void> finishExchange(Exchange exchange, std::vector<CitationRecord> citations,
                                 std::vector<CheckedFact> facts, std::optional<Trace> trace);
    /// What became of a finished draft, in place of what was known before.
    Pending<void> saveCheck(RowId exchange, CheckRecord check);
    Pending<void> deleteExchange(RowId exchange);

    /// The document bytes of each document token, ascending; token i of the map is prompt position
    /// Trace::documentBegin + i. The same map is kept once per document. Gives its id.
    Pending<RowId> addTokenMap(RowId document, std::vector<ByteRange> tokens);

    /// These are the document's pins from now on, in one step; those that were there already keep their id
    /// and time, new ones get `at`.
    Pending<void> setPins(RowId document, std::vector<ByteRange> ranges, std::int64_t at);

    Pending<void> setSetting(std::string key, std::string value);
    /// Without hurry.
    Pending<void> addMetric(MetricRecord metric);

    // Kept readings: pieces of what was computed for documents, files in a folder of their own with a row
    // each. PieceStore writes and reads them; they go with the last document that uses them.
    std::filesystem::path pieceFolder() const;
    /// Of all pieces, as of the last change.
    std::int64_t pieceBytes() const;
    /// Removes files without a row and rows without their file, which a killed program leaves. Once, before
    /// the first addPiece.
    Pending<void> tidyPieces();
    /// Enters a piece whose file lies in its place, and removes the least recently used others until all fit
    /// into `budget` bytes. The file of one that is not kept is removed.
    Pending<PieceEntry> addPiece(PieceRecord piece, std::int64_t budget);
    /// They were read again, for the document with that sha256. Without hurry.
    Pending<void> usePieces(std::vector<std::string> keys, std::string sha256, std::int64_t usedAt);
    Pending<void> removePiece(std::string key);
    /// Removes the least recently used until the rest fits into `budget` bytes; 0: all.
    Pending<void> trimPieces(std::int64_t budget);

    /// All but the settings; nothing readable stays in the files.
    Pending<void> deleteEverything();

    /// Waits until everything queued so far is written; the first error of it.
    Result<void> flush();

private:
    struct Parts;
    explicit Store(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> m_parts;
};

}  // namespace kvasir
