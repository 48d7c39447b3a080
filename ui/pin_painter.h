// Pinned passages: a dashed outline around them and a pin in the margin.
#pragma once

#include <span>
#include <vector>

#include <QPainter>
#include <QRectF>
#include <QSizeF>

#include "app/document.h"
#include "ui/mark_painter.h"

namespace kvasir {

/// What is pinned on one page; rectangles in points from the page's top left corner.
struct PagePins {
    struct Pin {
        std::vector<QRectF> lines;  ///< the pinned words of each line, from above
        bool begins = false;        ///< the passage begins on this page: here stands the pin
    };
    std::vector<Pin> pins;
    QRectF text;  ///< around all words of the page
};

/// `pins`: ascending and apart.
PagePins pagePins(const Document& document, std::span<const ByteRange> pins, std::size_t page);

/// Paints over a page image whose top left corner is the painter's origin. A pin stands beside the numbers of
/// citations (`marks`, may be null), not over them. Nothing below 60 % zoom, and nothing in Plain.
void paintPagePins(QPainter& painter, const PagePins& pins, const PageMarks* marks, const QSizeF& pagePoints,
                   const MarkStyle& style);

/// One outline around the lines of a passage (logical pixels, from above): lines that lie over one another
/// are one shape.
void paintPinOutline(QPainter& painter, std::vector<QRectF> lines, const Colours& colours);
void paintPinSign(QPainter& painter, const QRectF& box, const Colours& colours);
/// The sign of the strip beside the scroll bar.
void paintPinSquare(QPainter& painter, QPointF centre, const Colours& colours);

}  // namespace kvasir
