// Where questions are typed.
#pragma once

#include <optional>

#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>
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
    /// The answer, by its number, that a question may go on from; 0: there is none, and what was chosen by
    /// hand is forgotten.
    void setEarlier(int number);
    /// Whether the question goes on from it: as chosen by hand, else as the question looks.
    bool goesOn() const;
    void focusQuestion();
    QString draft() const { return m_edit->toPlainText(); }
    void setDraft(const QString& text) { m_edit->setPlainText(text); }

signals:
    void asked(const QString& question, bool goesOn);
    void stopRequested();
    void helpWanted();

private:
    void buildFollow(QVBoxLayout* layout);
    void choose(bool goesOn);
    void refreshFollow();
    void ask();

    QuestionEdit* m_edit;
    QLabel* m_hint;
    QPushButton *m_ask, *m_stop, *m_help;
    QWidget* m_follow;
    QLabel* m_followText;
    QToolButton* m_followRemove;
    QPushButton* m_followAdd;
    int m_earlier = 0;
    std::optional<bool> m_chosen;  ///< by hand, for this question
    bool m_enabled = true;
};

}  // namespace kvasir
