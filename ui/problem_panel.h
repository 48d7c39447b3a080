// Instead of the pages: a document that is locked, or that could not be opened.
#pragma once

#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QWidget>

#include "engine/error.h"

namespace kvasir {

class IconLabel;

class ProblemPanel : public QWidget {
    Q_OBJECT

public:
    explicit ProblemPanel(QWidget* parent);

    /// `wrong`: a password was tried already.
    void showLocked(const QString& name, bool wrong);
    void showError(const Error& error);

signals:
    void passwordEntered(const QString& password);
    void anotherFileWanted();

private:
    IconLabel* m_icon;
    QLabel *m_title, *m_text;
    QLineEdit* m_password;
    QPushButton *m_unlock, *m_other;
};

}  // namespace kvasir
