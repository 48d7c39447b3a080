// What the engine thread does, one job after another.
#include <algorithm>
#include <utility>

#include "app/engine_thread.h"

namespace kvasir {
namespace {

Error noModel() {
    return {ErrorCode::NotFound, "There is no model that could answer.", "",
            "Choose or download a model first."};
}

}  // namespace

void EngineThread::run(Job& job) {
    switch (job.kind) {
        case JobKind::LoadModel:
            runLoad(job.model);
            break;
        case JobKind::Ask:
            runAsk(job);
            break;
        case JobKind::Look:
            runLook(job);
            break;
        case JobKind::Check:
            runCheck(job);
            break;
        case JobKind::Keep:
            if (ResidentPieces* pieces = toBeKept(*job.work)) pieces->saveAndWait();
            break;
        case JobKind::ReadEarly:
            runEarly(job);
            break;
        case JobKind::ReadLate:
            runLate(job);
            break;
        case JobKind::Halt: {
            const bool done = job.work->parts != nullptr
                                  ? !isToBeReadInParts(*job.work)
                                  : job.work->read != nullptr && job.work->read->resident != nullptr &&
                                        job.work->read->resident->fullDone();
            if (job.work->paused && !done && !job.work->away)
                report(job.document, *job.work, ReadingStage::Stopped);
            break;
        }
        case JobKind::Forget:
            job.work->read.reset();
            job.work->parts.reset();
            reportModel();
            break;
        case JobKind::None:
            break;
    }
}

void EngineThread::runLoad(const std::filesystem::path& path) {
    forgetReadings();
    m_engine.reset();  // before the next one takes its memory
    m_model = {};
    m_model.path = path;
    const std::stop_token stop = m_runningStop.get_token();
    const auto progress = [&](double share) {
        m_model.loadShare = share;
        reportModel();
        return !stop.stop_requested();
    };
    Result<std::unique_ptr<AnswerEngine>> engine =
        m_makeEngine ? m_makeEngine(path, progress) : AnswerEngine::create(path, m_threads, progress);
    if (engine) {
        use(std::move(*engine));
    } else {
        m_model.error = engine.error();
    }
    {
        const std::lock_guard lock(m_mutex);
        m_modelTried = true;
    }
    reportModel();
}

void EngineThread::use(std::unique_ptr<AnswerEngine> engine) {
    m_engine = std::move(engine);
    m_engine->useCalibration(m_calibrations);
    m_engine->keepReadings(m_pieces);
    m_earlyRate = 0;
    m_model.name = m_engine->model().config().name;
    m_model.weightBytes = static_cast<std::int64_t>(m_engine->model().weightBytes());
    m_model.note = m_engine->deviceNote();
}

/// Another engine will read them. Before the one that did goes.
void EngineThread::forgetReadings() {
    std::map<DocumentId, std::shared_ptr<Work>> documents;
    {
        const std::lock_guard lock(m_mutex);
        documents = m_documents;
    }
    for (auto& [id, work] : documents) {
        work->read.reset();
        work->parts.reset();
        work->inParts = false;
        work->away = false;
        work->state.parts = {};
        work->state.fitsWindow = false;
        {
            const std::lock_guard lock(m_mutex);
            work->failure.reset();
        }
        work->noFull = false;
        report(id, *work, ReadingStage::WaitingForModel);
    }
}

/// Whether the processor goes on after this error. It is loaded first: where that fails, all stays as it is,
/// and the error stands.
bool EngineThread::goOnWithProcessor(const Error& error) {
    const std::string why = m_engine->whyProcessor(error);
    if (why.empty()) return false;
    const std::stop_token stop = m_runningStop.get_token();
    Result<std::unique_ptr<AnswerEngine>> engine = AnswerEngine::createOnProcessor(
        m_model.path, m_threads, why, [&](double) { return !stop.stop_requested(); });
    if (!engine) return false;
    forgetReadings();
    use(std::move(*engine));
    m_model.goesOn = true;
    reportModel();
    return true;
}

/// The same where it goes on without what failed: only if nothing else works there any more.
bool EngineThread::goOnAfterFailure(const Error& error) {
    return m_engine->deviceFailed() && goOnWithProcessor(error);
}

/// The same for a question, which then waits for the processor's first reading.
bool EngineThread::takeUpAgain(Question& question, const Error& error) {
    if (!goOnWithProcessor(error)) return false;
    m_events.text(question.key, question.request.mode, {});
    const std::lock_guard lock(m_mutex);
    m_questions.push_front(std::move(question));
    return true;
}

void EngineThread::runAsk(Job& job) {
    Question& question = *job.question;
    const std::stop_token stop = question.stop.get_token();
    std::optional<Error> failure;
    if (job.work != nullptr) {
        const std::lock_guard lock(m_mutex);
        failure = job.work->failure;
    }
    const auto finish = [&](Result<AskOutcome> outcome) {
        m_events.finished(question.key, std::move(outcome));
    };
    if (stop.stop_requested()) {
        AskOutcome stopped;
        stopped.answer.question = question.request.question;
        stopped.answer.state = AnswerState::Stopped;
        finish(std::move(stopped));
    } else if (job.work == nullptr) {
        finish(fail(ErrorCode::NotFound, "The document is closed.", "", "Open it again and ask once more."));
    } else if (m_engine == nullptr) {
        finish(tl::unexpected(m_model.error.value_or(noModel())));
    } else if (failure) {
        finish(tl::unexpected(*failure));
    } else if (job.work->parts != nullptr) {
        findPassages(question);
        deliver(question, askInParts(job, stop));
    } else {
        findPassages(question);
        AskRequest request = question.request;
        if (job.work->read->resident->fullDone()) request.mode = AnswerMode::Full;
        noteUses();
        deliver(question, m_engine->ask(*job.work->read, request, stop, [&](std::string_view text) {
            m_events.text(question.key, request.mode, text);
        }));
    }
}

/// What came of a question, unless the processor is to answer it.
void EngineThread::deliver(Question& question, Result<AskOutcome> outcome) {
    if (!outcome && takeUpAgain(question, outcome.error())) return;
    if (outcome) keepDraft(question, *outcome);
    reportAway();
    m_events.finished(question.key, std::move(outcome));
}

/// A complete quick answer is checked when the full reading is done, one in parts when more of them are read.
void EngineThread::keepDraft(const Question& question, const AskOutcome& outcome) {
    constexpr std::size_t kMostDrafts = 32;  // older ones have been read by now
    const PartsRead& parts = outcome.answer.parts;
    const bool draft = outcome.answer.mode == AnswerMode::Quick ||
                       (outcome.answer.mode == AnswerMode::Parts && parts.read < parts.all);
    if (!draft || outcome.answer.state != AnswerState::Complete) return;
    const std::lock_guard lock(m_mutex);
    m_drafts.push_back(
        std::make_shared<Draft>(Draft{question.document, question.key, question.request, outcome}));
    if (m_drafts.size() > kMostDrafts) m_drafts.pop_front();
}

/// Answers from the best passages while the document is not read yet; the question stays, for the quick
/// answer.
void EngineThread::runLook(Job& job) {
    constexpr double kLookSeconds = 6;  // for reading: a small part of the wait that it shortens
    constexpr std::int64_t kLeastTokens = 512, kMostTokens = 2000;
    Question question = std::move(*job.question);
    findPassages(question);
    // All layers, not the early ones alone.
    const double layers = m_engine->model().config().layers;
    const double rate = m_earlyRate * (Policy::shipped(m_engine->model().config()).tspLayer + 1) / layers;
    const auto tokens = static_cast<std::int64_t>(rate * kLookSeconds);
    const std::int64_t most = std::clamp(tokens, kLeastTokens, kMostTokens);
    Result<AskOutcome> outcome = m_engine->look(
        job.work->document, most, question.request, question.stop.get_token(),
        [&](std::string_view text) { m_events.text(question.key, AnswerMode::FirstLook, text); });
    if (question.stop.stop_requested()) {
        AskOutcome stopped;
        stopped.answer.question = question.request.question;
        stopped.answer.state = AnswerState::Stopped;
        stopped.answer.mode = AnswerMode::FirstLook;
        m_events.finished(question.key, outcome ? std::move(*outcome) : std::move(stopped));
        return;
    }
    question.looked = true;
    {
        const std::lock_guard lock(m_mutex);
        m_questions.push_front(question);  // its turn is before those that came later
    }
    // Without a first look the quick answer is as good as ever.
    if (outcome) m_events.looked(question.key, std::move(*outcome));
}

void EngineThread::runCheck(Job& job) {
    if (job.work->parts != nullptr) return runCheckParts(job);
    const std::shared_ptr<Draft> draft = job.draft;
    Result<ConfirmOutcome> outcome =
        m_engine->confirm(*job.work->read, draft->request, draft->outcome, m_runningStop.get_token());
    if (!outcome && outcome.error().code == ErrorCode::Cancelled) return;  // done again later
    if (!outcome && goOnAfterFailure(outcome.error())) return;
    {
        const std::lock_guard lock(m_mutex);
        if (std::erase(m_drafts, draft) == 0) return;  // the document was closed meanwhile
    }
    m_events.checked(draft->key, std::move(outcome));
}

/// How long the first reading still takes, and whether someone who waits for it is to be shown a first look.
void EngineThread::noteEarly(DocumentId id, Work& work, std::int64_t rows, std::int64_t all) {
    work.clock.advance(rows);
    work.state.share = static_cast<double>(rows) / static_cast<double>(all);
    work.state.secondsLeft = work.clock.secondsLeft(all);
    work.secondsLeft = work.state.secondsLeft;
    if (work.state.secondsLeft > 0) m_earlyRate = static_cast<double>(all - rows) / work.state.secondsLeft;
    const std::lock_guard lock(m_mutex);
    const bool look = std::any_of(m_questions.begin(), m_questions.end(), [&](const Question& question) {
        return question.document == id && wantsLook(question, work);
    });
    if (look) m_runningStop.request_stop();
}

/// Tokens and memory for a document; false after noting why it cannot be read now.
bool EngineThread::prepare(Work& work, DocumentId id) {
    if (work.parts != nullptr || (work.read != nullptr && work.read->resident != nullptr)) return true;
    {
        const std::lock_guard lock(m_mutex);
        // Who waits for an answer comes before everybody else, in whatever order they were asked.
        if (isAsked(id)) work.used = ++m_order;
    }
    noteUses();
    const Result<void> made = enter(work);
    reportAway();
    if (!made && made.error().code == ErrorCode::Cancelled) return false;
    if (!made && made.error().code == ErrorCode::TooLarge) return prepareParts(work, id);
    if (!made && work.read != nullptr && waitsForOthers(made.error(), work.read->used)) {
        setAway(id, work);
        return false;
    }
    if (!made && made.error().code == ErrorCode::OutOfMemory) return prepareParts(work, id);
    if (!made) {
        failReading(id, work, made.error());
        return false;
    }
    work.away = false;
    work.clock = ReadingClock(costGrowth(m_engine->model().config()));
    work.state.tokens = work.read->resident->size();
    reportTokens(id, work.read->tokenised.tokens);
    reportModel();
    return true;
}

Result<void> EngineThread::enter(Work& work) {
    if (work.read == nullptr) {
        Result<std::unique_ptr<ReadDocument>> read = m_engine->tokenise(work.document);
        if (!read) return tl::unexpected(read.error());
        work.read = std::move(*read);
        noteUses();
    }
    return m_engine->makeResident(*work.read, m_runningStop.get_token());
}

/// Whether a document has no room only because others are there that were used later.
bool EngineThread::waitsForOthers(const Error& error, std::uint64_t used) const {
    return error.code == ErrorCode::OutOfMemory && m_engine->memory().hasLaterOnes(used);
}

/// Who was asked or opened when decides who leaves the device.
void EngineThread::noteUses() {
    const std::lock_guard lock(m_mutex);
    for (const auto& [id, work] : m_documents) {
        if (work->read != nullptr) work->read->used = work->used;
        if (work->parts != nullptr) work->parts->setUsed(work->used);
    }
}

void EngineThread::setAway(DocumentId id, Work& work) {
    work.away = true;
    work.secondsLeft = -1;
    work.clock = {};
    work.state.share = 0;
    work.state.secondsLeft = -1;
    report(id, work, ReadingStage::Away);
}

/// Says which documents had to leave, whole or some of their parts.
void EngineThread::reportAway() {
    std::vector<std::pair<DocumentId, std::shared_ptr<Work>>> gone;
    {
        const std::lock_guard lock(m_mutex);
        for (const auto& [id, work] : m_documents) {
            if (work->failure || m_runningDocument == id) continue;
            const bool left = work->parts != nullptr
                                  ? work->parts->read().read < work->state.parts.read
                                  : work->read != nullptr && work->read->resident == nullptr && !work->away;
            if (left) gone.emplace_back(id, work);
        }
    }
    for (const auto& [id, work] : gone) {
        if (work->parts != nullptr) work->state.parts = work->parts->read();
        setAway(id, *work);
    }
    if (!gone.empty()) reportModel();
}

/// Unless the processor is to read it.
void EngineThread::failReading(DocumentId id, Work& work, const Error& error) {
    if (goOnWithProcessor(error)) return;
    {
        const std::lock_guard lock(m_mutex);
        work.failure = error;
    }
    work.state.error = error;
    report(id, work, ReadingStage::Failed);
}

/// What was kept of the document comes back before anything is read: with it goes a jump of the progress, of
/// which the clock that tells the time left knows nothing.
void EngineThread::restore(DocumentId id, Work& work, ReadingStage stage) {
    bool full = false;
    {
        const std::lock_guard lock(m_mutex);
        full = m_fullReading;
    }
    work.read->restore(full, m_runningStop.get_token(), [&](std::int64_t rows, std::int64_t all) {
        work.state.share = static_cast<double>(rows) / static_cast<double>(all);
        report(id, work, stage);
    });
}

void EngineThread::runEarly(Job& job) {
    Work& work = *job.work;
    if (work.parts != nullptr) return runReadPart(job);
    // Which part is read first is decided when a question may have come meanwhile.
    if (!prepare(work, job.document) || work.parts != nullptr) return;
    restore(job.document, work, ReadingStage::FirstReading);
    work.clock.start(work.read->resident->earlyRows());
    report(job.document, work, ReadingStage::FirstReading);
    const Result<void> done =
        m_engine->readEarly(*work.read, m_runningStop.get_token(), [&](std::int64_t rows, std::int64_t all) {
            noteEarly(job.document, work, rows, all);
            report(job.document, work, ReadingStage::FirstReading);
        });
    if (done) {
        work.secondsLeft = -1;
        work.clock = {};
        work.state.share = 0;
        work.state.secondsLeft = -1;
        const bool full = work.read->resident->fullDone();
        report(job.document, work, full ? ReadingStage::FullDone : ReadingStage::FirstDone);
    } else if (done.error().code == ErrorCode::Cancelled) {
        if (work.paused) report(job.document, work, ReadingStage::Stopped);
    } else {
        failReading(job.document, work, done.error());
    }
}

void EngineThread::runLate(Job& job) {
    Work& work = *job.work;
    noteUses();
    restore(job.document, work, ReadingStage::FullReading);
    work.clock.start(work.read->resident->lateRows());
    report(job.document, work, ReadingStage::FullReading);
    const Result<void> done =
        m_engine->readLate(*work.read, m_runningStop.get_token(), [&](std::int64_t rows, std::int64_t all) {
            work.clock.advance(rows);
            work.state.share = static_cast<double>(rows) / static_cast<double>(all);
            work.state.secondsLeft = work.clock.secondsLeft(all);
            report(job.document, work, ReadingStage::FullReading);
        });
    reportAway();
    if (done) {
        report(job.document, work, ReadingStage::FullDone);
    } else if (goOnAfterFailure(done.error())) {
        return;
    } else if (done.error().code != ErrorCode::Cancelled) {
        work.noFull = true;  // quick answers work on
        work.state.error = done.error();
        report(job.document, work, ReadingStage::FirstDone);
    } else if (work.paused) {
        report(job.document, work, ReadingStage::Stopped);
    }
    reportModel();
}

void EngineThread::report(DocumentId id, Work& work, ReadingStage stage) {
    work.state.stage = stage;
    if (stage != ReadingStage::Failed && !work.noFull) work.state.error.reset();  // of an attempt before
    if (!work.removed) m_events.reading(id, work.state);
}

void EngineThread::reportTokens(DocumentId id, std::span<const TextToken> tokens) {
    if (!m_events.tokens) return;
    std::vector<std::uint32_t> begins(tokens.size());
    std::ranges::transform(tokens, begins.begin(), &TextToken::begin);
    m_events.tokens(id, std::make_shared<const std::vector<std::uint32_t>>(std::move(begins)));
}

void EngineThread::reportModel() {
    m_model.documentBytes = 0;
    {
        const std::lock_guard lock(m_mutex);
        for (const auto& [id, work] : m_documents) {
            if (work->read != nullptr && work->read->resident != nullptr)
                m_model.documentBytes += static_cast<std::int64_t>(work->read->resident->bytes());
            if (work->parts != nullptr)
                m_model.documentBytes += static_cast<std::int64_t>(work->parts->segments->bytes());
        }
    }
    m_events.model(m_model);
}

}  // namespace kvasir
