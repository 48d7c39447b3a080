#include "ui/document_view.h"

#include <algorithm>
#include <cmath>

#include <QApplication>
#include <QDateTime>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QScrollBar>

#include "ui/theme.h"

namespace kvasir {
namespace {

constexpr qint64 kPulseMs = 1300;    // two pulses
constexpr qint64 kOutlineMs = 2000;  // instead of them, where motion is reduced
constexpr std::size_t kHistory = 100;
constexpr double kZoomStep = 1.1;

}  // namespace

DocumentView::DocumentView(QWidget* parent) : QAbstractScrollArea(parent) {
    setFrameShape(QFrame::NoFrame);
    setFocusPolicy(Qt::StrongFocus);
    viewport()->setCursor(Qt::IBeamCursor);
    m_pulseTimer.setInterval(30);
    connect(&m_pulseTimer, &QTimer::timeout, this, [this] {
        const qint64 length = reducedMotion(this) ? kOutlineMs : kPulseMs;
        if (QDateTime::currentMSecsSinceEpoch() - m_pulseStart > length) m_pulseTimer.stop(), m_pulse = {};
        viewport()->update();
    });
}

void DocumentView::setDocument(std::shared_ptr<const Document> document) {
    m_document = std::move(document);
    m_marks.reset();
    m_found.clear();
    m_pins.clear();
    m_currentFound = -1;
    m_selection = {};
    viewport()->update();
}

void DocumentView::setPins(std::vector<ByteRange> pins) {
    m_pins = std::move(pins);
    viewport()->update();
    emit marksChanged();
}

ByteRange DocumentView::pinIn(ByteRange range) const {
    const auto pin =
        std::ranges::partition_point(m_pins, [&](const ByteRange& p) { return p.end <= range.begin; });
    return pin != m_pins.end() && pin->begin < range.end ? *pin : ByteRange();
}

void DocumentView::setMarks(std::shared_ptr<const DocumentMarks> marks, MarkMode mode) {
    m_marks = std::move(marks);
    m_mode = mode;
    marksReplaced();
    viewport()->update();
    emit marksChanged();
}

void DocumentView::setFound(std::vector<ByteRange> found, int current) {
    m_found = std::move(found);
    m_currentFound = current;
    viewport()->update();
    emit marksChanged();
}

void DocumentView::setStrip(QWidget* strip) {
    m_strip = strip;
    setViewportMargins(0, 0, strip->maximumWidth(), 0);  // it has a fixed width
}

void DocumentView::resizeEvent(QResizeEvent* event) {
    QAbstractScrollArea::resizeEvent(event);
    if (m_strip == nullptr) return;
    const QRect area = viewport()->geometry();
    m_strip->setGeometry(area.right() + 1, area.top(), m_strip->width(), area.height());
}

// --------------------------------------------------------------------------------------------- history

std::pair<double, double> DocumentView::visibleExtent() const {
    const QScrollBar* bar = verticalScrollBar();
    const double whole =
        std::max(1.0, static_cast<double>(bar->maximum() - bar->minimum() + bar->pageStep()));
    return {bar->value() / whole, std::min(1.0, (bar->value() + bar->pageStep()) / whole)};
}

void DocumentView::scrollToShare(double share) {
    QScrollBar* bar = verticalScrollBar();
    const double whole = bar->maximum() - bar->minimum() + bar->pageStep();
    bar->setValue(static_cast<int>(std::lround(share * whole - bar->pageStep() / 2.0)));
}

void DocumentView::remember() {
    const auto [top, bottom] = visibleExtent();
    m_back.push_back((top + bottom) / 2);
    if (m_back.size() > kHistory) m_back.erase(m_back.begin());
    m_forward.clear();
    emit historyChanged();
}

void DocumentView::jumpTo(ByteRange range, bool pulse) {
    if (!m_document || range.empty()) return;
    remember();
    scrollToRange(range);
    if (pulse) startPulse(range);
}

void DocumentView::jumpToPlace(int place) {
    remember();
    scrollToPlace(std::clamp(place, 0, std::max(0, placeCount() - 1)));
}

void DocumentView::goBack() {
    if (m_back.empty()) return;
    const auto [top, bottom] = visibleExtent();
    m_forward.push_back((top + bottom) / 2);
    const double share = m_back.back();
    m_back.pop_back();
    scrollToShare(share);
    emit historyChanged();
}

void DocumentView::goForward() {
    if (m_forward.empty()) return;
    const auto [top, bottom] = visibleExtent();
    m_back.push_back((top + bottom) / 2);
    const double share = m_forward.back();
    m_forward.pop_back();
    scrollToShare(share);
    emit historyChanged();
}

QByteArray DocumentView::savedPosition() const {
    const auto [top, bottom] = visibleExtent();
    const double shownZoom = fitsWidth() ? 0 : zoom();
    return QByteArray::number((top + bottom) / 2, 'f', 8) + ' ' + QByteArray::number(shownZoom, 'f', 3);
}

void DocumentView::restorePosition(const QByteArray& position) {
    const QList<QByteArray> parts = position.split(' ');
    if (parts.size() != 2) return;
    bool shareOk = false, zoomOk = false;
    const double share = parts[0].toDouble(&shareOk), shownZoom = parts[1].toDouble(&zoomOk);
    if (!shareOk || !zoomOk || share < 0 || share > 1) return;
    if (shownZoom > 0) setZoom(shownZoom);
    scrollToShare(share);
}

// ----------------------------------------------------------------------------------------------- pulse

void DocumentView::startPulse(ByteRange range) {
    m_pulse = range;
    m_pulseStart = QDateTime::currentMSecsSinceEpoch();
    m_pulseTimer.start();
    viewport()->update();
}

double DocumentView::pulseStrength() const {
    if (m_pulse.empty()) return 0;
    if (reducedMotion(this)) return 1;
    const double t = static_cast<double>(QDateTime::currentMSecsSinceEpoch() - m_pulseStart) / kPulseMs;
    return t >= 1 ? 0 : std::abs(std::sin(t * 2 * M_PI));
}

void DocumentView::notifyPlace() {
    const int place = currentPlace();
    if (place == m_lastPlace) return;
    m_lastPlace = place;
    emit placeChanged(place);
}

void DocumentView::scrollContentsBy(int, int) {
    viewport()->update();
    notifyPlace();
    emit layoutChanged();
}

// ------------------------------------------------------------------------------------------- selection

void DocumentView::setSelection(std::uint32_t from, std::uint32_t to) {
    const ByteRange range{std::min(from, to), std::max(from, to)};
    if (range == m_selection) return;
    m_selection = range;
    viewport()->update();
    emit selectionChanged();
}

void DocumentView::selectAll() {
    if (!m_document) return;
    m_anchorBegin = m_anchorEnd = 0;
    setSelection(0, static_cast<std::uint32_t>(m_document->text.size()));
}

QString DocumentView::selectedText() const {
    if (!m_document || m_selection.empty()) return {};
    return QString::fromUtf8(m_document->text.data() + m_selection.begin,
                             static_cast<qsizetype>(m_selection.end - m_selection.begin));
}

QString DocumentView::selectedTextWithPlace() const {
    const QString text = selectedText();
    if (text.isEmpty()) return {};
    const QString name = QString::fromStdString(m_document->name);
    if (m_document->kind == DocumentKind::Pdf) {
        const std::size_t page = m_document->pageAt(m_selection.begin);
        return tr("“%1” (%2, page %3)").arg(text, name).arg(page + 1);
    }
    const std::size_t line = m_document->lineAt(m_selection.begin);
    return tr("“%1” (%2, line %3)").arg(text, name, locale().toString(qulonglong{line} + 1));
}

/// Where a selection by keys begins: at the hit, at what was jumped to, else at the first word in view.
ByteRange DocumentView::startOfSelection() const {
    if (m_currentFound >= 0) return m_found[static_cast<std::size_t>(m_currentFound)];
    if (!m_pulse.empty()) return m_pulse;
    const auto place = static_cast<std::size_t>(std::max(0, currentPlace()));
    const bool pages = m_document->kind == DocumentKind::Pdf;
    std::size_t line = pages && place < m_document->pages.size() ? m_document->pages[place].firstLine : place;
    while (line < m_document->lines.size() &&
           m_document->lines[line].firstWord == m_document->lines[line].lastWord)
        ++line;
    if (line >= m_document->lines.size()) return {};
    const Word& word = m_document->words[m_document->lines[line].firstWord];
    return {word.begin, word.end};
}

/// The word to which the moving end of a selection goes by a line: to the end (`before`: the beginning) of
/// its line first, then of the next one with words.
std::size_t DocumentView::wordByLine(std::size_t head, bool down, bool before) const {
    const std::vector<Line>& lines = m_document->lines;
    const auto end = [&](std::size_t line) {
        return static_cast<std::size_t>(before ? lines[line].firstWord : lines[line].lastWord - 1);
    };
    std::size_t line = m_document->lineAt(m_document->words[head].begin);
    const bool outwards = down != before;  // a selection that shrinks leaves its last line at once
    if (outwards && end(line) != head) return end(line);
    while (down ? line + 1 < lines.size() : line > 0) {
        line = down ? line + 1 : line - 1;
        if (lines[line].firstWord < lines[line].lastWord) return end(line);
    }
    return head;
}

/// Shift with an arrow: a selection by words and lines.
bool DocumentView::extendSelection(QKeyEvent* event) {
    const int key = event->key();
    const bool down = key == Qt::Key_Down, right = key == Qt::Key_Right;
    const bool arrow = down || right || key == Qt::Key_Up || key == Qt::Key_Left;
    if (!arrow || !(event->modifiers() & Qt::ShiftModifier) || !m_document || m_document->words.empty())
        return false;
    const auto [first, last] = m_document->wordsIn(m_selection.begin, m_selection.end);
    std::size_t head = 0;
    if (first == last) {
        const ByteRange start = startOfSelection();
        if (start.empty()) return true;
        m_anchorBegin = start.begin;
        m_anchorEnd = start.end;
        setSelection(start.begin, start.end);
        head = m_document->wordsIn(start.begin, start.end).first;
    } else {
        const bool before = m_selection.begin < m_anchorBegin;
        head = before ? first : last - 1;
        if (down || key == Qt::Key_Up) {
            head = wordByLine(head, down, before);
        } else if (right ? head + 1 < m_document->words.size() : head > 0) {
            head = right ? head + 1 : head - 1;
        }
        const Word& word = m_document->words[head];
        const bool nowBefore = word.begin < m_anchorBegin;
        setSelection(nowBefore ? word.begin : m_anchorBegin,
                     nowBefore ? m_anchorEnd : std::max(m_anchorEnd, word.end));
    }
    const Word& word = m_document->words[head];
    const auto [top, bottom] = extentOf(m_document->lineAt(word.begin));
    const auto [viewTop, viewBottom] = visibleExtent();
    if (top < viewTop || bottom > viewBottom) scrollToRange({word.begin, word.end});
    return true;
}

void DocumentView::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton || !m_document) return;
    const QPoint point = event->position().toPoint();
    if (event->modifiers() & Qt::ShiftModifier && !m_selection.empty()) {
        m_selecting = true;
        mouseMoveEvent(event);
        return;
    }
    m_anchorBegin = byteAt(point, false);
    m_anchorEnd = byteAt(point, true);
    m_selecting = true;
    setSelection(m_anchorBegin, m_anchorBegin);
}

void DocumentView::mouseMoveEvent(QMouseEvent* event) {
    if (!m_selecting || !m_document) return;
    const QPoint point = event->position().toPoint();
    if (point.y() < 0) verticalScrollBar()->setValue(verticalScrollBar()->value() + point.y());
    if (point.y() > viewport()->height())
        verticalScrollBar()->setValue(verticalScrollBar()->value() + point.y() - viewport()->height());
    const std::uint32_t before = byteAt(point, false);
    if (before < m_anchorBegin)
        setSelection(before, m_anchorEnd);
    else
        setSelection(m_anchorBegin, byteAt(point, true));
}

void DocumentView::mouseReleaseEvent(QMouseEvent*) {
    m_selecting = false;
}

void DocumentView::mouseDoubleClickEvent(QMouseEvent* event) {
    if (!m_document) return;
    const ByteRange word = wordAt(event->position().toPoint());
    m_selecting = false;
    m_anchorBegin = word.begin;
    m_anchorEnd = word.end;
    setSelection(word.begin, word.end);
}

void DocumentView::wheelEvent(QWheelEvent* event) {
    if (!(event->modifiers() & Qt::ControlModifier)) {
        QAbstractScrollArea::wheelEvent(event);
        return;
    }
    if (event->angleDelta().y() != 0) setZoom(zoom() * std::pow(kZoomStep, event->angleDelta().y() / 120.0));
    event->accept();
}

void DocumentView::contextMenuEvent(QContextMenuEvent* event) {
    if (!m_document) return;
    const bool mouse = event->reason() == QContextMenuEvent::Mouse;
    const QPoint keyboard = viewport()->mapToGlobal(viewport()->rect().center());
    emit menuRequested(mouse ? event->globalPos() : keyboard, mouse ? wordAt(event->pos()) : m_selection);
    event->accept();
}

void DocumentView::keyPressEvent(QKeyEvent* event) {
    if (extendSelection(event)) return;
    QScrollBar* bar = verticalScrollBar();
    switch (event->key()) {
        case Qt::Key_Home:
            bar->setValue(bar->minimum());
            break;
        case Qt::Key_End:
            bar->setValue(bar->maximum());
            break;
        case Qt::Key_Space:
        case Qt::Key_PageDown:
            bar->setValue(bar->value() + bar->pageStep() * 9 / 10);
            break;
        case Qt::Key_PageUp:
            bar->setValue(bar->value() - bar->pageStep() * 9 / 10);
            break;
        default:
            if (event->matches(QKeySequence::SelectAll)) {
                selectAll();
                return;
            }
            QAbstractScrollArea::keyPressEvent(event);
    }
}

}  // namespace kvasir
