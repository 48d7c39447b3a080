#include "app/engine_thread.h"

#include <algorithm>

namespace kvasir {
namespace {

Error noModel() {
    return {ErrorCode::NotFound, "There is no model that could answer.", "",
            "Choose or download a model first."};
}

bool isEarlyDone(const std::unique_ptr<ReadDocument>& read) {
    return read != nullptr && read->resident->earlyDone();
}

}  // namespace

EngineThread::EngineThread(Events events, int threads)
    : m_events(std::move(events)),
      m_threads(threads),
      m_thread([this](const std::stop_token& stop) { loop(stop); }) {}

EngineThread::~EngineThread() {
    m_thread.request_stop();  // first: no job begins after the running one is stopped
    {
        const std::lock_guard lock(m_mutex);
        for (Question& question : m_questions)
            question.stop.request_stop();
        m_runningStop.request_stop();
    }
    m_thread.join();
}

// ---------------------------------------------------------------------------------------------------- any
// thread
void EngineThread::loadModel(std::filesystem::path path) {
    const std::lock_guard lock(m_mutex);
    m_modelWanted = std::move(path);
    m_runningStop.request_stop();
    m_wake.notify_all();
}

void EngineThread::addDocument(DocumentId id, std::shared_ptr<const Document> document) {
    const std::lock_guard lock(m_mutex);
    auto work = std::make_shared<Work>();
    work->document = std::move(document);
    work->order = ++m_order;
    if (const auto old = m_documents.find(id); old != m_documents.end()) m_removed.push_back(old->second);
    m_documents[id] = std::move(work);
    if (m_running == JobKind::ReadLate) m_runningStop.request_stop();
    m_wake.notify_all();
}

void EngineThread::removeDocument(DocumentId id) {
    const std::lock_guard lock(m_mutex);
    const auto found = m_documents.find(id);
    if (found == m_documents.end()) return;
    found->second->removed = true;
    m_removed.push_back(found->second);
    m_documents.erase(found);
    if (m_runningDocument == id) m_runningStop.request_stop();
    m_wake.notify_all();
}

void EngineThread::stopReading(DocumentId id) {
    const std::lock_guard lock(m_mutex);
    const auto found = m_documents.find(id);
    if (found == m_documents.end()) return;
    found->second->paused = true;
    const bool reading = m_running == JobKind::ReadEarly || m_running == JobKind::ReadLate;
    if (reading && m_runningDocument == id) m_runningStop.request_stop();
}

void EngineThread::continueReading(DocumentId id) {
    const std::lock_guard lock(m_mutex);
    const auto found = m_documents.find(id);
    if (found == m_documents.end()) return;
    found->second->paused = false;
    found->second->failure.reset();
    m_wake.notify_all();
}

void EngineThread::setFullReading(bool wanted) {
    const std::lock_guard lock(m_mutex);
    m_fullReading = wanted;
    if (!wanted && m_running == JobKind::ReadLate) m_runningStop.request_stop();
    m_wake.notify_all();
}

void EngineThread::ask(DocumentId document, AnswerKey key, AskRequest request) {
    const std::lock_guard lock(m_mutex);
    m_questions.push_back({document, key, std::move(request), {}});
    // Who asks wants it read, even if it was stopped before.
    if (const auto found = m_documents.find(document); found != m_documents.end())
        found->second->paused = false;
    const bool otherEarly = m_running == JobKind::ReadEarly && m_runningDocument != document;
    if (m_running == JobKind::ReadLate || otherEarly) m_runningStop.request_stop();
    m_wake.notify_all();
}

void EngineThread::stopAnswer(AnswerKey key) {
    const std::lock_guard lock(m_mutex);
    if (m_runningAnswer == key) m_runningStop.request_stop();
    for (Question& question : m_questions) {
        if (question.key == key) question.stop.request_stop();
    }
    m_wake.notify_all();
}

// ---------------------------------------------------------------------------------------------------- engine
// thread
void EngineThread::loop(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        Job job;
        {
            std::unique_lock lock(m_mutex);
            m_running = JobKind::None;
            m_runningDocument = 0;
            m_runningAnswer.reset();
            m_wake.wait(lock, stop, [&] {
                job = next();
                return job.kind != JobKind::None;
            });
            if (job.kind == JobKind::None || stop.stop_requested()) break;
            m_running = job.kind;
            m_runningDocument = job.document;
            m_runningStop = job.question ? job.question->stop : std::stop_source();
            if (job.question) m_runningAnswer = job.question->key;
        }
        run(job);
    }
}

/// With the lock held.
EngineThread::Job EngineThread::next() {
    if (m_modelWanted) {
        Job job;
        job.kind = JobKind::LoadModel;
        job.model = *std::exchange(m_modelWanted, std::nullopt);
        return job;
    }
    if (!m_removed.empty()) {
        Job job;
        job.kind = JobKind::Forget;
        job.work = m_removed.front();
        m_removed.pop_front();
        return job;
    }
    if (std::optional<Job> question = nextQuestion()) return std::move(*question);
    if (std::optional<Job> reading = nextReading()) return std::move(*reading);
    return {};
}

/// The oldest question that can be answered or refused now.
std::optional<EngineThread::Job> EngineThread::nextQuestion() {
    for (auto it = m_questions.begin(); it != m_questions.end(); ++it) {
        const auto found = m_documents.find(it->document);
        const bool known = found != m_documents.end();
        const bool refused = it->stop.stop_requested() || (m_modelTried && m_engine == nullptr);
        if (known && !refused && !found->second->failure && !isEarlyDone(found->second->read)) continue;
        Job job;
        job.kind = JobKind::Ask;
        job.document = it->document;
        if (known) job.work = found->second;
        job.question = std::move(*it);
        m_questions.erase(it);
        return job;
    }
    return std::nullopt;
}

std::optional<EngineThread::Job> EngineThread::nextReading() {
    if (m_engine == nullptr) return std::nullopt;
    const auto asked = [&](DocumentId id) {
        return std::any_of(m_questions.begin(), m_questions.end(),
                           [&](const Question& q) { return q.document == id; });
    };
    Job best;
    std::pair<int, std::uint64_t> bestRank{0, 0};
    for (const auto& [id, work] : m_documents) {
        if (work->paused || work->failure) continue;
        const bool early = !isEarlyDone(work->read);
        if (!early && (!m_fullReading || work->noFull || work->read->resident->fullDone())) continue;
        const std::pair<int, std::uint64_t> rank{early ? (asked(id) ? 3 : 2) : 1, work->order};
        if (rank <= bestRank) continue;
        bestRank = rank;
        best.kind = early ? JobKind::ReadEarly : JobKind::ReadLate;
        best.document = id;
        best.work = work;
    }
    if (best.kind == JobKind::None) return std::nullopt;
    return best;
}

void EngineThread::run(Job& job) {
    switch (job.kind) {
        case JobKind::LoadModel:
            runLoad(job.model);
            break;
        case JobKind::Ask:
            runAsk(job);
            break;
        case JobKind::ReadEarly:
            runEarly(job);
            break;
        case JobKind::ReadLate:
            runLate(job);
            break;
        case JobKind::Forget:
            job.work->read.reset();
            reportModel();
            break;
        case JobKind::None:
            break;
    }
}

void EngineThread::runLoad(const std::filesystem::path& path) {
    std::map<DocumentId, std::shared_ptr<Work>> documents;
    {
        const std::lock_guard lock(m_mutex);
        documents = m_documents;
    }
    for (auto& [id, work] : documents) {
        work->read.reset();
        {
            const std::lock_guard lock(m_mutex);
            work->failure.reset();
        }
        work->noFull = false;
        report(id, *work, ReadingStage::WaitingForModel);
    }
    m_engine.reset();  // before the next one takes its memory
    m_model = {};
    m_model.path = path;
    const std::stop_token stop = m_runningStop.get_token();
    Result<std::unique_ptr<AnswerEngine>> engine = AnswerEngine::create(path, m_threads, [&](double share) {
        m_model.loadShare = share;
        reportModel();
        return !stop.stop_requested();
    });
    if (engine) {
        m_engine = std::move(*engine);
        m_model.name = m_engine->model().config().name;
        m_model.weightBytes = static_cast<std::int64_t>(m_engine->model().weightBytes());
    } else {
        m_model.error = engine.error();
    }
    {
        const std::lock_guard lock(m_mutex);
        m_modelTried = true;
    }
    reportModel();
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
    } else {
        if (job.work->read->resident->fullDone()) question.request.mode = AnswerMode::Full;
        finish(m_engine->ask(*job.work->read, question.request, stop,
                             [&](std::string_view text) { m_events.text(question.key, text); }));
    }
}

/// Tokens and memory for a document; false after noting why it cannot be read.
bool EngineThread::prepare(Work& work, DocumentId id) {
    if (work.read != nullptr) return true;
    Result<std::unique_ptr<ReadDocument>> read = m_engine->prepare(work.document);
    while (!read && read.error().code == ErrorCode::OutOfMemory && dropOldest(work))
        read = m_engine->prepare(work.document);
    if (!read) {
        const std::lock_guard lock(m_mutex);
        work.failure = read.error();
        work.state.error = read.error();
        report(id, work,
               read.error().code == ErrorCode::TooLarge ? ReadingStage::TooLong : ReadingStage::Failed);
        return false;
    }
    work.read = std::move(*read);
    work.state.tokens = work.read->resident->size();
    reportModel();
    return true;
}

/// Frees the least recently opened other document's memory; it is read again when it is asked about.
bool EngineThread::dropOldest(const Work& except) {
    const std::lock_guard lock(m_mutex);
    std::shared_ptr<Work> oldest;
    for (const auto& [id, work] : m_documents) {
        const bool candidate = work->read != nullptr && work.get() != &except;
        if (candidate && (oldest == nullptr || work->order < oldest->order)) oldest = work;
    }
    if (oldest == nullptr) return false;
    oldest->read.reset();
    oldest->paused = true;  // else the two would drop one another for ever
    return true;
}

void EngineThread::runEarly(Job& job) {
    Work& work = *job.work;
    if (!prepare(work, job.document)) return;
    work.clock.start(work.read->resident->earlyRows());
    report(job.document, work, ReadingStage::FirstReading);
    const Result<void> done =
        m_engine->readEarly(*work.read, m_runningStop.get_token(), [&](std::int64_t rows, std::int64_t all) {
            work.clock.advance(rows);
            work.state.share = static_cast<double>(rows) / static_cast<double>(all);
            work.state.secondsLeft = work.clock.secondsLeft(all);
            report(job.document, work, ReadingStage::FirstReading);
        });
    if (done) {
        work.clock = {};
        work.state.share = 0;
        work.state.secondsLeft = -1;
        report(job.document, work, ReadingStage::FirstDone);
    } else if (done.error().code == ErrorCode::Cancelled) {
        if (work.paused) report(job.document, work, ReadingStage::Stopped);
    } else {
        {
            const std::lock_guard lock(m_mutex);
            work.failure = done.error();
        }
        work.state.error = done.error();
        report(job.document, work, ReadingStage::Failed);
    }
}

void EngineThread::runLate(Job& job) {
    Work& work = *job.work;
    work.clock.start(work.read->resident->lateRows());
    report(job.document, work, ReadingStage::FullReading);
    const Result<void> done =
        m_engine->readLate(*work.read, m_runningStop.get_token(), [&](std::int64_t rows, std::int64_t all) {
            work.clock.advance(rows);
            work.state.share = static_cast<double>(rows) / static_cast<double>(all);
            work.state.secondsLeft = work.clock.secondsLeft(all);
            report(job.document, work, ReadingStage::FullReading);
        });
    if (done) {
        report(job.document, work, ReadingStage::FullDone);
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
    if (!work.removed) m_events.reading(id, work.state);
}

void EngineThread::reportModel() {
    m_model.documentBytes = 0;
    {
        const std::lock_guard lock(m_mutex);
        for (const auto& [id, work] : m_documents) {
            if (work->read != nullptr)
                m_model.documentBytes += static_cast<std::int64_t>(work->read->resident->bytes());
        }
    }
    m_events.model(m_model);
}

}  // namespace kvasir
