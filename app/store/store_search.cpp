// The library's search and the search for passages.
#include <algorithm>
#include <set>

#include "app/store/rows.h"
#include "app/store/scripts.h"
#include "app/store/store_parts.h"
#include "app/utf8.h"

namespace kvasir {

namespace {

// Longer queries are cut: what comes behind would change little but cost time.
constexpr std::size_t kMaxWords = 32;
constexpr std::size_t kMaxPassageTerms = 128;
constexpr std::size_t kSnippetBytes = 200;
constexpr const char* kEllipsis = "\u2026";

using Purpose = SearchTokenizer::Purpose;

struct LibraryQuery {
    std::string match;                ///< for FTS5; empty: nothing to look for
    std::vector<std::string> terms;   ///< to be marked in snippets
    std::vector<std::string> starts;  ///< beginnings of words to be marked
};

std::vector<std::string> splitWords(std::string_view text) {
    std::vector<std::string> words(1);
    for (std::size_t at = 0; at < text.size();) {
        const utf8::CodePoint c = utf8::decode(text, at);
        const bool blank = c.value <= ' ' || c.value == 0x7F || c.value == 0x3000 || c.value == '"';
        if (!blank) {
            words.back() += text.substr(at, c.end - c.begin);
        } else if (!words.back().empty()) {
            words.emplace_back();
        }
        at = c.end;
    }
    if (words.back().empty()) words.pop_back();
    return words;
}

bool isSingleUnspaced(std::string_view term) {
    const utf8::CodePoint c = utf8::decode(term, 0);
    return c.end == term.size() && isUnspacedLetter(c.value);
}

// All words, each as a phrase; the last token of the last word, and a single character wherever a word ends,
// as a beginning.
LibraryQuery libraryQuery(const SearchTokenizer& tokenizer, std::string_view text) {
    LibraryQuery query;
    std::vector<std::vector<SearchToken>> words;
    std::vector<std::string> phrases;
    for (const std::string& word : splitWords(text)) {
        auto tokens = tokenizer.tokens(word, Purpose::Query);
        if (tokens.empty()) continue;
        words.push_back(std::move(tokens));
        phrases.push_back(word);
        if (words.size() == kMaxWords) break;
    }
    for (std::size_t i = 0; i < words.size(); ++i) {
        for (const SearchToken& token : words[i])
            query.terms.push_back(token.term);
        const std::string& last = words[i].back().term;
        const bool open = i + 1 == words.size() || isSingleUnspaced(last);
        if (open) query.starts.push_back(last);
        if (!query.match.empty()) query.match += " AND ";
        query.match += '"' + phrases[i] + '"' + (open ? " *" : "");
    }
    return query;
}

struct PassageQuery {
    std::string match;  ///< for FTS5
    std::size_t terms = 0;
};

// Any of the terms that were not `seen`, stems where there are some. Pairs of hiragana are mostly endings and
// particles: left out when there is anything else.
PassageQuery passageQuery(const SearchTokenizer& tokenizer, std::string_view text,
                          std::set<std::string>& seen) {
    const auto tokens = tokenizer.tokens(text, Purpose::Query);
    const auto isWeak = [](const std::string& term) {
        for (std::size_t at = 0; at < term.size();) {
            const utf8::CodePoint c = utf8::decode(term, at);
            if (!isHiragana(c.value)) return false;
            at = c.end;
        }
        return true;
    };
    const bool keepWeak =
        std::all_of(tokens.begin(), tokens.end(), [&](const SearchToken& t) { return isWeak(t.term); });
    PassageQuery query;
    for (const SearchToken& token : tokens) {
        const std::string term = tokenizer.stem(token.term);
        if (!keepWeak && isWeak(term)) continue;
        if (seen.size() == kMaxPassageTerms || !seen.insert(term).second) continue;
        if (query.terms++ > 0) query.match += " OR ";
        query.match += '"' + term + '"' + (isSingleUnspaced(term) ? " *" : "");
    }
    return query;
}

struct WeightedQuery {
    std::string match;
    double weight = 1;  ///< of its scores
};

// Many words of an earlier query must not outvote the few of the new one: together they weigh half as much.
std::vector<WeightedQuery> weightedQueries(const SearchTokenizer& tokenizer, std::string_view text,
                                           std::span<const std::string> earlier) {
    constexpr double kLess = 0.5;
    std::vector<WeightedQuery> queries;
    std::set<std::string> seen;
    PassageQuery own = passageQuery(tokenizer, text, seen);
    if (own.terms > 0) queries.push_back({std::move(own.match), 1});
    double weight = 1;
    for (const std::string& before : earlier) {
        weight *= kLess;
        PassageQuery query = passageQuery(tokenizer, before, seen);
        if (query.terms == 0) continue;
        const double share = static_cast<double>(own.terms) / static_cast<double>(query.terms);
        queries.push_back({std::move(query.match), own.terms > 0 ? weight * std::min(1.0, share) : weight});
    }
    return queries;
}

std::vector<ByteRange> findMatches(const SearchTokenizer& tokenizer, const LibraryQuery& query,
                                   std::string_view text) {
    std::vector<ByteRange> matches;
    for (const SearchToken& token : tokenizer.tokens(text, Purpose::Index)) {
        const auto begins = [&](const std::string& start) { return token.term.starts_with(start); };
        const bool found = !token.stem && (std::find(query.terms.begin(), query.terms.end(), token.term) !=
                                               query.terms.end() ||
                                           std::any_of(query.starts.begin(), query.starts.end(), begins));
        if (!found) continue;
        // Pairs of characters overlap.
        if (!matches.empty() && token.begin < matches.back().end) {
            matches.back().end = std::max(matches.back().end, token.end);
        } else {
            matches.push_back({token.begin, token.end});
        }
    }
    return matches;
}

// The nearest begin of a code point at or before `at`.
std::size_t boundary(std::string_view text, std::size_t at) {
    while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0u) == 0x80u)
        --at;
    return std::min(at, text.size());
}

// Cuts the part with the most matches out of the text.
void setSnippet(const SearchTokenizer& tokenizer, const LibraryQuery& query, std::string_view text,
                SearchHit& hit) {
    const std::vector<ByteRange> matches = findMatches(tokenizer, query, text);
    std::size_t begin = 0;
    std::size_t best = 0;
    for (std::size_t i = 0, j = 0; i < matches.size(); ++i) {
        j = std::max(i, j);
        while (j < matches.size() && matches[j].end <= matches[i].begin + kSnippetBytes * 3 / 4)
            ++j;
        if (j - i > best) {
            best = j - i;
            begin = matches[i].begin > kSnippetBytes / 4 ? matches[i].begin - kSnippetBytes / 4 : 0;
        }
    }
    if (text.size() <= kSnippetBytes) begin = 0;
    begin = boundary(text, begin);
    const std::size_t end = boundary(text, begin + kSnippetBytes);

    hit.snippet = begin > 0 ? kEllipsis : "";
    const std::size_t offset = hit.snippet.size();
    for (const char c : text.substr(begin, end - begin)) {
        const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
        hit.snippet += control ? ' ' : c;
    }
    if (end < text.size()) hit.snippet += kEllipsis;
    for (const ByteRange& m : matches) {
        if (m.begin < begin || m.end > end) continue;
        hit.matches.push_back({static_cast<std::uint32_t>(m.begin - begin + offset),
                               static_cast<std::uint32_t>(m.end - begin + offset)});
    }
}

void findNames(SQLite::Database& database, const SearchTokenizer& tokenizer, const LibraryQuery& query,
               int limit, std::vector<SearchHit>& hits) {
    Query rows(database,
               "SELECT documents.id, documents.name FROM document_index JOIN documents "
               "ON documents.id = document_index.rowid WHERE document_index MATCH ? "
               "ORDER BY bm25(document_index), documents.id LIMIT ?");
    rows << query.match << limit;
    while (rows.next()) {
        SearchHit hit;
        hit.kind = HitKind::Name;
        hit.documentId = rows.integer();
        setSnippet(tokenizer, query, rows.text(), hit);
        hits.push_back(std::move(hit));
    }
}

void findExchanges(SQLite::Database& database, const SearchTokenizer& tokenizer, const LibraryQuery& query,
                   HitKind kind, int limit, std::vector<SearchHit>& hits) {
    const std::string column = kind == HitKind::Question ? "question" : "answer";
    Query rows(database, "SELECT conversations.document_id, conversations.id, exchanges.id, exchanges." +
                             column +
                             " FROM exchange_index JOIN exchanges ON exchanges.id = exchange_index.rowid "
                             "JOIN conversations ON conversations.id = exchanges.conversation_id "
                             "WHERE exchange_index MATCH ? "
                             "ORDER BY bm25(exchange_index), exchanges.id DESC LIMIT ?");
    rows << column + " : (" + query.match + ")" << limit;
    while (rows.next()) {
        SearchHit hit;
        hit.kind = kind;
        hit.documentId = rows.integer();
        hit.conversationId = rows.integer();
        hit.exchangeId = rows.integer();
        setSnippet(tokenizer, query, rows.text(), hit);
        hits.push_back(std::move(hit));
    }
}

void findPages(SQLite::Database& database, const SearchTokenizer& tokenizer, const LibraryQuery& query,
               int limit, std::vector<SearchHit>& hits) {
    Query rows(database,
               "SELECT passages.document_id, page, text_begin, text_end, passages.text FROM passage_index "
               "JOIN passages ON passages.id = passage_index.rowid WHERE passage_index MATCH ? "
               "ORDER BY bm25(passage_index), passages.id");
    rows << query.match;
    const auto first = static_cast<std::ptrdiff_t>(hits.size());
    for (int count = 0; count < limit && rows.next();) {
        SearchHit hit;
        hit.kind = HitKind::Page;
        hit.documentId = rows.integer();
        hit.page = rows.integer<std::int32_t>();
        hit.range = rows.range();
        // Neighbours overlap: a place that both hold is shown once.
        const bool shown = std::any_of(hits.begin() + first, hits.end(), [&](const SearchHit& other) {
            return other.documentId == hit.documentId && other.range.begin < hit.range.end &&
                   hit.range.begin < other.range.end;
        });
        if (shown) continue;
        setSnippet(tokenizer, query, rows.text(), hit);
        hits.push_back(std::move(hit));
        ++count;
    }
}

}  // namespace

Result<std::vector<SearchHit>> StoreReader::search(std::string_view text, int limit) const {
    return m_parts->guarded<std::vector<SearchHit>>([&](SQLite::Database& database) {
        std::vector<SearchHit> hits;
        const SearchTokenizer& tokenizer = *m_parts->tokenizer;
        const LibraryQuery query = libraryQuery(tokenizer, text);
        if (query.match.empty() || limit <= 0) return hits;
        findNames(database, tokenizer, query, limit, hits);
        findExchanges(database, tokenizer, query, HitKind::Question, limit, hits);
        findExchanges(database, tokenizer, query, HitKind::Answer, limit, hits);
        findPages(database, tokenizer, query, limit, hits);
        return hits;
    });
}

Result<std::vector<PassageHit>> StoreReader::searchPassages(RowId document, std::string_view query, int limit,
                                                            std::span<const std::string> earlier) const {
    return m_parts->guarded<std::vector<PassageHit>>([&](SQLite::Database& database) {
        std::vector<PassageHit> hits;
        const std::vector<WeightedQuery> queries = weightedQueries(*m_parts->tokenizer, query, earlier);
        if (queries.empty() || limit <= 0) return hits;
        // A document's passages were inserted together, so they are neighbours in the index.
        std::string scored;
        for (std::size_t i = 0; i < queries.size(); ++i) {
            scored += std::string(i > 0 ? "UNION ALL " : "") +
                      "SELECT rowid AS id, ? * -bm25(passage_index) AS score FROM passage_index "
                      "WHERE passage_index MATCH ? "
                      "AND rowid BETWEEN (SELECT min(id) FROM passages WHERE document_id = ?) "
                      "AND (SELECT max(id) FROM passages WHERE document_id = ?) ";
        }
        // bm25 works in the query of the index alone: nothing may be moved into that.
        Query rows(database, "WITH scored AS MATERIALIZED (" + scored +
                                 ") SELECT text_begin, text_end, page, line, sum(score) FROM scored "
                                 "JOIN passages ON passages.id = scored.id WHERE passages.document_id = ? "
                                 "GROUP BY passages.id ORDER BY sum(score) DESC, passages.id LIMIT ?");
        for (const WeightedQuery& one : queries)
            rows << one.weight << one.match << document << document;
        rows << document << limit;
        while (rows.next()) {
            PassageHit hit;
            hit.range = rows.range();
            hit.page = rows.integer<std::int32_t>();
            hit.line = rows.integer<std::int32_t>();
            hit.score = rows.number();
            hits.push_back(hit);
        }
        return hits;
    });
}

}  // namespace kvasir
