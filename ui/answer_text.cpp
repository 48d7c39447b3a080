#include "ui/answer_text.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include <QAbstractTextDocumentLayout>
#include <QKeyEvent>
#include <QPainter>
#include <QScrollBar>
#include <QTextBlock>

#include "ui/phrases.h"
#include "ui/theme.h"

namespace kvasir {
namespace {

constexpr int kChipObject = QTextFormat::UserObject + 1;
constexpr int kChipIndex = QTextFormat::UserProperty + 1;
constexpr int kChipHeight = 17;
constexpr int kRing = 2;  // room around a chip for its focus ring
const QChar kJoiner(0x2060);
const QString kPunctuation = QString::fromUtf8(".,;:!?。、，．！？；：");

}  // namespace

// ------------------------------------------------------------------------------------------------ chip

CitationChip::CitationChip(Citation citation, DocumentKind kind, QWidget* parent)
    : QAbstractButton(parent), m_citation(std::move(citation)) {
    setText(Phrases::chip(m_citation, kind));
    setAccessibleName(Phrases::chipName(m_citation, kind));
    setObjectName(QString("citationChip%1").arg(m_citation.number));
    setToolTip(QString::fromStdString(m_citation.quote).toHtmlEscaped());
    setCursor(Qt::PointingHandCursor);
    setFocusPolicy(Qt::StrongFocus);
    setFont(sizedFont(parent->font(), -1.25, true));
    resize(sizeHint());
}

QSize CitationChip::sizeHint() const {
    return {fontMetrics().horizontalAdvance(text()) + 12 + 2 * kRing, kChipHeight + 2 * kRing};
}

void CitationChip::paintEvent(QPaintEvent*) {
    const Colours& colours = coloursOf(this);
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing, true);
    const QRectF box = QRectF(rect()).adjusted(kRing + 0.5, kRing + 0.5, -kRing - 0.5, -kRing - 0.5);
    if (hasFocus()) {
        painter.setPen(QPen(colours.accent, 2));
        painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 4, 4);
    }
    painter.setPen(QPen(colours.cited, underMouse() ? 1.6 : 1));
    painter.setBrush(colours.citedWash);
    painter.drawRoundedRect(box, 3, 3);
    painter.setPen(colours.citedText);
    painter.drawText(box, Qt::AlignCenter, text());
}

void CitationChip::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) return click();
    QAbstractButton::keyPressEvent(event);
}

// ---------------------------------------------------------------------------------------------- pieces

std::vector<AnswerPiece> answerPieces(const std::string& text, const std::vector<Citation>& citations) {
    // Where each chip stands: before the punctuation and the blanks that end its sentence.
    std::vector<std::pair<std::size_t, std::size_t>> places;  // byte, citation
    for (std::size_t i = 0; i < citations.size(); ++i) {
        std::size_t end = std::min<std::size_t>(citations[i].sentenceEnd, text.size());
        QString head = QString::fromUtf8(text.data(), static_cast<qsizetype>(end));
        while (!head.isEmpty() && head.back().isSpace())
            head.chop(1);
        while (!head.isEmpty() && kPunctuation.contains(head.back()))
            head.chop(1);
        const auto byte = static_cast<std::size_t>(head.toUtf8().size());
        places.emplace_back(byte == 0 ? end : byte, i);
    }
    std::sort(places.begin(), places.end(), [&](const auto& a, const auto& b) {
        return std::tuple(a.first, citations[a.second].number, a.second) <
               std::tuple(b.first, citations[b.second].number, b.second);
    });
    std::vector<AnswerPiece> pieces;
    std::size_t at = 0;
    for (const auto& [byte, citation] : places) {
        if (pieces.empty() || byte > at) pieces.push_back({text.substr(at, byte - at), {}});
        auto& shown = pieces.back().citations;
        const bool twice = std::any_of(shown.begin(), shown.end(),
                                       [&, number = citations[citation].number](std::size_t other) {
                                           return citations[other].number == number;
                                       });
        if (!twice) shown.push_back(citation);
        at = byte;
    }
    if (at < text.size() || pieces.empty()) pieces.push_back({text.substr(at), {}});
    return pieces;
}

// ------------------------------------------------------------------------------------------------ text

AnswerText::AnswerText(QWidget* parent) : QTextEdit(parent) {
    setObjectName("answerText");
    setReadOnly(true);
    setFrameShape(QFrame::NoFrame);
    setFocusPolicy(Qt::ClickFocus);  // the chips are what Tab goes through
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    viewport()->setAutoFillBackground(false);
    document()->setDocumentMargin(0);
    document()->documentLayout()->registerHandler(kChipObject, this);
}

void AnswerText::setAnswer(const Answer& answer, DocumentKind kind) {
    m_answer = answer;
    m_kind = kind;
    rebuild();
}

void AnswerText::rebuild() {
    const int selectionStart = textCursor().anchor(), selectionEnd = textCursor().position();
    m_spare = std::move(m_chips);
    m_chips.clear();
    m_chipPositions.clear();
    document()->clear();
    QTextCursor cursor(document());
    QTextBlockFormat block;
    block.setLineHeight(std::max(20.0, std::ceil(fontMetrics().height() * 1.12)),
                        QTextBlockFormat::FixedHeight);
    cursor.setBlockFormat(block);
    bool bold = false;
    const std::vector<AnswerPiece> pieces = answerPieces(m_answer.text, m_answer.citations);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        insertMarkdown(cursor, pieces[i].text, bold);
        const auto& chips = pieces[i].citations;
        for (const std::size_t citation : chips)
            insertChip(cursor, citation);
        // The punctuation after a chip stays on its line.
        if (!chips.empty() && i + 1 < pieces.size()) cursor.insertText(QString(kJoiner), QTextCharFormat());
    }
    for (CitationChip* chip : m_spare)
        chip->deleteLater();
    m_spare.clear();
    if (selectionStart != selectionEnd && selectionEnd < document()->characterCount()) {
        QTextCursor selection(document());
        selection.setPosition(selectionStart);
        selection.setPosition(selectionEnd, QTextCursor::KeepAnchor);
        setTextCursor(selection);
    }
    place();
}

void AnswerText::insertMarkdown(QTextCursor& cursor, const std::string& text, bool& bold) {
    QTextCharFormat plain, strong;
    strong.setFontWeight(QFont::DemiBold);
    QString rest = QString::fromStdString(text);
    rest.replace("\r\n", "\n");
    while (!rest.isEmpty()) {
        const qsizetype mark = rest.indexOf("**");
        cursor.insertText(mark < 0 ? rest : rest.left(mark), bold ? strong : plain);
        if (mark < 0) break;
        bold = !bold;
        rest = rest.mid(mark + 2);
    }
}

CitationChip* AnswerText::chipFor(const Citation& citation) {
    // The same chip again: it keeps its focus while the text grows.
    const auto it = std::find_if(m_spare.begin(), m_spare.end(), [&](const CitationChip* chip) {
        const Citation& old = chip->citation();
        return old.number == citation.number && old.page == citation.page && old.line == citation.line &&
               old.sentenceEnd == citation.sentenceEnd;
    });
    if (it != m_spare.end()) {
        CitationChip* chip = *it;
        m_spare.erase(it);
        return chip;
    }
    auto* chip = new CitationChip(citation, m_kind, viewport());
    connect(chip, &CitationChip::clicked, this, [this, chip] { emit citationActivated(chip->citation()); });
    return chip;
}

void AnswerText::insertChip(QTextCursor& cursor, std::size_t citation) {
    const QString before = cursor.block().text().left(cursor.positionInBlock());
    if (!before.isEmpty() && !before.back().isSpace() && before.back() != QChar::ObjectReplacementCharacter)
        cursor.insertText(" ", QTextCharFormat());
    QTextCharFormat format;
    format.setObjectType(kChipObject);
    format.setVerticalAlignment(QTextCharFormat::AlignMiddle);
    format.setProperty(kChipIndex, static_cast<int>(m_chips.size()));
    m_chipPositions.push_back(cursor.position());
    m_chips.push_back(chipFor(m_answer.citations[citation]));
    cursor.insertText(QString(QChar::ObjectReplacementCharacter), format);
}

QSizeF AnswerText::intrinsicSize(QTextDocument*, int, const QTextFormat& format) {
    const auto index = static_cast<std::size_t>(format.property(kChipIndex).toInt());
    if (index >= m_chips.size()) return {0, 0};
    return {static_cast<double>(m_chips[index]->sizeHint().width()), static_cast<double>(kChipHeight)};
}

void AnswerText::drawObject(QPainter*, const QRectF&, QTextDocument*, int, const QTextFormat&) {}

void AnswerText::place() {
    document()->setTextWidth(viewport()->width());
    const int height = std::max(20, static_cast<int>(std::ceil(document()->size().height())) + 4);
    if (height != minimumHeight()) setFixedHeight(height);
    for (std::size_t i = 0; i < m_chips.size(); ++i) {
        const QTextBlock block = document()->findBlock(m_chipPositions[i]);
        const int inBlock = m_chipPositions[i] - block.position();
        const QTextLine line = block.layout()->lineForTextPosition(inBlock);
        if (!line.isValid()) continue;
        const QPointF origin = document()->documentLayout()->blockBoundingRect(block).topLeft();
        const double x = origin.x() + line.cursorToX(inBlock);
        // Centred on the small letters of its line.
        const double middle = line.y() + line.ascent() - QFontMetricsF(font()).xHeight() / 2;
        const double y = origin.y() + middle - kChipHeight / 2.0 - 1;
        m_chips[i]->resize(m_chips[i]->sizeHint());
        m_chips[i]->move(static_cast<int>(std::lround(x)), static_cast<int>(std::lround(y)) - kRing);
        m_chips[i]->show();
        setTabOrder(i == 0 ? static_cast<QWidget*>(this) : m_chips[i - 1], m_chips[i]);
    }
}

void AnswerText::resizeEvent(QResizeEvent* event) {
    QTextEdit::resizeEvent(event);
    place();
}

void AnswerText::changeEvent(QEvent* event) {
    QTextEdit::changeEvent(event);
    if (event->type() == QEvent::FontChange) rebuild();
}

void AnswerText::paintEvent(QPaintEvent* event) {
    QTextEdit::paintEvent(event);
    if (m_answer.state != AnswerState::Writing) return;
    QTextCursor end(document());
    end.movePosition(QTextCursor::End);
    const QRect caret = cursorRect(end);
    QPainter painter(viewport());
    painter.fillRect(QRect(caret.left() + 1, caret.top() + 2, 2, 15), coloursOf(this).accent);
}

void AnswerText::wheelEvent(QWheelEvent* event) {
    event->ignore();
}

QString AnswerText::plainText(const Answer& answer, DocumentKind kind) {
    QString text;
    for (const AnswerPiece& piece : answerPieces(answer.text, answer.citations)) {
        text += QString::fromStdString(piece.text).remove("**");
        for (const std::size_t index : piece.citations) {
            const Citation& citation = answer.citations[index];
            text += kind == DocumentKind::Pdf ? tr(" [p. %1]").arg(citation.page + 1)
                                              : tr(" [line %1]").arg(citation.line + 1);
        }
    }
    return text.trimmed();
}

}  // namespace kvasir
