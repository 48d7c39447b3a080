// Marks of one page: first a pure function to rectangles in points, then the painting of them.
#pragma once

#include <vector>

#include <QPainter>
#include <QRectF>
#include <QString>

#include "ui/document_marks.h"
#include "ui/theme.h"

namespace kvasir {

/// Rectangles in points from the page's top left corner.
struct PageMarks {
    struct Cited {
        QRectF rect;
        std::int32_t number = 0;
        bool carried = true;  ///< false: underline without wash
    };
    struct Gutter {
        QRectF line;          ///< the words of the line
        double share = 0;     ///< carried, 0..1
        bool unread = false;  ///< not read yet
    };
    struct Number {
        double top = 0;  ///< of the line where the cited place begins
        std::int32_t number = 0;
    };
    std::vector<QRectF> veils;          ///< words not carried, when that is known
    std::vector<QRectF> carriedWashes;  ///< joined across the space between neighbours of one line
    std::vector<Cited> cited;           ///< joined likewise; beats carried
    std::vector<Gutter> gutters;        ///< one a line that has tokens
    std::vector<Number> numbers;
    QRectF text;  ///< around all words; empty on a page without words
    double share = 0;
};

/// The marks of page `page` (0-based). Never throws on a page without words.
PageMarks pageMarks(const DocumentMarks& marks, std::size_t page);

struct MarkStyle {
    const Colours* colours = nullptr;
    bool darkPage = false;  ///< the page image is recoloured: washes lighten instead of darken
    double scale = 1;       ///< logical pixels a point
    double zoom = 1;        ///< 1 = 100 %; below 0.6 gutter and cited only, below 0.35 the page's share
    MarkMode mode = MarkMode::Citations;
};

/// Paints over a page image whose top left corner is the painter's origin. Order: veil, washes, underline,
/// then gutter and numbers beside the text.
void paintPageMarks(QPainter& painter, const PageMarks& marks, const QSizeF& pagePoints,
                    const MarkStyle& style);

/// Gutter bar: outlined and hatched, solid from below for the share carried.
void paintGutter(QPainter& painter, const QRectF& bar, double share, const Colours& colours);
/// Gutter of what was not read yet: an empty dotted outline.
void paintUnreadGutter(QPainter& painter, const QRectF& bar, const Colours& colours);
/// Number of a citation, as in the chip of the answer.
void paintNumber(QPainter& painter, const QRectF& box, const QString& number, const Colours& colours);
/// The hatch of 'not carried' (45 degrees, 3 pixels).
void paintHatch(QPainter& painter, const QRectF& rect, const QColor& colour);

/// The rectangles, joined along lines, of words [first, last) that lie on `page`, in points.
std::vector<QRectF> wordRects(const Document& document, std::size_t page, std::size_t first,
                              std::size_t last);

}  // namespace kvasir
