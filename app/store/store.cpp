#include "app/store/store.h"

#include <algorithm>
#include <utility>

#include <QFile>
#include <QStandardPaths>

#include "app/store/database.h"
#include "app/store/piece_index.h"
#include "app/store/rows.h"
#include "app/store/search_passages.h"
#include "app/store/store_parts.h"
#include "app/store/trace_codec.h"
#include "app/store/write_queue.h"

namespace kvasir {

namespace fs = std::filesystem;

namespace {

Error readOnlyFolder(const fs::path& folder, const std::string& reason) {
    return {ErrorCode::ReadOnly, "The folder for documents and answers cannot be written: " + reason + ".",
            folder.string(), "Make it writable, or set KVASIR_DATA to another folder."};
}

// A folder that we make is for its owner alone; one that the user made for us stays as it is.
Result<void> prepareFolder(const fs::path& folder) {
    std::error_code failed;
    if (fs::is_directory(folder, failed)) return {};
    if (fs::exists(folder, failed)) {
        return fail(ErrorCode::Unreadable, "The place for documents and answers is not a folder.",
                    folder.string(), "Set KVASIR_DATA to a folder.");
    }
    fs::create_directories(folder, failed);
    if (!failed) fs::permissions(folder, fs::perms::owner_all, failed);
    if (!failed) return {};
    if (failed == std::errc::no_space_on_device) {
        return fail(ErrorCode::NoSpace,
                    "The disk is full: the folder for documents and answers cannot be made.", folder.string(),
                    "Free some space, or set KVASIR_DATA to a folder on another disk.");
    }
    return tl::unexpected(readOnlyFolder(folder, failed.message()));
}

// The lock's file stays behind when its program was killed: then the end was unclean.
struct Locked {
    std::unique_ptr<QLockFile> lock;
    bool uncleanEnd = false;
};

Result<Locked> lockFolder(const fs::path& folder) {
    const fs::path file = folder / "lock";
    std::error_code failed;
    Locked locked;
    locked.uncleanEnd = fs::exists(file, failed);
    locked.lock = std::make_unique<QLockFile>(QString::fromStdString(file.string()));
    // An older lock counts as left behind only if the system's own lock on the file is free as well, which
    // decides whatever the host's name and the process ids are now.
    locked.lock->setStaleLockTime(1000);
    if (locked.lock->tryLock(0)) return locked;

    if (locked.lock->error() == QLockFile::LockFailedError) {
        qint64 process = 0;
        QString host, program;
        locked.lock->getLockInfo(&process, &host, &program);
        const std::string who = program.isEmpty() ? "another program" : program.toStdString();
        return fail(ErrorCode::Busy,
                    "Kvasir is open already (" + who + ", process " + std::to_string(process) +
                        "); only one program at a time may write the documents and answers.",
                    file.string(), "Use the one that is open, or close it and try again.");
    }
    const fs::space_info space = fs::space(folder, failed);
    if (!failed && space.available == 0) {
        return fail(ErrorCode::NoSpace, "The disk is full: documents and answers cannot be saved.",
                    folder.string(), "Free some space, or set KVASIR_DATA to a folder on another disk.");
    }
    return tl::unexpected(readOnlyFolder(folder, "the lock file cannot be made"));
}

// A passage index that is rewritten as a whole keeps no deleted words.
constexpr const char* kForgetPassages = "INSERT INTO passage_index (passage_index) VALUES ('optimize')";
constexpr const char* kForgetExchanges = "INSERT INTO exchange_index (exchange_index) VALUES ('optimize')";
constexpr const char* kForgetDocuments = "INSERT INTO document_index (document_index) VALUES ('optimize')";

RowId idOf(SQLite::Database& database, const char* table, RowId id, const char* word) {
    Query query(database, std::string("SELECT id FROM ") + table + " WHERE id = ?");
    query << id;
    if (!query.next()) throwMissing(word);
    return id;
}

}  // namespace

Result<fs::path> Store::defaultFolder() {
    const QString chosen = qEnvironmentVariable("KVASIR_DATA");
    if (!chosen.isEmpty()) return fs::path(chosen.toStdString());
    // Not AppDataLocation: it has the program's name in it, and the window and the command line share one
    // store.
    const QString data = QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation);
    if (data.isEmpty()) {
        return fail(ErrorCode::NotFound, "This system names no folder for the data of programs.", "",
                    "Set KVASIR_DATA to a folder of your own.");
    }
    return fs::path(data.toStdString()) / "kvasir";
}

Result<std::unique_ptr<Store>> Store::open(StoreOptions options) {
    if (const Result<void> ready = prepareFolder(options.folder); !ready)
        return tl::unexpected(ready.error());
    Result<Locked> locked = lockFolder(options.folder);
    if (!locked) return tl::unexpected(locked.error());
    Result<OpenedDatabase> opened = openForWriting(options.folder, locked->uncleanEnd);
    if (!opened) return tl::unexpected(opened.error());

    auto parts = std::make_unique<Parts>();
    parts->folder = options.folder;
    parts->lock = std::move(locked->lock);
    parts->notice = std::move(opened->notice);
    try {
        Query interrupted(*opened->database, "UPDATE exchanges SET state = ? WHERE state = ?");
        interrupted << ExchangeState::Interrupted << ExchangeState::Writing;
        interrupted.run();
        parts->pieceBytes = totalOfPieces(*opened->database);
        Query last(*opened->database, "SELECT seq FROM sqlite_sequence WHERE name = 'conversations'");
        if (last.next()) parts->lastConversation = last.integer();
    } catch (...) {
        return tl::unexpected(currentError(options.folder));
    }
    parts->queue = std::make_unique<WriteQueue>(std::move(opened->database), options.folder,
                                                options.commitDelay, std::move(options.onError));
    return std::unique_ptr<Store>(new Store(std::move(parts)));
}

Store::Store(std::unique_ptr<Parts> parts) : m_parts(std::move(parts)) {}

Store::~Store() = default;

const std::optional<Error>& Store::notice() const {
    return m_parts->notice;
}

Result<std::unique_ptr<StoreReader>> Store::reader() const {
    return StoreReader::open(m_parts->folder);
}

Pending<RowId> Store::addDocument(DocumentRecord document) {
    return m_parts->now<RowId>([document = std::move(document)](SQLite::Database& database) {
        return insertDocument(database, document);
    });
}

Pending<void> Store::saveView(RowId document, std::int32_t page, double zoom) {
    return m_parts->submit<void>(
        WriteJob::Urgency::Soon, WriteJob::Cleanup::None, [=](SQLite::Database& database) {
            Query query(database, "UPDATE documents SET last_page = ?, last_zoom = ? WHERE id = ?");
            query << page << zoom << document;
            if (query.run() == 0) throwMissing("document");
        });
}

Pending<void> Store::indexDocument(RowId document, std::shared_ptr<const Document> text) {
    return m_parts->now<void>([document, text = std::move(text)](SQLite::Database& database) {
        idOf(database, "documents", document, "document");
        (Query(database, "DELETE FROM passages WHERE document_id = ?") << document).run();
        Query query(database,
                    "INSERT INTO passages (document_id, text_begin, text_end, page, line, text) "
                    "VALUES (?, ?, ?, ?, ?, ?)");
        for (const SearchPassage& p : cutForSearch(*text)) {
            query << document << p.range.begin << p.range.end << p.page << p.line
                  << text->text.substr(p.range.begin, p.range.end - p.range.begin);
            query.run();
            query.again();
        }
    });
}

Pending<void> Store::deleteDocument(RowId document) {
    return m_parts->changePieces<void>(WriteJob::Cleanup::Log,
                                       [document](SQLite::Database& database, PieceNames& gone) {
                                           Query query(database, "DELETE FROM documents WHERE id = ?");
                                           query << document;
                                           if (query.run() == 0) throwMissing("document");
                                           gone = removeUnusedPieces(database);
                                           database.exec(kForgetDocuments);
                                           database.exec(kForgetExchanges);
                                           database.exec(kForgetPassages);
                                       });
}

RowId Store::reserveConversation() {
    return ++m_parts->lastConversation;
}

Pending<RowId> Store::addConversation(ConversationRecord conversation) {
    if (conversation.id == 0) conversation.id = reserveConversation();
    return m_parts->now<RowId>([c = std::move(conversation)](SQLite::Database& database) {
        Query query(database,
                    "INSERT INTO conversations (id, document_id, title, created_at) VALUES (?, ?, ?, ?)");
        query << c.id << c.documentId << c.title << c.createdAt;
        query.run();
        return c.id;
    });
}

Pending<void> Store::renameConversation(RowId conversation, std::string title) {
    return m_parts->now<void>([conversation, title = std::move(title)](SQLite::Database& database) {
        Query query(database, "UPDATE conversations SET title = ? WHERE id = ?");
        query << title << conversation;
        if (query.run() == 0) throwMissing("conversation");
    });
}

Pending<void> Store::deleteConversation(RowId conversation) {
    return m_parts->submit<void>(WriteJob::Urgency::Now, WriteJob::Cleanup::Log,
                                 [conversation](SQLite::Database& database) {
                                     Query query(database, "DELETE FROM conversations WHERE id = ?");
                                     query << conversation;
                                     if (query.run() == 0) throwMissing("conversation");
                                     database.exec(kForgetExchanges);
                                 });
}

Pending<RowId> Store::beginExchange(Exchange exchange) {
    return m_parts->now<RowId>([exchange = std::move(exchange)](SQLite::Database& database) {
        return insertExchange(database, exchange);
    });
}

void Store::saveAnswer(RowId exchange, std::string textSoFar) {
    WriteJob job;
    job.urgency = WriteJob::Urgency::Soon;
    job.key = exchange;
    job.work = [exchange, text = std::move(textSoFar)](SQLite::Database& database) {
        Query query(database, "UPDATE exchanges SET answer = ? WHERE id = ? AND state = ?");
        query << text << exchange << ExchangeState::Writing;
        query.run();
    };
    m_parts->queue->post(std::move(job));
}

Pending<void> Store::finishExchange(Exchange exchange, std::vector<CitationRecord> citations,
                                    std::vector<CheckedFact> facts, std::optional<Trace> trace) {
    return m_parts->now<void>([exchange = std::move(exchange), citations = std::move(citations),
                               facts = std::move(facts),
                               trace = std::move(trace)](SQLite::Database& database) {
        updateExchange(database, exchange);
        for (const char* table : {"citations", "facts", "traces"}) {
            const std::string sql = std::string("DELETE FROM ") + table + " WHERE exchange_id = ?";
            (Query(database, sql) << exchange.id).run();
        }
        insertCitations(database, exchange.id, citations);
        insertFacts(database, exchange.id, facts);
        if (!trace) return;
        Query query(database, "INSERT INTO traces (exchange_id, token_map_id, data) VALUES (?, ?, ?)");
        query << exchange.id << trace->tokenMap << Blob{orThrow(encodeTrace(*trace))};
        query.run();
    });
}

Pending<void> Store::saveCheck(RowId exchange, CheckRecord check) {
    return m_parts->now<void>([exchange, check = std::move(check)](SQLite::Database& database) {
        idOf(database, "exchanges", exchange, "answer");
        replaceCheck(database, exchange, check);
    });
}

Pending<void> Store::deleteExchange(RowId exchange) {
    return m_parts->submit<void>(WriteJob::Urgency::Now, WriteJob::Cleanup::Log,
                                 [exchange](SQLite::Database& database) {
                                     Query query(database, "DELETE FROM exchanges WHERE id = ?");
                                     query << exchange;
                                     if (query.run() == 0) throwMissing("answer");
                                     database.exec(kForgetExchanges);
                                 });
}

Pending<RowId> Store::addTokenMap(RowId document, std::vector<ByteRange> tokens) {
    return m_parts->now<RowId>([document, tokens = std::move(tokens)](SQLite::Database& database) {
        const Blob blob{orThrow(encodeRanges(tokens))};
        Query same(database, "SELECT id FROM token_maps WHERE document_id = ? AND ranges = ?");
        same << document << blob;
        if (same.next()) return same.integer();
        Query query(database, "INSERT INTO token_maps (document_id, ranges) VALUES (?, ?)");
        query << document << blob;
        query.run();
        return database.getLastInsertRowid();
    });
}

Pending<void> Store::setPins(RowId document, std::vector<ByteRange> ranges, std::int64_t at) {
    return m_parts->now<void>([document, ranges = std::move(ranges), at](SQLite::Database& database) {
        std::vector<ByteRange> known;
        Query query(database, "SELECT text_begin, text_end FROM pins WHERE document_id = ?");
        query << document;
        while (query.next())
            known.push_back(query.range());
        for (const ByteRange& range : known) {
            if (std::ranges::find(ranges, range) != ranges.end()) continue;
            Query gone(database,
                       "DELETE FROM pins WHERE document_id = ? AND text_begin = ? AND text_end = ?");
            gone << document << range.begin << range.end;
            gone.run();
        }
        for (const ByteRange& range : ranges) {
            if (std::ranges::find(known, range) != known.end()) continue;
            Query added(
                database,
                "INSERT INTO pins (document_id, text_begin, text_end, created_at) VALUES (?, ?, ?, ?)");
            added << document << range.begin << range.end << at;
            added.run();
        }
    });
}

Pending<void> Store::setSetting(std::string key, std::string value) {
    return m_parts->now<void>([key = std::move(key), value = std::move(value)](SQLite::Database& database) {
        Query query(database,
                    "INSERT INTO settings (key, value) VALUES (?, ?) "
                    "ON CONFLICT (key) DO UPDATE SET value = excluded.value");
        query << key << value;
        query.run();
    });
}

Pending<void> Store::addMetric(MetricRecord metric) {
    return m_parts->submit<void>(
        WriteJob::Urgency::Soon, WriteJob::Cleanup::None,
        [m = std::move(metric)](SQLite::Database& database) {
            Query query(database,
                        "INSERT INTO metrics (at, exchange_id, model_name, mode, prompt_tokens, ttft_ms, "
                        "read_tokens_per_s, decode_tokens_per_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
            query << m.at << (m.exchangeId == 0 ? std::nullopt : std::optional(m.exchangeId)) << m.modelName
                  << m.mode << m.promptTokens << m.ttftMs << m.readTokensPerSecond << m.decodeTokensPerSecond;
            query.run();
        });
}

Pending<void> Store::deleteEverything() {
    return m_parts->changePieces<void>(WriteJob::Cleanup::All,
                                       [](SQLite::Database& database, PieceNames& gone) {
                                           database.exec("DELETE FROM documents; DELETE FROM metrics");
                                           gone = removeUnusedPieces(database);
                                           database.exec(kForgetDocuments);
                                           database.exec(kForgetExchanges);
                                           database.exec(kForgetPassages);
                                       });
}

Result<void> Store::flush() {
    return m_parts->queue->flush();
}

}  // namespace kvasir
