// The documents of the workspace: opening, reading, closing, forgetting.
#include "app/local_workspace.h"

#include <algorithm>

#include <QFileInfo>

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

}  // namespace kvasir
