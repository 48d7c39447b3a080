#include "ui/main_window.h"

#include <QApplication>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QMessageBox>
#include <QMimeData>
#include <QStatusBar>
#include <QTabBar>
#include <QVBoxLayout>

#include "ui/icons.h"
#include "ui/window_actions.h"

namespace kvasir {
namespace {

constexpr int kCompactBelow = 1200;  // signs only, library behind a button
constexpr int kLowBelow = 900;       // answers under the page
constexpr int kLibraryWidth = 238, kAnswersWidth = 420;

QStringList localFiles(const QMimeData* data) {
    QStringList files;
    for (const QUrl& url : data->urls())
        if (url.isLocalFile()) files << url.toLocalFile();
    return files;
}

}  // namespace

MainWindow::MainWindow(Workspace& workspace, const QString& samplesFolder) : m_workspace(workspace) {
    setObjectName("mainWindow");
    setAcceptDrops(true);
    setMinimumSize(800, 560);
    resize(1440, 900);
    build(samplesFolder);
    m_actions = new WindowActions(*this);
    connectParts();
    m_marks = static_cast<MarkMode>(
        qBound(0, workspace.setting("marks").isEmpty() ? 1 : workspace.setting("marks").toInt(), 2));
    onTabChanged();
    applyLayout();
    m_start->findChild<QWidget*>("startOpen")->setFocus();
}

// Panes save their position through the workspace: they go while the window's other parts are still there.
MainWindow::~MainWindow() {
    m_tabs->disconnect(this);
    for (int i = m_tabs->count() - 1; i >= 0; --i) {
        QWidget* pane = m_tabs->widget(i);
        m_library->setPane(nullptr);
        m_tabs->removeTab(i);
        delete pane;
    }
}

void MainWindow::build(const QString& samplesFolder) {
    auto* central = new QWidget(this);
    auto* row = new QHBoxLayout(central);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    m_modeBar = new ModeBar(central);
    row->addWidget(m_modeBar);
    m_modes = new QStackedWidget(central);
    row->addWidget(m_modes, 1);
    m_splitter = new QSplitter(Qt::Horizontal, m_modes);
    m_splitter->setHandleWidth(1);
    m_splitter->setChildrenCollapsible(false);
    m_library = new LibraryPanel(m_workspace, m_splitter);
    m_library->setMinimumWidth(180);
    m_work = new QSplitter(Qt::Horizontal, m_splitter);
    m_work->setHandleWidth(1);
    m_work->setChildrenCollapsible(false);
    auto* centre = new QWidget(m_work);
    auto* centreLayout = new QVBoxLayout(centre);
    centreLayout->setContentsMargins(0, 0, 0, 0);
    centreLayout->setSpacing(0);
    m_notice = new Note(Note::Kind::Error, centre);
    m_notice->setObjectName("notice");
    m_notice->hide();
    centreLayout->addWidget(m_notice);
    m_centre = new QStackedWidget(centre);
    centreLayout->addWidget(m_centre, 1);
    m_start = new StartPage(m_workspace, samplesFolder, m_centre);
    m_tabs = new QTabWidget(m_centre);
    m_tabs->setObjectName("documentTabs");
    m_tabs->setDocumentMode(true);
    m_tabs->setTabsClosable(true);
    m_tabs->setMovable(true);
    m_tabs->setElideMode(Qt::ElideRight);
    m_tabs->tabBar()->setExpanding(false);
    m_tabs->tabBar()->setDrawBase(false);
    m_tabs->tabBar()->setObjectName("documentTabBar");
    m_centre->addWidget(m_start);
    m_centre->addWidget(m_tabs);
    m_answers = new AnswerPanel(m_workspace, m_work);
    m_answers->setMinimumWidth(260);
    centre->setMinimumWidth(300);
    m_settings = new SettingsPage(m_workspace, m_modes);
    m_modes->addWidget(m_splitter);
    m_modes->addWidget(m_settings);
    setCentralWidget(central);
    m_status = new StatusPanel(m_workspace, this);
    statusBar()->addWidget(m_status, 1);
    statusBar()->setSizeGripEnabled(false);
    statusBar()->setContentsMargins(0, 0, 0, 0);
}

void MainWindow::connectParts() {
    connect(m_modeBar, &ModeBar::modeChosen, this, &MainWindow::setMode);
    connect(m_library, &LibraryPanel::openRequested, this, &MainWindow::chooseFile);
    connect(m_library, &LibraryPanel::documentActivated, this, &MainWindow::activateDocument);
    connect(m_library, &LibraryPanel::conversationActivated, this, &MainWindow::activateConversation);
    connect(m_library, &LibraryPanel::forgetRequested, this, &MainWindow::askToForget);
    connect(m_start, &StartPage::openRequested, this, &MainWindow::chooseFile);
    connect(m_start, &StartPage::modelFileWanted, this, &MainWindow::chooseModel);
    connect(m_start, &StartPage::offlineHelpWanted, this, &MainWindow::showOfflineHelp);
    connect(m_start, &StartPage::sampleChosen, this, &MainWindow::openAndAsk);
    connect(m_settings, &SettingsPage::languageChanged, this, &MainWindow::languageChanged);
    connect(m_settings, &SettingsPage::themeChanged, this, &MainWindow::themeChanged);
    connect(m_settings, &SettingsPage::modelFileWanted, this, &MainWindow::chooseModel);
    connect(m_settings, &SettingsPage::paperChanged, this, [this] {
        for (int i = 0; i < m_tabs->count(); ++i)
            paneAt(i)->setPaperWhite(m_workspace.setting("paperWhite") == "1");
    });
    connect(m_tabs, &QTabWidget::currentChanged, this, &MainWindow::onTabChanged);
    connect(m_tabs, &QTabWidget::tabCloseRequested, this, &MainWindow::closeTab);
    connect(m_answers, &AnswerPanel::modelWanted, this, &MainWindow::chooseModel);
    connect(m_answers, &AnswerPanel::newConversationWanted, this, &MainWindow::beginConversation);
    connect(m_answers, &AnswerPanel::citationActivated, this, &MainWindow::onCitation);
    connect(m_answers, &AnswerPanel::asked, this, [this](const QString& answer) {
        if (DocumentPane* pane = currentPane()) pane->showAnswer(answer);
    });
    connect(m_answers, &AnswerPanel::answerSelected, this, [this](const QString& answer) {
        if (DocumentPane* pane = currentPane()) pane->showAnswer(answer);
    });
    connect(m_answers, &AnswerPanel::pageActivated, this, [this](int page) {
        if (DocumentPane* pane = currentPane()) pane->view().jumpToPlace(page);
    });
    connect(&m_answers->pinBar(), &PinBar::pinActivated, this, [this](ByteRange pin) {
        if (DocumentPane* pane = currentPane()) pane->jumpToPin(pin);
    });
    connect(&m_answers->pinBar(), &PinBar::addRequested, this, [this] { pinSelection(false); });
    connect(&m_workspace, &Workspace::pinsChanged, m_actions, &WindowActions::refresh);
    connect(&m_workspace, &Workspace::failed, this, &MainWindow::showNotice);
    m_notice->action()->setText(tr("Close"));
    connect(m_notice, &Note::actionTriggered, m_notice, &QWidget::hide);
    connect(&m_workspace, &Workspace::infoChanged, this, [this](DocumentId id) {
        const int tab = tabOf(id);
        if (tab >= 0) m_tabs->setTabText(tab, m_workspace.info(id).name);
    });
}

// ------------------------------------------------------------------------------------------- documents

DocumentPane* MainWindow::paneAt(int index) const {
    return static_cast<DocumentPane*>(m_tabs->widget(index));
}

DocumentPane* MainWindow::currentPane() const {
    return m_tabs->count() == 0 ? nullptr : paneAt(m_tabs->currentIndex());
}

int MainWindow::tabOf(DocumentId document) const {
    for (int i = 0; i < m_tabs->count(); ++i)
        if (paneAt(i)->documentId() == document) return i;
    return -1;
}

void MainWindow::openFile(const QString& path) {
    setMode(Mode::Documents);
    showDocument(m_workspace.open(path));
}

void MainWindow::openAndAsk(const QString& path, const QString& question) {
    openFile(path);
    if (!question.trimmed().isEmpty()) m_answers->ask(question.trimmed());
}

DocumentPane* MainWindow::showDocument(DocumentId document) {
    int tab = tabOf(document);
    if (tab < 0) {
        auto* pane = new DocumentPane(m_workspace, document, m_tabs);
        pane->setMarkMode(m_marks);
        pane->setPaperWhite(m_workspace.setting("paperWhite") == "1");
        pane->setCompact(m_compact);
        connectPane(pane);
        const DocumentInfo info = m_workspace.info(document);
        tab = m_tabs->addTab(pane, icon(info.kind == DocumentKind::Pdf ? "document" : "log"), info.name);
        m_tabs->setTabToolTip(tab, info.path);
    }
    m_tabs->setCurrentIndex(tab);
    onTabChanged();
    paneAt(tab)->view().setFocus();
    m_answers->questionBox().focusQuestion();  // a disabled box takes no focus
    return paneAt(tab);
}

void MainWindow::connectPane(DocumentPane* pane) {
    connect(pane, &DocumentPane::libraryRequested, this, [this] {
        m_libraryOver = !m_libraryOver;
        applyLayout();
    });
    connect(pane, &DocumentPane::anotherFileWanted, this, &MainWindow::chooseFile);
    connect(pane, &DocumentPane::markModeChanged, this, [this](MarkMode mode) {
        m_marks = mode;
        m_workspace.setSetting("marks", QString::number(static_cast<int>(mode)));
        m_actions->refresh();
    });
    connect(&pane->view(), &DocumentView::historyChanged, m_actions, &WindowActions::refresh);
    connect(&pane->view(), &DocumentView::selectionChanged, m_actions, &WindowActions::refresh);
    connect(&pane->view(), &DocumentView::menuRequested, m_actions, &WindowActions::showSelectionMenu);
    connect(pane, &DocumentPane::shownAnswerChanged, m_actions, &WindowActions::refresh);
    connect(pane, &DocumentPane::pinRequested, this, [this] { pinSelection(false); });
    connect(pane, &DocumentPane::pinRefused, this, [this](const Error& error, double share) {
        m_answersHidden = false;  // there it is said
        applyLayout();
        m_answers->pinBar().showRefusal(error, share);
    });
}

void MainWindow::closeTab(int index) {
    if (index < 0) return;
    DocumentPane* pane = paneAt(index);
    const DocumentId id = pane->documentId();
    m_library->setPane(nullptr);
    m_tabs->removeTab(index);
    delete pane;
    m_workspace.close(id);
    onTabChanged();
}

void MainWindow::onTabChanged() {
    DocumentPane* pane = currentPane();
    const DocumentId id = pane != nullptr ? pane->documentId() : 0;
    m_centre->setCurrentWidget(pane != nullptr ? static_cast<QWidget*>(m_tabs) : m_start);
    if (pane != nullptr) pane->setMarkMode(m_marks);
    m_library->setPane(pane);
    m_answers->setDocument(id);
    m_status->setDocument(id);
    setWindowTitle(pane != nullptr ? tr("%1 – Kvasir").arg(m_workspace.info(id).name) : QString("Kvasir"));
    m_actions->refresh();
    applyLayout();
}

void MainWindow::activateDocument(DocumentId document) {
    const DocumentInfo info = m_workspace.info(document);
    if (info.open)
        showDocument(document);
    else
        openFile(info.path);
}

void MainWindow::activateConversation(DocumentId document, ConversationId conversation) {
    m_workspace.openConversation(document, conversation);
    activateDocument(document);
}

void MainWindow::beginConversation() {
    DocumentPane* pane = currentPane();
    if (pane == nullptr) return;
    m_answersHidden = false;
    setMode(Mode::Documents);
    applyLayout();
    m_workspace.newConversation(pane->documentId());
    m_answers->questionBox().focusQuestion();
}

void MainWindow::onCitation(const QString& answer, const Citation& citation) {
    DocumentPane* pane = currentPane();
    if (pane == nullptr) return;
    pane->showAnswer(answer);
    pane->jumpToCitation(citation);
}

/// With `askAgain` what is pinned is enough where nothing is selected.
void MainWindow::pinSelection(bool askAgain) {
    DocumentPane* pane = currentPane();
    if (pane == nullptr) return;
    const bool pinned = pane->view().selection().empty() ? askAgain : pane->pinSelection();
    if (pinned && askAgain) m_answers->askAgain(pane->shownAnswer());
}

void MainWindow::askToForget(DocumentId document) {
    auto* box =
        new QMessageBox(QMessageBox::Question, tr("Delete from Kvasir"),
                        tr("Delete “%1” with its questions and answers from Kvasir? The file itself stays.")
                            .arg(m_workspace.info(document).name),
                        QMessageBox::Cancel, this);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setObjectName("forgetBox");
    QPushButton* yes = box->addButton(tr("Delete"), QMessageBox::DestructiveRole);
    connect(yes, &QPushButton::clicked, this, [this, document] {
        const int tab = tabOf(document);
        if (tab >= 0) closeTab(tab);
        m_workspace.forget(document);
    });
    box->open();
}

// ---------------------------------------------------------------------------------------------- dialogs

void MainWindow::chooseFile() {
    auto* dialog = new QFileDialog(this, tr("Open a document"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFiles);
    dialog->setNameFilters({tr("Documents (*.pdf *.txt *.md *.log)"), tr("All files (*)")});
    connect(dialog, &QFileDialog::filesSelected, this, [this](const QStringList& files) {
        for (const QString& file : files)
            openFile(file);
    });
    dialog->open();
}

void MainWindow::chooseModel() {
    auto* dialog = new QFileDialog(this, tr("Use a model file"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    dialog->setNameFilters({tr("Model files (*.gguf)"), tr("All files (*)")});
    connect(dialog, &QFileDialog::fileSelected, &m_workspace, &Workspace::useModel);
    dialog->open();
}

void MainWindow::showOfflineHelp() {
    auto* box = new QMessageBox(
        QMessageBox::Information, tr("Is it really offline?"),
        tr("Kvasir reads and answers on this computer. This program opens no network connection."),
        QMessageBox::Ok, this);
    box->setInformativeText(
        tr("To check it: switch the network off and ask. Everything works as before. Or watch the "
           "program's connections with the tools of your system, for example “ss -tup”."));
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->open();
}

void MainWindow::showAbout() {
    auto* box =
        new QMessageBox(QMessageBox::NoIcon, tr("About Kvasir"),
                        tr("Kvasir %1").arg(QApplication::applicationVersion()), QMessageBox::Ok, this);
    box->setInformativeText(
        tr("Answers questions about long documents with a language model on your own computer. "
           "Licence: Apache 2.0."));
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->open();
}

void MainWindow::showNotice(const Error& error) {
    m_notice->setText("<b>" + QString::fromStdString(error.what).toHtmlEscaped() + "</b> " +
                          QString::fromStdString(error.advice).toHtmlEscaped(),
                      tr("Close"));
    m_notice->show();
}

// ----------------------------------------------------------------------------------------------- layout

void MainWindow::setMode(Mode mode) {
    m_modeBar->setMode(mode);
    m_modes->setCurrentWidget(mode == Mode::Documents ? static_cast<QWidget*>(m_splitter) : m_settings);
}

void MainWindow::applyLayout() {
    const bool compact = width() < kCompactBelow, low = width() < kLowBelow;
    const bool document = m_tabs->count() > 0;
    if (compact != m_compact) {
        m_compact = compact;
        m_libraryOver = false;
        m_modeBar->setCompact(compact);
        m_status->setCompact(compact);
        m_answers->setCompact(compact);
        for (int i = 0; i < m_tabs->count(); ++i)
            paneAt(i)->setCompact(compact);
    }
    m_library->setVisible(compact ? m_libraryOver && document : !m_libraryHidden);
    m_answers->setVisible(document && !m_answersHidden);
    const bool turn = low != m_low;
    m_low = low;
    if (turn) {
        m_work->setOrientation(low ? Qt::Vertical : Qt::Horizontal);
        m_answers->questionBox().setCompact(low);
    }
    const int answers = compact ? 350 : kAnswersWidth;
    if (turn || m_work->sizes().value(1) < 100)
        m_work->setSizes(low ? QList<int>{height() / 2, height() / 2}
                             : QList<int>{std::max(300, width() - kLibraryWidth - answers), answers});
    if (m_splitter->sizes().value(0) < 100) m_splitter->setSizes({kLibraryWidth, width() - kLibraryWidth});
    m_splitter->setStretchFactor(1, 1);
    m_work->setStretchFactor(0, 1);
    m_work->setStretchFactor(1, 0);
}

void MainWindow::resizeEvent(QResizeEvent* event) {
    QMainWindow::resizeEvent(event);
    applyLayout();
}

void MainWindow::toggleLibrary() {
    (m_compact ? m_libraryOver : m_libraryHidden) ^= true;
    applyLayout();
}

void MainWindow::toggleAnswers() {
    m_answersHidden = !m_answersHidden;
    applyLayout();
}

void MainWindow::cyclePanes(int by) {
    std::vector<QWidget*> panes;
    if (m_library->isVisible()) panes.push_back(m_library->findChild<QWidget*>("libraryTree"));
    if (DocumentPane* pane = currentPane())
        panes.push_back(&pane->view());
    else
        panes.push_back(m_start->findChild<QWidget*>("startOpen"));
    if (m_answers->isVisible()) panes.push_back(m_answers->findChild<QWidget*>("questionEdit"));
    int at = -1;
    for (std::size_t i = 0; i < panes.size(); ++i)
        for (QWidget* w = QApplication::focusWidget(); w != nullptr; w = w->parentWidget())
            if (w == panes[i] || (w == m_answers && panes[i]->objectName() == "questionEdit") ||
                (w == m_library && panes[i]->objectName() == "libraryTree"))
                at = static_cast<int>(i);
    const int count = static_cast<int>(panes.size());
    panes[(at + by + count) % count]->setFocus(Qt::ShortcutFocusReason);
}

void MainWindow::escape() {
    DocumentPane* pane = currentPane();
    if (m_answers->stop()) return;
    if (pane != nullptr && pane->findBar().isVisible()) return pane->findBar().close();
    if (isFullScreen()) showNormal();
}

// ----------------------------------------------------------------------------------------- drag and drop

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (localFiles(event->mimeData()).isEmpty()) return;
    event->acceptProposedAction();
    m_start->setDropping(true);
}

void MainWindow::dragLeaveEvent(QDragLeaveEvent*) {
    m_start->setDropping(false);
}

void MainWindow::dropEvent(QDropEvent* event) {
    m_start->setDropping(false);
    event->acceptProposedAction();
    for (const QString& file : localFiles(event->mimeData()))
        openFile(file);
}

// ------------------------------------------------------------------------------------------------ state

WindowState MainWindow::state() const {
    WindowState state;
    state.geometry = saveGeometry();
    for (int i = 0; i < m_tabs->count(); ++i)
        state.tabs.push_back(paneAt(i)->documentId());
    if (DocumentPane* pane = currentPane()) state.current = pane->documentId();
    state.draft = m_answers->questionBox().draft();
    state.mode = m_modes->currentIndex() == 0 ? Mode::Documents : Mode::Settings;
    state.marks = m_marks;
    state.libraryHidden = m_libraryHidden;
    state.answersHidden = m_answersHidden;
    return state;
}

void MainWindow::restore(const WindowState& state) {
    if (!state.geometry.isEmpty()) restoreGeometry(state.geometry);
    m_marks = state.marks;
    m_libraryHidden = state.libraryHidden;
    m_answersHidden = state.answersHidden;
    for (const DocumentId id : state.tabs)
        showDocument(id);
    if (state.current != 0) showDocument(state.current);
    m_answers->questionBox().setDraft(state.draft);
    setMode(state.mode);
    applyLayout();
}

void MainWindow::closeEvent(QCloseEvent* event) {
    m_workspace.setSetting("window", QString::fromLatin1(saveGeometry().toBase64()));
    QMainWindow::closeEvent(event);
}

}  // namespace kvasir
