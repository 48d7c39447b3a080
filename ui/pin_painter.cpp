#include "ui/pin_painter.h"

#include <algorithm>
#include <cmath>

#include <QPainterPath>

#include "ui/icons.h"

namespace kvasir {
namespace {

constexpr double kLineWidth = 1.6;                         // logical pixels
constexpr double kDash = 2.4, kGap = 1.7;                  // of the line's width
constexpr double kMarginX = 2.5, kMarginY = 1;             // around the words
constexpr double kSignGap = 20, kSign = 15, kBeside = 24;  // the pin; beside a citation's number
constexpr double kNumberHeight = 19;                       // of such a number, with its distance

QPen dashed(const Colours& colours) {
    QPen pen(colours.pinned, kLineWidth, Qt::CustomDashLine, Qt::FlatCap, Qt::MiterJoin);
    pen.setDashPattern({kDash, kGap});
    return pen;
}

}  // namespace

PagePins pagePins(const Document& document, std::span<const ByteRange> pins, std::size_t pageIndex) {
    PagePins result;
    const Page& page = document.pages[pageIndex];
    for (const ByteRange& pin : pins) {
        if (pin.end <= page.begin || pin.begin >= page.end) continue;
        const auto [first, last] = document.wordsIn(pin.begin, pin.end);
        PagePins::Pin found;
        found.lines = wordRects(document, pageIndex, first, last);
        found.begins = pin.begin >= page.begin;
        if (!found.lines.empty()) result.pins.push_back(std::move(found));
    }
    if (result.pins.empty()) return result;
    for (const QRectF& line : wordRects(document, pageIndex, 0, document.words.size()))
        result.text |= line;
    return result;
}

void paintPagePins(QPainter& painter, const PagePins& pins, const PageMarks* marks, const QSizeF& pagePoints,
                   const MarkStyle& style) {
    if (style.mode == MarkMode::Plain || style.zoom < 0.6) return;
    const auto scaled = [&](const QRectF& rect) {
        return QRectF(rect.left() * style.scale, rect.top() * style.scale, rect.width() * style.scale,
                      rect.height() * style.scale);
    };
    for (const PagePins::Pin& pin : pins.pins) {
        std::vector<QRectF> lines;
        lines.reserve(pin.lines.size());
        for (const QRectF& line : pin.lines)
            lines.push_back(scaled(line));
        const double top = std::round(lines.front().top());
        paintPinOutline(painter, std::move(lines), *style.colours);
        if (!pin.begins) continue;
        const bool beside =
            marks != nullptr && std::ranges::any_of(marks->numbers, [&](const PageMarks::Number& number) {
                return std::abs(number.top * style.scale - top) < kNumberHeight;
            });
        const double wanted = pins.text.right() * style.scale + kSignGap + (beside ? kBeside : 0);
        const double x = std::min(wanted, pagePoints.width() * style.scale - kSign - 2);
        paintPinSign(painter, {std::round(x), top, kSign, kSign}, *style.colours);
    }
}

void paintPinOutline(QPainter& painter, std::vector<QRectF> lines, const Colours& colours) {
    QPainterPath path;
    for (QRectF& line : lines)
        line.adjust(-kMarginX, -kMarginY, kMarginX, kMarginY);
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
        // Up to the next line, a little into it, so that both become one shape.
        const double middle = (lines[i].bottom() + lines[i + 1].top()) / 2;
        if (lines[i + 1].top() < lines[i].top()) continue;  // the next column
        lines[i].setBottom(middle + 0.25);
        lines[i + 1].setTop(middle - 0.25);
    }
    path.setFillRule(Qt::WindingFill);
    for (const QRectF& line : lines)
        path.addRect(line);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing, true);
    painter.setPen(dashed(colours));
    painter.setBrush(Qt::NoBrush);
    painter.drawPath(path.simplified());
    painter.restore();
}

void paintPinSign(QPainter& painter, const QRectF& box, const Colours& colours) {
    paintIcon(painter, "pin", box, colours.pinned);
}

void paintPinSquare(QPainter& painter, QPointF centre, const Colours& colours) {
    constexpr double kHalf = 3.2;
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing, true);
    painter.setPen(QPen(colours.pinned, kLineWidth, Qt::SolidLine, Qt::FlatCap, Qt::MiterJoin));
    painter.setBrush(colours.windowAlt);
    painter.drawRect(QRectF(centre.x() - kHalf, centre.y() - kHalf, 2 * kHalf, 2 * kHalf));
    painter.restore();
}

}  // namespace kvasir
