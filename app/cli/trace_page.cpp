#include "app/cli/trace_page.h"

#include <algorithm>
#include <cmath>

#include "app/archive.h"

namespace kvasir::cli {
namespace {

constexpr std::uint8_t kPinnedMark = 8;

struct CarriedRange {
    std::uint32_t begin = 0, end = 0;  ///< bytes of the document's text
    float score = 0;                   ///< largest t of its tokens
};

/// Runs of carried document tokens.
std::vector<CarriedRange> carriedRanges(const AnswerTrace& trace) {
    std::vector<CarriedRange> ranges;
    std::int64_t last = -2;
    for (const std::int32_t position : trace.carried) {
        const std::int64_t token = position - trace.layout.prefix;
        if (token < 0 || token >= static_cast<std::int64_t>(trace.tokens.size())) continue;
        const TextToken& bytes = trace.tokens[static_cast<std::size_t>(token)];
        if (token != last + 1) ranges.push_back({bytes.begin, bytes.end, 0});
        ranges.back().end = bytes.end;
        const auto at = static_cast<std::size_t>(position);
        if (at < trace.scores.size()) ranges.back().score = std::max(ranges.back().score, trace.scores[at]);
        last = token;
    }
    return ranges;
}

/// Bytes of the document's parts that were not read.
std::vector<ByteRange> unreadRanges(const AnswerTrace& trace) {
    std::vector<ByteRange> ranges;
    for (const Policy::Range& range : trace.notRead) {
        const std::int64_t first = range.first - trace.layout.prefix, last = range.last - trace.layout.prefix;
        if (first < 0 || last <= first || last > std::ssize(trace.tokens)) continue;
        ranges.push_back({trace.tokens[static_cast<std::size_t>(first)].begin,
                          trace.tokens[static_cast<std::size_t>(last - 1)].end});
    }
    return ranges;
}

/// Of the parts that were read.
std::int64_t documentTokens(const AnswerTrace& trace) {
    std::int64_t tokens = std::ssize(trace.tokens);
    for (const Policy::Range& range : trace.notRead)
        tokens -= range.last - range.first;
    return tokens;
}

std::int64_t carriedDocumentTokens(const AnswerTrace& trace) {
    return std::count_if(trace.carried.begin(), trace.carried.end(), [&](std::int32_t position) {
        return position >= trace.layout.prefix && position < trace.layout.documentEnd;
    });
}

std::string textOf(const InspectedAnswer& inspected, std::uint32_t begin, std::uint32_t end) {
    return inspected.text.substr(std::min<std::size_t>(begin, inspected.text.size()), end - begin);
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

/// Ascending positions as [begin, end) runs.
Json runs(const std::vector<std::int32_t>& positions) {
    Json list = Json::array();
    for (const std::int32_t position : positions) {
        if (!list.empty() && list.back()[1] == position) {
            list.back()[1] = position + 1;
        } else {
            list.push_back({position, position + 1});
        }
    }
    return list;
}

/// How many entries each layer keeps, and which, where it keeps not all that entered. Traces of older
/// versions know the policy's share of the prompt only.
Json layers(const InspectedAnswer& inspected) {
    const std::int64_t layerCount = inspected.policy.value("layers", std::int64_t{0});
    const std::int64_t tsp = inspected.policy.value("tsp_layer", std::int64_t{0});
    const std::int64_t perMille = std::llround(inspected.policy.value("retention", 1.0) * 1000);
    const std::int64_t all = inspected.trace.layout.length;
    const auto carried = static_cast<std::int64_t>(inspected.trace.carried.size());
    Json list = Json::array();
    for (std::int64_t i = 0; i < layerCount; ++i) {
        // Where parts are read apart, the question runs over the carried tokens alone.
        const bool parts = inspected.answer.mode == AnswerMode::Parts;
        const std::int64_t entered = i <= tsp && !parts ? all : carried;
        const auto& kept = inspected.trace.kept;
        const auto index = static_cast<std::size_t>(i);
        Json heads = Json::array();
        std::int64_t most = kept.empty() ? std::min(entered, all * perMille / 1000) : entered;
        if (index < kept.size() && !kept[index].empty()) {
            most = 0;
            for (const std::vector<std::int32_t>& positions : kept[index]) {
                heads.push_back(runs(positions));
                most = std::max(most, static_cast<std::int64_t>(positions.size()));
            }
        }
        list.push_back({{"layer", i}, {"entered", entered}, {"kept", most}, {"heads", heads}});
    }
    return list;
}

}  // namespace

Result<InspectedAnswer> loadInspectedAnswer(const StoreReader& reader, const std::string& answerId) {
    const RowId row = exchangeOf(answerId);
    if (row == 0) {
        return fail(ErrorCode::InvalidArgument, "'" + answerId + "' is not an answer's id.", "",
                    "Ids look like A12; `kvasir-cli sessions` lists them.");
    }
    const Result<Exchange> exchange = reader.exchange(row);
    if (!exchange) return tl::unexpected(exchange.error());
    const Result<std::vector<CitationRecord>> citations = reader.citations(row);
    if (!citations) return tl::unexpected(citations.error());
    const Result<std::vector<CheckedFact>> facts = reader.facts(row);
    if (!facts) return tl::unexpected(facts.error());
    const Result<std::optional<Trace>> trace = reader.trace(row);
    if (!trace) return tl::unexpected(trace.error());
    if (!trace->has_value()) {
        return fail(ErrorCode::NotFound, "This answer left no trace.", answerId, "Ask the question again.");
    }
    const Result<std::vector<ByteRange>> map = reader.tokenMap((*trace)->tokenMap);
    if (!map) return tl::unexpected(map.error());
    const Result<RowId> documentRow = reader.documentOf(row);
    if (!documentRow) return tl::unexpected(documentRow.error());
    const Result<DocumentRecord> document = reader.document(*documentRow);
    if (!document) return tl::unexpected(document.error());
    const Result<std::string> text = reader.documentText(*documentRow, {0, UINT32_MAX});
    if (!text) return tl::unexpected(text.error());
    Json policy = Json::parse(exchange->policy, nullptr, false);
    if (!policy.is_object()) policy = Json::object();
    policy.erase("pinned");  // told apart
    return InspectedAnswer{toAnswer(*exchange, *citations, *facts),
                           toAnswerTrace(**trace, *map),
                           std::move(policy),
                           pinnedOf(exchange->policy),
                           *document,
                           *text};
}

Json inspectedJson(const InspectedAnswer& inspected) {
    const Answer& answer = inspected.answer;
    Json carried = Json::array();
    for (const CarriedRange& range : carriedRanges(inspected.trace)) {
        carried.push_back({{"begin", range.begin},
                           {"end", range.end},
                           {"score", range.score},
                           {"text", textOf(inspected, range.begin, range.end)}});
    }
    Json cited = Json::array();
    for (const Citation& c : answer.citations) {
        cited.push_back({{"number", c.number},
                         {"page", c.page + 1},
                         {"begin", c.begin},
                         {"end", c.end},
                         {"quote", c.quote}});
    }
    Json unread = Json::array();
    for (const ByteRange& range : unreadRanges(inspected.trace))
        unread.push_back({{"begin", range.begin}, {"end", range.end}});
    Json pinned = Json::array();
    for (const PinnedPassage& pin : inspected.pinned) {
        pinned.push_back({{"begin", pin.range.begin},
                          {"end", pin.range.end},
                          {"page", pin.page + 1},
                          {"text", textOf(inspected, pin.range.begin, pin.range.end)}});
    }
    const double all = static_cast<double>(std::max<std::int64_t>(1, documentTokens(inspected.trace)));
    const double notCarried = answer.mode == AnswerMode::Full
                                  ? 0.0
                                  : 1.0 - static_cast<double>(carriedDocumentTokens(inspected.trace)) / all;
    return {{"answer_id", answer.id},
            {"document", inspected.document.name},
            {"question", answer.question},
            {"answer", answer.text},
            {"mode", modeName(answer.mode)},
            {"after", answer.after.empty() ? Json() : Json(answer.after)},
            {"turns", turnsJson(answer.turns)},
            {"not_carried_share", notCarried},
            {"parts", partsJson(answer.parts)},
            {"not_read", unread},
            {"carried", carried},
            {"pinned", pinned},
            {"cited", cited},
            {"policy", inspected.policy},
            {"layers", layers(inspected)},
            {"timings",
             {{"ttft_ms", answer.figures.firstTokenMs},
              {"read_ms", answer.figures.readMs},
              {"decode_tokens_per_s", answer.figures.decodeTokensPerSecond}}}};
}

std::string inspectedHtml(const InspectedAnswer& inspected) {
    // Borders between marks: each byte is carried or not, cited or not.
    const std::string& text = inspected.text;
    std::vector<std::uint8_t> marks(text.size(), 0);
    const auto mark = [&](std::uint32_t begin, std::uint32_t end, std::uint8_t bit) {
        for (std::size_t i = begin; i < std::min<std::size_t>(end, text.size()); ++i)
            marks[i] |= bit;
    };
    for (const CarriedRange& range : carriedRanges(inspected.trace))
        mark(range.begin, range.end, 1);
    for (const Citation& c : inspected.answer.citations)
        mark(c.begin, c.end, 2);
    for (const ByteRange& range : unreadRanges(inspected.trace))
        mark(range.begin, range.end, 4);
    for (const PinnedPassage& pin : inspected.pinned)
        mark(pin.range.begin, pin.range.end, kPinnedMark);
    std::string html =
        "<!doctype html><meta charset=\"utf-8\"><title>" + escaped(inspected.answer.question) +
        "</title><style>body{font:16px/1.5 serif;max-width:50em;margin:2em auto;color:#696f78}"
        "header{font-family:sans-serif;color:#14161a}pre{white-space:pre-wrap;font:inherit}"
        ".m1{background:#d3e4f6;color:#14161a}.m2,.m3{background:#ffdfa6;color:#14161a;"
        "border-bottom:2px solid #b86200}.m2{background:none}"
        ".m4{color:#14161a;border-left:2px dotted #8a9099}"
        ".p{outline:1.6px dashed #7a3a9e}</style><header><h1>" +
        escaped(inspected.answer.question) + "</h1><p>" + escaped(inspected.answer.text) + "</p><p>" +
        escaped(inspected.document.name) +
        " &middot; <span class=\"m1\">carried</span> &middot; not carried &middot; " +
        "<span class=\"m3\">cited</span>" +
        (inspected.pinned.empty() ? "" : " &middot; <span class=\"p\">pinned</span>") +
        (inspected.trace.notRead.empty() ? "" : " &middot; <span class=\"m4\">not read yet</span>") +
        "</p></header><pre>";
    for (std::size_t begin = 0; begin < text.size();) {
        std::size_t end = begin + 1;
        while (end < text.size() && marks[end] == marks[begin])
            ++end;
        const std::string run = escaped(std::string_view(text).substr(begin, end - begin));
        if (marks[begin] == 0) {
            html += run;
        } else {
            html += "<span class=\"m" + std::to_string(marks[begin] & ~kPinnedMark);
            html += (marks[begin] & kPinnedMark) != 0 ? " p\">" : "\">";
            html += run + "</span>";
        }
        begin = end;
    }
    return html + "</pre>\n";
}

}  // namespace kvasir::cli
