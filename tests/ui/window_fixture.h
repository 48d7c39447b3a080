// The window over a scripted workspace, driven by keys and mouse.
#pragma once

#include <memory>

#include <gtest/gtest.h>

#include <QApplication>
#include <QTest>

#include "tests/ui/sample_scenes.h"
#include "ui/desktop.h"

namespace kvasir {

class WindowFixture : public testing::Test {
protected:
    void openWindow() {
        m_workspace.setSetting("language", "en");
        m_desktop = std::make_unique<Desktop>(*qApp, m_workspace, QString());
        window().resize(1440, 900);
        window().show();
        QTest::qWait(10);
    }
    void openFile(DocumentId document) {
        window().openFile(m_workspace.info(document).path);
        QTest::qWait(30);
    }
    MainWindow& window() { return m_desktop->window(); }
    DocumentView& view() { return window().currentPane()->view(); }
    template <typename Widget>
    Widget* child(const char* name) {
        return window().findChild<Widget*>(name);
    }
    void keys(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
        QWidget* focus = QApplication::focusWidget();
        QTest::keyClick(focus != nullptr ? focus : &window(), key, modifiers);
        QTest::qWait(5);
    }

    ScriptedWorkspace m_workspace;
    std::unique_ptr<Desktop> m_desktop;
};

}  // namespace kvasir
