#include "ui/desktop.h"

#include <QLocale>

#include "ui/heat_strip.h"

namespace kvasir {

bool japaneseWanted(const QString& setting) {
    if (setting == "ja") return true;
    return setting != "en" && QLocale::system().language() == QLocale::Japanese;
}

Desktop::Desktop(QApplication& application, Workspace& workspace, QString samplesFolder)
    : m_application(application), m_workspace(workspace), m_samples(std::move(samplesFolder)) {
    HeatStrip::installAccessibility();
    applyLanguage();
    applyAppearance();
    makeWindow();
    const QByteArray geometry = QByteArray::fromBase64(workspace.setting("window").toLatin1());
    if (!geometry.isEmpty()) m_window->restoreGeometry(geometry);
}

Desktop::~Desktop() {
    m_window.reset();
    QApplication::removeTranslator(&m_translator);
}

void Desktop::applyLanguage() {
    const bool japanese = japaneseWanted(m_workspace.setting("language"));
    QLocale::setDefault(japanese ? QLocale(QLocale::Japanese, QLocale::Japan)
                                 : QLocale(QLocale::English, QLocale::UnitedStates));
    QApplication::removeTranslator(&m_translator);
    if (japanese && m_translator.load(":/kvasir/translations/kvasir_ja.qm"))
        QApplication::installTranslator(&m_translator);
}

void Desktop::applyAppearance() {
    applyTheme(m_application, themeChoice(m_workspace.setting("theme")),
               japaneseWanted(m_workspace.setting("language")));
}

void Desktop::makeWindow() {
    m_window = std::make_unique<MainWindow>(m_workspace, m_samples);
    connect(m_window.get(), &MainWindow::themeChanged, this, &Desktop::applyAppearance);
    // Queued: the window must not go while a widget of it is at work.
    connect(m_window.get(), &MainWindow::languageChanged, this, &Desktop::replaceWindow,
            Qt::QueuedConnection);
}

void Desktop::replaceWindow() {
    const WindowState state = m_window->state();
    const bool visible = m_window->isVisible();
    const bool quits = QApplication::quitOnLastWindowClosed();
    QApplication::setQuitOnLastWindowClosed(false);
    m_window.reset();
    applyLanguage();
    applyAppearance();
    makeWindow();
    m_window->restore(state);
    if (visible) m_window->show();
    QApplication::setQuitOnLastWindowClosed(quits);
}

}  // namespace kvasir
