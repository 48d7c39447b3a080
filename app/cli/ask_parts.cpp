#include "app/cli/ask_parts.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "app/answer_check.h"
#include "app/cli/ask_pins.h"

namespace kvasir::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPassages = 200;  // of each document, to rank its parts by

double secondsSince(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

Result<void> PartsAsking::run() {
    if (Result<void> done = prepare(); !done) return done;
    Result<void> answered = answer();
    std::fflush(stdout);  // before the rest is kept
    m_parts->finishKeeping(m_order);
    return answered;
}

Result<void> PartsAsking::answer() {
    if (Result<void> done = readFirst(); !done) return done;
    if (Result<void> done = giveFirst(); !done) return done;
    const bool complete = m_given.front().outcome.answer.state == AnswerState::Complete;
    Result<void> kept;
    if (m_context.arguments.mode == "auto" && complete) kept = goOn();
    if (m_context.arguments.json) printJson();
    return kept;
}

Result<void> PartsAsking::prepare() {
    for (const AskedFile& file : m_context.files) {
        m_documents.push_back(file.document);
        Result<AskedAfter::Place> place =
            m_context.after.place(m_context.library, m_context.reader, file.row, m_context.request.question);
        if (!place) return tl::unexpected(place.error());
        m_places.push_back(std::move(*place));
    }
    Result<std::unique_ptr<ReadParts>> parts = m_context.engine.prepareParts(m_documents);
    if (!parts) return tl::unexpected(parts.error());
    m_parts = std::move(*parts);
    std::fprintf(stderr, "%s\n", m_parts->sentence.c_str());
    m_context.request.passages = passages();
    m_context.request.pins.clear();
    for (std::size_t i = 0; i < m_context.files.size(); ++i) {
        const std::uint32_t first = m_parts->documents.range(i).begin;
        for (const ByteRange& pin : m_context.files[i].pins)
            m_context.request.pins.push_back({pin.begin + first, pin.end + first});
    }
    m_order = rankParts(*m_parts, m_context.request.passages, m_context.request.pins);
    m_context.engine.notePartsAsked(*m_parts, m_order);
    m_askedAt = nowMs();
    return {};
}

/// Of all documents, as bytes of the joined text, the best first.
std::vector<ByteRange> PartsAsking::passages() const {
    std::vector<std::pair<double, ByteRange>> found;
    const std::vector<std::string> earlier = earlierQuestions(m_context.request.turns);
    for (std::size_t i = 0; i < m_context.files.size(); ++i) {
        const Result<std::vector<PassageHit>> hits = m_context.reader.searchPassages(
            m_context.files[i].row, m_context.request.question, kPassages, earlier);
        if (!hits) continue;  // the parts are read in their own order then
        const std::uint32_t first = m_parts->documents.range(i).begin;
        for (const PassageHit& hit : *hits)
            found.push_back({hit.score, {hit.range.begin + first, hit.range.end + first}});
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second.begin < b.second.begin;
    });
    std::vector<ByteRange> ranges;
    ranges.reserve(found.size());
    for (const auto& [score, range] : found)
        ranges.push_back(range);
    return ranges;
}

/// False: there is nothing more to read.
Result<bool> PartsAsking::readNext(const std::string& step) {
    const std::optional<std::size_t> next = nextPart(*m_parts, m_order);
    if (!next) return false;
    const PartsRead before = m_parts->read();
    const Clock::time_point begin = Clock::now();
    const Result<void> read = m_context.engine.readPart(
        *m_parts, *next, m_order, m_context.stop, [&](std::int64_t done, std::int64_t all) {
            const double parts = before.read + static_cast<double>(done) / static_cast<double>(all);
            m_context.progress.show(step, parts / before.all, -1);
        });
    m_readMs += secondsSince(begin) * 1000;
    if (!read) return tl::unexpected(read.error());
    return true;
}

/// As many parts as take a short time, at least one; with --mode full all of them.
Result<void> PartsAsking::readFirst() {
    const bool all = m_context.arguments.mode == "full";
    const Clock::time_point begin = Clock::now();
    double each = 0;
    while (const std::optional<std::size_t> next = nextPart(*m_parts, m_order)) {
        if (!all &&
            !isWorthWaiting(*m_parts, m_order, *next, secondsSince(begin), each, m_context.request.pins))
            break;
        const Clock::time_point part = Clock::now();
        const Result<bool> read =
            readNext(all ? "Reading all parts" : "Reading the parts that fit the question best");
        if (!read) return tl::unexpected(read.error());
        each = std::max(each, secondsSince(part));
    }
    m_context.progress.finish();
    return {};
}

/// The other parts. It may be stopped: there is an answer.
Result<void> PartsAsking::goOn() {
    while (!m_context.stop.stop_requested()) {
        const Result<bool> read = readNext("Reading the other parts");
        if (!read && read.error().code != ErrorCode::Cancelled) {
            m_context.progress.finish();
            std::fprintf(stderr, "kvasir-cli: The other parts are not read. %s\n",
                         read.error().message().c_str());
        }
        if (!read) return {};
        const std::int32_t count = m_parts->read().read;
        if (*read && count < 2 * m_asked.read) continue;
        if (!*read && count == m_asked.read) return {};
        const Result<bool> given = giveAgain(!*read);
        if (!given) return tl::unexpected(given.error());
        if (!*given || !*read) return {};
    }
    return {};
}

Result<void> PartsAsking::giveFirst() {
    Given given;
    Result<std::vector<RowId>> rows = begin();
    if (!rows) return tl::unexpected(rows.error());
    given.rows = std::move(*rows);
    Result<AskOutcome> outcome = ask(given.rows);
    if (!outcome) {
        // What was asked is kept with the reason why there is no answer.
        given.outcome.answer.question = m_context.request.question;
        given.outcome.answer.state = AnswerState::Failed;
        given.outcome.answer.error = outcome.error();
        static_cast<void>(keep(given));
        return tl::unexpected(outcome.error());
    }
    given.outcome = std::move(*outcome);
    return take(std::move(given));
}

/// Asks again. False: it was stopped, or cannot be done; the answer that there is stands.
Result<bool> PartsAsking::giveAgain(bool last) {
    Result<AskOutcome> outcome = ask({});
    if (!outcome && outcome.error().code != ErrorCode::Cancelled) {
        std::fprintf(stderr, "kvasir-cli: The question was not asked again. %s\n",
                     outcome.error().message().c_str());
    }
    if (!outcome || outcome->answer.state != AnswerState::Complete) return false;
    const AskOutcome& before = m_given.back().outcome;
    m_asked = outcome->answer.parts;
    if (outcome->tokens == before.tokens ||
        compareFacts(before.answer, outcome->answer) != Verdict::Different) {
        if (!m_context.arguments.json) {
            std::printf("From %d of %d parts read: the answer %s.\n", m_asked.read, m_asked.all,
                        last ? "stays" : "stays so far");
            std::fflush(stdout);
        }
        return true;
    }
    Given given;
    Result<std::vector<RowId>> rows = begin();
    if (!rows) return tl::unexpected(rows.error());
    given.rows = std::move(*rows);
    given.outcome = std::move(*outcome);
    given.outcome.answer.follows = before.answer.id;
    if (!m_context.arguments.json) {
        const std::int32_t more = m_asked.read - before.answer.parts.read;
        std::printf("\nWith %d more part%s the answer is another:\n\n%s", more, more == 1 ? "" : "s",
                    given.outcome.answer.text.c_str());
    }
    if (Result<void> taken = take(std::move(given)); !taken) return tl::unexpected(taken.error());
    if (Result<void> noted = noteOther(m_given[m_given.size() - 2], m_given.back()); !noted)
        return tl::unexpected(noted.error());
    return true;
}

/// Keeps an answer, and shows what stands below it.
Result<void> PartsAsking::take(Given given) {
    Answer& answer = given.outcome.answer;
    answer.id = answerId(given.rows.front());
    answer.after = m_places.front().after;
    answer.askedAt = m_askedAt;
    answer.figures.readMs = m_readMs;
    m_asked = answer.parts;
    const Result<void> kept = keep(given);
    if (!m_context.arguments.json) {
        printBelow(m_documents, answer);
        std::fflush(stdout);
    }
    m_given.push_back(std::move(given));
    return kept;
}

/// The first answer is shown while it is written.
Result<AskOutcome> PartsAsking::ask(const std::vector<RowId>& rows) {
    m_context.progress.show("Looking for the answer", -1, -1);
    std::size_t shown = 0;
    Result<AskOutcome> outcome =
        m_context.engine.askParts(*m_parts, m_context.request, m_context.stop, [&](std::string_view text) {
            if (rows.empty()) return;
            if (shown == 0) m_context.progress.finish();
            m_context.store.saveAnswer(rows.front(), std::string(text));
            if (!m_context.arguments.json) {
                std::fwrite(text.data() + shown, 1, text.size() - shown, stdout);
                std::fflush(stdout);
            }
            shown = text.size();
        });
    m_context.progress.finish();
    if (!outcome && shown > 0 && !m_context.arguments.json) std::printf("\n");  // what comes next begins anew
    return outcome;
}

/// An exchange with each document.
Result<std::vector<RowId>> PartsAsking::begin() {
    std::vector<RowId> rows;
    for (std::size_t i = 0; i < m_places.size(); ++i) {
        Answer asked;
        asked.question = m_context.request.question;
        asked.mode = AnswerMode::Parts;
        asked.askedAt = m_askedAt;
        asked.after = m_places[i].after;
        if (!m_given.empty()) asked.follows = answerId(m_given.back().rows[i]);
        const Result<RowId> row =
            m_context.library.begin(m_places[i].conversation, asked, m_context.engine.model().config().name)
                .get();
        if (!row) return tl::unexpected(row.error());
        rows.push_back(*row);
    }
    return rows;
}

/// With each document its own citations and marks.
Result<void> PartsAsking::keep(const Given& given) {
    Result<void> kept;
    for (std::size_t i = 0; i < given.rows.size(); ++i) {
        Answer own = m_parts->documents.ofDocument(given.outcome.answer, i);
        own.id = answerId(given.rows[i]);
        own.after = m_places[i].after;
        own.follows = m_given.empty() ? std::string() : answerId(m_given.back().rows[i]);
        const AnswerTrace trace = given.outcome.trace.tokens.empty()
                                      ? AnswerTrace{}
                                      : traceOf(given.outcome.trace, m_parts->documents, i);
        const Result<void> done = m_context.library.finish(given.rows[i], m_places[i].conversation, own,
                                                           trace, m_context.engine.model().config().name);
        if (!done) kept = done;
    }
    return kept;
}

/// That more parts changed an answer.
Result<void> PartsAsking::noteOther(const Given& before, const Given& later) {
    Result<void> kept;
    for (std::size_t i = 0; i < before.rows.size(); ++i) {
        CheckRecord check;
        check.verdict = Verdict::Different;
        check.by = AnswerMode::Parts;
        check.other = later.rows[i];
        const Result<void> done = m_context.store.saveCheck(before.rows[i], std::move(check)).get();
        if (!done) kept = done;
    }
    return kept;
}

/// The answer that stands, and the one before it where more parts changed it.
void PartsAsking::printJson() const {
    const Answer& answer = m_given.back().outcome.answer;
    Json draft;
    if (m_given.size() > 1) {
        const Answer& before = m_given[m_given.size() - 2].outcome.answer;
        draft = {{"answer", before.text},
                 {"citations", citationsJson(m_documents, before)},
                 {"mode", modeName(before.mode)},
                 {"answer_id", before.id}};
    }
    Json missing = Json::array();
    for (const std::int32_t page : answer.missingPages)
        missing.push_back(page + 1);
    Json documents = Json::array();
    for (std::size_t i = 0; i < m_documents.size(); ++i) {
        documents.push_back({{"document", m_documents[i]->name},
                             {"answer_id", answerId(m_given.back().rows[i])},
                             {"error", Json()}});
    }
    for (const FailedFile& file : m_context.failed) {
        documents.push_back({{"document", file.path.filename().string()},
                             {"answer_id", Json()},
                             {"error", toJson(file.error)}});
    }
    const Answer& first = m_given.front().outcome.answer;
    print({{"answer", answer.text},
           {"citations", citationsJson(m_documents, answer)},
           {"answerable", answer.answerable},
           {"mode", modeName(answer.mode)},
           {"confirmed", false},
           {"verdict", Json()},
           {"draft", draft},
           {"looked_at", Json::array()},
           {"after", answer.after.empty() ? Json() : Json(answer.after)},
           {"turns", turnsJson(answer.turns)},
           {"parts", partsJson(m_asked)},
           {"documents", documents},
           {"pins", pinsJson(m_context.files)},
           {"finish", finishName(answer.finish)},
           {"stopped", answer.state == AnswerState::Stopped},
           {"prompt_tokens", answer.figures.promptTokens},
           {"restored_tokens", m_parts->restoredTokens()},
           {"carried_tokens", answer.figures.carriedTokens},
           {"ttft_ms", first.figures.firstTokenMs},
           {"read_ms", first.figures.readMs},
           {"full_read_ms", Json()},
           {"check_ms", Json()},
           {"decode_tokens_per_s", answer.figures.decodeTokensPerSecond},
           {"missing_pages", missing},
           {"answer_id", answer.id}});
}

}  // namespace kvasir::cli
