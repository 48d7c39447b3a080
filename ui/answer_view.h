// One question with its answer: badge, text, checks, and what the reader should know about it.
#pragma once

#include <QFrame>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>
#include <QWidget>

#include "app/workspace.h"
#include "ui/answer_text.h"
#include "ui/widgets.h"

namespace kvasir {

/// 'Quick answer' in a frame with its sign.
class Badge : public QWidget {
    Q_OBJECT

public:
    explicit Badge(QWidget* parent);
    void setMode(AnswerMode mode);
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    AnswerMode m_mode = AnswerMode::Quick;
    QString m_text;
};

class AnswerView : public QWidget {
    Q_OBJECT

public:
    AnswerView(Workspace& workspace, DocumentId document, QString answer, int number, QWidget* parent);

    const QString& answerId() const { return m_id; }
    /// Reads the answer anew.
    void refresh();
    /// Folded: the question's first words only.
    void setFolded(bool folded);
    void setCompact(bool compact);

signals:
    void citationActivated(const QString& answer, const kvasir::Citation& citation);
    void pageActivated(int page);
    void selected(const QString& answer);
    void expanded();  ///< it is about to become higher because somebody wants to see more of it

private:
    void build(int number);
    void buildNotes(QVBoxLayout* layout);
    void showAfter(const Answer& answer);
    void showHeader(const Answer& answer);
    void showWaiting(const Answer& answer);
    void showChecks(const Answer& answer);
    void showNotices(const Answer& answer);
    void showPins(const Answer& answer);
    void showVerdict(const Answer& answer);
    void fillFacts(const Answer& answer);
    void copy();
    double shareCarried(const Answer& answer);

    Workspace& m_workspace;
    DocumentId m_document;
    QString m_id;
    DocumentKind m_kind;
    bool m_folded = false, m_compact = false;
    double m_share = -1;

    QToolButton* m_fold;
    ElidedLabel* m_foldText;
    QWidget* m_body;
    QLabel *m_question, *m_after;
    QWidget* m_pinned;
    QLabel* m_pinnedText;
    Badge* m_badge;
    ElidedLabel* m_figures;
    QLabel* m_waiting;
    QProgressBar* m_progress;
    AnswerText* m_text;
    Note *m_check, *m_notFound, *m_missing, *m_ended, *m_verdict;
    QWidget* m_facts;
    QWidget* m_actions;
};

}  // namespace kvasir
