// What the engine thread does with documents that are longer than the model's window.
#include <algorithm>
#include <chrono>
#include <utility>

#include "app/answer_check.h"
#include "app/engine_thread.h"

namespace kvasir {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

bool EngineThread::prepareParts(Work& work, DocumentId id) {
    std::uint64_t used = 0;
    {
        const std::lock_guard lock(m_mutex);
        used = work.used;
    }
    // What is tokenised did not fit: into the window, or into memory.
    work.state.fitsWindow = work.read != nullptr;
    work.read.reset();
    Result<std::unique_ptr<ReadParts>> parts =
        m_engine->prepareParts({work.document}, used, m_runningStop.get_token());
    reportAway();
    if (!parts && parts.error().code == ErrorCode::Cancelled) return false;
    if (!parts && waitsForOthers(parts.error(), used)) {
        setAway(id, work);
        return false;
    }
    if (!parts) {
        failReading(id, work, parts.error());
        return false;
    }
    work.parts = std::move(*parts);
    reportTokens(id, work.parts->tokens);
    work.partOrder = rankParts(*work.parts, {});
    work.inParts = true;
    work.away = false;
    work.state.tokens = std::ssize(work.parts->tokens);
    work.state.parts = work.parts->read();
    work.clock.start(0);
    report(id, work, ReadingStage::FirstReading);
    return true;
}

bool EngineThread::isToBeReadInParts(const Work& work) const {
    return nextPart(*work.parts, work.partOrder).has_value();
}

/// Whether there is more to check a draft by. Asking again costs more the more parts there are: it is done
/// when their number has doubled, and at the end.
bool EngineThread::isDue(const Draft& draft, const Work& work) const {
    if (work.parts == nullptr)
        return work.read != nullptr && work.read->resident != nullptr && work.read->resident->fullDone();
    const std::int32_t asked = draft.outcome.answer.parts.read, read = work.parts->read().read;
    return read > asked && (read >= 2 * asked || !isToBeReadInParts(work));
}

Result<void> EngineThread::readPart(Work& work, DocumentId id, std::size_t part,
                                    const std::stop_token& stop) {
    noteUses();
    bool reads = false;
    const Result<void> done =
        m_engine->readPart(*work.parts, part, work.partOrder, stop, [&](std::int64_t rows, std::int64_t all) {
            const PartsRead parts = work.parts->read();
            const std::int64_t others = parts.read - (work.parts->segments->isRead(part) ? 1 : 0),
                               whole = parts.all * all, now = others * all + rows;
            // What comes back is a jump of which the clock that tells the time left knows nothing.
            if (std::exchange(reads, true)) {
                work.clock.advance(now);
            } else {
                work.clock.start(now);
            }
            work.state.share = static_cast<double>(now) / static_cast<double>(whole);
            work.state.secondsLeft = work.clock.secondsLeft(whole);
            report(id, work, ReadingStage::FirstReading);
        });
    work.state.parts = work.parts->read();
    reportAway();
    // Also when a question reads the last part: nobody else will come and say that all are read.
    if (done)
        report(id, work, isToBeReadInParts(work) ? ReadingStage::FirstReading : ReadingStage::FirstDone);
    return done;
}

void EngineThread::runReadPart(Job& job) {
    Work& work = *job.work;
    const std::optional<std::size_t> next = nextPart(*work.parts, work.partOrder);
    if (!next) return;
    const Result<void> done = readPart(work, job.document, *next, m_runningStop.get_token());
    if (!done) {
        if (waitsForOthers(done.error(), work.parts->used)) {
            setAway(job.document, work);
        } else if (done.error().code != ErrorCode::Cancelled) {
            failReading(job.document, work, done.error());
        } else if (work.paused) {
            report(job.document, work, ReadingStage::Stopped);
        }
    }
    reportModel();
}

/// Reads the parts that fit the question best, for a short time, and answers from all that are read.
Result<AskOutcome> EngineThread::askInParts(Job& job, const std::stop_token& stop) {
    Work& work = *job.work;
    work.away = false;
    Question& question = *job.question;
    const std::vector<ByteRange>& passages = question.request.passages;
    const std::vector<ByteRange>& pins = question.request.pins;
    if (!passages.empty() || !pins.empty()) work.partOrder = rankParts(*work.parts, passages, pins);
    m_engine->notePartsAsked(*work.parts, work.partOrder);
    const Clock::time_point begin = Clock::now();
    double each = 0;
    Result<void> read;
    while (const std::optional<std::size_t> next = nextPart(*work.parts, work.partOrder)) {
        if (!isWorthWaiting(*work.parts, work.partOrder, *next, secondsSince(begin), each, pins)) break;
        const Clock::time_point part = Clock::now();
        read = readPart(work, job.document, *next, stop);
        if (!read) break;
        each = std::max(each, secondsSince(part));
    }
    const double readMs = secondsSince(begin) * 1000;
    Result<AskOutcome> outcome =
        read ? m_engine->askParts(
                   *work.parts, question.request, stop,
                   [&](std::string_view text) { m_events.text(question.key, AnswerMode::Parts, text); })
             : Result<AskOutcome>(tl::unexpected(read.error()));
    if (!outcome && outcome.error().code == ErrorCode::Cancelled) {
        AskOutcome stopped;
        stopped.answer.question = question.request.question;
        stopped.answer.state = AnswerState::Stopped;
        stopped.answer.mode = AnswerMode::Parts;
        return stopped;
    }
    if (outcome) outcome->answer.figures.readMs = readMs;
    return outcome;
}

/// Asks again, with more parts. What says the same is not shown again, until all parts are read.
void EngineThread::runCheckParts(Job& job) {
    const std::shared_ptr<Draft> draft = job.draft;
    const Clock::time_point begin = Clock::now();
    Result<AskOutcome> later = m_engine->askParts(*job.work->parts, draft->request, m_runningStop.get_token(),
                                                  [](std::string_view) {});
    const bool stopped =
        later ? later->answer.state == AnswerState::Stopped : later.error().code == ErrorCode::Cancelled;
    if (stopped) return;  // done again later
    if (!later && goOnAfterFailure(later.error())) return;
    const bool last = !later || !isToBeReadInParts(*job.work);
    {
        const std::lock_guard lock(m_mutex);
        const auto place = std::find(m_drafts.begin(), m_drafts.end(), draft);
        if (place == m_drafts.end()) return;  // the document was closed meanwhile
        if (last) m_drafts.erase(place);
    }
    if (!later) return m_events.checked(draft->key, tl::unexpected(later.error()));
    ConfirmOutcome outcome;
    outcome.check.by = AnswerMode::Parts;
    outcome.check.sampled = draft->request.sampling.temperature > 0;
    outcome.check.verdict = later->tokens == draft->outcome.tokens
                                ? Verdict::SameWords
                                : compareFacts(draft->outcome.answer, later->answer);
    outcome.check.ms = secondsSince(begin) * 1000;
    const bool changed = outcome.check.verdict == Verdict::Different;
    draft->outcome.answer.parts = later->answer.parts;
    if (changed) draft->outcome = *later;
    outcome.full = std::move(*later);
    if (changed || last) m_events.checked(draft->key, std::move(outcome));
}

}  // namespace kvasir
