#include "ui/window_actions.h"

#include <QApplication>
#include <QClipboard>
#include <QLineEdit>
#include <QMenuBar>
#include <QPlainTextEdit>
#include <QTextEdit>

#include "ui/icons.h"
#include "ui/main_window.h"

namespace kvasir {
namespace {

constexpr double kZoomStep = 1.1;
constexpr std::size_t kRecent = 10;

}  // namespace

WindowActions::WindowActions(MainWindow& window) : QObject(&window), m_window(window) {
    buildFile();
    buildEdit();
    buildView();
    buildGo();
    buildQuestion();
    buildHelp();
    // Without a menu entry: they belong to the keyboard alone.
    for (const auto& [keys, by] :
         {std::pair(QKeySequence(Qt::Key_F6), 1), std::pair(QKeySequence("Shift+F6"), -1)}) {
        auto* action = new QAction(&m_window);
        action->setShortcut(keys);
        connect(action, &QAction::triggered, this, [this, step = by] { m_window.cyclePanes(step); });
        m_window.addAction(action);
    }
}

template <typename Slot>
QAction* WindowActions::add(QMenu* menu, const QString& text, const QList<QKeySequence>& keys, Slot slot,
                            bool needsDocument) {
    QAction* action = menu->addAction(text);
    action->setShortcuts(keys);
    connect(action, &QAction::triggered, this, slot);
    if (needsDocument) m_needDocument.push_back(action);
    return action;
}

void WindowActions::buildFile() {
    QMenu* menu = m_window.menuBar()->addMenu(tr("&File"));
    add(menu, tr("&Open…"), QKeySequence::keyBindings(QKeySequence::Open), [this] { m_window.chooseFile(); });
    m_recent = menu->addMenu(tr("&Recent"));
    connect(m_recent, &QMenu::aboutToShow, this, &WindowActions::fillRecent);
    add(
        menu, tr("&Close"), {QKeySequence("Ctrl+W")},
        [this] { m_window.closeTab(m_window.m_tabs->currentIndex()); }, true);
    menu->addSeparator();
    add(menu, tr("&Quit"), {QKeySequence("Ctrl+Q")}, [this] { m_window.close(); });
}

void WindowActions::fillRecent() {
    m_recent->clear();
    const std::vector<DocumentInfo> documents = m_window.m_workspace.documents();
    for (std::size_t i = 0; i < std::min(kRecent, documents.size()); ++i) {
        QString name = documents[i].name;
        QAction* action = m_recent->addAction(name.replace(u'&', "&&"));
        connect(action, &QAction::triggered, this,
                [this, id = documents[i].id] { m_window.activateDocument(id); });
    }
    if (documents.empty()) m_recent->addAction(tr("No documents yet"))->setEnabled(false);
}

void WindowActions::buildEdit() {
    QMenu* menu = m_window.menuBar()->addMenu(tr("&Edit"));
    m_copy = add(menu, tr("&Copy"), QKeySequence::keyBindings(QKeySequence::Copy), [this] { copy(false); });
    m_copyPlace = add(menu, tr("Copy with &page"), {QKeySequence("Ctrl+Shift+C")}, [this] { copy(true); });
    menu->addSeparator();
    add(
        menu, tr("&Find…"), QKeySequence::keyBindings(QKeySequence::Find),
        [this] { m_window.currentPane()->findBar().open(); }, true);
    add(
        menu, tr("Find &next"), {QKeySequence(Qt::Key_F3)},
        [this] { m_window.currentPane()->findBar().next(); }, true);
    add(
        menu, tr("Find pre&vious"), {QKeySequence("Shift+F3")},
        [this] { m_window.currentPane()->findBar().previous(); }, true);
    menu->addSeparator();
    QAction* settings =
        add(menu, tr("&Settings"), {QKeySequence("Ctrl+,")}, [this] { m_window.setMode(Mode::Settings); });
    settings->setMenuRole(QAction::PreferencesRole);
}

void WindowActions::copy(bool withPlace) {
    QWidget* focus = QApplication::focusWidget();
    if (!withPlace) {
        if (auto* edit = qobject_cast<QLineEdit*>(focus)) return edit->copy();
        if (auto* edit = qobject_cast<QPlainTextEdit*>(focus)) return edit->copy();
        if (auto* edit = qobject_cast<QTextEdit*>(focus)) return edit->copy();
        if (auto* label = qobject_cast<QLabel*>(focus); label != nullptr && label->hasSelectedText())
            return QApplication::clipboard()->setText(label->selectedText());
    }
    DocumentPane* pane = m_window.currentPane();
    if (pane == nullptr) return;
    const QString text = withPlace ? pane->view().selectedTextWithPlace() : pane->view().selectedText();
    if (!text.isEmpty()) QApplication::clipboard()->setText(text);
}

void WindowActions::buildView() {
    QMenu* menu = m_window.menuBar()->addMenu(tr("&View"));
    add(
        menu, tr("Next kind of &marks"), {QKeySequence("Ctrl+Shift+M")},
        [this] { m_window.currentPane()->cycleMarkMode(); }, true);
    m_marks = new QActionGroup(this);
    const std::pair<QString, MarkMode> modes[] = {{tr("Marks: &plain"), MarkMode::Plain},
                                                  {tr("Marks: &citations"), MarkMode::Citations},
                                                  {tr("Marks: c&arried"), MarkMode::Carried}};
    for (const auto& [text, mode] : modes) {
        QAction* action =
            add(menu, text, {}, [this, wanted = mode] { m_window.currentPane()->setMarkMode(wanted); }, true);
        action->setCheckable(true);
        action->setData(static_cast<int>(mode));
        m_marks->addAction(action);
    }
    menu->addSeparator();
    const auto zoom = [this](double by) {
        DocumentView& view = m_window.currentPane()->view();
        view.setZoom(by == 0 ? 1 : view.zoom() * by);
    };
    add(
        menu, tr("Zoom &in"), {QKeySequence("Ctrl++"), QKeySequence("Ctrl+=")}, [zoom] { zoom(kZoomStep); },
        true);
    add(menu, tr("Zoom &out"), {QKeySequence("Ctrl+-")}, [zoom] { zoom(1 / kZoomStep); }, true);
    add(menu, tr("&Normal size"), {QKeySequence("Ctrl+0")}, [zoom] { zoom(0); }, true);
    add(
        menu, tr("Fit &width"), {QKeySequence("Ctrl+9")},
        [this] { m_window.currentPane()->view().fitWidth(); }, true);
    menu->addSeparator();
    add(menu, tr("&Library"), {QKeySequence(Qt::Key_F9)}, [this] { m_window.toggleLibrary(); });
    add(menu, tr("Answe&rs"), {QKeySequence("Shift+F9")}, [this] { m_window.toggleAnswers(); }, true);
    add(menu, tr("&Full screen"), {QKeySequence(Qt::Key_F11)}, [this] {
        if (m_window.isFullScreen())
            m_window.showNormal();
        else
            m_window.showFullScreen();
    });
}

void WindowActions::buildGo() {
    QMenu* menu = m_window.menuBar()->addMenu(tr("&Go"));
    add(
        menu, tr("&Page or line"), {QKeySequence("Ctrl+G")},
        [this] { m_window.currentPane()->toolbar().focusPlace(); }, true);
    m_back = add(
        menu, tr("&Back"), {QKeySequence("Alt+Left")}, [this] { m_window.currentPane()->view().goBack(); },
        true);
    m_forward = add(
        menu, tr("&Forward"), {QKeySequence("Alt+Right")},
        [this] { m_window.currentPane()->view().goForward(); }, true);
    menu->addSeparator();
    add(
        menu, tr("Next &citation"), {QKeySequence(Qt::Key_F8)},
        [this] { m_window.currentPane()->stepCitation(1); }, true);
    add(
        menu, tr("P&revious citation"), {QKeySequence("Shift+F8")},
        [this] { m_window.currentPane()->stepCitation(-1); }, true);
    menu->addSeparator();
    add(
        menu, tr("Next &tab"), {QKeySequence("Ctrl+Tab")},
        [this] {
            const int count = m_window.m_tabs->count();
            m_window.m_tabs->setCurrentIndex((m_window.m_tabs->currentIndex() + 1) % count);
        },
        true);
}

void WindowActions::buildQuestion() {
    QMenu* menu = m_window.menuBar()->addMenu(tr("&Question"));
    add(
        menu, tr("&Question box"), {QKeySequence("Ctrl+L")},
        [this] {
            m_window.m_answersHidden = false;
            m_window.setMode(Mode::Documents);
            m_window.applyLayout();
            m_window.answers().questionBox().focusQuestion();
        },
        true);
    add(
        menu, tr("&New conversation"), QKeySequence::keyBindings(QKeySequence::New),
        [this] { m_window.beginConversation(); }, true);
    add(menu, tr("&Stop"), {QKeySequence(Qt::Key_Escape)}, [this] { m_window.escape(); });
    menu->addSeparator();
    m_pin = add(menu, tr("&Pin selection"), {QKeySequence("Ctrl+Shift+P")},
                [this] { m_window.pinSelection(false); });
    m_pin->setIcon(icon("pin"));
    m_pinAndAsk = add(menu, tr("Pin and ask &again"), {QKeySequence("Ctrl+Shift+A")},
                      [this] { m_window.pinSelection(true); });
}

void WindowActions::showSelectionMenu(const QPoint& global, ByteRange at) {
    DocumentPane* pane = m_window.currentPane();
    if (pane == nullptr) return;
    auto* menu = new QMenu(&m_window);
    menu->setObjectName("selectionMenu");
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->addActions({m_copy, m_copyPlace});
    menu->addSeparator();
    menu->addActions({m_pin, m_pinAndAsk});
    if (const ByteRange pin = pane->view().pinIn(at); !pin.empty()) {
        QAction* remove = menu->addAction(tr("&Remove pin"));
        remove->setObjectName("removePin");
        connect(remove, &QAction::triggered, this, [this, pin] { m_window.answers().pinBar().remove(pin); });
    }
    menu->popup(global);
}

void WindowActions::buildHelp() {
    QMenu* menu = m_window.menuBar()->addMenu(tr("&Help"));
    add(menu, tr("Is it really &offline?"), {}, [this] { m_window.showOfflineHelp(); });
    QAction* about = add(menu, tr("&About Kvasir"), {}, [this] { m_window.showAbout(); });
    about->setMenuRole(QAction::AboutRole);
}

void WindowActions::refresh() {
    DocumentPane* pane = m_window.currentPane();
    for (QAction* action : m_needDocument)
        action->setEnabled(pane != nullptr);
    m_back->setEnabled(pane != nullptr && pane->view().canGoBack());
    m_forward->setEnabled(pane != nullptr && pane->view().canGoForward());
    const bool selected = pane != nullptr && !pane->view().selection().empty();
    m_copyPlace->setEnabled(selected);
    m_pin->setEnabled(selected);
    const bool pinned = pane != nullptr && !pane->view().pins().empty();
    m_pinAndAsk->setEnabled((selected || pinned) && !pane->shownAnswer().isEmpty());
    m_window.answers().pinBar().setSelection(selected);
    if (pane == nullptr) return;
    for (QAction* action : m_marks->actions())
        action->setChecked(action->data().toInt() == static_cast<int>(pane->markMode()));
}

}  // namespace kvasir
