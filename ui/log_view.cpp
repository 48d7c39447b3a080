#include "ui/log_view.h"

#include <algorithm>
#include <cmath>
#include <span>

#include <QPaintEvent>
#include <QPainter>
#include <QScrollBar>

#include "ui/mark_painter.h"
#include "ui/pin_painter.h"

namespace kvasir {
namespace {

constexpr int kNumberLane = 26;  // citation numbers
constexpr int kGutterX = 27, kGutterWidth = 5;
constexpr int kTextGap = 12;

bool pinBegins(std::span<const ByteRange> pins, const TextRow& row) {
    return std::ranges::any_of(
        pins, [&](const ByteRange& pin) { return pin.begin >= row.begin && pin.begin < row.end; });
}

}  // namespace

LogView::LogView(QWidget* parent) : DocumentView(parent) {
    setObjectName("logView");
    setAccessibleName(tr("Document text"));
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOn);
    measure();
}

bool LogView::wraps() const {
    return document() && document()->kind != DocumentKind::Log;
}

void LogView::measure() {
    m_font = monospacedFont(font());
    m_font.setPointSizeF(std::max(4.0, m_font.pointSizeF() * m_zoom));
    const QFontMetricsF metrics(m_font);
    m_cell = metrics.horizontalAdvance(QString(64, u'0')) / 64;
    m_rowHeight = static_cast<int>(std::ceil(metrics.height())) + 4;
    const int digits = std::max(4, static_cast<int>(QString::number(placeCount()).size() * 4 / 3));
    m_textLeft = kGutterX + kGutterWidth + static_cast<int>(std::ceil((digits + 1) * m_cell)) + kTextGap;
}

void LogView::setDocument(std::shared_ptr<const Document> document) {
    DocumentView::setDocument(std::move(document));
    m_rows.clear();
    m_columns = -1;  // so that rows are made
    m_widestCells = 0;
    measure();
    if (this->document() && !wraps())
        for (const Line& line : this->document()->lines)
            m_widestCells = std::max(
                m_widestCells,
                cellsOf(std::string_view(this->document()->text).substr(line.begin, line.end - line.begin)));
    layOut(false);
}

void LogView::layOut(bool keepPlace) {
    if (!document()) return;
    const std::uint32_t topByte = m_rows.empty() ? 0 : m_rows[std::min(m_rows.size() - 1, rowAtY(0))].begin;
    const int columns =
        wraps() ? std::max(20, static_cast<int>((viewport()->width() - m_textLeft - 16) / m_cell)) : 0;
    if (columns != m_columns) {
        m_columns = columns;
        m_rows = textRows(*document(), columns);
    }
    const int pageRows = std::max(1, viewport()->height() / m_rowHeight);
    // The scroll bar counts pixels: wheel and touch pads scroll smoothly. 200,000 rows are 5 million of them.
    verticalScrollBar()->setSingleStep(m_rowHeight);
    verticalScrollBar()->setPageStep(viewport()->height());
    verticalScrollBar()->setRange(
        0, std::max<int>(0, static_cast<int>(m_rows.size()) * m_rowHeight - pageRows * m_rowHeight));
    const int width = wraps() ? 0 : m_textLeft + static_cast<int>((m_widestCells + 2) * m_cell);
    horizontalScrollBar()->setPageStep(viewport()->width());
    horizontalScrollBar()->setRange(0, std::max(0, width - viewport()->width()));
    if (keepPlace) verticalScrollBar()->setValue(static_cast<int>(rowOfByte(topByte)) * m_rowHeight);
    notifyPlace();
    viewport()->update();
    emit zoomChanged();
    emit layoutChanged();
}

void LogView::setZoom(double zoom) {
    m_zoom = std::clamp(zoom, 0.5, 4.0);
    measure();
    layOut(true);
}

void LogView::resizeEvent(QResizeEvent* event) {
    DocumentView::resizeEvent(event);
    layOut(true);
}

void LogView::changeEvent(QEvent* event) {
    DocumentView::changeEvent(event);
    if (event->type() != QEvent::FontChange) return;
    measure();
    layOut(true);
}

int LogView::placeCount() const {
    return document() ? static_cast<int>(document()->lines.size()) : 0;
}

std::size_t LogView::rowAtY(int y) const {
    return static_cast<std::size_t>(std::max(0, y + verticalScrollBar()->value())) / m_rowHeight;
}

int LogView::currentPlace() const {
    if (m_rows.empty()) return 0;
    return static_cast<int>(m_rows[std::min(m_rows.size() - 1, rowAtY(viewport()->height() / 3))].line);
}

std::pair<int, int> LogView::visibleLines() const {
    if (m_rows.empty()) return {0, 0};
    const auto line = [&](int y) {
        return static_cast<int>(m_rows[std::min(m_rows.size() - 1, rowAtY(y))].line);
    };
    return {line(0), line(viewport()->height() - m_rowHeight)};
}

std::size_t LogView::rowOfByte(std::uint32_t byte) const {
    const auto it = std::upper_bound(m_rows.begin(), m_rows.end(), byte,
                                     [](std::uint32_t b, const TextRow& row) { return b < row.begin; });
    return it == m_rows.begin() ? 0 : static_cast<std::size_t>(it - m_rows.begin()) - 1;
}

std::pair<double, double> LogView::extentOf(std::size_t line) const {
    if (m_rows.empty() || !document()) return {0, 0};
    const auto count = static_cast<double>(m_rows.size());
    const std::size_t first = wraps() ? rowOfByte(document()->lines[line].begin) : line;
    const std::size_t last = wraps() ? rowOfByte(document()->lines[line].end) : line;
    return {static_cast<double>(first) / count, (static_cast<double>(last) + 0.99) / count};
}

QRectF LogView::lineRect(std::size_t line) const {
    const double y = static_cast<double>(rowOfByte(document()->lines[line].begin)) * m_rowHeight -
                     verticalScrollBar()->value();
    return {0, y, static_cast<double>(viewport()->width()), static_cast<double>(m_rowHeight)};
}

void LogView::scrollToPlace(int place) {
    if (place < placeCount())
        scrollToRange({document()->lines[place].begin, document()->lines[place].begin + 1});
}

void LogView::scrollToRange(ByteRange range) {
    const std::size_t row = rowOfByte(range.begin);
    verticalScrollBar()->setValue(static_cast<int>(row) * m_rowHeight - viewport()->height() / 3);
    if (row >= m_rows.size()) return;
    const double x = xOf(m_rows[row], std::min(range.begin, m_rows[row].end));
    if (x < m_textLeft || x > viewport()->width() - 40)
        horizontalScrollBar()->setValue(
            static_cast<int>(x + horizontalScrollBar()->value() - m_textLeft - 40));
}

std::string_view LogView::rowText(const TextRow& row) const {
    return std::string_view(document()->text).substr(row.begin, row.end - row.begin);
}

double LogView::xOf(const TextRow& row, std::uint32_t byte) const {
    const std::string_view before = rowText(row).substr(0, byte - row.begin);
    return m_textLeft - horizontalScrollBar()->value() + cellsOf(before) * m_cell;
}

QRectF LogView::rangeRect(const TextRow& row, double y, std::uint32_t begin, std::uint32_t end) const {
    const double left = xOf(row, std::clamp(begin, row.begin, row.end));
    const double right = xOf(row, std::clamp(end, row.begin, row.end));
    return {left, y + 1, right - left, static_cast<double>(m_rowHeight) - 2};
}

std::uint32_t LogView::byteAt(QPoint point, bool) const {
    const std::size_t row = rowAtY(std::clamp(point.y(), 0, viewport()->height()));
    if (row >= m_rows.size()) return static_cast<std::uint32_t>(document()->text.size());
    const double x = point.x() - m_textLeft + horizontalScrollBar()->value();
    const int cell = static_cast<int>(std::floor(x / m_cell + 0.5));
    return m_rows[row].begin +
           static_cast<std::uint32_t>(byteInCell(rowText(m_rows[row]), std::max(0, cell)));
}

ByteRange LogView::wordAt(QPoint point) const {
    const std::uint32_t byte = byteAt(point, false);
    const auto [first, last] = document()->wordsIn(byte, byte + 1);
    if (first >= last) return {};
    return {document()->words[first].begin, document()->words[first].end};
}

// --------------------------------------------------------------------------------------------- painting

void LogView::paintEvent(QPaintEvent*) {
    const Colours& colours = coloursOf(this);
    QPainter painter(viewport());
    painter.fillRect(viewport()->rect(), colours.base);
    painter.setFont(m_font);
    if (!document()) return;
    for (std::size_t r = rowAtY(0); r < m_rows.size(); ++r) {
        const double y = static_cast<double>(r) * m_rowHeight - verticalScrollBar()->value();
        if (y >= viewport()->height()) break;
        paintRow(painter, m_rows[r], y);
    }
    if (markMode() != MarkMode::Plain) paintPins(painter);
    if (hasFocus()) {
        painter.setPen(QPen(colours.accent, 2));
        painter.drawRect(viewport()->rect().adjusted(1, 1, -1, -1));
    }
}

void LogView::paintRow(QPainter& painter, const TextRow& row, double y) {
    painter.save();
    painter.setClipRect(QRectF(m_textLeft - 4, y, viewport()->width(), m_rowHeight));
    if (pulseStrength() > 0 && pulseRange().begin < row.end && pulseRange().end > row.begin) {
        QColor wash = coloursOf(this).accentWash;
        painter.fillRect(QRectF(0, y, viewport()->width(), m_rowHeight), wash);
    }
    if (marks() && markMode() != MarkMode::Plain) paintWashes(painter, row, y);
    paintText(painter, row, y);
    paintRanges(painter, row, y);
    painter.restore();
    paintMargin(painter, row, y);
}

void LogView::paintMargin(QPainter& painter, const TextRow& row, double y) {
    const Colours& colours = coloursOf(this);
    const bool first = row.begin == document()->lines[row.line].begin;
    if (first) {
        painter.setPen(colours.secondary);
        const QRectF box(kGutterX + kGutterWidth, y, m_textLeft - kTextGap - kGutterX - kGutterWidth,
                         m_rowHeight);
        painter.drawText(box, Qt::AlignRight | Qt::AlignVCenter,
                         locale().toString(static_cast<qulonglong>(row.line) + 1));
    }
    if (!marks() || markMode() == MarkMode::Plain) return;
    if (markMode() == MarkMode::Carried && marks()->leftSomethingOut() && marks()->lineTokens(row.line) > 0)
        paintGutter(painter, QRectF(kGutterX, y + 2, kGutterWidth, m_rowHeight - 3),
                    marks()->lineShare(row.line), colours);
    if (markMode() == MarkMode::Carried && marks()->isLineUnread(row.line))
        paintUnreadGutter(painter, QRectF(kGutterX, y + 2, kGutterWidth, m_rowHeight - 3), colours);
    for (const DocumentMarks::CitedWords& cited : marks()->cited()) {
        const std::uint32_t begin = document()->words[cited.firstWord].begin;
        if (begin < row.begin || begin >= row.end) continue;
        painter.save();
        painter.setFont(sizedFont(font(), -1.5, true));
        const QString text = QString::number(cited.number);
        const double width = std::max(17.0, painter.fontMetrics().horizontalAdvance(text) + 8.0);
        const double right =
            kNumberLane - (pinBegins(pins(), row) ? 0 : 3);  // beside a pin there is less room
        paintNumber(painter, QRectF(right - width, y + (m_rowHeight - 17) / 2.0, width, 17), text, colours);
        painter.restore();
        break;
    }
}

/// Outlines around what is pinned, over the rows, and a pin beside the first row of each.
void LogView::paintPins(QPainter& painter) {
    const Colours& colours = coloursOf(this);
    const std::size_t top = rowAtY(0), bottom = rowAtY(viewport()->height());
    for (const ByteRange& pin : pins()) {
        std::vector<QRectF> lines;
        std::size_t row = std::max(rowOfByte(pin.begin), top > 0 ? top - 1 : 0);
        for (; row < m_rows.size() && row <= bottom + 1 && m_rows[row].begin < pin.end; ++row) {
            const double y = static_cast<double>(row) * m_rowHeight - verticalScrollBar()->value();
            const QRectF rect = rangeRect(m_rows[row], y, pin.begin, pin.end);
            if (rect.width() > 0) lines.push_back(rect.adjusted(0, 1, 0, -1));
            if (!pinBegins({&pin, 1}, m_rows[row])) continue;
            const bool numbered = marks() && std::ranges::any_of(marks()->cited(), [&](const auto& cited) {
                                      const std::uint32_t begin = document()->words[cited.firstWord].begin;
                                      return begin >= m_rows[row].begin && begin < m_rows[row].end;
                                  });
            const double side = numbered ? kNumberLane - 17 : 14;
            paintPinSign(painter, {numbered ? 0 : 7.0, y + (m_rowHeight - side) / 2, side, side}, colours);
        }
        if (lines.empty()) continue;
        painter.save();
        painter.setClipRect(QRectF(m_textLeft - 4, 0, viewport()->width(), viewport()->height()));
        paintPinOutline(painter, std::move(lines), colours);
        painter.restore();
    }
}

void LogView::paintWashes(QPainter& painter, const TextRow& row, double y) {
    const Colours& colours = coloursOf(this);
    const auto [first, last] = document()->wordsIn(row.begin, row.end);
    for (std::size_t w = first; w < last;) {
        const std::int32_t number = marks()->citedNumber(w);
        const bool carried = marks()->isCarried(w);
        std::size_t next = w + 1;
        while (next < last && marks()->citedNumber(next) == number && marks()->isCarried(next) == carried)
            ++next;
        const QRectF rect = rangeRect(row, y, document()->words[w].begin, document()->words[next - 1].end)
                                .adjusted(-1, 0, 1, 0);
        if (number > 0) {
            if (carried || !marks()->known()) painter.fillRect(rect, colours.citedWash);
            painter.fillRect(QRectF(rect.left(), rect.bottom() - 2, rect.width(), 2), colours.cited);
        } else if (carried && markMode() == MarkMode::Carried && marks()->leftSomethingOut()) {
            painter.fillRect(rect, colours.carriedWash);
        }
        w = next;
    }
}

void LogView::paintText(QPainter& painter, const TextRow& row, double y) {
    const Colours& colours = coloursOf(this);
    const bool veil = marks() && marks()->leftSomethingOut() && markMode() == MarkMode::Carried;
    if (!veil) {
        paintPiece(painter, row, y, row.begin, row.end, colours.text);
    } else {
        const auto [first, last] = document()->wordsIn(row.begin, row.end);
        for (std::size_t w = first; w < last; ++w) {
            const Word& word = document()->words[w];
            const bool pale = !marks()->isCarried(w) && !marks()->isUnread(w) && marks()->citedNumber(w) == 0;
            paintPiece(painter, row, y, std::max(word.begin, row.begin), std::min(word.end, row.end),
                       pale ? colours.notCarried : colours.ink);
        }
    }
    if (document()->kind != DocumentKind::Log) return;
    if (const auto level = levelOf(rowText(row))) paintLevel(painter, row, y, *level);
}

void LogView::paintPiece(QPainter& painter, const TextRow& row, double y, std::uint32_t begin,
                         std::uint32_t end, const QColor& colour) {
    painter.setPen(colour);
    const std::string_view text = rowText(row);
    const double baseline =
        y + (m_rowHeight - painter.fontMetrics().height()) / 2.0 + painter.fontMetrics().ascent();
    const int visibleCells =
        static_cast<int>((viewport()->width() + horizontalScrollBar()->value()) / m_cell) + 2;
    // Runs of one cell width: fallback fonts must not move what follows from its cell.
    std::size_t at = begin - row.begin;
    int cell = cellsOf(text.substr(0, at));
    while (at < end - row.begin && cell < visibleCells) {
        const auto lead = static_cast<unsigned char>(text[at]);
        std::size_t stop = at + 1;
        if (lead < 0x80 && lead != '\t') {
            while (stop < end - row.begin && static_cast<unsigned char>(text[stop]) < 0x80 &&
                   text[stop] != '\t')
                ++stop;
        } else {
            while (stop < end - row.begin && (static_cast<unsigned char>(text[stop]) & 0xC0U) == 0x80)
                ++stop;
        }
        const std::string_view piece = text.substr(at, stop - at);
        const double x = m_textLeft - horizontalScrollBar()->value() + cell * m_cell;
        if (piece != "\t")
            painter.drawText(QPointF(x, baseline),
                             QString::fromUtf8(piece.data(), static_cast<qsizetype>(piece.size())));
        cell += cellsOf(piece, cell);
        at = stop;
    }
}

void LogView::paintLevel(QPainter& painter, const TextRow& row, double y, const LevelWord& level) {
    if (level.level == LogLevel::Other) return;
    const Colours& colours = coloursOf(this);
    const bool error = level.level == LogLevel::Error;
    const auto begin = static_cast<std::uint32_t>(row.begin + level.begin);
    const auto end = static_cast<std::uint32_t>(row.begin + level.end);
    const QRectF chip = rangeRect(row, y, begin, end).adjusted(-3.5, 1.5, 3.5, -1.5);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing, true);
    painter.setPen(QPen(error ? colours.error : colours.warning, 1));
    painter.setBrush(error ? colours.errorGround : colours.warningGround);
    painter.drawRoundedRect(chip, 2, 2);
    painter.restore();
    QFont bold = m_font;
    bold.setBold(true);
    painter.setFont(bold);
    paintPiece(painter, row, y, begin, end, error ? colours.error : colours.warning);
    painter.setFont(m_font);
}

void LogView::paintRanges(QPainter& painter, const TextRow& row, double y) {
    const Colours& colours = coloursOf(this);
    painter.setBrush(Qt::NoBrush);
    const auto first = std::lower_bound(found().begin(), found().end(), row.begin,
                                        [](const ByteRange& r, std::uint32_t at) { return r.end <= at; });
    for (auto it = first; it != found().end() && it->begin < row.end; ++it) {
        const bool current = it - found().begin() == currentFound();
        painter.setPen(QPen(current ? colours.accent : colours.text, current ? 2 : 1));
        painter.drawRect(rangeRect(row, y, it->begin, it->end).adjusted(0, 1, 0, -1));
    }
    if (!selection().empty() && selection().begin < row.end && selection().end > row.begin) {
        QColor wash = colours.accent;
        wash.setAlpha(80);
        painter.fillRect(rangeRect(row, y, selection().begin, selection().end), wash);
    }
    const double pulse = pulseStrength();
    if (pulse > 0 && pulseRange().begin < row.end && pulseRange().end > row.begin) {
        QColor ring = colours.accent;
        ring.setAlphaF(static_cast<float>(pulse));
        painter.setPen(QPen(ring, 2));
        painter.drawRect(rangeRect(row, y, pulseRange().begin, pulseRange().end).adjusted(-2, 1, 2, -1));
    }
}

}  // namespace kvasir
