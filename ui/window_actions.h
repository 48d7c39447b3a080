// Menus and keys of the window.
#pragma once

#include <vector>

#include <QAction>
#include <QActionGroup>
#include <QMenu>
#include <QObject>

#include "app/document.h"

namespace kvasir {

class MainWindow;

class WindowActions : public QObject {
    Q_OBJECT

public:
    explicit WindowActions(MainWindow& window);

    /// Enables what can be done now.
    void refresh();
    /// What can be done with the selection, and with the pin at `at`.
    void showSelectionMenu(const QPoint& global, kvasir::ByteRange at);

private:
    template <typename Slot>
    QAction* add(QMenu* menu, const QString& text, const QList<QKeySequence>& keys, Slot slot,
                 bool needsDocument = false);
    void buildFile();
    void buildEdit();
    void buildView();
    void buildGo();
    void buildQuestion();
    void buildHelp();
    void fillRecent();
    void copy(bool withPlace);

    MainWindow& m_window;
    std::vector<QAction*> m_needDocument;
    QMenu* m_recent = nullptr;
    QActionGroup* m_marks = nullptr;
    QAction *m_back = nullptr, *m_forward = nullptr, *m_copy = nullptr, *m_copyPlace = nullptr;
    QAction *m_pin = nullptr, *m_pinAndAsk = nullptr;
};

}  // namespace kvasir
