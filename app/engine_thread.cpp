#include "app/engine_thread.h"

#include <algorithm>

namespace kvasir {
namespace {

bool isEarlyDone(const std::unique_ptr<ReadDocument>& read) {
    return read != nullptr && read->resident != nullptr && read->resident->earlyDone();
}

}  // namespace

EngineThread::EngineThread(Events events, int threads, double longWait, PieceStore* pieces,
                           std::filesystem::path calibrations, MakeEngine makeEngine)
    : m_events(std::move(events)),
      m_threads(threads),
      m_longWait(longWait),
      m_pieces(pieces),
      m_calibrations(std::move(calibrations)),
      m_makeEngine(std::move(makeEngine)),
      m_thread([this](const std::stop_token& stop) { loop(stop); }) {
    if (m_pieces == nullptr) return;
    m_pieces->setListener([this] {
        const std::lock_guard lock(m_mutex);
        m_wake.notify_all();
    });
}

EngineThread::~EngineThread() {
    if (m_pieces != nullptr) m_pieces->setListener({});
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
    m_drafts.clear();  // of the model before
    m_runningStop.request_stop();
    m_wake.notify_all();
}

void EngineThread::addDocument(DocumentId id, std::shared_ptr<const Document> document) {
    const std::lock_guard lock(m_mutex);
    auto work = std::make_shared<Work>();
    work->document = std::move(document);
    work->used = work->order = ++m_order;
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
    std::erase_if(m_drafts, [&](const auto& draft) { return draft->document == id; });
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
    if (reading && m_runningDocument == id) {
        m_runningStop.request_stop();
    } else {
        m_halted.push_back(id);
        m_wake.notify_all();
    }
}

void EngineThread::continueReading(DocumentId id) {
    const std::lock_guard lock(m_mutex);
    const auto found = m_documents.find(id);
    if (found == m_documents.end()) return;
    found->second->paused = false;
    found->second->away = false;
    found->second->used = ++m_order;
    found->second->failure.reset();
    m_wake.notify_all();
}

void EngineThread::setFullReading(bool wanted) {
    const std::lock_guard lock(m_mutex);
    m_fullReading = wanted;
    if (!wanted && m_running == JobKind::ReadLate) m_runningStop.request_stop();
    m_wake.notify_all();
}

void EngineThread::ask(DocumentId document, AnswerKey key, AskRequest request, FindPassages findPassages) {
    const std::lock_guard lock(m_mutex);
    m_questions.push_back({document, key, std::move(request), {}, std::move(findPassages)});
    bool look = false;
    // Who asks wants it read, even if it was stopped before.
    if (const auto found = m_documents.find(document); found != m_documents.end()) {
        found->second->paused = false;
        found->second->used = ++m_order;
        look = wantsLook(m_questions.back(), *found->second);
    }
    const bool other = m_runningDocument != document;
    const bool idle = m_running == JobKind::ReadLate || m_running == JobKind::Check;
    const auto found = m_documents.find(document);
    const bool parts = found != m_documents.end() && found->second->inParts;  // it has an order of its own
    if (idle || (m_running == JobKind::ReadEarly && (other || look || parts))) m_runningStop.request_stop();
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
    while (!m_halted.empty()) {
        Job job;
        job.kind = JobKind::Halt;
        job.document = m_halted.front();
        m_halted.pop_front();
        const auto found = m_documents.find(job.document);
        if (found == m_documents.end()) continue;
        job.work = found->second;
        return job;
    }
    if (std::optional<Job> question = nextQuestion()) return std::move(*question);
    if (std::optional<Job> check = nextCheck()) return std::move(*check);
    if (std::optional<Job> keep = nextKeep()) return std::move(*keep);
    if (std::optional<Job> reading = nextReading()) return std::move(*reading);
    return {};
}

/// The oldest question that can be answered or refused now.
std::optional<EngineThread::Job> EngineThread::nextQuestion() {
    for (auto it = m_questions.begin(); it != m_questions.end(); ++it) {
        const auto found = m_documents.find(it->document);
        const bool known = found != m_documents.end();
        const bool refused = it->stop.stop_requested() || (m_modelTried && m_engine == nullptr);
        const bool early = known && !refused && !found->second->failure && found->second->parts == nullptr &&
                           !isEarlyDone(found->second->read);
        const bool look = early && m_engine != nullptr && wantsLook(*it, *found->second);
        if (early && !look) continue;
        Job job;
        job.kind = look ? JobKind::Look : JobKind::Ask;
        job.document = it->document;
        if (known) job.work = found->second;
        job.question = std::move(*it);
        m_questions.erase(it);
        return job;
    }
    return std::nullopt;
}

/// With the lock held.
bool EngineThread::wantsLook(const Question& question, const Work& work) const {
    return question.findPassages && !question.looked && work.secondsLeft > m_longWait;
}

/// When the first answer begins, not before: the store may wait for the disk.
void EngineThread::findPassages(Question& question) {
    if (question.findPassages && question.request.passages.empty())
        question.request.passages = question.findPassages();
}

/// The oldest draft whose document is read in full.
std::optional<EngineThread::Job> EngineThread::nextCheck() {
    if (m_engine == nullptr) return std::nullopt;
    for (const std::shared_ptr<Draft>& draft : m_drafts) {
        const auto found = m_documents.find(draft->document);
        if (found == m_documents.end() || found->second->paused || found->second->failure) continue;
        if (!isDue(*draft, *found->second)) continue;
        Job job;
        job.kind = JobKind::Check;
        job.document = draft->document;
        job.work = found->second;
        job.draft = draft;
        return job;
    }
    return std::nullopt;
}

/// Of a document that reads faster than the disk writes: what is to be handed on. Null: nothing now.
ResidentPieces* EngineThread::toBeKept(const Work& work) {
    const auto isWaiting = [](const Reading& reading) {
        return reading.pieces != nullptr && reading.pieces->canSave();
    };
    if (work.read != nullptr && isWaiting(*work.read)) return work.read->pieces.get();
    if (work.parts == nullptr) return nullptr;
    const Reading* best = nullptr;  // the disk may not have room for all parts
    for (const Reading& part : work.parts->readings) {
        if (isWaiting(part) && (best == nullptr || part.rank < best->rank)) best = &part;
    }
    return best != nullptr ? best->pieces.get() : nullptr;
}

/// With the lock held.
std::optional<EngineThread::Job> EngineThread::nextKeep() {
    if (m_pieces == nullptr) return std::nullopt;
    for (const auto& [id, work] : m_documents) {
        if (toBeKept(*work) == nullptr) continue;
        Job job;
        job.kind = JobKind::Keep;
        job.document = id;
        job.work = work;
        return job;
    }
    return std::nullopt;
}

/// With the lock held.
bool EngineThread::isAsked(DocumentId id) const {
    return std::any_of(m_questions.begin(), m_questions.end(),
                       [&](const Question& question) { return question.document == id; });
}

std::optional<EngineThread::Job> EngineThread::nextReading() {
    if (m_engine == nullptr) return std::nullopt;
    Job best;
    std::pair<int, std::uint64_t> bestRank{0, 0};
    for (const auto& [id, work] : m_documents) {
        const bool asked = isAsked(id);
        if (work->paused || work->failure || (work->away && !asked)) continue;
        if (work->parts != nullptr && !isToBeReadInParts(*work)) continue;
        const bool early = !isEarlyDone(work->read);
        if (!early && (!m_fullReading || work->noFull || work->read->resident->fullDone())) continue;
        const std::pair<int, std::uint64_t> rank{early ? (asked ? 3 : 2) : 1, work->order};
        if (rank <= bestRank) continue;
        bestRank = rank;
        best.kind = early ? JobKind::ReadEarly : JobKind::ReadLate;
        best.document = id;
        best.work = work;
    }
    if (best.kind == JobKind::None) return std::nullopt;
    return best;
}

}  // namespace kvasir
