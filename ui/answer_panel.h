// The dock at the right: questions and answers of the document in front, and the question box.
#pragma once

#include <vector>

#include <QLabel>
#include <QScrollArea>
#include <QToolButton>
#include <QVBoxLayout>
#include <QWidget>

#include "app/workspace.h"
#include "ui/answer_view.h"
#include "ui/pin_bar.h"
#include "ui/question_box.h"

namespace kvasir {

class AnswerPanel : public QWidget {
    Q_OBJECT

public:
    /// `workspace` must outlive the panel.
    AnswerPanel(Workspace& workspace, QWidget* parent);

    /// 0: no document.
    void setDocument(DocumentId document);
    void setCompact(bool compact);
    void showAnswer(const QString& answer);
    QuestionBox& questionBox() { return *m_box; }
    PinBar& pinBar() { return *m_pins; }
    /// The question of that answer once more, with what is pinned now.
    void askAgain(const QString& answer);
    /// Asks by itself, or after the newest complete answer.
    void ask(const QString& question, bool goesOn = false);
    /// Stops what is being written or waited for; false when nothing is.
    bool stop();

signals:
    void asked(const QString& answer);
    void citationActivated(const QString& answer, const kvasir::Citation& citation);
    void pageActivated(int page);
    void answerSelected(const QString& answer);
    void modelWanted();
    void newConversationWanted();

private:
    void rebuild();
    void addAnswers();
    void onAnswer(const QString& answer);
    void refreshWaiting();
    void refreshBox();
    QString running() const;
    int earlier() const;
    void foldOlder();
    void scrollToEnd();

    Workspace& m_workspace;
    DocumentId m_document = 0;
    ConversationId m_conversation = 0;  ///< that is shown
    QToolButton* m_new;
    QScrollArea* m_scroll;
    QWidget* m_list;
    QVBoxLayout* m_layout;
    QLabel* m_empty;
    PinBar* m_pins;
    QuestionBox* m_box;
    std::vector<AnswerView*> m_views;
    bool m_compact = false;
    bool m_following = true;  ///< the end of the list stays in view while answers grow
};

}  // namespace kvasir
