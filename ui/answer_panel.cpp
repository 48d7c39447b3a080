#include "ui/answer_panel.h"

#include <algorithm>

#include <QHBoxLayout>
#include <QScrollBar>
#include <QTabBar>
#include <QTimer>

namespace kvasir {

AnswerPanel::AnswerPanel(Workspace& workspace, QWidget* parent) : QWidget(parent), m_workspace(workspace) {
    setObjectName("answerPanel");
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    auto* tabs = new QTabBar(this);
    tabs->addTab(tr("Answers"));
    tabs->setDrawBase(false);
    tabs->setExpanding(false);
    tabs->setFocusPolicy(Qt::NoFocus);  // one tab: nothing to choose
    auto* head = new QHBoxLayout;
    head->setContentsMargins(0, 0, 4, 0);
    head->setSpacing(0);
    head->addWidget(tabs, 1);
    m_new = makeToolButton("add", tr("New conversation"), "newConversation", this);
    head->addWidget(m_new);
    connect(m_new, &QToolButton::clicked, this, &AnswerPanel::newConversationWanted);
    layout->addLayout(head);
    layout->addWidget(makeHairline(this));
    m_scroll = new QScrollArea(this);
    m_scroll->setObjectName("answerScroll");
    m_scroll->setFrameShape(QFrame::NoFrame);
    m_scroll->setWidgetResizable(true);
    m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_scroll->setFocusPolicy(Qt::NoFocus);
    auto* list = new QFrame;
    list->setProperty("panel", "base");
    m_list = list;
    m_layout = new QVBoxLayout(m_list);
    m_layout->setContentsMargins(12, 10, 12, 10);
    m_layout->setSpacing(8);
    m_empty = makeLabel({}, m_list, true);
    m_empty->setWordWrap(true);
    m_empty->setObjectName("answersEmpty");
    m_layout->addWidget(m_empty);
    m_layout->addStretch(1);
    m_scroll->setWidget(m_list);
    QScrollBar* bar = m_scroll->verticalScrollBar();
    // The list has its new height only when layouts had their turn, some events after an answer grew.
    connect(bar, &QScrollBar::rangeChanged, this, [this, bar] {
        if (m_following) bar->setValue(bar->maximum());
    });
    connect(bar, &QScrollBar::actionTriggered, this, [this, bar] {
        constexpr int kNearlyAtEnd = 24;  // pixels
        m_following = bar->sliderPosition() >= bar->maximum() - kNearlyAtEnd;
    });
    layout->addWidget(m_scroll, 1);
    layout->addWidget(makeHairline(this));
    m_pins = new PinBar(workspace, this);
    layout->addWidget(m_pins);
    m_box = new QuestionBox(this);
    layout->addWidget(m_box);
    connect(m_box, &QuestionBox::asked, this, &AnswerPanel::ask);
    connect(m_box, &QuestionBox::stopRequested, this, &AnswerPanel::stop);
    connect(m_box, &QuestionBox::helpWanted, this, &AnswerPanel::modelWanted);
    connect(&workspace, &Workspace::answersChanged, this, [this](DocumentId id) {
        if (id == m_document) addAnswers();
    });
    connect(&workspace, &Workspace::answerChanged, this, &AnswerPanel::onAnswer);
    connect(&workspace, &Workspace::readingChanged, this, [this](DocumentId id) {
        if (id == m_document) refreshWaiting();
    });
    connect(&workspace, &Workspace::modelChanged, this, &AnswerPanel::refreshWaiting);
    setDocument(0);
}

void AnswerPanel::setDocument(DocumentId document) {
    m_document = document;
    m_pins->setDocument(document);
    m_conversation = 0;
    m_box->setEarlier(0);
    rebuild();
}

void AnswerPanel::rebuild() {
    for (AnswerView* view : m_views)
        delete view;
    m_views.clear();
    addAnswers();
    refreshBox();
}

void AnswerPanel::addAnswers() {
    const std::vector<QString> answers =
        m_document == 0 ? std::vector<QString>() : m_workspace.answers(m_document);
    const ConversationId conversation = m_document == 0 ? 0 : m_workspace.conversation(m_document);
    // A conversation that a question begins is the one that was shown before.
    if (conversation != m_conversation && m_conversation != 0) m_box->setEarlier(0);
    m_conversation = conversation;
    const bool same =
        m_views.size() <= answers.size() &&
        std::equal(m_views.begin(), m_views.end(), answers.begin(),
                   [](const AnswerView* view, const QString& id) { return view->answerId() == id; });
    if (!same) {
        for (AnswerView* view : m_views)
            delete view;
        m_views.clear();
    }
    const bool first = m_views.empty();
    for (std::size_t i = m_views.size(); i < answers.size(); ++i) {
        auto* view = new AnswerView(m_workspace, m_document, answers[i], static_cast<int>(i + 1), m_list);
        view->setCompact(m_compact);
        connect(view, &AnswerView::citationActivated, this, &AnswerPanel::citationActivated);
        connect(view, &AnswerView::pageActivated, this, &AnswerPanel::pageActivated);
        connect(view, &AnswerView::selected, this, &AnswerPanel::answerSelected);
        connect(view, &AnswerView::expanded, this, [this] { m_following = false; });
        m_layout->insertWidget(m_layout->count() - 1, view);
        m_views.push_back(view);
    }
    m_empty->setVisible(m_views.empty());
    m_empty->setText(
        m_document == 0 ? tr("Answers appear here when a document is open and you ask about it.")
        : m_workspace.conversations(m_document).empty()
            ? tr("Answers appear here. Type a question below: each answer names the pages it rests on, "
                 "and a click on a page number shows the place.")
            : tr("A new conversation. The earlier ones are in the library, below the document's name."));
    foldOlder();
    refreshBox();
    if (!m_views.empty() || !first) scrollToEnd();
}

void AnswerPanel::onAnswer(const QString& answer) {
    const auto it = std::find_if(m_views.begin(), m_views.end(),
                                 [&](const AnswerView* view) { return view->answerId() == answer; });
    if (it == m_views.end()) return;
    (*it)->refresh();
    refreshBox();
}

void AnswerPanel::refreshWaiting() {
    for (AnswerView* view : m_views)
        if (m_workspace.answer(view->answerId()).state == AnswerState::Waiting) view->refresh();
    refreshBox();
}

void AnswerPanel::scrollToEnd() {
    m_following = true;
    m_scroll->verticalScrollBar()->setValue(m_scroll->verticalScrollBar()->maximum());
}

QString AnswerPanel::running() const {
    for (const AnswerView* view : m_views) {
        const AnswerState state = m_workspace.answer(view->answerId()).state;
        if (state == AnswerState::Waiting || state == AnswerState::Writing) return view->answerId();
    }
    return {};
}

/// Number of the newest complete answer: what a question may go on from. 0: there is none.
int AnswerPanel::earlier() const {
    for (std::size_t i = m_views.size(); i-- > 0;) {
        if (m_workspace.answer(m_views[i]->answerId()).state == AnswerState::Complete)
            return static_cast<int>(i + 1);
    }
    return 0;
}

void AnswerPanel::refreshBox() {
    m_box->setBusy(!running().isEmpty());
    m_box->setEarlier(earlier());
    m_new->setEnabled(m_document != 0 && !m_views.empty());
    const bool log = m_document != 0 && m_workspace.info(m_document).kind == DocumentKind::Log;
    m_box->setPlaceholder(log ? tr("Ask about this log") : tr("Ask about this document"));
    if (m_document == 0) return m_box->setDisabledReason(tr("No document open"));
    const ReadingState state = m_workspace.reading(m_document);
    const ModelInfo model = m_workspace.model();
    if (model.name.isEmpty())
        return m_box->setDisabledReason(tr("No model on this computer yet"), tr("Use a file…"));
    if (model.error)
        return m_box->setDisabledReason(QString::fromStdString(model.error->what), tr("Use another file…"));
    if (state.stage == ReadingStage::Locked) return m_box->setDisabledReason(tr("The document is locked."));
    if (state.stage == ReadingStage::Failed)
        return m_box->setDisabledReason(tr("The document could not be read."));
    m_box->setDisabledReason({});
}

void AnswerPanel::ask(const QString& question, bool goesOn) {
    if (m_document == 0) return;
    const int number = goesOn ? earlier() : 0;
    const QString after = number > 0 ? m_views[static_cast<std::size_t>(number) - 1]->answerId() : QString();
    const QString answer = m_workspace.ask(m_document, question, after);
    if (!answer.isEmpty()) emit asked(answer);
}

void AnswerPanel::askAgain(const QString& answer) {
    const QString again = m_workspace.askAgain(answer);
    if (!again.isEmpty()) emit asked(again);
}

bool AnswerPanel::stop() {
    const QString answer = running();
    if (answer.isEmpty()) return false;
    m_workspace.stop(answer);
    return true;
}

void AnswerPanel::foldOlder() {
    for (std::size_t i = 0; i < m_views.size(); ++i)
        m_views[i]->setFolded(m_compact && i + 1 < m_views.size());
}

void AnswerPanel::setCompact(bool compact) {
    if (m_compact == compact) return;
    m_compact = compact;
    m_pins->setCompact(compact);
    for (AnswerView* view : m_views)
        view->setCompact(compact);
    foldOlder();
}

void AnswerPanel::showAnswer(const QString& answer) {
    for (AnswerView* view : m_views) {
        if (view->answerId() != answer) continue;
        view->setFolded(false);
        m_following = false;
        QTimer::singleShot(0, view, [this, view] { m_scroll->verticalScrollBar()->setValue(view->y() - 8); });
    }
}

}  // namespace kvasir
