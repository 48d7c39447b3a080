#include "app/store/store_reader.h"

#include <algorithm>

#include "app/store/rows.h"
#include "app/store/store_parts.h"
#include "app/store/trace_codec.h"

namespace kvasir {

Result<std::unique_ptr<StoreReader>> StoreReader::open(const std::filesystem::path& folder) {
    auto database = openForReading(folder);
    if (!database) return tl::unexpected(database.error());
    auto parts = std::make_unique<Parts>();
    parts->folder = folder;
    parts->database = std::move(*database);
    try {
        parts->tokenizer = std::make_unique<SearchTokenizer>(parts->database->getHandle());
    } catch (...) {
        return tl::unexpected(currentError(folder));
    }
    return std::unique_ptr<StoreReader>(new StoreReader(std::move(parts)));
}

StoreReader::StoreReader(std::unique_ptr<Parts> parts) : m_parts(std::move(parts)) {}

StoreReader::~StoreReader() = default;

Result<std::vector<DocumentRecord>> StoreReader::documents() const {
    return m_parts->guarded<std::vector<DocumentRecord>>([](SQLite::Database& database) {
        std::vector<DocumentRecord> list;
        Query query(database, std::string("SELECT ") + kDocumentColumns +
                                  " FROM documents ORDER BY opened_at DESC, id DESC");
        while (query.next())
            list.push_back(readDocument(query));
        return list;
    });
}

Result<DocumentRecord> StoreReader::document(RowId id) const {
    return m_parts->guarded<DocumentRecord>([&](SQLite::Database& database) {
        Query query(database, std::string("SELECT ") + kDocumentColumns + " FROM documents WHERE id = ?");
        query << id;
        if (!query.next()) throwMissing("document");
        return readDocument(query);
    });
}

Result<std::optional<DocumentRecord>> StoreReader::documentBySha256(const std::string& sha256) const {
    return m_parts->guarded<std::optional<DocumentRecord>>(
        [&](SQLite::Database& database) -> std::optional<DocumentRecord> {
            Query query(database,
                        std::string("SELECT ") + kDocumentColumns + " FROM documents WHERE sha256 = ?");
            query << sha256;
            if (!query.next()) return std::nullopt;
            return readDocument(query);
        });
}

Result<std::string> StoreReader::documentText(RowId document, ByteRange range) const {
    return m_parts->guarded<std::string>([&](SQLite::Database& database) {
        // Passages overlap: each gives what lies behind the text that is there already.
        std::string text;
        std::uint32_t at = range.begin;
        Query query(database,
                    "SELECT text_begin, text_end, text FROM passages "
                    "WHERE document_id = ? AND text_begin < ? AND text_end > ? ORDER BY text_begin");
        query << document << range.end << range.begin;
        while (query.next()) {
            const ByteRange passage = query.range();
            const std::uint32_t end = std::min(passage.end, range.end);
            if (passage.begin > at || end <= at) continue;
            text += query.text().substr(at - passage.begin, end - at);
            at = end;
        }
        return text;
    });
}

Result<std::vector<ConversationRecord>> StoreReader::conversations(RowId document) const {
    return m_parts->guarded<std::vector<ConversationRecord>>([&](SQLite::Database& database) {
        std::vector<ConversationRecord> list;
        Query query(database,
                    "SELECT id, document_id, title, created_at FROM conversations WHERE document_id = ? "
                    "ORDER BY id");
        query << document;
        while (query.next()) {
            ConversationRecord c;
            c.id = query.integer();
            c.documentId = query.integer();
            c.title = query.text();
            c.createdAt = query.integer();
            list.push_back(std::move(c));
        }
        return list;
    });
}

Result<std::vector<Exchange>> StoreReader::exchanges(RowId conversation) const {
    return m_parts->guarded<std::vector<Exchange>>([&](SQLite::Database& database) {
        std::vector<Exchange> list;
        Query query(database, std::string("SELECT ") + kExchangeColumns +
                                  " FROM exchanges WHERE conversation_id = ? ORDER BY id");
        query << conversation;
        while (query.next())
            list.push_back(readExchange(query));
        return list;
    });
}

Result<Exchange> StoreReader::exchange(RowId id) const {
    return m_parts->guarded<Exchange>([&](SQLite::Database& database) {
        Query query(database, std::string("SELECT ") + kExchangeColumns + " FROM exchanges WHERE id = ?");
        query << id;
        if (!query.next()) throwMissing("answer");
        return readExchange(query);
    });
}

Result<RowId> StoreReader::documentOf(RowId exchange) const {
    return m_parts->guarded<RowId>([&](SQLite::Database& database) {
        Query query(database,
                    "SELECT document_id FROM conversations JOIN exchanges "
                    "ON exchanges.conversation_id = conversations.id WHERE exchanges.id = ?");
        query << exchange;
        if (!query.next()) throwMissing("answer");
        return query.integer();
    });
}

Result<std::vector<CitationRecord>> StoreReader::citations(RowId exchange) const {
    return m_parts->guarded<std::vector<CitationRecord>>([&](SQLite::Database& database) {
        std::vector<CitationRecord> list;
        Query query(database,
                    "SELECT number, sentence_begin, sentence_end, places, page, line, quote FROM citations "
                    "WHERE exchange_id = ? ORDER BY id");
        query << exchange;
        while (query.next()) {
            CitationRecord c;
            c.number = query.integer<std::int32_t>();
            c.sentence = query.range();
            c.places = orThrow(decodeRanges(query.text()));
            c.page = query.integer<std::int32_t>();
            c.line = query.integer<std::int32_t>();
            c.quote = query.text();
            list.push_back(std::move(c));
        }
        return list;
    });
}

Result<std::vector<CheckedFact>> StoreReader::facts(RowId exchange) const {
    return m_parts->guarded<std::vector<CheckedFact>>([&](SQLite::Database& database) {
        std::vector<CheckedFact> list;
        Query query(database,
                    "SELECT text, answer_begin, answer_end, found, page FROM facts "
                    "WHERE exchange_id = ? ORDER BY id");
        query << exchange;
        while (query.next()) {
            CheckedFact f;
            f.text = query.text();
            f.begin = query.integer<std::uint32_t>();
            f.end = query.integer<std::uint32_t>();
            f.found = query.value(CheckedFact::Found::Nowhere);
            f.page = query.integer<std::int32_t>();
            list.push_back(std::move(f));
        }
        return list;
    });
}

Result<std::optional<CheckRecord>> StoreReader::check(RowId exchange) const {
    return m_parts->guarded<std::optional<CheckRecord>>(
        [&](SQLite::Database& database) { return readCheck(database, exchange); });
}

Result<std::optional<Trace>> StoreReader::trace(RowId exchange) const {
    return m_parts->guarded<std::optional<Trace>>([&](SQLite::Database& database) -> std::optional<Trace> {
        Query query(database, "SELECT token_map_id, data FROM traces WHERE exchange_id = ?");
        query << exchange;
        if (!query.next()) return std::nullopt;
        const RowId map = query.integer();
        Trace trace = orThrow(decodeTrace(query.text()));
        trace.tokenMap = map;
        return trace;
    });
}

Result<std::vector<ByteRange>> StoreReader::tokenMap(RowId id) const {
    return m_parts->guarded<std::vector<ByteRange>>([&](SQLite::Database& database) {
        Query query(database, "SELECT ranges FROM token_maps WHERE id = ?");
        query << id;
        if (!query.next()) throwMissing("token map");
        return orThrow(decodeRanges(query.text()));
    });
}

Result<std::vector<PinRecord>> StoreReader::pins(RowId document) const {
    return m_parts->guarded<std::vector<PinRecord>>([&](SQLite::Database& database) {
        std::vector<PinRecord> list;
        Query query(database,
                    "SELECT id, document_id, text_begin, text_end, created_at FROM pins "
                    "WHERE document_id = ? ORDER BY text_begin, id");
        query << document;
        while (query.next()) {
            PinRecord pin;
            pin.id = query.integer();
            pin.documentId = query.integer();
            pin.range = query.range();
            pin.createdAt = query.integer();
            list.push_back(pin);
        }
        return list;
    });
}

Result<std::optional<std::string>> StoreReader::setting(const std::string& key) const {
    return m_parts->guarded<std::optional<std::string>>(
        [&](SQLite::Database& database) -> std::optional<std::string> {
            Query query(database, "SELECT value FROM settings WHERE key = ?");
            query << key;
            if (!query.next()) return std::nullopt;
            return query.text();
        });
}

Result<std::vector<MetricRecord>> StoreReader::metrics(std::int64_t since) const {
    return m_parts->guarded<std::vector<MetricRecord>>([&](SQLite::Database& database) {
        std::vector<MetricRecord> list;
        Query query(database,
                    "SELECT at, exchange_id, model_name, mode, prompt_tokens, ttft_ms, read_tokens_per_s, "
                    "decode_tokens_per_s FROM metrics WHERE at >= ? ORDER BY at, id");
        query << since;
        while (query.next()) {
            MetricRecord m;
            m.at = query.integer();
            m.exchangeId = query.integer();
            m.modelName = query.text();
            m.mode = query.value(AnswerMode::Parts);
            m.promptTokens = query.integer();
            m.ttftMs = query.optionalNumber();
            m.readTokensPerSecond = query.optionalNumber();
            m.decodeTokensPerSecond = query.optionalNumber();
            list.push_back(std::move(m));
        }
        return list;
    });
}

}  // namespace kvasir
