// A tab: one document with its tools, marks and problems.
#pragma once

#include <memory>

#include <QStackedWidget>
#include <QWidget>

#include "app/workspace.h"
#include "ui/document_view.h"
#include "ui/find_bar.h"
#include "ui/heat_strip.h"
#include "ui/legend.h"
#include "ui/page_images.h"
#include "ui/viewer_toolbar.h"

namespace kvasir {

class PageView;
class ProblemPanel;

class DocumentPane : public QWidget {
    Q_OBJECT

public:
    /// `workspace` must outlive the pane.
    DocumentPane(Workspace& workspace, DocumentId document, QWidget* parent);
    ~DocumentPane() override;

    DocumentId documentId() const { return m_id; }
    DocumentView& view() { return *m_view; }
    FindBar& findBar() { return *m_find; }
    ViewerToolbar& toolbar() { return *m_toolbar; }
    PageImages& images() { return *m_images; }
    MarkMode markMode() const { return m_mode; }

    /// Whose marks are shown; empty: the newest answer's.
    void showAnswer(const QString& answer);
    QString shownAnswer() const { return m_answer; }
    void setMarkMode(MarkMode mode);
    void cycleMarkMode();
    void jumpToCitation(const Citation& citation);
    void stepCitation(int by);
    /// Pins what is selected; false: it was refused (see pinRefused), or nothing is selected.
    bool pinSelection();
    void jumpToPin(ByteRange pin);
    void setCompact(bool compact);
    void setPaperWhite(bool white);

signals:
    void libraryRequested();
    void markModeChanged(kvasir::MarkMode mode);
    void shownAnswerChanged();
    void anotherFileWanted();
    void pinRequested();
    void pinRefused(const kvasir::Error& error, double share);

private:
    void build();
    void onInfo();
    void onReading();
    void onAnswers();
    void onAnswer(const QString& answer);
    void refreshMarks();
    void refreshPins();
    void restorePosition();

    Workspace& m_workspace;
    DocumentId m_id;
    DocumentKind m_kind;
    PageImages* m_images;
    DocumentView* m_view = nullptr;
    PageView* m_pageView = nullptr;  ///< m_view, when it shows pages
    HeatStrip* m_strip = nullptr;
    ViewerToolbar* m_toolbar = nullptr;
    Legend* m_legend = nullptr;
    FindBar* m_find = nullptr;
    QStackedWidget* m_stack = nullptr;
    ProblemPanel* m_problem = nullptr;
    MarkMode m_mode = MarkMode::Citations;
    QString m_answer;
    bool m_pinnedAnswer = false;  ///< chosen by hand: a new answer's text does not take the marks away
    std::shared_ptr<const DocumentMarks> m_marks;
    std::size_t m_marksCitations = 0;
    int m_citationAt = -1;
    bool m_positionRestored = false;
};

}  // namespace kvasir
