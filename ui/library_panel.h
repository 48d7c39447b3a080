// The dock at the left: library above, pages and outline of the document in front below.
#pragma once

#include <QLabel>
#include <QListWidget>
#include <QPointer>
#include <QSplitter>
#include <QStackedWidget>
#include <QTabBar>
#include <QTreeView>
#include <QWidget>

#include "app/workspace.h"
#include "ui/document_pane.h"
#include "ui/library_model.h"
#include "ui/page_list.h"

namespace kvasir {

class LibraryPanel : public QWidget {
    Q_OBJECT

public:
    /// `workspace` must outlive the panel.
    LibraryPanel(Workspace& workspace, QWidget* parent);

    /// The document in front; null: none.
    void setPane(DocumentPane* pane);

signals:
    void openRequested();
    void documentActivated(kvasir::DocumentId document);
    void conversationActivated(kvasir::DocumentId document, kvasir::ConversationId conversation);
    void forgetRequested(kvasir::DocumentId document);

private:
    void buildTree();
    void buildPages();
    void refreshPages();
    void refreshEmpty();
    void selectOpen();
    void showMenu(const QPoint& point);
    void activate(const QModelIndex& index);

    Workspace& m_workspace;
    LibraryModel* m_model;
    QTreeView* m_tree;
    QLabel* m_empty;
    QSplitter* m_splitter;
    QWidget* m_lower;
    QTabBar* m_tabs;
    QStackedWidget* m_stack;
    PageList* m_pages;
    QListWidget* m_outline;
    QPointer<DocumentPane> m_pane;
    bool m_outlineFilled = false;
};

}  // namespace kvasir
