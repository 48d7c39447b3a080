#include "app/store/schema.h"

#include <SQLiteCpp/Transaction.h>

#include "app/answer.h"
#include "app/document.h"
#include "app/store/records.h"

namespace kvasir {

namespace {

// These are stored as numbers: a new value goes to the end.
static_assert(static_cast<int>(DocumentKind::Log) == 3);
static_assert(static_cast<int>(PageStatus::Failed) == 5);
static_assert(static_cast<int>(AnswerMode::Parts) == 3);
static_assert(static_cast<int>(ExchangeState::Interrupted) == 4);
static_assert(static_cast<int>(CheckedFact::Found::Nowhere) == 2);
static_assert(static_cast<int>(ErrorCode::Internal) == 14);
static_assert(static_cast<int>(FinishReason::Stopped) == 3);
static_assert(static_cast<int>(Verdict::Different) == 2);
static_assert(static_cast<int>(TurnsTaken::Limit::Window) == 2);

// The search tables hold no text of their own; triggers keep them in step with the tables that do, also when
// a foreign key deletes.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    kind INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    page_statuses BLOB NOT NULL,
    last_page INTEGER NOT NULL,
    last_zoom REAL NOT NULL
) STRICT;
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    title TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX conversations_document ON conversations (document_id);
CREATE TABLE exchanges (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    asked_at INTEGER NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    state INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    model_name TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    policy TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    carried_tokens INTEGER NOT NULL,
    answer_tokens INTEGER NOT NULL,
    ttft_ms REAL,
    read_ms REAL,
    decode_tokens_per_s REAL,
    answerable INTEGER,
    error_code INTEGER,
    error_what TEXT NOT NULL,
    error_where TEXT NOT NULL,
    error_advice TEXT NOT NULL,
    missing_pages BLOB NOT NULL
) STRICT;
CREATE INDEX exchanges_conversation ON exchanges (conversation_id);
CREATE INDEX exchanges_writing ON exchanges (id) WHERE state = 0;
CREATE TABLE citations (
    id INTEGER PRIMARY KEY,
    exchange_id INTEGER NOT NULL REFERENCES exchanges ON DELETE CASCADE,
    number INTEGER NOT NULL,
    sentence_begin INTEGER NOT NULL,
    sentence_end INTEGER NOT NULL,
    places BLOB NOT NULL,
    page INTEGER NOT NULL,
    line INTEGER NOT NULL,
    quote TEXT NOT NULL
) STRICT;
CREATE INDEX citations_exchange ON citations (exchange_id);
CREATE TABLE facts (
    id INTEGER PRIMARY KEY,
    exchange_id INTEGER NOT NULL REFERENCES exchanges ON DELETE CASCADE,
    text TEXT NOT NULL,
    answer_begin INTEGER NOT NULL,
    answer_end INTEGER NOT NULL,
    found INTEGER NOT NULL,
    page INTEGER NOT NULL
) STRICT;
CREATE INDEX facts_exchange ON facts (exchange_id);
CREATE TABLE token_maps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    ranges BLOB NOT NULL
) STRICT;
CREATE INDEX token_maps_document ON token_maps (document_id);
CREATE TABLE traces (
    exchange_id INTEGER PRIMARY KEY REFERENCES exchanges ON DELETE CASCADE,
    token_map_id INTEGER NOT NULL REFERENCES token_maps ON DELETE CASCADE,
    data BLOB NOT NULL
) STRICT;
CREATE INDEX traces_token_map ON traces (token_map_id);
CREATE TABLE pins (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    text_begin INTEGER NOT NULL,
    text_end INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX pins_document ON pins (document_id);
CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE metrics (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    exchange_id INTEGER REFERENCES exchanges ON DELETE SET NULL,
    model_name TEXT NOT NULL,
    mode INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    ttft_ms REAL,
    read_tokens_per_s REAL,
    decode_tokens_per_s REAL
) STRICT;
CREATE INDEX metrics_at ON metrics (at);
CREATE INDEX metrics_exchange ON metrics (exchange_id);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    text_begin INTEGER NOT NULL,
    text_end INTEGER NOT NULL,
    page INTEGER NOT NULL,
    line INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX passages_document ON passages (document_id, text_begin);

CREATE VIRTUAL TABLE document_index USING fts5 (name, content='documents', content_rowid='id', tokenize='kvasir');
CREATE TRIGGER documents_insert AFTER INSERT ON documents BEGIN
    INSERT INTO document_index (rowid, name) VALUES (new.id, new.name);
END;
CREATE TRIGGER documents_update AFTER UPDATE OF name ON documents BEGIN
    INSERT INTO document_index (document_index, rowid, name) VALUES ('delete', old.id, old.name);
    INSERT INTO document_index (rowid, name) VALUES (new.id, new.name);
END;
CREATE TRIGGER documents_delete AFTER DELETE ON documents BEGIN
    INSERT INTO document_index (document_index, rowid, name) VALUES ('delete', old.id, old.name);
END;

CREATE VIRTUAL TABLE exchange_index USING fts5 (question, answer, content='exchanges', content_rowid='id', tokenize='kvasir');
CREATE TRIGGER exchanges_insert AFTER INSERT ON exchanges BEGIN
    INSERT INTO exchange_index (rowid, question, answer) VALUES (new.id, new.question, new.answer);
END;
CREATE TRIGGER exchanges_update AFTER UPDATE OF question, answer ON exchanges BEGIN
    INSERT INTO exchange_index (exchange_index, rowid, question, answer) VALUES ('delete', old.id, old.question, old.answer);
    INSERT INTO exchange_index (rowid, question, answer) VALUES (new.id, new.question, new.answer);
END;
CREATE TRIGGER exchanges_delete AFTER DELETE ON exchanges BEGIN
    INSERT INTO exchange_index (exchange_index, rowid, question, answer) VALUES ('delete', old.id, old.question, old.answer);
END;

CREATE VIRTUAL TABLE passage_index USING fts5 (text, content='passages', content_rowid='id', tokenize='kvasir');
CREATE TRIGGER passages_insert AFTER INSERT ON passages BEGIN
    INSERT INTO passage_index (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER passages_delete AFTER DELETE ON passages BEGIN
    INSERT INTO passage_index (passage_index, rowid, text) VALUES ('delete', old.id, old.text);
END;
)sql";

// Drafts and what became of them.
constexpr const char* kVersion2 = R"sql(
ALTER TABLE exchanges ADD COLUMN finish INTEGER;
ALTER TABLE exchanges ADD COLUMN follows INTEGER REFERENCES exchanges ON DELETE SET NULL;
ALTER TABLE exchanges ADD COLUMN passages INTEGER NOT NULL DEFAULT 0;
CREATE INDEX exchanges_follows ON exchanges (follows);
CREATE TABLE checks (
    exchange_id INTEGER PRIMARY KEY REFERENCES exchanges ON DELETE CASCADE,
    verdict INTEGER NOT NULL,
    by_mode INTEGER NOT NULL,
    other_id INTEGER REFERENCES exchanges ON DELETE SET NULL,
    sampled INTEGER NOT NULL,
    eight_bit INTEGER NOT NULL,
    ms REAL NOT NULL
) STRICT;
CREATE INDEX checks_other ON checks (other_id);
CREATE TABLE looked (
    id INTEGER PRIMARY KEY,
    exchange_id INTEGER NOT NULL REFERENCES exchanges ON DELETE CASCADE,
    text_begin INTEGER NOT NULL,
    text_end INTEGER NOT NULL,
    page INTEGER NOT NULL,
    line INTEGER NOT NULL,
    share REAL NOT NULL,
    quote TEXT NOT NULL
) STRICT;
CREATE INDEX looked_exchange ON looked (exchange_id);
)sql";

// Answers from documents that are read in parts.
constexpr const char* kVersion3 = R"sql(
ALTER TABLE exchanges ADD COLUMN parts_read INTEGER NOT NULL DEFAULT 0;
ALTER TABLE exchanges ADD COLUMN parts INTEGER NOT NULL DEFAULT 0;
)sql";

// Kept readings: one piece may belong to several documents that begin alike.
constexpr const char* kVersion4 = R"sql(
CREATE TABLE pieces (
    key TEXT PRIMARY KEY,
    late INTEGER NOT NULL,
    first_row INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pieces_used ON pieces (used_at, late, first_row);
CREATE TABLE piece_documents (
    key TEXT NOT NULL REFERENCES pieces ON DELETE CASCADE,
    document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    PRIMARY KEY (key, document_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX piece_documents_document ON piece_documents (document_id);
)sql";

// Questions that go on from earlier answers. A conversation is called by its first question: before, it was
// by its document, and one was begun with each document that was opened, asked or not.
constexpr const char* kVersion5 = R"sql(
ALTER TABLE exchanges ADD COLUMN after_id INTEGER REFERENCES exchanges ON DELETE SET NULL;
ALTER TABLE exchanges ADD COLUMN turns_given INTEGER NOT NULL DEFAULT 0;
ALTER TABLE exchanges ADD COLUMN turns_taken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE exchanges ADD COLUMN turn_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE exchanges ADD COLUMN turn_shortened INTEGER NOT NULL DEFAULT 0;
ALTER TABLE exchanges ADD COLUMN turn_limit INTEGER NOT NULL DEFAULT 0;
CREATE INDEX exchanges_after ON exchanges (after_id);
DELETE FROM conversations WHERE id NOT IN (SELECT conversation_id FROM exchanges);
UPDATE conversations SET title = (SELECT question FROM exchanges
    WHERE exchanges.conversation_id = conversations.id ORDER BY exchanges.id LIMIT 1);
)sql";

}  // namespace

const std::vector<Migration>& migrations() {
    static const std::vector<Migration> kSteps = {
        {1, kVersion1}, {2, kVersion2}, {3, kVersion3}, {4, kVersion4}, {5, kVersion5}};
    return kSteps;
}

void migrate(SQLite::Database& database, const std::vector<Migration>& steps) {
    int version = schemaVersion(database);
    for (const Migration& step : steps) {
        if (step.to <= version) continue;
        SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
        database.exec(step.sql);
        database.exec("PRAGMA user_version = " + std::to_string(step.to));
        transaction.commit();
        version = step.to;
    }
}

int schemaVersion(SQLite::Database& database) {
    return database.execAndGet("PRAGMA user_version").getInt();
}

}  // namespace kvasir
