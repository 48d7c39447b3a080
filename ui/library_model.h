// Documents and the conversations about them, as a tree.
#pragma once

#include <vector>

#include <QAbstractItemModel>

#include "app/workspace.h"

namespace kvasir {

/// Top level: documents, most recently opened first; below each its conversations, oldest first.
class LibraryModel : public QAbstractItemModel {
    Q_OBJECT

public:
    enum Role {
        DocumentRole = Qt::UserRole,  ///< DocumentId
        ConversationRole,             ///< ConversationId; 0 for documents
        CountRole,                    ///< questions of a document or conversation
        ProgressRole,                 ///< of its reading, 0..1; < 0: nothing is running
        StateTextRole,                ///< 'First reading · about 1 min left' while something is running
        StateIconRole,                ///< name of a sign: half, book, warning, ...
        KindIconRole,
        OpenRole,
    };

    LibraryModel(Workspace& workspace, QObject* parent);

    QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    QModelIndex parent(const QModelIndex& child) const override;
    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

    QModelIndex indexOf(DocumentId document) const;
    QModelIndex indexOf(DocumentId document, ConversationId conversation) const;

private:
    struct Entry {
        DocumentInfo info;
        std::vector<ConversationInfo> conversations;
    };
    void load();
    void onAnswers(DocumentId document);
    void onChanged(DocumentId document);
    QVariant documentData(const Entry& entry, int role) const;
    QVariant conversationData(const Entry& entry, int row, int role) const;

    Workspace& m_workspace;
    std::vector<Entry> m_entries;
};

}  // namespace kvasir
