// A read-only view of the store.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/store/records.h"
#include "engine/error.h"

namespace kvasir {

/// One connection: for one thread at a time. Sees what was committed when a method is called, and never waits
/// for the writer, which may be in another program. Errors of all methods: NotFound (no such record),
/// Damaged (the next Store::open checks the database), Unreadable, Busy, OutOfMemory.
class StoreReader {
public:
    /// Errors besides: NotFound (there is no store in the folder), Unsupported (another version's).
    static Result<std::unique_ptr<StoreReader>> open(const std::filesystem::path& folder);
    ~StoreReader();
    StoreReader(const StoreReader&) = delete;
    StoreReader& operator=(const StoreReader&) = delete;

    /// Most recently opened first.
    Result<std::vector<DocumentRecord>> documents() const;
    Result<DocumentRecord> document(RowId id) const;
    Result<std::optional<DocumentRecord>> documentBySha256(const std::string& sha256) const;
    /// Bytes [begin, end) of an indexed document's text, cut at its end; empty when it was not indexed.
    Result<std::string> documentText(RowId document, ByteRange range) const;

    /// Oldest first.
    Result<std::vector<ConversationRecord>> conversations(RowId document) const;
    /// Oldest first.
    Result<std::vector<Exchange>> exchanges(RowId conversation) const;
    Result<Exchange> exchange(RowId id) const;
    /// The document that the exchange is about.
    Result<RowId> documentOf(RowId exchange) const;
    Result<std::vector<CitationRecord>> citations(RowId exchange) const;
    Result<std::vector<CheckedFact>> facts(RowId exchange) const;
    /// Empty when the answer was not checked.
    Result<std::optional<CheckRecord>> check(RowId exchange) const;
    /// Empty when the answer left none.
    Result<std::optional<Trace>> trace(RowId exchange) const;
    Result<std::vector<ByteRange>> tokenMap(RowId id) const;

    /// In the order of the text.
    Result<std::vector<PinRecord>> pins(RowId document) const;
    Result<std::optional<std::string>> setting(const std::string& key) const;
    /// Those since `since`, oldest first.
    Result<std::vector<MetricRecord>> metrics(std::int64_t since) const;

    /// Names, questions, answers, pages, in this order and the best first, at most `limit` of each: those
    /// that hold all words of `text`; the last may be the beginning of a word. Words of Chinese, Japanese and
    /// Korean are found inside their sentences, single characters too.
    Result<std::vector<SearchHit>> search(std::string_view text, int limit) const;
    /// Passages (about 400 characters) that share words with the query, the best first. Words of one stem
    /// count as one. Words of `earlier` queries, the newest first, that those before do not hold count half
    /// as much as the query's own, all together, then a quarter, and so on: a question that goes on from
    /// others is short of words.
    Result<std::vector<PassageHit>> searchPassages(RowId document, std::string_view query, int limit,
                                                   std::span<const std::string> earlier = {}) const;

private:
    struct Parts;
    explicit StoreReader(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> m_parts;
};

}  // namespace kvasir
