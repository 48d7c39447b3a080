#include "ui/library_panel.h"

#include <QHBoxLayout>
#include <QMenu>
#include <QVBoxLayout>

#include "ui/library_delegate.h"
#include "ui/widgets.h"

namespace kvasir {

LibraryPanel::LibraryPanel(Workspace& workspace, QWidget* parent) : QWidget(parent), m_workspace(workspace) {
    setObjectName("libraryPanel");
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    auto* head = new QHBoxLayout;
    head->setContentsMargins(8, 2, 4, 2);
    head->addWidget(makeLabel(tr("Library"), this, false, -0.75, true));
    head->addStretch();
    auto* add = makeToolButton("add", tr("Open a document"), "libraryAdd", this);
    head->addWidget(add);
    connect(add, &QToolButton::clicked, this, &LibraryPanel::openRequested);
    layout->addLayout(head);
    layout->addWidget(makeHairline(this));
    m_splitter = new QSplitter(Qt::Vertical, this);
    m_splitter->setHandleWidth(1);
    m_splitter->setChildrenCollapsible(false);
    layout->addWidget(m_splitter, 1);
    m_model = new LibraryModel(workspace, this);
    buildTree();
    buildPages();
    m_splitter->setSizes({262, 480});
    connect(m_model, &QAbstractItemModel::modelReset, this, &LibraryPanel::refreshEmpty);
    connect(m_model, &QAbstractItemModel::rowsInserted, this,
            [this](const QModelIndex& index) { m_tree->expand(index); });
    connect(&workspace, &Workspace::infoChanged, this, [this](DocumentId id) {
        if (m_pane && id == m_pane->documentId()) refreshPages();
    });
    connect(&workspace, &Workspace::answersChanged, this, [this](DocumentId id) {
        if (m_pane && id == m_pane->documentId()) selectOpen();
    });
    refreshEmpty();
    setPane(nullptr);
}

void LibraryPanel::buildTree() {
    auto* host = new QFrame(m_splitter);
    host->setProperty("panel", "base");
    auto* layout = new QVBoxLayout(host);
    layout->setContentsMargins(0, 2, 0, 0);
    m_empty = makeLabel(tr("Your documents and the conversations about them appear here.\n\nThey are kept on "
                           "this computer, in your own data folder, until you delete them."),
                        host, true);
    m_empty->setWordWrap(true);
    m_empty->setContentsMargins(14, 12, 14, 0);
    m_empty->setAlignment(Qt::AlignTop);
    m_tree = new LibraryTree(host);
    m_tree->setObjectName("libraryTree");
    m_tree->setAccessibleName(tr("Library"));
    m_tree->setModel(m_model);
    m_tree->setItemDelegate(new LibraryDelegate(m_tree));
    m_tree->setHeaderHidden(true);
    m_tree->setIndentation(18);
    m_tree->setUniformRowHeights(false);
    m_tree->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_tree->setContextMenuPolicy(Qt::CustomContextMenu);
    layout->addWidget(m_empty);
    layout->addWidget(m_tree, 1);
    connect(m_tree, &QTreeView::clicked, this, &LibraryPanel::activate);
    connect(m_tree, &QTreeView::activated, this, &LibraryPanel::activate);
    connect(m_tree, &QWidget::customContextMenuRequested, this, &LibraryPanel::showMenu);
}

void LibraryPanel::buildPages() {
    m_lower = new QWidget(m_splitter);
    auto* layout = new QVBoxLayout(m_lower);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    m_tabs = new QTabBar(m_lower);
    m_tabs->setObjectName("pagesTabs");
    m_tabs->setDrawBase(false);
    m_tabs->setExpanding(false);
    m_tabs->addTab(tr("Pages"));
    layout->addWidget(m_tabs);
    layout->addWidget(makeHairline(m_lower));
    m_stack = new QStackedWidget(m_lower);
    m_pages = new PageList(m_stack);
    m_outline = new QListWidget(m_stack);
    m_outline->setObjectName("outlineList");
    m_outline->setAccessibleName(tr("Outline"));
    m_stack->addWidget(m_pages);
    m_stack->addWidget(m_outline);
    layout->addWidget(m_stack, 1);
    connect(m_tabs, &QTabBar::currentChanged, m_stack, &QStackedWidget::setCurrentIndex);
    const auto go = [this](QListWidgetItem* item) {
        const int page = item->data(Qt::UserRole).toInt();
        if (m_pane && page >= 0) m_pane->view().jumpToPlace(page);
    };
    connect(m_outline, &QListWidget::itemClicked, this, go);
    connect(m_outline, &QListWidget::itemActivated, this, go);
}

void LibraryPanel::refreshEmpty() {
    const bool empty = m_model->rowCount() == 0;
    m_empty->setVisible(empty);
    m_tree->setVisible(!empty);
    m_tree->expandAll();
    selectOpen();
}

void LibraryPanel::setPane(DocumentPane* pane) {
    m_pane = pane;
    m_outlineFilled = false;
    m_outline->clear();
    if (m_tabs->count() > 1) m_tabs->removeTab(1);
    refreshPages();
    if (!pane) return;
    selectOpen();
}

/// The conversation in front, or its document while it is a new one.
void LibraryPanel::selectOpen() {
    if (!m_pane) return;
    const DocumentId document = m_pane->documentId();
    const QModelIndex conversation = m_model->indexOf(document, m_workspace.conversation(document));
    m_tree->setCurrentIndex(conversation.isValid() ? conversation : m_model->indexOf(document));
}

void LibraryPanel::refreshPages() {
    const DocumentInfo info = m_pane ? m_workspace.info(m_pane->documentId()) : DocumentInfo();
    const bool pages = m_pane && info.kind == DocumentKind::Pdf && !info.pageSizes.empty();
    m_lower->setVisible(pages);
    m_pages->setSource(pages ? &m_pane->view() : nullptr, pages ? &m_pane->images() : nullptr,
                       info.pageSizes);
    const auto text = m_pane ? m_workspace.text(m_pane->documentId()) : nullptr;
    if (!pages || !text || m_outlineFilled || text->outline.empty()) return;
    m_outlineFilled = true;
    for (const Document::OutlineItem& item : text->outline) {
        auto* row = new QListWidgetItem(QString(item.level * 3, u' ') + QString::fromStdString(item.title),
                                        m_outline);
        row->setData(Qt::UserRole, item.page);
        row->setToolTip(item.page >= 0 ? tr("Page %1").arg(item.page + 1) : QString());
    }
    m_tabs->addTab(tr("Outline"));
}

void LibraryPanel::activate(const QModelIndex& index) {
    const auto document = index.data(LibraryModel::DocumentRole).value<DocumentId>();
    const auto conversation = index.data(LibraryModel::ConversationRole).value<ConversationId>();
    if (conversation == 0)
        emit documentActivated(document);
    else
        emit conversationActivated(document, conversation);
}

void LibraryPanel::showMenu(const QPoint& point) {
    const QModelIndex index = m_tree->indexAt(point);
    if (!index.isValid() || index.parent().isValid()) return;
    const auto document = index.data(LibraryModel::DocumentRole).value<DocumentId>();
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->addAction(tr("Open"), this, [this, document] { emit documentActivated(document); });
    menu->addAction(tr("Delete with its questions and answers…"), this,
                    [this, document] { emit forgetRequested(document); });
    menu->popup(m_tree->viewport()->mapToGlobal(point));
}

}  // namespace kvasir
