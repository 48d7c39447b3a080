#include "app/local_workspace.h"

#include <algorithm>
#include <utility>

#include <QMetaObject>
#include <QPointer>

#include "app/answer_check.h"
#include "app/archive.h"
#include "app/model_calibration.h"
#include "app/model_catalogue.h"
#include "app/power.h"

namespace kvasir {
namespace {

constexpr const char* kModelSetting = "model";
constexpr const char* kFullReadingSetting = "fullReading";
constexpr int kPowerPollMs = 20'000;

/// What a chosen model is called until it is loaded and says its name.
QString fileTitle(const std::filesystem::path& model) {
    return QString::fromStdString(model.stem().string());
}

Error goesOnWithProcessor(const std::string& why) {
    return {ErrorCode::DeviceFailed, "The processor goes on in place of the GPU.", "",
            why + " Nothing is lost; answers take longer now. Start Kvasir again to use the GPU."};
}

bool isFinal(AnswerState state) {
    return state != AnswerState::Waiting && state != AnswerState::Writing;
}

}  // namespace

Result<std::unique_ptr<LocalWorkspace>> LocalWorkspace::create(const Options& options) {
    std::unique_ptr<LocalWorkspace> workspace(new LocalWorkspace());
    StoreOptions storeOptions;
    storeOptions.folder = options.dataFolder;
    if (storeOptions.folder.empty()) {
        const Result<std::filesystem::path> folder = Store::defaultFolder();
        if (!folder) return tl::unexpected(folder.error());
        storeOptions.folder = *folder;
    }
    LocalWorkspace* self = workspace.get();
    storeOptions.onError = [self](const Error& error) {
        // It belonged to something that was forgotten meanwhile.
        if (error.code == ErrorCode::NotFound) return;
        self->post([self, error] { emit self->failed(error); });
    };
    const std::filesystem::path calibrations = storeOptions.folder / kCalibrationFolder;
    Result<std::unique_ptr<Store>> store = Store::open(std::move(storeOptions));
    if (!store) return tl::unexpected(store.error());
    workspace->m_store = std::move(*store);
    Result<std::unique_ptr<StoreReader>> reader = workspace->m_store->reader();
    if (!reader) return tl::unexpected(reader.error());
    workspace->m_reader = std::move(*reader);
    workspace->m_library.emplace(*workspace->m_store);
    if (workspace->m_store->notice()) workspace->report(*workspace->m_store->notice());
    workspace->loadRemembered();
    workspace->keepReadings();
    workspace->m_engine = std::make_unique<EngineThread>(
        workspace->engineEvents(), options.threads, options.longWait, &*workspace->m_pieces, calibrations);
    QObject::connect(&workspace->m_powerTimer, &QTimer::timeout, self, [self] { self->applyFullReading(); });
    workspace->applyFullReading();
    workspace->chooseModel(options.model);
    return workspace;
}

LocalWorkspace::~LocalWorkspace() {
    // Threads first: their events use the rest. The store writes what is queued when it goes.
    for (auto& [id, entry] : m_documents)
        entry.thread.reset();
    m_engine.reset();
    m_pieces.reset();
}

void LocalWorkspace::post(std::function<void()> work) {
    {
        const std::lock_guard lock(m_postedMutex);
        m_posted.push_back(std::move(work));
        if (m_posted.size() > 1) return;  // whoever posted the first has woken the window's thread
    }
    QMetaObject::invokeMethod(this, "runPosted", Qt::QueuedConnection);
}

void LocalWorkspace::runPosted() {
    std::deque<std::function<void()>> posted;
    {
        const std::lock_guard lock(m_postedMutex);
        posted.swap(m_posted);
    }
    const QPointer<LocalWorkspace> self(this);  // work may end with the workspace
    for (const std::function<void()>& work : posted) {
        work();
        if (self == nullptr) return;
    }
}

/// Queued, so that whoever made the workspace can connect to `failed` first.
void LocalWorkspace::report(const Error& error) {
    post([this, error] { emit failed(error); });
}

// ---------------------------------------------------------------------------------------------------- model
void LocalWorkspace::chooseModel(const std::filesystem::path& wanted) {
    std::filesystem::path path = wanted;
    if (path.empty()) path = setting(kModelSetting).toStdString();
    std::error_code ignored;
    if (path.empty() || (wanted.empty() && !std::filesystem::exists(path, ignored))) {
        const Result<std::filesystem::path> best = findModel("");
        path = best ? *best : std::filesystem::path();
    }
    m_model.path = QString::fromStdString(path.string());
    m_model.name = fileTitle(path);
    if (!path.empty()) m_engine->loadModel(path);
}

ModelInfo LocalWorkspace::model() const {
    return m_model;
}

void LocalWorkspace::useModel(const QString& path) {
    setSetting(kModelSetting, path);
    m_model = {};
    m_model.path = path;
    m_model.name = fileTitle(path.toStdString());
    m_engine->loadModel(path.toStdString());
    emit modelChanged();
}

EngineThread::Events LocalWorkspace::engineEvents() {
    EngineThread::Events events;
    events.model = [this](const EngineThread::ModelState& state) {
        m_modelName = state.name;
        post([this, state] {
            m_model.path = QString::fromStdString(state.path.string());
            m_model.name = state.name.empty() ? fileTitle(state.path) : QString::fromStdString(state.name);
            m_model.loaded = !state.name.empty();
            m_model.memoryBytes = state.weightBytes + state.documentBytes;
            m_model.error = state.error;
            const bool gaveUp = state.goesOn && m_model.note.isEmpty();
            m_model.note = QString::fromStdString(state.note);
            emit modelChanged();
            if (gaveUp) emit failed(goesOnWithProcessor(state.note));
        });
    };
    events.reading = [this](DocumentId id, const ReadingState& state) {
        post([this, id, state] { onReading(id, state); });
    };
    events.tokens = [this](DocumentId id, std::shared_ptr<const std::vector<std::uint32_t>> begins) {
        post([this, id, begins = std::move(begins)] {
            if (Entry* entry = find(id)) entry->tokenBegins = begins;
        });
    };
    events.text = [this](EngineThread::AnswerKey key, AnswerMode mode, std::string_view text) {
        post([this, key, mode, text = std::string(text)] { onText(key, mode, text); });
    };
    events.looked = [this](EngineThread::AnswerKey key, const AskOutcome& outcome) {
        const RowId row = keepLook(key, outcome.answer, outcome.trace);
        post([this, key, row, outcome = std::make_shared<AskOutcome>(outcome)] {
            onLooked(key, outcome->answer, outcome->trace, row);
        });
    };
    events.checked = [this](EngineThread::AnswerKey key, const Result<ConfirmOutcome>& outcome) {
        if (!outcome) {
            report(outcome.error());
            return;
        }
        const RowId row = keepCheck(key, *outcome);
        post([this, key, row, checked = std::make_shared<ConfirmOutcome>(*outcome)] {
            onChecked(key, checked->check, checked->full.answer, checked->full.trace, row);
        });
    };
    events.finished = [this](EngineThread::AnswerKey key, Result<AskOutcome> outcome) {
        Answer answer;
        AnswerTrace trace;
        if (outcome) {
            answer = std::move(outcome->answer);
            trace = std::move(outcome->trace);
        } else {
            answer.state = AnswerState::Failed;
            answer.error = outcome.error();
        }
        const RowId row = keep(key, answer, trace);
        post([this, key, row, answer, trace = std::make_shared<AnswerTrace>(std::move(trace))] {
            onFinished(key, answer, *trace, row);
        });
    };
    return events;
}

// ----------------------------------------------------------------------------------------------------
// questions
QString LocalWorkspace::ask(DocumentId document, const QString& question, const QString& after) {
    Entry* entry = find(document);
    if (entry == nullptr) return {};
    const EngineThread::AnswerKey key = m_nextKey++;
    const QString id = answerOf(key);
    Asked asked;
    asked.document = document;
    asked.key = key;
    asked.answer.id = id.toStdString();
    asked.answer.question = question.toStdString();
    asked.answer.askedAt = nowMs();
    asked.turns = turnsAfter(document, after);
    if (!asked.turns.empty()) asked.answer.after = after.toStdString();
    if (entry->reading.stage == ReadingStage::FirstReading)
        asked.answer.waitSeconds = std::max(0.0, entry->reading.secondsLeft);
    m_answers[id] = std::move(asked);
    openTalk(*entry, question).answers.push_back(id);
    const bool textComes =
        entry->info.open && entry->text == nullptr && entry->reading.stage != ReadingStage::Failed;
    if (textComes) {
        entry->waiting.push_back(id);
    } else {
        submit(*entry, id);
    }
    emit answersChanged(document);
    emit documentsChanged();
    return id;
}

void LocalWorkspace::submit(Entry& entry, const QString& answer) {
    Asked& asked = m_answers.at(answer);
    asked.answer.pins = static_cast<std::int32_t>(entry.pins.size());
    if (const std::optional<Library::Conversation> place = keptIn(entry, answer)) {
        Keeping keeping;
        keeping.question = asked.answer.question;
        keeping.after = storedId(asked.answer.after);
        keeping.askedAt = asked.answer.askedAt;
        keeping.conversation = *place;
        Answer begun = asked.answer;
        begun.after = keeping.after;
        keeping.row = m_library->begin(keeping.conversation, begun, m_model.name.toStdString());
        const std::lock_guard lock(m_keepingMutex);
        m_keeping.emplace(asked.key, std::move(keeping));
    }
    AskRequest request;
    request.question = asked.answer.question;
    request.pins = entry.pins;
    request.turns = asked.turns;
    EngineThread::FindPassages passages;
    if (entry.row != 0) {
        passages = [this, row = entry.row, question = asked.answer.question, turns = asked.turns] {
            return findPassages(row, question, turns);
        };
    }
    m_engine->ask(entry.info.id, asked.key, std::move(request), std::move(passages));
}

/// On the engine thread, with a connection of its own.
std::vector<ByteRange> LocalWorkspace::findPassages(RowId document, const std::string& question,
                                                    const std::vector<Turn>& turns) const {
    const Result<std::unique_ptr<StoreReader>> reader = m_store->reader();
    if (!reader) return {};  // there is an answer all the same
    return searchedPassages(**reader, document, question, turns);
}

void LocalWorkspace::failWaiting(Entry& entry, const Error& error) {
    for (const QString& id : std::exchange(entry.waiting, {})) {
        Answer& answer = m_answers.at(id).answer;
        answer.state = AnswerState::Failed;
        answer.error = error;
        emit answerChanged(id);
    }
}

QString LocalWorkspace::answerOf(EngineThread::AnswerKey key) const {
    const auto below = m_below.find(key);
    return below != m_below.end() ? below->second : QStringLiteral("new-%1").arg(key);
}

void LocalWorkspace::onText(EngineThread::AnswerKey key, AnswerMode mode, const std::string& text) {
    const auto found = m_answers.find(answerOf(key));
    if (found == m_answers.end()) return;
    Answer& answer = found->second.answer;
    answer.state = text.empty() ? AnswerState::Waiting : AnswerState::Writing;  // another device begins anew
    answer.mode = mode;
    answer.text = text;
    {
        const std::lock_guard lock(m_keepingMutex);
        const auto keeping = m_keeping.find(key);
        if (keeping != m_keeping.end() &&
            keeping->second.row.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
            if (const Result<RowId>& row = keeping->second.row.get()) m_store->saveAnswer(*row, text);
        }
    }
    emit answerChanged(found->first);
}

void LocalWorkspace::onFinished(EngineThread::AnswerKey key, const Answer& answer, const AnswerTrace& trace,
                                RowId row) {
    const QString id = answerOf(key);
    const auto found = m_answers.find(id);
    if (found == m_answers.end()) return;
    take(id, answer, trace, row);
    const auto look = m_answers.find(QString::fromStdString(found->second.answer.follows));
    if (look == m_answers.end() || answer.state != AnswerState::Complete) return;
    AnswerCheck check;
    check.verdict = compareTexts(look->second.answer, answer);
    check.by = answer.mode;
    check.answer = id.toStdString();
    look->second.answer.check = std::move(check);
    emit answerChanged(look->first);
}

/// An answer that is over: what was known of its question stays.
void LocalWorkspace::take(const QString& id, const Answer& answer, const AnswerTrace& trace, RowId row) {
    Asked& asked = m_answers.at(id);
    const Answer before = std::exchange(asked.answer, answer);
    asked.answer.id = before.id;
    asked.answer.question = before.question;
    asked.answer.askedAt = before.askedAt;
    asked.answer.follows = before.follows;
    asked.answer.after = before.after;
    asked.row = row;
    if (const Entry* entry = find(asked.document);
        entry != nullptr && entry->text != nullptr && !trace.tokens.empty()) {
        asked.marks = wordMarks(*entry->text, trace);
    }
    emit answerChanged(id);
}

/// A new answer to the draft's question, right below it.
QString LocalWorkspace::addBelow(const QString& draft, const QString& id) {
    const Asked& above = m_answers.at(draft);
    Asked asked;
    asked.document = above.document;
    asked.key = above.key;
    asked.answer.id = id.toStdString();
    asked.answer.question = above.answer.question;
    asked.answer.askedAt = above.answer.askedAt;
    asked.answer.follows = draft.toStdString();
    asked.answer.after = above.answer.after;
    m_answers[id] = std::move(asked);
    Entry* entry = find(m_answers.at(id).document);
    if (Talk* talk = entry != nullptr ? talkOf(*entry, draft) : nullptr)
        talk->answers.insert(std::next(std::ranges::find(talk->answers, draft)), id);
    return id;
}

void LocalWorkspace::onLooked(EngineThread::AnswerKey key, const Answer& answer, const AnswerTrace& trace,
                              RowId row) {
    const QString look = answerOf(key);
    if (!m_answers.contains(look)) return;
    take(look, answer, trace, row);
    m_below[key] = addBelow(look, QStringLiteral("new-%1-quick").arg(key));
    emit answersChanged(m_answers.at(look).document);
}

void LocalWorkspace::onChecked(EngineThread::AnswerKey key, const AnswerCheck& check, const Answer& full,
                               const AnswerTrace& trace, RowId row) {
    const QString draft = answerOf(key);
    if (!m_answers.contains(draft)) return;
    m_answers.at(draft).answer.check = check;
    if (check.verdict != Verdict::SameWords) {
        const bool parts = check.by == AnswerMode::Parts;
        const QString other =
            addBelow(draft, parts ? QStringLiteral("new-%1-parts-%2").arg(key).arg(full.parts.read)
                                  : QStringLiteral("new-%1-full").arg(key));
        if (parts) m_below[key] = other;  // more parts may change it again
        m_answers.at(draft).answer.check->answer = other.toStdString();
        take(other, full, trace, row);
        emit answersChanged(m_answers.at(draft).document);
    }
    emit answerChanged(draft);
}

/// Documents are read in full always (unless it is set otherwise), on mains, or never.
void LocalWorkspace::applyFullReading() {
    const QString wanted = setting(kFullReadingSetting);
    const bool mains = wanted == "mains";
    m_engine->setFullReading(mains ? isOnMains() : wanted != "never");
    if (mains && !m_powerTimer.isActive()) m_powerTimer.start(kPowerPollMs);
    if (!mains) m_powerTimer.stop();
}

void LocalWorkspace::stop(const QString& answer) {
    const auto found = m_answers.find(answer);
    if (found == m_answers.end() || isFinal(found->second.answer.state)) return;
    Entry* entry = find(found->second.document);
    if (entry != nullptr && std::erase(entry->waiting, answer) > 0) {
        found->second.answer.state = AnswerState::Stopped;
        emit answerChanged(answer);
        return;
    }
    m_engine->stopAnswer(found->second.key);
}

Answer LocalWorkspace::answer(const QString& answer) const {
    const auto found = m_answers.find(answer);
    return found != m_answers.end() ? found->second.answer : Answer{};
}

WordMarks LocalWorkspace::marks(const QString& answer) const {
    const auto found = m_answers.find(answer);
    if (found == m_answers.end()) return {};
    Asked& asked = found->second;
    const Entry* entry = find(asked.document);
    if (asked.marks.tokens.empty() && asked.row != 0 && entry != nullptr && entry->text != nullptr) {
        // An answer of an earlier run: its trace is in the store.
        const Result<std::optional<Trace>> trace = m_reader->trace(asked.row);
        if (!trace || !trace->has_value()) return {};
        const Result<std::vector<ByteRange>> map = m_reader->tokenMap((*trace)->tokenMap);
        if (map) asked.marks = wordMarks(*entry->text, toAnswerTrace(**trace, *map));
    }
    return asked.marks;
}

QString LocalWorkspace::setting(const QString& key) const {
    if (const auto set = m_settings.find(key); set != m_settings.end()) return set->second;
    const Result<std::optional<std::string>> value = m_reader->setting(key.toStdString());
    return value && value->has_value() ? QString::fromStdString(**value) : QString();
}

void LocalWorkspace::setSetting(const QString& key, const QString& value) {
    m_settings[key] = value;
    m_store->setSetting(key.toStdString(), value.toStdString());
    if (key == kFullReadingSetting) applyFullReading();
    if (key == PieceStore::kBudgetSetting)
        m_pieces->setBudget(PieceStore::budgetOf(value.toStdString(), *m_store));
}

}  // namespace kvasir
