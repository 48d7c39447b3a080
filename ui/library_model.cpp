#include "ui/library_model.h"

#include <algorithm>

#include "ui/phrases.h"

namespace kvasir {

// The internal id of a question is its document's row + 1, of a document 0.

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
        m_entries.push_back({info, questionsOf(info.id)});
}

std::vector<QString> LibraryModel::questionsOf(DocumentId document) const {
    std::vector<QString> questions = m_workspace.answers(document);
    std::erase_if(questions, [&](const QString& id) { return !m_workspace.answer(id).follows.empty(); });
    return questions;
}

void LibraryModel::onAnswers(DocumentId document) {
    const QModelIndex parent = indexOf(document);
    if (!parent.isValid()) return;
    Entry& entry = m_entries[parent.row()];
    const std::vector<QString> questions = questionsOf(document);
    const bool grew = questions.size() >= entry.questions.size() &&
                      std::equal(entry.questions.begin(), entry.questions.end(), questions.begin());
    if (!grew && !entry.questions.empty()) {
        beginRemoveRows(parent, 0, static_cast<int>(entry.questions.size()) - 1);
        entry.questions.clear();
        endRemoveRows();
    }
    if (questions.size() > entry.questions.size()) {
        beginInsertRows(parent, static_cast<int>(entry.questions.size()),
                        static_cast<int>(questions.size()) - 1);
        entry.questions = questions;
        endInsertRows();
    }
    emit dataChanged(parent, parent);
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
    return static_cast<int>(m_entries[parent.row()].questions.size());
}

int LibraryModel::columnCount(const QModelIndex&) const {
    return 1;
}

QVariant LibraryModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    if (index.internalId() == 0) return documentData(m_entries[index.row()], role);
    return answerData(m_entries[index.internalId() - 1], index.row(), role);
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
            return tr("%1, questions asked: %2").arg(entry.info.name).arg(entry.questions.size());
        case DocumentRole:
            return QVariant::fromValue(entry.info.id);
        case AnswerRole:
            return QString();
        case CountRole:
            return static_cast<int>(entry.questions.size());
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

QVariant LibraryModel::answerData(const Entry& entry, int row, int role) const {
    const QString& id = entry.questions[row];
    switch (role) {
        case Qt::DisplayRole:
            return QString::fromStdString(m_workspace.answer(id).question).simplified();
        case Qt::ToolTipRole:
            return QString::fromStdString(m_workspace.answer(id).question);
        case DocumentRole:
            return QVariant::fromValue(entry.info.id);
        case AnswerRole:
            return id;
        default:
            return {};
    }
}

QModelIndex LibraryModel::indexOf(DocumentId document) const {
    const auto it = std::find_if(m_entries.begin(), m_entries.end(),
                                 [&](const Entry& entry) { return entry.info.id == document; });
    return it == m_entries.end() ? QModelIndex() : index(static_cast<int>(it - m_entries.begin()), 0);
}

QModelIndex LibraryModel::indexOf(DocumentId document, const QString& answer) const {
    const QModelIndex parent = indexOf(document);
    if (!parent.isValid()) return {};
    QString first = answer;
    while (!m_workspace.answer(first).follows.empty())
        first = QString::fromStdString(m_workspace.answer(first).follows);
    const auto& questions = m_entries[parent.row()].questions;
    const auto it = std::find(questions.begin(), questions.end(), first);
    return it == questions.end() ? QModelIndex() : index(static_cast<int>(it - questions.begin()), 0, parent);
}

}  // namespace kvasir
