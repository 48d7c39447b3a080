#include "app/store/rows.h"

#include "app/store/trace_codec.h"

namespace kvasir {

const char* const kDocumentColumns =
    "id, sha256, name, path, kind, characters, added_at, opened_at, page_statuses, last_page, last_zoom";

const char* const kExchangeColumns =
    "id, conversation_id, asked_at, question, answer, state, mode, model_name, model_sha256, policy, "
    "prompt_tokens, carried_tokens, answer_tokens, ttft_ms, read_ms, decode_tokens_per_s, answerable, "
    "error_code, error_what, error_where, error_advice, missing_pages, finish, follows, passages, "
    "parts_read, parts, after_id, turns_given, turns_taken, turn_tokens, turn_shortened, turn_limit";

Query& Query::operator<<(double value) {
    m_statement.bind(++m_parameter, value);
    return *this;
}

Query& Query::operator<<(const std::string& value) {
    m_statement.bind(++m_parameter, value);
    return *this;
}

Query& Query::operator<<(const Blob& value) {
    m_statement.bind(++m_parameter, static_cast<const void*>(value.bytes.data()),
                     static_cast<int>(value.bytes.size()));
    return *this;
}

bool Query::next() {
    m_column = 0;
    return m_statement.executeStep();
}

int Query::run() {
    return m_statement.exec();
}

void Query::again() {
    m_statement.reset();
    m_statement.clearBindings();
    m_parameter = 0;
}

std::optional<double> Query::optionalNumber() {
    const bool absent = isNull();
    const double value = number();
    return absent ? std::nullopt : std::optional(value);
}

ByteRange Query::range() {
    const auto begin = integer<std::uint32_t>();
    return {begin, integer<std::uint32_t>()};
}

void Query::throwDamaged() {
    throw SQLite::Exception("A stored value is outside its range", 11 /* SQLITE_CORRUPT */);
}

void throwMissing(const std::string& what) {
    throw StoreFailure({ErrorCode::NotFound, "This " + what + " is no longer in the store.", "store",
                        "It was deleted in the meantime, or never saved."});
}

namespace {

Blob packPages(const std::vector<std::int32_t>& pages) {
    std::string bytes;
    for (const std::int32_t page : pages) {
        for (int shift = 0; shift < 32; shift += 8)
            bytes += static_cast<char>(static_cast<std::uint32_t>(page) >> shift);
    }
    return {bytes};
}

std::vector<std::int32_t> unpackPages(const std::string& bytes) {
    std::vector<std::int32_t> pages;
    for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
        std::uint32_t page = 0;
        for (std::size_t i = 0; i < 4; ++i)
            page |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
        pages.push_back(static_cast<std::int32_t>(page));
    }
    return pages;
}

// Everything but the id, in the order of kExchangeColumns.
void bindExchange(Query& query, const Exchange& e) {
    query << e.conversationId << e.askedAt << e.question << e.answer << e.state << e.mode << e.modelName
          << e.modelSha256 << e.policy << e.promptTokens << e.carriedTokens << e.answerTokens << e.ttftMs
          << e.readMs << e.decodeTokensPerSecond << e.answerable;
    const Error error = e.error.value_or(Error{ErrorCode::Internal, "", "", ""});
    query << (e.error ? std::optional(e.error->code) : std::nullopt) << error.what << error.where
          << error.advice << packPages(e.missingPages) << e.finish
          << (e.follows == 0 ? std::nullopt : std::optional(e.follows)) << e.passages << e.parts.read
          << e.parts.all << (e.after == 0 ? std::nullopt : std::optional(e.after)) << e.turns.given
          << e.turns.taken << e.turns.tokens << e.turns.shortened << e.turns.limit;
}

}  // namespace

DocumentRecord readDocument(Query& row) {
    DocumentRecord d;
    d.id = row.integer();
    d.sha256 = row.text();
    d.name = row.text();
    d.path = row.text();
    d.kind = row.value(DocumentKind::Log);
    d.characters = row.integer();
    d.addedAt = row.integer();
    d.openedAt = row.integer();
    for (const char status : row.text()) {
        if (status < 0 || status > static_cast<char>(PageStatus::Failed)) Query::throwDamaged();
        d.pageStatuses.push_back(static_cast<PageStatus>(status));
    }
    d.lastPage = row.integer<std::int32_t>();
    d.lastZoom = row.number();
    return d;
}

Exchange readExchange(Query& row) {
    Exchange e;
    e.id = row.integer();
    e.conversationId = row.integer();
    e.askedAt = row.integer();
    e.question = row.text();
    e.answer = row.text();
    e.state = row.value(ExchangeState::Interrupted);
    e.mode = row.value(AnswerMode::Parts);
    e.modelName = row.text();
    e.modelSha256 = row.text();
    e.policy = row.text();
    e.promptTokens = row.integer();
    e.carriedTokens = row.integer();
    e.answerTokens = row.integer();
    e.ttftMs = row.optionalNumber();
    e.readMs = row.optionalNumber();
    e.decodeTokensPerSecond = row.optionalNumber();
    if (const auto answerable = row.optionalNumber()) e.answerable = *answerable != 0;
    const bool failed = !row.isNull();
    Error error;
    error.code = row.value(ErrorCode::Internal);
    error.what = row.text();
    error.where = row.text();
    error.advice = row.text();
    if (failed) e.error = std::move(error);
    e.missingPages = unpackPages(row.text());
    const bool ended = !row.isNull();
    const FinishReason finish = row.value(FinishReason::Stopped);
    if (ended) e.finish = finish;
    e.follows = row.integer();
    e.passages = row.integer<std::int32_t>();
    e.parts.read = row.integer<std::int32_t>();
    e.parts.all = row.integer<std::int32_t>();
    e.after = row.integer();
    e.turns.given = row.integer<std::int32_t>();
    e.turns.taken = row.integer<std::int32_t>();
    e.turns.tokens = row.integer();
    e.turns.shortened = row.integer() != 0;
    e.turns.limit = row.value(TurnsTaken::Limit::Window);
    return e;
}

RowId insertDocument(SQLite::Database& database, const DocumentRecord& d) {
    std::string statuses;
    for (const PageStatus status : d.pageStatuses)
        statuses += static_cast<char>(status);
    Query query(database,
                "INSERT INTO documents (sha256, name, path, kind, characters, added_at, opened_at, "
                "page_statuses, last_page, last_zoom) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (sha256) DO UPDATE SET name = excluded.name, path = excluded.path, "
                "kind = excluded.kind, characters = excluded.characters, opened_at = excluded.opened_at, "
                "page_statuses = excluded.page_statuses RETURNING id");
    query << d.sha256 << d.name << d.path << d.kind << d.characters << d.addedAt << d.openedAt
          << Blob{statuses} << d.lastPage << d.lastZoom;
    query.next();
    const RowId id = query.integer();
    query.next();
    return id;
}

RowId insertExchange(SQLite::Database& database, const Exchange& exchange) {
    Query query(
        database,
        std::string("INSERT INTO exchanges (") + kExchangeColumns +
            ") VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
            "?, ?, ?, ?, ?, ?)");
    bindExchange(query, exchange);
    query.run();
    return database.getLastInsertRowid();
}

void updateExchange(SQLite::Database& database, const Exchange& exchange) {
    Query query(
        database,
        "UPDATE exchanges SET conversation_id = ?, asked_at = ?, question = ?, answer = ?, state = ?, "
        "mode = ?, model_name = ?, model_sha256 = ?, policy = ?, prompt_tokens = ?, "
        "carried_tokens = ?, answer_tokens = ?, ttft_ms = ?, read_ms = ?, decode_tokens_per_s = ?, "
        "answerable = ?, error_code = ?, error_what = ?, error_where = ?, error_advice = ?, "
        "missing_pages = ?, finish = ?, follows = ?, passages = ?, parts_read = ?, "
        "parts = ?, after_id = ?, turns_given = ?, turns_taken = ?, turn_tokens = ?, turn_shortened = ?, "
        "turn_limit = ? WHERE id = ?");
    bindExchange(query, exchange);
    query << exchange.id;
    if (query.run() == 0) throwMissing("answer");
}

void insertCitations(SQLite::Database& database, RowId exchange,
                     const std::vector<CitationRecord>& citations) {
    Query query(
        database,
        "INSERT INTO citations (exchange_id, number, sentence_begin, sentence_end, places, page, line, "
        "quote) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    for (const CitationRecord& c : citations) {
        query << exchange << c.number << c.sentence.begin << c.sentence.end
              << Blob{orThrow(encodeRanges(c.places))} << c.page << c.line << c.quote;
        query.run();
        query.again();
    }
}

void insertFacts(SQLite::Database& database, RowId exchange, const std::vector<CheckedFact>& facts) {
    Query query(database,
                "INSERT INTO facts (exchange_id, text, answer_begin, answer_end, found, page) "
                "VALUES (?, ?, ?, ?, ?, ?)");
    for (const CheckedFact& f : facts) {
        query << exchange << f.text << f.begin << f.end << f.found << f.page;
        query.run();
        query.again();
    }
}

void replaceCheck(SQLite::Database& database, RowId exchange, const CheckRecord& check) {
    for (const char* table : {"checks", "looked"}) {
        const std::string sql = std::string("DELETE FROM ") + table + " WHERE exchange_id = ?";
        (Query(database, sql) << exchange).run();
    }
    Query query(database,
                "INSERT INTO checks (exchange_id, verdict, by_mode, other_id, sampled, eight_bit, ms) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)");
    query << exchange << check.verdict << check.by
          << (check.other == 0 ? std::nullopt : std::optional(check.other)) << check.sampled << check.eightBit
          << check.ms;
    query.run();
    Query place(database,
                "INSERT INTO looked (exchange_id, text_begin, text_end, page, line, share, quote) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)");
    for (const LookedAt& l : check.looked) {
        place << exchange << l.begin << l.end << l.page << l.line << static_cast<double>(l.share) << l.quote;
        place.run();
        place.again();
    }
}

std::optional<CheckRecord> readCheck(SQLite::Database& database, RowId exchange) {
    Query query(
        database,
        "SELECT verdict, by_mode, other_id, sampled, eight_bit, ms FROM checks WHERE exchange_id = ?");
    query << exchange;
    if (!query.next()) return std::nullopt;
    CheckRecord check;
    check.verdict = query.value(Verdict::Different);
    check.by = query.value(AnswerMode::Parts);
    check.other = query.integer();
    check.sampled = query.integer() != 0;
    check.eightBit = query.integer() != 0;
    check.ms = query.number();
    Query place(database,
                "SELECT text_begin, text_end, page, line, share, quote FROM looked WHERE exchange_id = ? "
                "ORDER BY id");
    place << exchange;
    while (place.next()) {
        LookedAt l;
        l.begin = place.integer<std::uint32_t>();
        l.end = place.integer<std::uint32_t>();
        l.page = place.integer<std::int32_t>();
        l.line = place.integer<std::int32_t>();
        l.share = static_cast<float>(place.number());
        l.quote = place.text();
        check.looked.push_back(std::move(l));
    }
    return check;
}

}  // namespace kvasir
