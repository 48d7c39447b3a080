// The desktop program around its window: language, theme, and a new window when the language changes.
#pragma once

#include <memory>

#include <QApplication>
#include <QTranslator>

#include "ui/main_window.h"

namespace kvasir {

/// Japanese or not, from the setting "language" and, when that says "system", from the system.
bool japaneseWanted(const QString& setting);

class Desktop : public QObject {
    Q_OBJECT

public:
    /// Both must outlive this. `samplesFolder` may be empty.
    Desktop(QApplication& application, Workspace& workspace, QString samplesFolder);
    ~Desktop() override;

    MainWindow& window() { return *m_window; }

private:
    void applyLanguage();
    void applyAppearance();
    void makeWindow();
    void replaceWindow();

    QApplication& m_application;
    Workspace& m_workspace;
    QString m_samples;
    QTranslator m_translator;
    std::unique_ptr<MainWindow> m_window;
};

}  // namespace kvasir
