#include "app/library.h"

#include <algorithm>
#include <chrono>

namespace kvasir {

std::vector<ByteRange> searchedPassages(const StoreReader& reader, RowId document,
                                        const std::string& question, std::span<const Turn> turns) {
    constexpr int kMostPassages = 24;  // more than a first look has room for
    std::vector<ByteRange> ranges;
    const Result<std::vector<PassageHit>> hits =
        reader.searchPassages(document, question, kMostPassages, earlierQuestions(turns));
    if (!hits) return ranges;
    for (const PassageHit& hit : *hits)
        ranges.push_back(hit.range);
    return ranges;
}

std::vector<std::string> earlierQuestions(std::span<const Turn> turns) {
    constexpr std::size_t kMost = 3;  // what lies further back counts next to nothing
    std::vector<std::string> questions;
    for (std::size_t i = turns.size(); i-- > 0 && questions.size() < kMost;)
        questions.push_back(turns[i].question);
    return questions;
}

std::vector<Turn> turnsAfter(const StoreReader& reader, RowId exchange) {
    std::vector<Turn> turns;
    // An answer goes on from an earlier one, so that the rows fall: what does not fall is damage.
    for (RowId row = exchange, above = 0; row > 0 && turns.size() < kMostTurns;) {
        if (above != 0 && row >= above) break;
        const Result<Exchange> turn = reader.exchange(row);
        if (!turn) break;
        turns.push_back({turn->question, turn->answer});
        above = row;
        row = turn->after;
    }
    std::ranges::reverse(turns);
    return turns;
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

Result<Library::Conversation> Library::beginConversation(RowId document, const std::string& question) {
    const Result<RowId> row = m_store.addConversation({0, document, question, nowMs()}).get();
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
    exchange.after = exchangeOf(asked.after);
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
    exchange.after = exchangeOf(answer.after);
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
