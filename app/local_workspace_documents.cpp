// The documents of the workspace: opening, reading, closing, forgetting.
#include <algorithm>
#include <utility>

#include <QFileInfo>

#include "app/local_workspace.h"

namespace kvasir {
namespace {

DocumentInfo remembered(const DocumentRecord& record) {
    DocumentInfo info;
    info.id = record.id;
    info.name = QString::fromStdString(record.name);
    info.path = QString::fromStdString(record.path);
    info.kind = record.kind;
    return info;
}

}  // namespace

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
        loadPins(entry);
    }
}

LocalWorkspace::Entry* LocalWorkspace::find(DocumentId id) {
    const auto found = m_documents.find(id);
    return found == m_documents.end() ? nullptr : &found->second;
}
const LocalWorkspace::Entry* LocalWorkspace::find(DocumentId id) const {
    const auto found = m_documents.find(id);
    return found == m_documents.end() ? nullptr : &found->second;
}

LocalWorkspace::Entry* LocalWorkspace::opened(DocumentId id, std::uint64_t opening) {
    Entry* entry = find(id);
    return entry != nullptr && entry->info.open && entry->opening == opening ? entry : nullptr;
}

std::vector<DocumentInfo> LocalWorkspace::documents() const {
    std::vector<DocumentInfo> list;
    list.reserve(m_order.size());
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
    if (!entry.info.open || entry.reading.stage == ReadingStage::Failed) startThread(id, {});
    if (entry.reading.stage == ReadingStage::Away) m_engine->continueReading(id);
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
    entry.opening = ++m_openings;
    const std::filesystem::path path = entry.info.path.toStdString();
    entry.thread = std::make_unique<DocumentThread>(path, password, documentEvents(id, entry.opening, path));
    emit readingChanged(id);
}

DocumentThread::Events LocalWorkspace::documentEvents(DocumentId id, std::uint64_t opening,
                                                      const std::filesystem::path& path) {
    DocumentThread::Events events;
    events.opened = [this, id, opening](const DocumentThread::Opened& file) {
        post([this, id, opening, file] {
            if (opened(id, opening) != nullptr) onOpened(id, file);
        });
    };
    events.progress = [this, id, opening](std::int32_t pages) {
        post([this, id, opening, pages] {
            Entry* entry = opened(id, opening);
            if (entry == nullptr || entry->reading.stage != ReadingStage::Opening) return;
            entry->reading.pagesRead = pages;
            emit readingChanged(id);
        });
    };
    events.read = [this, id, opening, path](Result<std::shared_ptr<const Document>> document) {
        // On the document's thread: the window does not wait for the disk.
        Result<RowId> row;
        if (document) row = m_library->remember(**document, path);
        // Long texts take the writer a while: nobody waits for it. A failure costs search, not the document.
        if (document && row) static_cast<void>(m_store->indexDocument(*row, *document));
        post([this, id, opening, document = std::move(document), row = std::move(row)] {
            onRead(id, opening, document, row);
        });
    };
    events.image = [this, id](std::int32_t page, double wanted, const PageImage& image) {
        post([this, id, page, wanted, picture = image.image] {
            emit pageImageReady(id, page, wanted, picture);
        });
    };
    return events;
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

void LocalWorkspace::onRead(DocumentId id, std::uint64_t opening,
                            const Result<std::shared_ptr<const Document>>& document,
                            const Result<RowId>& row) {
    if (document && row && find(id) == nullptr) {
        // Forgotten while it was on its way into the store.
        const bool other = std::any_of(m_documents.begin(), m_documents.end(),
                                       [&](const auto& known) { return known.second.row == *row; });
        if (!other) m_store->deleteDocument(*row);
        return;
    }
    Entry* entry = opened(id, opening);
    if (entry == nullptr) return;
    if (!document) {
        if (document.error().code == ErrorCode::Cancelled) return;
        entry->reading.stage =
            document.error().code == ErrorCode::Locked ? ReadingStage::Locked : ReadingStage::Failed;
        entry->reading.error = document.error();
        // Whoever asked about a locked document may unlock it yet.
        if (entry->reading.stage == ReadingStage::Failed) failWaiting(*entry, document.error());
        emit readingChanged(id);
        return;
    }
    entry->text = *document;
    if (row) takeRow(*entry, *row);
    entry->reading.stage = ReadingStage::WaitingForModel;
    m_engine->addDocument(id, entry->text);
    for (const QString& answer : std::exchange(entry->waiting, {}))
        submit(*entry, answer);
    emit infoChanged(id);
    emit readingChanged(id);
}

/// The document's place in the store, and with it the answers of earlier runs.
void LocalWorkspace::takeRow(Entry& entry, RowId row) {
    const DocumentId id = entry.info.id;
    if (entry.row == row) return;
    // Answers about what the file held before stay in the store: their places are not those of this text.
    if (entry.row != 0) {
        entry.talks.clear();
        entry.conversation = 0;
        for (const QString& answer : entry.waiting)
            openTalk(entry, QString::fromStdString(m_answers.at(answer).answer.question))
                .answers.push_back(answer);
    }
    entry.row = row;
    loadAnswers(entry);  // the same content may have been asked before, under another name
    loadPins(entry);
    // Its remembered self would be listed twice.
    if (const Entry* self = find(entry.row); self != nullptr && entry.row != id && !self->info.open) {
        m_documents.erase(entry.row);
        std::erase(m_order, entry.row);
    }
    emit documentsChanged();
    emit answersChanged(id);
    emit pinsChanged(id);
}

void LocalWorkspace::onReading(DocumentId id, const ReadingState& state) {
    Entry* entry = find(id);
    if (entry == nullptr || !entry->info.open) return;
    entry->reading = state;
    // Those who wait see when their turn comes.
    for (auto& [answer, asked] : m_answers) {
        if (asked.document != id || asked.answer.state != AnswerState::Waiting) continue;
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
    failWaiting(*entry, {ErrorCode::NotFound, "The document was closed before it could be answered.", "",
                         "Open it again and ask once more."});
    emit documentsChanged();
}

void LocalWorkspace::forget(DocumentId document) {
    if (find(document) == nullptr) return;
    const RowId row = find(document)->row;
    std::vector<DocumentId> same{document};  // open under two names, it is one document in the store
    for (const auto& [id, entry] : m_documents) {
        if (row != 0 && entry.row == row && id != document) same.push_back(id);
    }
    for (const DocumentId id : same) {
        close(id);
        std::erase_if(m_answers, [&](const auto& known) { return known.second.document == id; });
        m_documents.erase(id);
        std::erase(m_order, id);
    }
    if (row != 0) m_store->deleteDocument(row);
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

void LocalWorkspace::keepReadings() {
    PieceStore::Options options;
    options.budget = PieceStore::budgetOf(setting(PieceStore::kBudgetSetting).toStdString(), *m_store);
    options.onError = [this](const Error& error) { report(error); };
    options.onChange = [this] { post([this] { emit keptReadingsChanged(); }); };
    m_pieces.emplace(*m_store, std::move(options));
}

KeptReadings LocalWorkspace::keptReadings() const {
    return {m_pieces->usedBytes(), m_pieces->budget()};
}

void LocalWorkspace::deleteKeptReadings() {
    m_pieces->removeAll();
}

}  // namespace kvasir
