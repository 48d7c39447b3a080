#include "ui/library_model.h"

#include <algorithm>

#include "ui/phrases.h"

namespace kvasir {

namespace {

int questionsOf(const std::vector<ConversationInfo>& conversations) {
    int questions = 0;
    for (const ConversationInfo& conversation : conversations)
        questions += conversation.questions;
    return questions;
}

}  // namespace

// The internal id of a conversation is its document's row + 1, of a document 0.

LibraryModel::LibraryModel(Workspace& workspace, QObject* parent)
    : QAbstractItemModel(parent), m_workspace(workspace) {
    load();
    connect(&workspace, &Workspace::documentsChanged, this, [this] {
        beginResetModel();
        load();
        endResetModel();
    });
    connect(&workspace, &Workspace::answersChanged, this, &LibraryModel::onAnswers);
    connect(&workspace, &Workspace::infoChanged, this, &LibraryModel::onChanged);
    connect(&workspace, &Workspace::readingChanged, this, &LibraryModel::onChanged);
}

void LibraryModel::load() {
    m_entries.clear();
    for (const DocumentInfo& info : m_workspace.documents())
        m_entries.push_back({info, m_workspace.conversations(info.id)});
}

void LibraryModel::onAnswers(DocumentId document) {
    const QModelIndex parent = indexOf(document);
    if (!parent.isValid()) return;
    Entry& entry = m_entries[parent.row()];
    std::vector<ConversationInfo> conversations = m_workspace.conversations(document);
    const int before = static_cast<int>(entry.conversations.size()),
              now = static_cast<int>(conversations.size());
    const bool grew = now >= before && std::equal(entry.conversations.begin(), entry.conversations.end(),
                                                  conversations.begin(),
                                                  [](const auto& a, const auto& b) { return a.id == b.id; });
    if (!grew && before > 0) {
        beginRemoveRows(parent, 0, before - 1);
        entry.conversations.clear();
        endRemoveRows();
    }
    const int known = static_cast<int>(entry.conversations.size());
    if (now > known) {
        beginInsertRows(parent, known, now - 1);
        entry.conversations = std::move(conversations);
        endInsertRows();
    } else {
        entry.conversations = std::move(conversations);
    }
    emit dataChanged(parent, parent);
    if (now > 0) emit dataChanged(index(0, 0, parent), index(now - 1, 0, parent));
}

void LibraryModel::onChanged(DocumentId document) {
    const QModelIndex index = indexOf(document);
    if (!index.isValid()) return;
    m_entries[index.row()].info = m_workspace.info(document);
    emit dataChanged(index, index);
}

QModelIndex LibraryModel::index(int row, int column, const QModelIndex& parent) const {
    if (column != 0 || row < 0 || row >= rowCount(parent)) return {};
    return createIndex(row, 0, parent.isValid() ? static_cast<quintptr>(parent.row()) + 1 : 0);
}

QModelIndex LibraryModel::parent(const QModelIndex& child) const {
    if (!child.isValid() || child.internalId() == 0) return {};
    return createIndex(static_cast<int>(child.internalId()) - 1, 0, static_cast<quintptr>(0));
}

int LibraryModel::rowCount(const QModelIndex& parent) const {
    if (!parent.isValid()) return static_cast<int>(m_entries.size());
    if (parent.internalId() != 0) return 0;
    return static_cast<int>(m_entries[parent.row()].conversations.size());
}

int LibraryModel::columnCount(const QModelIndex&) const {
    return 1;
}

QVariant LibraryModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    if (index.internalId() == 0) return documentData(m_entries[index.row()], role);
    return conversationData(m_entries[index.internalId() - 1], index.row(), role);
}

QVariant LibraryModel::documentData(const Entry& entry, int role) const {
    const auto reading = [&] {
        return entry.info.open ? Phrases::reading(m_workspace.reading(entry.info.id), entry.info)
                               : Phrases::Reading();
    };
    switch (role) {
        case Qt::DisplayRole:
            return entry.info.name;
        case Qt::ToolTipRole:
            return entry.info.path;
        case Qt::AccessibleTextRole:
            return tr("%1, questions asked: %2").arg(entry.info.name).arg(questionsOf(entry.conversations));
        case DocumentRole:
            return QVariant::fromValue(entry.info.id);
        case ConversationRole:
            return QVariant::fromValue(ConversationId{0});
        case CountRole:
            return questionsOf(entry.conversations);
        case ProgressRole:
            return reading().progress;
        case StateTextRole: {
            const Phrases::Reading r = reading();
            return r.detail.isEmpty() ? r.title : tr("%1: %2").arg(r.title, r.detail);
        }
        case StateIconRole:
            return reading().icon;
        case KindIconRole:
            return entry.info.kind == DocumentKind::Pdf ? "document" : "log";
        case OpenRole:
            return entry.info.open;
        default:
            return {};
    }
}

QVariant LibraryModel::conversationData(const Entry& entry, int row, int role) const {
    const ConversationInfo& conversation = entry.conversations[row];
    switch (role) {
        case Qt::DisplayRole:
            return conversation.title.simplified();
        case Qt::ToolTipRole:
            return conversation.title;
        case Qt::AccessibleTextRole:
            return tr("%1, questions asked: %2")
                .arg(conversation.title.simplified())
                .arg(conversation.questions);
        case DocumentRole:
            return QVariant::fromValue(entry.info.id);
        case ConversationRole:
            return QVariant::fromValue(conversation.id);
        case CountRole:
            return conversation.questions;
        default:
            return {};
    }
}

QModelIndex LibraryModel::indexOf(DocumentId document) const {
    const auto it = std::find_if(m_entries.begin(), m_entries.end(),
                                 [&](const Entry& entry) { return entry.info.id == document; });
    return it == m_entries.end() ? QModelIndex() : index(static_cast<int>(it - m_entries.begin()), 0);
}

QModelIndex LibraryModel::indexOf(DocumentId document, ConversationId conversation) const {
    const QModelIndex parent = indexOf(document);
    if (!parent.isValid()) return {};
    const auto& list = m_entries[parent.row()].conversations;
    const auto it =
        std::find_if(list.begin(), list.end(), [&](const auto& known) { return known.id == conversation; });
    return it == list.end() ? QModelIndex() : index(static_cast<int>(it - list.begin()), 0, parent);
}

}  // namespace kvasir
