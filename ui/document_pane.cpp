#include "ui/document_pane.h"

#include <algorithm>

#include <QHBoxLayout>
#include <QVBoxLayout>

#include "ui/log_view.h"
#include "ui/page_view.h"
#include "ui/problem_panel.h"
#include "ui/widgets.h"

namespace kvasir {
namespace {

QString positionKey(const DocumentInfo& info) {
    return "position/" + info.path;
}

}  // namespace

DocumentPane::DocumentPane(Workspace& workspace, DocumentId document, QWidget* parent)
    : QWidget(parent),
      m_workspace(workspace),
      m_id(document),
      m_kind(workspace.info(document).kind),
      m_images(new PageImages(workspace, document, this)) {
    setObjectName("documentPane");
    build();
    connect(&workspace, &Workspace::infoChanged, this, [this](DocumentId id) {
        if (id == m_id) onInfo();
    });
    connect(&workspace, &Workspace::readingChanged, this, [this](DocumentId id) {
        if (id == m_id) onReading();
    });
    connect(&workspace, &Workspace::answersChanged, this, [this](DocumentId id) {
        if (id == m_id) onAnswers();
    });
    connect(&workspace, &Workspace::answerChanged, this, &DocumentPane::onAnswer);
    connect(&workspace, &Workspace::pinsChanged, this, [this](DocumentId id) {
        if (id == m_id) refreshPins();
    });
    setMarkMode(MarkMode::Citations);
    onInfo();
    onReading();
    onAnswers();
}

DocumentPane::~DocumentPane() {
    const DocumentInfo info = m_workspace.info(m_id);
    if (m_positionRestored && !info.path.isEmpty())
        m_workspace.setSetting(positionKey(info), QString::fromLatin1(m_view->savedPosition()));
}

void DocumentPane::build() {
    const bool pages = m_kind == DocumentKind::Pdf;
    auto* viewHost = new QWidget(this);
    if (pages)
        m_view = m_pageView = new PageView(*m_images, viewHost);
    else
        m_view = new LogView(viewHost);
    m_strip = new HeatStrip(*m_view, m_view);
    m_view->setStrip(m_strip);
    m_toolbar = new ViewerToolbar(*m_view, pages, this);
    m_legend = new Legend(this);
    m_find = new FindBar(*m_view, viewHost);
    m_problem = new ProblemPanel(this);
    auto* hostLayout = new QVBoxLayout(viewHost);
    hostLayout->setContentsMargins(0, 0, 0, 0);
    hostLayout->setSpacing(0);
    hostLayout->addWidget(m_view, 1);
    hostLayout->addWidget(m_find);
    m_stack = new QStackedWidget(this);
    m_stack->addWidget(viewHost);
    m_stack->addWidget(m_problem);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_toolbar);
    layout->addWidget(makeHairline(this));
    layout->addWidget(m_legend);
    layout->addWidget(makeHairline(this));
    layout->addWidget(m_stack, 1);
    connect(m_toolbar, &ViewerToolbar::markModeChosen, this, &DocumentPane::setMarkMode);
    connect(m_toolbar, &ViewerToolbar::pinRequested, this, &DocumentPane::pinRequested);
    connect(m_toolbar, &ViewerToolbar::findRequested, m_find, &FindBar::open);
    connect(m_toolbar, &ViewerToolbar::libraryRequested, this, &DocumentPane::libraryRequested);
    connect(m_legend, &Legend::answerChosen, this, [this](int index) {
        const std::vector<QString> answers = m_workspace.answers(m_id);
        if (index >= 0 && index < static_cast<int>(answers.size())) showAnswer(answers[index]);
    });
    connect(m_problem, &ProblemPanel::passwordEntered, this,
            [this](const QString& password) { m_workspace.unlock(m_id, password); });
    connect(m_problem, &ProblemPanel::anotherFileWanted, this, &DocumentPane::anotherFileWanted);
}

void DocumentPane::onInfo() {
    const DocumentInfo info = m_workspace.info(m_id);
    if (m_pageView != nullptr && !info.pageSizes.empty() && m_view->placeCount() == 0)
        m_pageView->setPages(info.pageSizes);
    const auto text = m_workspace.text(m_id);
    if (text && text != m_view->document()) {
        m_view->setDocument(text);
        m_marks.reset();
        refreshMarks();
        refreshPins();
    }
    if (text || m_view->placeCount() > 0) restorePosition();
}

void DocumentPane::restorePosition() {
    if (m_positionRestored || m_view->placeCount() == 0) return;
    m_positionRestored = true;
    const QByteArray position = m_workspace.setting(positionKey(m_workspace.info(m_id))).toLatin1();
    // The layout has its size only after the tab was shown.
    QTimer::singleShot(0, m_view, [this, position] { m_view->restorePosition(position); });
}

void DocumentPane::onReading() {
    const ReadingState state = m_workspace.reading(m_id);
    const bool openFailed = state.stage == ReadingStage::Failed && !m_workspace.text(m_id);
    if (state.stage == ReadingStage::Locked) {
        m_problem->showLocked(m_workspace.info(m_id).name, state.error.has_value());
        m_stack->setCurrentWidget(m_problem);
    } else if (openFailed && state.error) {
        m_problem->showError(*state.error);
        m_stack->setCurrentWidget(m_problem);
    } else {
        m_stack->setCurrentIndex(0);
    }
    m_toolbar->setEnabled(m_stack->currentIndex() == 0);
}

// ------------------------------------------------------------------------------------------------ marks

void DocumentPane::onAnswers() {
    const std::vector<QString> answers = m_workspace.answers(m_id);
    const bool known = std::find(answers.begin(), answers.end(), m_answer) != answers.end();
    if (!known || !m_pinnedAnswer) {
        m_pinnedAnswer = false;
        m_answer = answers.empty() ? QString() : answers.back();
        m_marks.reset();
    }
    refreshMarks();
}

void DocumentPane::showAnswer(const QString& answer) {
    const std::vector<QString> answers = m_workspace.answers(m_id);
    if (std::find(answers.begin(), answers.end(), answer) == answers.end()) return;
    m_pinnedAnswer = answer != answers.back();
    if (answer != m_answer) {
        m_answer = answer;
        m_marks.reset();
        m_citationAt = -1;
    }
    refreshMarks();
    emit shownAnswerChanged();
}

void DocumentPane::onAnswer(const QString& answer) {
    if (answer == m_answer) refreshMarks();
}

void DocumentPane::refreshMarks() {
    const std::vector<QString> answers = m_workspace.answers(m_id);
    const auto it = std::find(answers.begin(), answers.end(), m_answer);
    m_legend->setAnswers(static_cast<int>(answers.size()),
                         it == answers.end() ? -1 : static_cast<int>(it - answers.begin()));
    m_toolbar->setMarksEnabled(!answers.empty() || !m_view->pins().empty());
    const auto document = m_view->document();
    if (m_answer.isEmpty() || !document) {
        m_marks.reset();
        m_view->setMarks(nullptr, m_mode);
        m_legend->setMarks(nullptr, m_mode, AnswerMode::Quick);
        return;
    }
    const Answer answer = m_workspace.answer(m_answer);
    // Streamed text alone changes no mark: what is costly is done once a citation, not once a frame.
    const bool settled = m_marks && m_marks->known() && m_marksCitations == answer.citations.size();
    if (!settled || answer.state != AnswerState::Writing) {
        m_marks = std::make_shared<DocumentMarks>(document, m_workspace.marks(m_answer), answer.citations);
        m_marksCitations = answer.citations.size();
        m_view->setMarks(m_marks, m_mode);
    }
    m_legend->setMarks(m_marks.get(), m_mode, answer.mode);
}

void DocumentPane::refreshPins() {
    if (!m_view->document()) return;
    std::vector<ByteRange> pins = m_workspace.pins(m_id);
    m_legend->setPins(static_cast<int>(pins.size()));
    m_toolbar->setMarksEnabled(!pins.empty() || !m_workspace.answers(m_id).empty());
    m_view->setPins(std::move(pins));
}

bool DocumentPane::pinSelection() {
    const ByteRange selection = m_view->selection();
    if (selection.empty()) return false;
    const Result<ByteRange> pin = m_workspace.addPin(m_id, selection);
    if (!pin) {
        emit pinRefused(pin.error(), m_workspace.pinnedShare(m_id, selection));
        return false;
    }
    if (m_mode == MarkMode::Plain) setMarkMode(MarkMode::Citations);  // else it would not be seen
    return true;
}

void DocumentPane::jumpToPin(ByteRange pin) {
    if (m_mode == MarkMode::Plain) setMarkMode(MarkMode::Citations);
    m_view->jumpTo(pin);
}

void DocumentPane::setMarkMode(MarkMode mode) {
    m_mode = mode;
    m_toolbar->setMarkMode(mode);
    m_view->setMarks(m_marks, mode);
    m_legend->setMarks(m_marks.get(), mode,
                       m_answer.isEmpty() ? AnswerMode::Quick : m_workspace.answer(m_answer).mode);
    emit markModeChanged(mode);
}

void DocumentPane::cycleMarkMode() {
    setMarkMode(static_cast<MarkMode>((static_cast<int>(m_mode) + 1) % 3));
}

void DocumentPane::jumpToCitation(const Citation& citation) {
    if (m_mode == MarkMode::Plain) setMarkMode(MarkMode::Citations);
    if (citation.begin < citation.end) m_view->jumpTo({citation.begin, citation.end});
}

void DocumentPane::stepCitation(int by) {
    if (m_answer.isEmpty()) return;
    const std::vector<Citation> citations = m_workspace.answer(m_answer).citations;
    if (citations.empty()) return;
    const int count = static_cast<int>(citations.size());
    m_citationAt = m_citationAt < 0 && by < 0 ? count - 1 : (m_citationAt + by + count) % count;
    jumpToCitation(citations[m_citationAt]);
}

void DocumentPane::setCompact(bool compact) {
    m_toolbar->setCompact(compact);
    m_legend->setCompact(compact);
}

void DocumentPane::setPaperWhite(bool white) {
    if (m_pageView != nullptr) m_pageView->setPaperWhite(white);
}

}  // namespace kvasir
