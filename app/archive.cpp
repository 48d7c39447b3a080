#include "app/archive.h"

#include <charconv>

#include <nlohmann/json.hpp>

namespace kvasir {

namespace {

const char* carriedByName(CarriedBy by) {
    switch (by) {
        case CarriedBy::Everything:
            return "everything";
        case CarriedBy::Rate:
            return "rate";
        case CarriedBy::Minimum:
            return "minimum";
        case CarriedBy::Maximum:
            return "maximum";
        case CarriedBy::Coverage:
            return "coverage";
    }
    return "everything";
}

/// Positions (ascending) as ranges. With a step, blocks of that many positions most of which are there.
std::vector<TokenRange> toRanges(const std::vector<std::int32_t>& positions, std::uint32_t step) {
    std::vector<TokenRange> ranges;
    const auto add = [&](std::uint32_t begin, std::uint32_t end) {
        if (!ranges.empty() && ranges.back().end == begin) {
            ranges.back().end = end;
        } else {
            ranges.push_back({begin, end});
        }
    };
    for (std::size_t i = 0; i < positions.size();) {
        const std::uint32_t block = static_cast<std::uint32_t>(positions[i]) / step;
        std::uint32_t count = 0;
        for (; i < positions.size() && static_cast<std::uint32_t>(positions[i]) / step == block; ++i)
            ++count;
        if (2 * count > step) add(block * step, (block + 1) * step);
    }
    return ranges;
}

}  // namespace

std::string answerId(RowId exchange) {
    return "A" + std::to_string(exchange);
}

RowId exchangeOf(std::string_view answerId) {
    if (answerId.size() < 2 || answerId.front() != 'A') return 0;
    RowId row = 0;
    const char* end = answerId.data() + answerId.size();
    const auto [stopped, error] = std::from_chars(answerId.data() + 1, end, row);
    return error == std::errc() && stopped == end && row > 0 ? row : 0;
}

std::string policyJson(const AnswerTrace& trace) {
    const Policy& policy = trace.policy;
    nlohmann::ordered_json pins = nlohmann::ordered_json::array();
    for (const Policy::Range& pin : policy.pins)
        pins.push_back({pin.first, pin.last});
    nlohmann::ordered_json pinned = nlohmann::ordered_json::array();
    for (const PinnedPassage& pin : trace.pinned) {
        pinned.push_back({{"begin", pin.range.begin},
                          {"end", pin.range.end},
                          {"page", static_cast<std::uint32_t>(pin.page)},
                          {"line", static_cast<std::uint32_t>(pin.line)}});
    }
    const CarryDecision& decision = trace.decision;
    const nlohmann::ordered_json json = {
        {"name", policy.name},
        {"layers", trace.layers},
        {"tsp_layer", policy.tspLayer},
        {"rate", policy.ratePerMille / 1000.0},
        {"minimum_carried", policy.minimumCarried},
        {"retention", policy.retentionPerMille / 1000.0},
        {"window", policy.window},
        {"pool", policy.pooling == kernels::Pooling::Max ? "max" : "avg"},
        {"kernel", policy.kernel},
        {"keep_prompt", policy.keepPrompt},
        {"coverage", policy.coveragePerMille / 1000.0},
        {"maximum_carried", policy.maximumCarried},
        {"pins", pins},
        {"pinned", pinned},
        {"decision",
         {{"by", carriedByName(decision.by)},
          {"carried", decision.carried},
          {"always", decision.always},
          {"pinned", decision.pinned},
          {"covered",
           decision.covered < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(decision.covered)}}},
        {"ms",
         {{"early", trace.timings.earlyMs},
          {"late", trace.timings.lateMs},
          {"writing", trace.timings.writingMs}}},
        {"bytes", {{"document", trace.documentBytes}, {"answer", trace.answerBytes}}},
        {"guesses",
         {{"batches", trace.speed.batches}, {"guessed", trace.speed.guessed}, {"stood", trace.speed.stood}}},
    };
    return json.dump();
}

std::vector<PinnedPassage> pinnedOf(const std::string& policyJson) {
    const nlohmann::json policy = nlohmann::json::parse(policyJson, nullptr, false);
    std::vector<PinnedPassage> passages;
    if (!policy.is_object()) return passages;
    for (const nlohmann::json& pin : policy.value("pinned", nlohmann::json::array())) {
        const auto number = [&](const char* key) {
            const auto found = pin.find(key);
            return found != pin.end() && found->is_number_unsigned() ? found->get<std::uint32_t>() : 0;
        };
        if (!pin.is_object()) continue;
        passages.push_back({{number("begin"), number("end")},
                            static_cast<std::int32_t>(number("page")),
                            static_cast<std::int32_t>(number("line"))});
    }
    return passages;
}

Exchange toExchange(const Answer& answer, const AnswerTrace& trace) {
    Exchange exchange;
    exchange.askedAt = answer.askedAt;
    exchange.question = answer.question;
    exchange.answer = answer.text;
    switch (answer.state) {
        case AnswerState::Waiting:
        case AnswerState::Writing:
            exchange.state = ExchangeState::Writing;
            break;
        case AnswerState::Complete:
            exchange.state = ExchangeState::Complete;
            break;
        case AnswerState::Stopped:
            exchange.state = ExchangeState::Stopped;
            break;
        case AnswerState::Failed:
            exchange.state = ExchangeState::Failed;
            break;
    }
    exchange.mode = answer.mode;
    exchange.policy = policyJson(trace);
    exchange.promptTokens = answer.figures.promptTokens;
    exchange.carriedTokens = answer.figures.carriedTokens;
    exchange.answerTokens = answer.figures.answerTokens;
    exchange.ttftMs = answer.figures.firstTokenMs;
    exchange.readMs = answer.figures.readMs;
    if (answer.figures.decodeTokensPerSecond > 0)
        exchange.decodeTokensPerSecond = answer.figures.decodeTokensPerSecond;
    if (answer.state == AnswerState::Complete) exchange.answerable = answer.answerable;
    exchange.finish = answer.finish;
    exchange.passages = answer.passages;
    exchange.parts = answer.parts;
    exchange.turns = answer.turns;
    exchange.error = answer.error;
    exchange.missingPages = answer.missingPages;
    return exchange;
}

std::vector<CitationRecord> toCitationRecords(const std::vector<Citation>& citations) {
    std::vector<CitationRecord> records;
    records.reserve(citations.size());
    for (const Citation& c : citations) {
        records.push_back(
            {c.number, {c.sentenceBegin, c.sentenceEnd}, {{c.begin, c.end}}, c.page, c.line, c.quote});
    }
    return records;
}

Trace toTrace(const AnswerTrace& trace, RowId tokenMap) {
    Trace record;
    record.tokenMap = tokenMap;
    record.documentBegin = static_cast<std::uint32_t>(trace.layout.prefix);
    record.promptTokens = static_cast<std::uint32_t>(trace.layout.length);
    record.carried = toRanges(trace.carried, 1);
    record.scores = trace.scores;
    record.attention = trace.attention;
    // Every position of every layer and head of a long document would be larger than all the rest.
    constexpr std::uint32_t kExactTokens = 32768, kStep = 16;
    record.keptStep = record.promptTokens > kExactTokens ? kStep : 1;
    for (const auto& layer : trace.kept) {
        auto& heads = record.kept.emplace_back();
        for (const std::vector<std::int32_t>& positions : layer)
            heads.push_back(toRanges(positions, record.keptStep));
    }
    for (const Policy::Range& range : trace.notRead)
        record.notRead.push_back(
            {static_cast<std::uint32_t>(range.first), static_cast<std::uint32_t>(range.last)});
    return record;
}

std::vector<ByteRange> toTokenMap(const std::vector<TextToken>& tokens) {
    std::vector<ByteRange> map;
    map.reserve(tokens.size());
    for (const TextToken& token : tokens)
        map.push_back({token.begin, token.end});
    return map;
}

CheckRecord toCheckRecord(const AnswerCheck& check) {
    return {check.verdict, check.by,    exchangeOf(check.answer), check.sampled, check.eightBit,
            check.ms,      check.looked};
}

AnswerCheck toAnswerCheck(const CheckRecord& record) {
    return {record.verdict, record.by,       record.other == 0 ? std::string() : answerId(record.other),
            record.sampled, record.eightBit, record.ms,
            record.looked};
}

Answer toAnswer(const Exchange& exchange, const std::vector<CitationRecord>& citations,
                std::vector<CheckedFact> facts) {
    Answer answer;
    answer.id = answerId(exchange.id);
    answer.question = exchange.question;
    answer.text = exchange.answer;
    switch (exchange.state) {
        case ExchangeState::Writing:
            answer.state = AnswerState::Writing;
            break;
        case ExchangeState::Complete:
            answer.state = AnswerState::Complete;
            break;
        case ExchangeState::Stopped:
        case ExchangeState::Interrupted:
            answer.state = AnswerState::Stopped;
            break;
        case ExchangeState::Failed:
            answer.state = AnswerState::Failed;
            break;
    }
    answer.mode = exchange.mode;
    answer.finish = exchange.finish.value_or(FinishReason::End);
    if (exchange.follows != 0) answer.follows = answerId(exchange.follows);
    if (exchange.after != 0) answer.after = answerId(exchange.after);
    answer.turns = exchange.turns;
    answer.passages = exchange.passages;
    answer.pins = static_cast<std::int32_t>(pinnedOf(exchange.policy).size());
    answer.parts = exchange.parts;
    answer.answerable = exchange.answerable.value_or(true);
    for (const CitationRecord& c : citations) {
        const ByteRange place =
            c.places.empty() ? ByteRange{} : ByteRange{c.places.front().begin, c.places.back().end};
        answer.citations.push_back(
            {c.number, c.sentence.begin, c.sentence.end, place.begin, place.end, c.page, c.line, c.quote, 0});
    }
    answer.facts = std::move(facts);
    answer.missingPages = exchange.missingPages;
    answer.figures.promptTokens = exchange.promptTokens;
    answer.figures.carriedTokens = exchange.carriedTokens;
    answer.figures.answerTokens = exchange.answerTokens;
    answer.figures.firstTokenMs = exchange.ttftMs.value_or(0);
    answer.figures.readMs = exchange.readMs.value_or(0);
    answer.figures.decodeTokensPerSecond = exchange.decodeTokensPerSecond.value_or(0);
    answer.error = exchange.error;
    answer.askedAt = exchange.askedAt;
    return answer;
}

AnswerTrace toAnswerTrace(const Trace& trace, const std::vector<ByteRange>& tokenMap) {
    AnswerTrace result;
    result.layout.prefix = trace.documentBegin;
    result.layout.documentEnd = trace.documentBegin + static_cast<std::int64_t>(tokenMap.size());
    result.layout.length = trace.promptTokens;
    for (const TokenRange& range : trace.carried) {
        for (std::uint32_t at = range.begin; at < range.end; ++at)
            result.carried.push_back(static_cast<std::int32_t>(at));
    }
    result.scores = trace.scores;
    result.attention = trace.attention;
    for (const auto& layer : trace.kept) {
        auto& heads = result.kept.emplace_back();
        for (const std::vector<TokenRange>& ranges : layer) {
            std::vector<std::int32_t>& positions = heads.emplace_back();
            for (const TokenRange& range : ranges) {
                for (std::uint32_t at = range.begin; at < range.end; ++at)
                    positions.push_back(static_cast<std::int32_t>(at));
            }
        }
    }
    for (const TokenRange& range : trace.notRead)
        result.notRead.push_back({range.begin, range.end});
    result.tokens.reserve(tokenMap.size());
    for (const ByteRange& range : tokenMap)
        result.tokens.push_back({0, range.begin, range.end});
    return result;
}

}  // namespace kvasir
