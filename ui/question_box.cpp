#include "ui/question_box.h"

#include <algorithm>

#include <QAbstractTextDocumentLayout>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QScrollBar>
#include <QTextBlock>
#include <QTimer>
#include <QVBoxLayout>

#include "app/follow_up.h"
#include "ui/widgets.h"

namespace kvasir {
namespace {

constexpr int kMostLines = 7;

}  // namespace

QuestionEdit::QuestionEdit(QWidget* parent) : QPlainTextEdit(parent) {
    setObjectName("questionEdit");
    setAccessibleName(tr("Question"));
    setTabChangesFocus(true);
    setVerticalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    connect(this, &QPlainTextEdit::textChanged, this, &QuestionEdit::fitHeight);
    fitHeight();
}

void QuestionEdit::setFewestLines(int lines) {
    m_fewestLines = lines;
    fitHeight();
}

void QuestionEdit::fitHeight() {
    // Rows as they are wrapped, few enough that the answer keeps its room.
    int rows = 0;
    for (QTextBlock block = document()->begin(); block.isValid() && rows < kMostLines; block = block.next())
        rows += std::max(1, block.lineCount());
    rows = std::clamp(rows, m_fewestLines, kMostLines);
    const int height = rows * fontMetrics().lineSpacing() + 18;
    if (height != minimumHeight()) setFixedHeight(height);
}

void QuestionEdit::resizeEvent(QResizeEvent* event) {
    QPlainTextEdit::resizeEvent(event);
    fitHeight();
}

void QuestionEdit::inputMethodEvent(QInputMethodEvent* event) {
    const bool was = m_composing;
    QPlainTextEdit::inputMethodEvent(event);
    m_composing = !event->preeditString().isEmpty();
    if (was && !m_composing) {
        m_justComposed = true;
        QTimer::singleShot(0, this, [this] { m_justComposed = false; });
    }
}

void QuestionEdit::keyPressEvent(QKeyEvent* event) {
    const bool enter = event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter;
    if (enter && (m_composing || m_justComposed)) {
        event->accept();
        return;
    }
    if (enter && !(event->modifiers() & Qt::ShiftModifier)) {
        emit asked();
        return;
    }
    QPlainTextEdit::keyPressEvent(event);
}

QuestionBox::QuestionBox(QWidget* parent) : QWidget(parent) {
    setObjectName("questionBox");
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(10, 8, 10, 9);
    layout->setSpacing(7);
    buildFollow(layout);  // Shift+Tab goes from the question to it
    m_edit = new QuestionEdit(this);
    layout->addWidget(m_edit);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    m_hint = makeLabel({}, this, true, -1.25);
    m_hint->setObjectName("questionHint");
    m_hint->setWordWrap(true);
    m_help = makeLinkButton({}, "questionHelp", this);
    m_help->hide();
    m_ask = makeButton(tr("Ask", "the button"), {}, "askButton", this);
    m_ask->setProperty("primary", true);
    m_stop = makeButton(tr("Stop  Esc"), "stop", "stopButton", this);
    m_stop->hide();
    row->addWidget(m_hint, 1);
    row->addWidget(m_help);
    row->addWidget(m_ask);
    row->addWidget(m_stop);
    layout->addLayout(row);
    connect(m_edit, &QuestionEdit::asked, this, &QuestionBox::ask);
    connect(m_ask, &QPushButton::clicked, this, &QuestionBox::ask);
    connect(m_stop, &QPushButton::clicked, this, &QuestionBox::stopRequested);
    connect(m_help, &QPushButton::clicked, this, &QuestionBox::helpWanted);
    connect(m_edit, &QPlainTextEdit::textChanged, this, [this] {
        if (m_enabled) m_hint->setText(tr("Enter to ask"));
        refreshFollow();
    });
    setPlaceholder(tr("Ask about this document"));
    setDisabledReason({});
}

/// One line above the question: what it goes on from, with a way to change that.
void QuestionBox::buildFollow(QVBoxLayout* layout) {
    m_follow = new QWidget(this);
    m_follow->setObjectName("followRow");
    auto* row = new QHBoxLayout(m_follow);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(4);
    m_followText = makeLabel({}, m_follow, true, -0.75);
    m_followText->setObjectName("followText");
    m_followRemove = makeToolButton("close", {}, "followRemove", m_follow);
    m_followRemove->setFocusPolicy(Qt::StrongFocus);
    m_followAdd = makeLinkButton({}, "followAdd", m_follow);
    m_followAdd->setFont(sizedFont(font(), -0.75));
    row->addWidget(m_followText);
    row->addWidget(m_followRemove);
    row->addWidget(m_followAdd);
    row->addStretch(1);
    m_follow->setMinimumHeight(m_followRemove->sizeHint().height());  // the same, whichever is shown
    layout->addWidget(m_follow);
    connect(m_followRemove, &QToolButton::clicked, this, [this] { choose(false); });
    connect(m_followAdd, &QPushButton::clicked, this, [this] { choose(true); });
    m_follow->hide();
}

void QuestionBox::setEarlier(int number) {
    if (number == 0) m_chosen.reset();
    m_earlier = number;
    refreshFollow();
}

bool QuestionBox::goesOn() const {
    if (m_earlier == 0) return false;
    return m_chosen.value_or(looksLikeFollowUp(m_edit->toPlainText().toStdString()));
}

void QuestionBox::choose(bool goesOn) {
    m_chosen = goesOn;
    // The button that has the focus is about to go: the question is what is written on.
    m_edit->setFocus();
    refreshFollow();
}

void QuestionBox::refreshFollow() {
    const bool on = goesOn();
    m_follow->setVisible(m_enabled && m_earlier > 0);
    m_followText->setText(tr("Follows on from answer %1").arg(m_earlier));
    m_followText->setVisible(on);
    m_followRemove->setVisible(on);
    m_followAdd->setVisible(!on);
    m_followAdd->setText(tr("Follow on from answer %1").arg(m_earlier));
    const QString remove = tr("Ask without answer %1").arg(m_earlier);
    m_followRemove->setToolTip(remove);
    m_followRemove->setAccessibleName(remove);
    m_edit->setAccessibleDescription(on ? m_followText->text() : QString());
}

void QuestionBox::setPlaceholder(const QString& text) {
    m_edit->setPlaceholderText(text);
}

void QuestionBox::setDisabledReason(const QString& reason, const QString& action) {
    m_enabled = reason.isEmpty();
    m_edit->setEnabled(m_enabled);
    m_ask->setEnabled(m_enabled);
    m_hint->setText(m_enabled ? tr("Enter to ask") : reason);
    m_help->setText(action);
    m_help->setVisible(!m_enabled && !action.isEmpty());
    refreshFollow();
}

void QuestionBox::setBusy(bool busy) {
    m_ask->setVisible(!busy);
    m_stop->setVisible(busy);
}

void QuestionBox::focusQuestion() {
    m_edit->setFocus(Qt::ShortcutFocusReason);
}

void QuestionBox::ask() {
    if (!m_enabled) return;
    const QString question = m_edit->toPlainText().trimmed();
    if (question.isEmpty()) {
        m_hint->setText(tr("Type a question first."));
        m_edit->setFocus();
        return;
    }
    const bool on = goesOn();
    m_chosen.reset();
    m_edit->clear();
    emit asked(question, on);
}

}  // namespace kvasir
