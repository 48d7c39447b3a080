#include "app/library.h"

#include <chrono>

namespace kvasir {

std::vector<ByteRange> searchedPassages(const StoreReader& reader, RowId document,
                                        const std::string& question) {
    constexpr int kMostPassages = 24;  // more than a first look has room for
    std::vector<ByteRange> ranges;
    const Result<std::vector<PassageHit>> hits = reader.searchPassages(document, question, kMostPassages);
    if (!hits) return ranges;
    for (const PassageHit& hit : *hits)
        ranges.push_back(hit.range);
    return ranges;
}

std::int64_t nowMs() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Result<RowId> Library::remember(const Document& document, const std::filesystem::path& path) {
    DocumentRecord record;
    record.sha256 = document.sha256;
    record.name = document.name;
    record.path = std::filesystem::absolute(path).string();
    record.kind = document.kind;
    record.characters = static_cast<std::int64_t>(document.text.size());
    record.addedAt = record.openedAt = nowMs();
    for (const Page& page : document.pages)
        record.pageStatuses.push_back(page.status);
    return m_store.addDocument(std::move(record)).get();
}

Result<void> Library::index(RowId document, std::shared_ptr<const Document> text) {
    return m_store.indexDocument(document, std::move(text)).get();
}

Result<Library::Conversation> Library::conversation(const StoreReader& reader, RowId document,
                                                    const std::string& title) {
    const Result<std::vector<ConversationRecord>> known = reader.conversations(document);
    if (!known) return tl::unexpected(known.error());
    if (!known->empty()) return Conversation{document, known->back().id};
    const Result<RowId> row = m_store.addConversation({0, document, title, nowMs()}).get();
    if (!row) return tl::unexpected(row.error());
    return Conversation{document, *row};
}

std::shared_future<Result<RowId>> Library::begin(const Conversation& conversation, const Answer& asked,
                                                 const std::string& modelName) {
    Exchange exchange;
    exchange.conversationId = conversation.row;
    exchange.askedAt = asked.askedAt;
    exchange.question = asked.question;
    exchange.mode = asked.mode;
    exchange.follows = exchangeOf(asked.follows);
    exchange.modelName = modelName;
    return m_store.beginExchange(std::move(exchange)).share();
}

Result<void> Library::finish(RowId row, const Conversation& conversation, const Answer& answer,
                             const AnswerTrace& trace, const std::string& modelName) {
    Exchange exchange = toExchange(answer, trace);
    exchange.id = row;
    exchange.conversationId = conversation.row;
    exchange.modelName = modelName;
    exchange.follows = exchangeOf(answer.follows);
    std::optional<Trace> record;
    if (!trace.tokens.empty()) {
        const Result<RowId> map = m_store.addTokenMap(conversation.document, toTokenMap(trace.tokens)).get();
        if (!map) return tl::unexpected(map.error());
        record = toTrace(trace, *map);
    }
    return m_store
        .finishExchange(std::move(exchange), toCitationRecords(answer.citations), answer.facts,
                        std::move(record))
        .get();
}

Result<RowId> Library::keepCheck(RowId draft, const Conversation& conversation, const AnswerCheck& check,
                                 const Answer& full, const AnswerTrace& trace, const std::string& modelName) {
    CheckRecord record = toCheckRecord(check);
    record.other = 0;
    if (check.verdict != Verdict::SameWords) {
        Answer written = full;
        written.follows = answerId(draft);
        const Result<RowId> row = begin(conversation, written, modelName).get();
        if (!row) return tl::unexpected(row.error());
        if (Result<void> kept = finish(*row, conversation, written, trace, modelName); !kept)
            return tl::unexpected(kept.error());
        record.other = *row;
    }
    const RowId other = record.other;
    if (Result<void> kept = m_store.saveCheck(draft, std::move(record)).get(); !kept)
        return tl::unexpected(kept.error());
    return other;
}

}  // namespace kvasir
