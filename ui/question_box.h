// Where questions are typed.
#pragma once

#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QWidget>

namespace kvasir {

/// Enter asks, Shift+Enter begins a new line. An Enter that belongs to an input method never asks.
class QuestionEdit : public QPlainTextEdit {
    Q_OBJECT

public:
    explicit QuestionEdit(QWidget* parent);
    void setFewestLines(int lines);

signals:
    void asked();

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void inputMethodEvent(QInputMethodEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void fitHeight();

    int m_fewestLines = 2;
    bool m_composing = false;
    bool m_justComposed = false;  ///< until the events at hand are done: an Enter may follow its own commit
};

class QuestionBox : public QWidget {
    Q_OBJECT

public:
    explicit QuestionBox(QWidget* parent);

    /// Why nothing can be asked now; empty: it can. `action` is what helps, on a button.
    void setDisabledReason(const QString& reason, const QString& action = {});
    /// While an answer is being written the button stops it.
    void setBusy(bool busy);
    void setPlaceholder(const QString& text);
    /// One line at first, where the window is low.
    void setCompact(bool compact) { m_edit->setFewestLines(compact ? 1 : 2); }
    void focusQuestion();
    QString draft() const { return m_edit->toPlainText(); }
    void setDraft(const QString& text) { m_edit->setPlainText(text); }

signals:
    void asked(const QString& question);
    void stopRequested();
    void helpWanted();

private:
    void ask();

    QuestionEdit* m_edit;
    QLabel* m_hint;
    QPushButton *m_ask, *m_stop, *m_help;
    bool m_enabled = true;
};

}  // namespace kvasir
