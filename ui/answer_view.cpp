#include "ui/answer_view.h"

#include <algorithm>

#include <QClipboard>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QPainter>

#include "ui/document_marks.h"
#include "ui/icons.h"
#include "ui/phrases.h"

namespace kvasir {

// ------------------------------------------------------------------------------------------------ badge

Badge::Badge(QWidget* parent) : QWidget(parent) {
    setFont(sizedFont(font(), -0.75, true));
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    setObjectName("badge");
    setMode(AnswerMode::Quick);
}

void Badge::setMode(AnswerMode mode) {
    m_mode = mode;
    m_text =
        mode == AnswerMode::Full ? Phrases::tr("Full reading", "badge of an answer") : Phrases::mode(mode);
    setAccessibleName(m_text);
    updateGeometry();
    update();
}

QSize Badge::sizeHint() const {
    return {fontMetrics().horizontalAdvance(m_text) + 34, 21};
}

void Badge::paintEvent(QPaintEvent*) {
    const Colours& colours = coloursOf(QGuiApplication::palette());
    const QColor colour = m_mode == AnswerMode::Full        ? colours.good
                          : m_mode == AnswerMode::FirstLook ? colours.secondary
                                                            : colours.carried;
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing, true);
    painter.setPen(QPen(colour, 1));
    painter.setBrush(colours.base);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3);
    paintIcon(painter, Phrases::modeIcon(m_mode), QRectF(8, 4, 13, 13), colour);
    painter.setPen(colour);
    painter.drawText(rect().adjusted(26, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter, m_text);
}

// ----------------------------------------------------------------------------------------------- answer

AnswerView::AnswerView(Workspace& workspace, DocumentId document, QString answer, int number, QWidget* parent)
    : QWidget(parent),
      m_workspace(workspace),
      m_document(document),
      m_id(std::move(answer)),
      m_kind(workspace.info(document).kind) {
    setObjectName("answerView");
    build(number);
    refresh();
}

void AnswerView::build(int number) {
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 8);
    outer->setSpacing(4);
    auto* foldRow = new QHBoxLayout;
    m_fold = makeToolButton("right", tr("Show answer %1").arg(number), "unfoldButton", this);
    m_foldText = new ElidedLabel(this);
    m_foldText->setProperty("tone", "secondary");
    m_foldText->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    foldRow->addWidget(m_fold);
    foldRow->addWidget(m_foldText, 1);
    outer->addLayout(foldRow);
    connect(m_fold, &QToolButton::clicked, this, [this] {
        emit expanded();
        setFolded(false);
        emit selected(m_id);
    });

    m_body = new QWidget(this);
    outer->addWidget(m_body);
    auto* layout = new QVBoxLayout(m_body);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(6);
    m_question = new QLabel(m_body);
    m_question->setObjectName("answerQuestion");
    m_question->setWordWrap(true);
    m_question->setTextFormat(Qt::PlainText);
    m_question->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_question->setFont(sizedFont(font(), 0, true));
    layout->addWidget(m_question);
    m_after = makeLabel({}, m_body, true, -0.75);
    m_after->setObjectName("answerAfter");
    m_after->setWordWrap(true);
    layout->addWidget(m_after);
    m_pinned = new QWidget(m_body);
    auto* pinned = new QHBoxLayout(m_pinned);
    pinned->setContentsMargins(0, 0, 0, 0);
    pinned->setSpacing(5);
    m_pinnedText = makeLabel({}, m_pinned, true, -0.75);
    m_pinnedText->setObjectName("answerPins");
    m_pinnedText->setWordWrap(true);
    pinned->addWidget(new IconLabel("pin", &Colours::pinned, 14, m_pinned), 0, Qt::AlignTop);
    pinned->addWidget(m_pinnedText, 1);
    layout->addWidget(m_pinned);
    auto* header = new QHBoxLayout;
    header->setSpacing(7);
    m_badge = new Badge(m_body);
    m_figures = new ElidedLabel(m_body);
    m_figures->setProperty("tone", "secondary");
    m_figures->setFont(sizedFont(font(), -0.75));
    m_figures->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_figures->setObjectName("answerFigures");
    header->addWidget(m_badge);
    header->addWidget(m_figures, 1);
    layout->addLayout(header);
    m_waiting = makeLabel({}, m_body, true);
    m_waiting->setWordWrap(true);
    m_waiting->setObjectName("answerWaiting");
    m_progress = new QProgressBar(m_body);
    m_progress->setTextVisible(false);
    m_progress->setRange(0, 1000);
    layout->addWidget(m_waiting);
    layout->addWidget(m_progress);
    m_text = new AnswerText(m_body);
    layout->addWidget(m_text);
    connect(m_text, &AnswerText::citationActivated, this,
            [this](const Citation& citation) { emit citationActivated(m_id, citation); });
    buildNotes(layout);
    m_foldText->setText(QString("%1 · %2").arg(number).arg(
        QString::fromStdString(m_workspace.answer(m_id).question).simplified()));
    setFolded(false);
}

void AnswerView::buildNotes(QVBoxLayout* layout) {
    m_notFound = new Note(Note::Kind::Plain, m_body);
    m_check = new Note(Note::Kind::Good, m_body);
    m_facts = new QWidget(m_body);
    m_missing = new Note(Note::Kind::Plain, m_body);
    m_ended = new Note(Note::Kind::Plain, m_body);
    m_verdict = new Note(Note::Kind::Good, m_body);
    m_notFound->setObjectName("notFoundNote");
    m_check->setObjectName("checkNote");
    m_missing->setObjectName("missingNote");
    m_ended->setObjectName("endedNote");
    m_verdict->setObjectName("verdictNote");
    for (QWidget* note :
         {static_cast<QWidget*>(m_notFound), static_cast<QWidget*>(m_check), m_facts,
          static_cast<QWidget*>(m_missing), static_cast<QWidget*>(m_ended), static_cast<QWidget*>(m_verdict)})
        layout->addWidget(note);
    auto* facts = new QVBoxLayout(m_facts);
    facts->setContentsMargins(8, 0, 0, 0);
    facts->setSpacing(1);
    m_facts->hide();
    connect(m_check, &Note::actionTriggered, this, [this] {
        emit expanded();
        m_facts->setVisible(m_facts->isHidden());
        refresh();
    });
    connect(m_verdict, &Note::actionTriggered, this, [this] {
        const Answer answer = m_workspace.answer(m_id);
        if (answer.check && !answer.check->looked.empty())
            emit pageActivated(answer.check->looked.front().page);
    });
    m_actions = new QWidget(m_body);
    auto* actions = new QHBoxLayout(m_actions);
    actions->setContentsMargins(0, 0, 0, 0);
    auto* copyButton = makeButton(tr("Copy"), "copy", "copyAnswer", m_actions);
    copyButton->setProperty("small", true);
    copyButton->setFont(sizedFont(font(), -0.75));
    actions->addWidget(copyButton);
    actions->addStretch();
    layout->addWidget(m_actions);
    connect(copyButton, &QPushButton::clicked, this, &AnswerView::copy);
}

void AnswerView::refresh() {
    const Answer answer = m_workspace.answer(m_id);
    m_question->setText(QString::fromStdString(answer.question));
    m_question->setVisible(answer.follows.empty());  // else it stands above the draft
    showAfter(answer);
    showHeader(answer);
    showPins(answer);
    showWaiting(answer);
    m_text->setAnswer(answer, m_kind);
    m_text->setVisible(!answer.text.empty());
    showChecks(answer);
    showNotices(answer);
    showVerdict(answer);
    m_actions->setVisible(answer.state == AnswerState::Complete || answer.state == AnswerState::Stopped);
    setAccessibleName(tr("Answer: %1, %2").arg(Phrases::mode(answer.mode), m_figures->text()));
}

/// What the question goes on from, and what of that did not go along.
void AnswerView::showAfter(const Answer& answer) {
    m_after->setVisible(false);
    if (answer.after.empty()) return;
    const std::vector<QString> answers = m_workspace.answers(m_document);
    const auto place = std::find(answers.begin(), answers.end(), QString::fromStdString(answer.after));
    const QString left = Phrases::turnsLeftOut(answer.turns);
    QString text = place == answers.end() ? tr("Follows on from an earlier answer")
                                          : tr("Follows on from answer %1").arg(place - answers.begin() + 1);
    if (!left.isEmpty()) text += " · " + left;
    m_after->setText(text);
    m_after->setVisible(answer.follows.empty() || !left.isEmpty());  // else it stands above the draft
}

double AnswerView::shareCarried(const Answer& answer) {
    if (m_share >= 0 && answer.state == AnswerState::Writing) return m_share;
    const auto text = m_workspace.text(m_document);
    const WordMarks marks = m_workspace.marks(m_id);
    if (text && !marks.tokens.empty())
        m_share = DocumentMarks(text, marks, {}).share();
    else if (answer.figures.promptTokens > 0)
        m_share = static_cast<double>(answer.figures.carriedTokens) /
                  static_cast<double>(answer.figures.promptTokens);
    return m_share;
}

void AnswerView::showHeader(const Answer& answer) {
    const bool begun = !answer.text.empty();
    m_badge->setVisible(begun);
    m_badge->setMode(answer.mode);
    QString figures = begun ? Phrases::figures(answer, shareCarried(answer)) : QString();
    if (answer.state == AnswerState::Writing && begun) figures += tr(" · writing…");
    m_figures->setText(figures);
    m_figures->setToolTip(figures);
    m_figures->setVisible(begun);
}

/// With what the question was asked; said once, above the first of its answers.
void AnswerView::showPins(const Answer& answer) {
    const bool show = answer.pins > 0 && answer.follows.empty() && answer.state != AnswerState::Failed;
    m_pinned->setVisible(show);
    if (!show) return;
    const std::vector<QString> answers = m_workspace.answers(m_document);
    const auto self = std::find(answers.begin(), answers.end(), m_id);
    const bool again = std::any_of(answers.begin(), self, [&](const QString& id) {
        return m_workspace.answer(id).question == answer.question;
    });
    const bool over = answer.state == AnswerState::Complete || answer.state == AnswerState::Stopped;
    const bool whole = answer.mode == AnswerMode::Full ||
                       (over && answer.mode == AnswerMode::Quick && shareCarried(answer) >= 1);
    m_pinnedText->setText(Phrases::pinned(answer.pins, again, whole));
}

void AnswerView::showWaiting(const Answer& answer) {
    const bool waiting =
        answer.state == AnswerState::Waiting || (answer.state == AnswerState::Writing && answer.text.empty());
    const ReadingState state = m_workspace.reading(m_document);
    m_waiting->setVisible(waiting);
    if (waiting) m_waiting->setText(Phrases::waiting(answer, state, m_workspace.model()));
    const bool reading = state.stage == ReadingStage::FirstReading || state.stage == ReadingStage::Opening;
    m_progress->setVisible(waiting && reading);
    m_progress->setValue(
        static_cast<int>(Phrases::reading(state, m_workspace.info(m_document)).progress * 1000));
    m_progress->setAccessibleName(m_waiting->text());
}

void AnswerView::showChecks(const Answer& answer) {
    const bool show = answer.state != AnswerState::Writing && !answer.facts.empty();
    m_check->setVisible(show);
    if (!show) {
        m_facts->hide();
        return;
    }
    const auto found = std::count_if(answer.facts.begin(), answer.facts.end(), [](const CheckedFact& fact) {
        return fact.found == CheckedFact::Found::OnCitedPage;
    });
    const auto total = static_cast<std::ptrdiff_t>(answer.facts.size());
    const auto worst =
        std::max_element(answer.facts.begin(), answer.facts.end(),
                         [](const CheckedFact& a, const CheckedFact& b) { return a.found < b.found; });
    const QString action = !m_facts->isHidden() ? tr("Hide") : tr("Show");
    const QString name = QString::fromStdString(worst->text).toHtmlEscaped();
    const bool pages = m_kind == DocumentKind::Pdf;
    const QString sum = pages ? tr("%1 of %2 numbers found on the cited pages").arg(found).arg(total)
                              : tr("%1 of %2 numbers found on the cited lines").arg(found).arg(total);
    if (found == total) {
        m_check->setKind(Note::Kind::Good);
        m_check->setText(tr("%1.", "a whole sentence").arg(sum), action);
    } else {
        m_check->setKind(Note::Kind::Warning);
        QString first =
            worst->found == CheckedFact::Found::Nowhere
                ? (pages ? tr("'%1' is not on any page. Check it.").arg(name)
                         : tr("'%1' is not on any line. Check it.").arg(name))
                : (pages ? tr("'%1' is on page %2, not on the cited page.").arg(name).arg(worst->page + 1)
                         : tr("'%1' is elsewhere, not on the cited line.").arg(name));
        m_check->setText("<b>" + first + "</b> " + tr("%1.", "a whole sentence").arg(sum), action);
    }
    m_check->setCompact(m_compact && found == total);
    fillFacts(answer);
}

void AnswerView::fillFacts(const Answer& answer) {
    qDeleteAll(m_facts->findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly));
    if (m_facts->isHidden()) return;
    for (const CheckedFact& fact : answer.facts) {
        const QString text = QString::fromStdString(fact.text);
        const bool pages = m_kind == DocumentKind::Pdf;
        QString line = tr("“%1”: not found").arg(text);
        if (fact.found == CheckedFact::Found::OnCitedPage)
            line = pages ? tr("“%1”: page %2").arg(text).arg(fact.page + 1)
                         : tr("“%1”: on a cited line").arg(text);
        else if (fact.found == CheckedFact::Found::Elsewhere)
            line = pages ? tr("“%1”: page %2, not cited").arg(text).arg(fact.page + 1)
                         : tr("“%1”: on a line that is not cited").arg(text);
        QWidget* row = nullptr;
        if (pages && fact.page >= 0) {
            auto* link = makeLinkButton(line, "factLink", m_facts);
            connect(link, &QPushButton::clicked, this,
                    [this, page = fact.page] { emit pageActivated(page); });
            row = link;
        } else {
            row = makeLabel(line, m_facts, true, -0.75);
        }
        m_facts->layout()->addWidget(row);
        row->show();
    }
}

void AnswerView::showNotices(const Answer& answer) {
    const bool over = answer.state == AnswerState::Complete || answer.state == AnswerState::Stopped;
    m_notFound->setVisible(over && !answer.answerable);
    QString notFound = "<b>" + tr("The document does not seem to say this") + "</b>";
    if (!answer.citations.empty()) notFound += "<br>" + tr("The passages named are the nearest ones.");
    m_notFound->setText(notFound);
    m_missing->setVisible(!answer.missingPages.empty());
    if (!answer.missingPages.empty())
        m_missing->setText(tr("Answered without pages %1: they could not be read.")
                               .arg(Phrases::pages(answer.missingPages)));
    const QString ended = Phrases::ended(answer);
    m_ended->setVisible(!ended.isEmpty() || answer.state == AnswerState::Failed);
    if (!ended.isEmpty()) {
        m_ended->setKind(Note::Kind::Plain);
        m_ended->setText(ended);
    } else if (answer.state == AnswerState::Failed) {
        m_ended->setKind(Note::Kind::Error);
        const Error error = answer.error.value_or(Error());
        QString text = "<b>" + QString::fromStdString(error.what).toHtmlEscaped() + "</b>";
        if (!error.where.empty()) text += " (" + QString::fromStdString(error.where).toHtmlEscaped() + ")";
        m_ended->setText(text + "<br>" + QString::fromStdString(error.advice).toHtmlEscaped());
    }
}

/// What the next reading made of this answer. It stands below, it replaces nothing.
void AnswerView::showVerdict(const Answer& answer) {
    m_verdict->setVisible(answer.check.has_value());
    if (!answer.check) return;
    const bool different = answer.check->verdict == Verdict::Different;
    QString text = "<b>" + Phrases::verdict(*answer.check).toHtmlEscaped() + "</b>";
    const QString looked = different ? Phrases::lookedAt(*answer.check, m_kind) : QString();
    if (!looked.isEmpty()) text += "<br>" + tr("Looked at most, and not carried here:") + "<br>" + looked;
    m_verdict->setKind(different ? Note::Kind::Warning : Note::Kind::Good);
    m_verdict->setIcon(Phrases::modeIcon(answer.check->by));
    const bool place = !looked.isEmpty() && m_kind == DocumentKind::Pdf;
    m_verdict->setText(text, place ? tr("Show") : QString());
}

void AnswerView::setFolded(bool folded) {
    m_folded = folded;
    m_fold->setVisible(folded);
    m_foldText->setVisible(folded);
    m_body->setVisible(!folded);
}

void AnswerView::setCompact(bool compact) {
    if (m_compact == compact) return;
    m_compact = compact;
    refresh();
}

void AnswerView::copy() {
    const Answer answer = m_workspace.answer(m_id);
    QGuiApplication::clipboard()->setText(QString::fromStdString(answer.question) + "\n\n" +
                                          AnswerText::plainText(answer, m_kind));
}

}  // namespace kvasir
