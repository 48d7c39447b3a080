#include "app/local_workspace.h"

#include <algorithm>

#include <QFileInfo>
#include <QMetaObject>
#include <QPointer>

#include "app/model_catalogue.h"

namespace kvasir {
namespace {

constexpr const char* kModelSetting = "model";

DocumentInfo remembered(const DocumentRecord& record) {
    DocumentInfo info;
    info.id = record.id;
    info.name = QString::fromStdString(record.name);
    info.path = QString::fromStdString(record.path);
    info.kind = record.kind;
    return info;
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
        self->post([self, error] { emit self->failed(error); });
    };
    Result<std::unique_ptr<Store>> store = Store::open(std::move(storeOptions));
    if (!store) return tl::unexpected(store.error());
    workspace->m_store = std::move(*store);
    Result<std::unique_ptr<StoreReader>> reader = workspace->m_store->reader();
    if (!reader) return tl::unexpected(reader.error());
    workspace->m_reader = std::move(*reader);
    workspace->m_library.emplace(*workspace->m_store);
    if (workspace->m_store->notice()) workspace->report(*workspace->m_store->notice());
    workspace->loadRemembered();
    workspace->m_engine = std::make_unique<EngineThread>(workspace->engineEvents(), options.threads);
    workspace->chooseModel(options.model);
    return workspace;
}

LocalWorkspace::~LocalWorkspace() {
    // Threads first: their events use the rest. The store writes what is queued when it goes.
    for (auto& [id, entry] : m_documents)
        entry.thread.reset();
    m_engine.reset();
}

void LocalWorkspace::post(std::function<void()> work) {
    QMetaObject::invokeMethod(this, std::move(work), Qt::QueuedConnection);
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
    if (!path.empty()) m_engine->loadModel(path);
}

ModelInfo LocalWorkspace::model() const {
    return m_model;
}

void LocalWorkspace::useModel(const QString& path) {
    m_store->setSetting(kModelSetting, path.toStdString());
    m_model = {};
    m_model.path = path;
    m_engine->loadModel(path.toStdString());
    emit modelChanged();
}

EngineThread::Events LocalWorkspace::engineEvents() {
    EngineThread::Events events;
    events.model = [this](const EngineThread::ModelState& state) {
        post([this, state] {
            m_modelName = state.name;
            m_model.path = QString::fromStdString(state.path.string());
            m_model.name = QString::fromStdString(state.name);
            m_model.loaded = !state.name.empty();
            m_model.memoryBytes = state.weightBytes + state.documentBytes;
            m_model.error = state.error;
            emit modelChanged();
        });
    };
    events.reading = [this](DocumentId id, const ReadingState& state) {
        post([this, id, state] { onReading(id, state); });
    };
    events.text = [this](EngineThread::AnswerKey key, std::string_view text) {
        post([this, key, text = std::string(text)] { onText(key, text); });
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
        keep(key, answer, trace);
        post([this, key, answer, trace = std::make_shared<AnswerTrace>(std::move(trace))] {
            onFinished(key, answer, *trace);
        });
    };
    return events;
}

/// On the engine thread: the answer is in the store before the window shows it as finished.
void LocalWorkspace::keep(EngineThread::AnswerKey key, const Answer& answer, const AnswerTrace& trace) {
    Keeping keeping;
    {
        const std::lock_guard lock(m_keepingMutex);
        const auto found = m_keeping.find(key);
        if (found == m_keeping.end()) return;
        keeping = std::move(found->second);
        m_keeping.erase(found);
    }
    const Result<RowId> row = keeping.row.get();
    if (!row) return;  // reported through onError
    Answer kept = answer;
    kept.question = keeping.question;
    kept.askedAt = keeping.askedAt;
    // A failure is reported through onError as well.
    static_cast<void>(m_library->finish(*row, keeping.conversation, kept, trace, keeping.model));
}

// ----------------------------------------------------------------------------------------------------
// documents
void LocalWorkspace::loadRemembered() {
    const Result<std::vector<DocumentRecord>> records = m_reader->documents();
    if (!records) {
        report(records.error());
        return;
    }
    for (const DocumentRecord& record : *records) {
        Entry& entry = m_documents[record.id];
        entry.info = remembered(record);
        entry.row = record.id;
        m_order.push_back(record.id);
        loadAnswers(entry);
    }
}

void LocalWorkspace::loadAnswers(Entry& entry) {
    const Result<std::vector<ConversationRecord>> conversations = m_reader->conversations(entry.row);
    if (!conversations) {
        report(conversations.error());
        return;
    }
    for (const ConversationRecord& conversation : *conversations) {
        const Result<std::vector<Exchange>> exchanges = m_reader->exchanges(conversation.id);
        if (!exchanges) continue;
        for (const Exchange& exchange : *exchanges) {
            const QString id = QString::fromStdString(answerId(exchange.id));
            if (std::find(entry.answers.begin(), entry.answers.end(), id) != entry.answers.end()) continue;
            const Result<std::vector<CitationRecord>> citations = m_reader->citations(exchange.id);
            const Result<std::vector<CheckedFact>> facts = m_reader->facts(exchange.id);
            Asked asked;
            asked.document = entry.info.id;
            asked.row = exchange.id;
            asked.answer = toAnswer(exchange, citations ? *citations : std::vector<CitationRecord>(),
                                    facts ? *facts : std::vector<CheckedFact>());
            m_answers[id] = std::move(asked);
            entry.answers.push_back(id);
        }
    }
    entry.info.answers = static_cast<std::int32_t>(entry.answers.size());
}

LocalWorkspace::Entry* LocalWorkspace::find(DocumentId id) {
    const auto found = m_documents.find(id);
    return found == m_documents.end() ? nullptr : &found->second;
}
const LocalWorkspace::Entry* LocalWorkspace::find(DocumentId id) const {
    const auto found = m_documents.find(id);
    return found == m_documents.end() ? nullptr : &found->second;
}

std::vector<DocumentInfo> LocalWorkspace::documents() const {
    std::vector<DocumentInfo> list;
    for (const DocumentId id : m_order)
        list.push_back(info(id));
    return list;
}

DocumentId LocalWorkspace::open(const QString& path) {
    const QString absolute = QFileInfo(path).absoluteFilePath();
    DocumentId id = 0;
    for (const auto& [known, entry] : m_documents) {
        if (entry.info.path == absolute) id = known;
    }
    if (id == 0) {
        id = m_nextNew--;
        Entry& entry = m_documents[id];
        entry.info.id = id;
        entry.info.path = absolute;
        entry.info.name = QFileInfo(path).fileName();
    }
    std::erase(m_order, id);
    m_order.insert(m_order.begin(), id);
    Entry& entry = m_documents[id];
    if (!entry.info.open) startThread(id, {});
    emit documentsChanged();
    return id;
}

void LocalWorkspace::unlock(DocumentId document, const QString& password) {
    if (find(document) != nullptr) startThread(document, password.toStdString());
}

void LocalWorkspace::startThread(DocumentId id, const std::string& password) {
    Entry& entry = m_documents[id];
    entry.thread.reset();
    entry.info.open = true;
    entry.text.reset();
    entry.reading = {};
    const std::filesystem::path path = entry.info.path.toStdString();
    DocumentThread::Events events;
    events.opened = [this, id](const DocumentThread::Opened& opened) {
        post([this, id, opened] { onOpened(id, opened); });
    };
    events.progress = [this, id](std::int32_t pages) {
        post([this, id, pages] {
            Entry* found = find(id);
            if (found == nullptr || found->reading.stage != ReadingStage::Opening) return;
            found->reading.pagesRead = pages;
            emit readingChanged(id);
        });
    };
    events.read = [this, id, path](Result<std::shared_ptr<const Document>> document) {
        // On the document's thread: putting the text into the store takes a while for long ones.
        Result<RowId> row = 0;
        if (document) row = m_library->remember(**document, path);
        if (document && row)
            static_cast<void>(m_library->index(*row, *document));  // search is lost, not the document
        post([this, id, document = std::move(document), row = std::move(row)] { onRead(id, document, row); });
    };
    events.image = [this, id](std::int32_t page, double wanted, const PageImage& image) {
        post([this, id, page, wanted, picture = image.image] {
            emit pageImageReady(id, page, wanted, picture);
        });
    };
    entry.thread = std::make_unique<DocumentThread>(path, password, std::move(events));
    emit readingChanged(id);
}

void LocalWorkspace::onOpened(DocumentId id, const DocumentThread::Opened& opened) {
    Entry* entry = find(id);
    if (entry == nullptr) return;
    entry->info.kind = opened.kind;
    entry->info.name = QString::fromStdString(opened.name);
    entry->info.pageSizes.clear();
    for (const auto& [width, height] : opened.pageSizes)
        entry->info.pageSizes.emplace_back(width, height);
    emit infoChanged(id);
}

void LocalWorkspace::onRead(DocumentId id, const Result<std::shared_ptr<const Document>>& document,
                            const Result<RowId>& row) {
    Entry* entry = find(id);
    if (entry == nullptr || !entry->info.open) return;
    if (!document) {
        if (document.error().code == ErrorCode::Cancelled) return;
        entry->reading.stage =
            document.error().code == ErrorCode::Locked ? ReadingStage::Locked : ReadingStage::Failed;
        entry->reading.error = document.error();
        emit readingChanged(id);
        return;
    }
    entry->text = *document;
    if (row && entry->row == 0) {
        entry->row = *row;
        loadAnswers(*entry);  // the same content may have been asked before, under another name
        // Its remembered self would be listed twice.
        if (*row != id && m_documents.contains(*row)) {
            m_documents.erase(*row);
            std::erase(m_order, *row);
        }
        emit documentsChanged();
        emit answersChanged(id);
    }
    entry->reading.stage = ReadingStage::WaitingForModel;
    m_engine->addDocument(id, entry->text);
    emit infoChanged(id);
    emit readingChanged(id);
}

void LocalWorkspace::onReading(DocumentId id, const ReadingState& state) {
    Entry* entry = find(id);
    if (entry == nullptr || !entry->info.open) return;
    entry->reading = state;
    // Those who wait see when their turn comes.
    for (const QString& answer : entry->answers) {
        Asked& asked = m_answers[answer];
        if (asked.answer.state != AnswerState::Waiting) continue;
        asked.answer.waitSeconds =
            state.stage == ReadingStage::FirstReading ? std::max(0.0, state.secondsLeft) : 0;
        emit answerChanged(answer);
    }
    emit readingChanged(id);
}

void LocalWorkspace::close(DocumentId document) {
    Entry* entry = find(document);
    if (entry == nullptr) return;
    entry->thread.reset();
    entry->info.open = false;
    entry->text.reset();
    entry->info.pageSizes.clear();
    m_engine->removeDocument(document);
    emit documentsChanged();
}

void LocalWorkspace::forget(DocumentId document) {
    Entry* entry = find(document);
    if (entry == nullptr) return;
    close(document);
    if (entry->row != 0) m_store->deleteDocument(entry->row);
    for (const QString& answer : entry->answers)
        m_answers.erase(answer);
    m_documents.erase(document);
    std::erase(m_order, document);
    emit documentsChanged();
}

DocumentInfo LocalWorkspace::info(DocumentId document) const {
    const Entry* entry = find(document);
    return entry != nullptr ? entry->info : DocumentInfo{};
}

ReadingState LocalWorkspace::reading(DocumentId document) const {
    const Entry* entry = find(document);
    return entry != nullptr ? entry->reading : ReadingState{};
}

std::shared_ptr<const Document> LocalWorkspace::text(DocumentId document) const {
    const Entry* entry = find(document);
    return entry != nullptr ? entry->text : nullptr;
}

void LocalWorkspace::requestPageImage(DocumentId document, int page, double pixelsPerPoint) {
    if (Entry* entry = find(document); entry != nullptr && entry->thread != nullptr)
        entry->thread->requestImage(page, pixelsPerPoint);
}

void LocalWorkspace::cancelPageImages(DocumentId document) {
    if (Entry* entry = find(document); entry != nullptr && entry->thread != nullptr)
        entry->thread->cancelImages();
}

void LocalWorkspace::stopReading(DocumentId document) {
    m_engine->stopReading(document);
}
void LocalWorkspace::continueReading(DocumentId document) {
    m_engine->continueReading(document);
}

// ----------------------------------------------------------------------------------------------------
// questions
QString LocalWorkspace::ask(DocumentId document, const QString& question) {
    Entry* entry = find(document);
    if (entry == nullptr) return {};
    const EngineThread::AnswerKey key = m_nextKey++;
    const QString id = QStringLiteral("new-%1").arg(key);
    Asked asked;
    asked.document = document;
    asked.key = key;
    asked.answer.id = id.toStdString();
    asked.answer.question = question.toStdString();
    asked.answer.askedAt = nowMs();
    if (entry->reading.stage == ReadingStage::FirstReading)
        asked.answer.waitSeconds = std::max(0.0, entry->reading.secondsLeft);

    if (entry->row != 0) {
        Keeping keeping;
        keeping.question = asked.answer.question;
        keeping.askedAt = asked.answer.askedAt;
        keeping.model = m_modelName;
        const Result<Library::Conversation> conversation =
            m_library->conversation(*m_reader, entry->row, entry->info.name.toStdString());
        if (conversation) {
            keeping.conversation = *conversation;
            keeping.row = m_library->begin(*conversation, asked.answer, m_modelName);
            const std::lock_guard lock(m_keepingMutex);
            m_keeping.emplace(key, std::move(keeping));
        } else {
            report(conversation.error());
        }
    }
    m_answers[id] = std::move(asked);
    entry->answers.push_back(id);
    entry->info.answers = static_cast<std::int32_t>(entry->answers.size());
    AskRequest request;
    request.question = question.toStdString();
    m_engine->ask(document, key, std::move(request));
    emit answersChanged(document);
    emit documentsChanged();
    return id;
}

QString LocalWorkspace::answerOf(EngineThread::AnswerKey key) const {
    return QStringLiteral("new-%1").arg(key);
}

void LocalWorkspace::onText(EngineThread::AnswerKey key, const std::string& text) {
    const auto found = m_answers.find(answerOf(key));
    if (found == m_answers.end()) return;
    Answer& answer = found->second.answer;
    answer.state = AnswerState::Writing;
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

void LocalWorkspace::onFinished(EngineThread::AnswerKey key, const Answer& answer, const AnswerTrace& trace) {
    const auto found = m_answers.find(answerOf(key));
    if (found == m_answers.end()) return;
    Asked& asked = found->second;
    const std::string question = asked.answer.question;
    const std::int64_t askedAt = asked.answer.askedAt;
    asked.answer = answer;
    asked.answer.id = found->first.toStdString();
    asked.answer.question = question;
    asked.answer.askedAt = askedAt;
    if (const Entry* entry = find(asked.document);
        entry != nullptr && entry->text != nullptr && !trace.tokens.empty()) {
        asked.marks = wordMarks(*entry->text, trace);
    }
    emit answerChanged(found->first);
}

void LocalWorkspace::stop(const QString& answer) {
    const auto found = m_answers.find(answer);
    if (found != m_answers.end() && !isFinal(found->second.answer.state))
        m_engine->stopAnswer(found->second.key);
}

std::vector<QString> LocalWorkspace::answers(DocumentId document) const {
    const Entry* entry = find(document);
    return entry != nullptr ? entry->answers : std::vector<QString>();
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
    const Result<std::optional<std::string>> value = m_reader->setting(key.toStdString());
    return value && value->has_value() ? QString::fromStdString(**value) : QString();
}

void LocalWorkspace::setSetting(const QString& key, const QString& value) {
    m_store->setSetting(key.toStdString(), value.toStdString());
}

}  // namespace kvasir
