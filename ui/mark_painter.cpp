#include "ui/mark_painter.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <QPainterPath>

namespace kvasir {
namespace {

constexpr double kWashMargin = 0.9;  // points above and below the words
constexpr double kGutterWidth = 5;   // logical pixels
constexpr double kGutterGap = 22;
constexpr double kNumberGap = 20;
constexpr double kNumberHeight = 17;

QRectF rectOf(const Box& box) {
    return {QPointF(box.left, box.top), QPointF(box.right, box.bottom)};
}

enum class State : std::uint8_t { NotCarried, Carried, Cited, CitedOnly, Unread };

State stateOf(const DocumentMarks& marks, std::size_t word, std::int32_t number) {
    const bool carried = marks.isCarried(word);
    if (number > 0) return carried || !marks.known() ? State::Cited : State::CitedOnly;
    if (marks.isUnread(word)) return State::Unread;
    return carried ? State::Carried : State::NotCarried;
}

// Collects the words of one line into runs of one state.
class LineRuns {
public:
    LineRuns(PageMarks& marks, double top, double bottom) : m_marks(marks), m_top(top), m_bottom(bottom) {}
    ~LineRuns() { finish(); }
    LineRuns(const LineRuns&) = delete;
    LineRuns& operator=(const LineRuns&) = delete;

    void add(const QRectF& word, State state, std::int32_t number) {
        if (state == State::NotCarried) m_marks.veils.push_back(word);
        const bool joins = m_open && state == m_state && number == m_number;
        if (!joins) {
            finish();
            m_left = word.left();
        }
        m_open = true;
        m_state = state;
        m_number = number;
        m_right = std::max(joins ? m_right : word.right(), word.right());
    }

private:
    void finish() {
        if (!m_open) return;
        const QRectF rect(QPointF(m_left, m_top - kWashMargin), QPointF(m_right, m_bottom + kWashMargin));
        if (m_state == State::Carried) m_marks.carriedWashes.push_back(rect);
        if (m_state == State::Cited || m_state == State::CitedOnly)
            m_marks.cited.push_back({rect, m_number, m_state == State::Cited});
        m_open = false;
    }

    PageMarks& m_marks;
    double m_top, m_bottom;
    double m_left = 0, m_right = 0;
    bool m_open = false;
    State m_state = State::NotCarried;
    std::int32_t m_number = 0;
};

QRectF lineRect(const Document& document, const Line& line) {
    QRectF rect;
    for (std::size_t w = line.firstWord; w < line.lastWord; ++w)
        rect |= rectOf(document.words[w].box);
    return rect;
}

QRectF scaled(const QRectF& rect, double scale) {
    return {rect.left() * scale, rect.top() * scale, rect.width() * scale, rect.height() * scale};
}

// What to paint with so that `wash` comes out over `paper`: washes are given as they look on the page.
QColor screenSource(const QColor& paper, const QColor& wash) {
    const auto channel = [](double p, double w) {
        return p >= 1 ? 0.0 : std::clamp(1 - (1 - w) / (1 - p), 0.0, 1.0);
    };
    return QColor::fromRgbF(static_cast<float>(channel(paper.redF(), wash.redF())),
                            static_cast<float>(channel(paper.greenF(), wash.greenF())),
                            static_cast<float>(channel(paper.blueF(), wash.blueF())));
}

// One path for all rectangles: lines that overlap are not washed twice.
QPainterPath pathOf(const std::vector<QRectF>& rects, double scale) {
    QPainterPath path;
    path.setFillRule(Qt::WindingFill);
    for (const QRectF& rect : rects)
        path.addRect(scaled(rect, scale));
    return path;
}

void paintWash(QPainter& painter, const QPainterPath& path, const QColor& wash, const MarkStyle& style) {
    painter.setCompositionMode(style.darkPage ? QPainter::CompositionMode_Screen
                                              : QPainter::CompositionMode_Multiply);
    painter.fillPath(path, style.darkPage ? screenSource(style.colours->paper, wash) : wash);
    painter.setCompositionMode(QPainter::CompositionMode_SourceOver);
}

void paintWords(QPainter& painter, const PageMarks& marks, const MarkStyle& style) {
    const Colours& colours = *style.colours;
    const bool carriedToo = style.mode == MarkMode::Carried && style.zoom >= 0.6;
    if (carriedToo) {
        QColor veil = style.darkPage ? colours.paper : QColor(Qt::white);
        veil.setAlphaF(static_cast<float>(style.darkPage ? darkColours().veil : lightColours().veil));
        painter.fillPath(pathOf(marks.veils, style.scale), veil);
        paintWash(painter, pathOf(marks.carriedWashes, style.scale), colours.carriedWash, style);
    }
    std::vector<QRectF> washes;
    for (const PageMarks::Cited& cited : marks.cited)
        if (cited.carried) washes.push_back(cited.rect);
    paintWash(painter, pathOf(washes, style.scale), colours.citedWash, style);
    for (const PageMarks::Cited& cited : marks.cited) {
        const QRectF rect = scaled(cited.rect, style.scale);
        const double top = std::round(rect.bottom()) - 1;
        painter.fillRect(QRectF(rect.left(), top, rect.width(), 2), colours.cited);
    }
}

void paintMargins(QPainter& painter, const PageMarks& marks, const QSizeF& pagePoints,
                  const MarkStyle& style) {
    const Colours& colours = *style.colours;
    if (style.mode == MarkMode::Carried) {
        const double x =
            std::max(3.0, std::round(marks.text.left() * style.scale - kGutterGap - kGutterWidth));
        for (const PageMarks::Gutter& gutter : marks.gutters) {
            const QRectF line = scaled(gutter.line, style.scale);
            const QRectF bar(x, std::round(line.top()), kGutterWidth,
                             std::max(3.0, std::round(line.height()) - 1));
            if (gutter.unread) {
                paintUnreadGutter(painter, bar, colours);
            } else {
                paintGutter(painter, bar, gutter.share, colours);
            }
        }
    }
    const double right = pagePoints.width() * style.scale;
    QFont font = sizedFont(painter.font(), -1.5, true);
    painter.setFont(font);
    double free = -1e9;  // numbers of neighbouring lines must not cover each other
    for (const PageMarks::Number& number : marks.numbers) {
        const QString text = QString::number(number.number);
        const double width = std::max(17.0, painter.fontMetrics().horizontalAdvance(text) + 9.0);
        const double x = std::min(marks.text.right() * style.scale + kNumberGap, right - width - 3);
        const double y = std::max(std::round(number.top * style.scale), free);
        paintNumber(painter, QRectF(std::round(x), y, width, kNumberHeight), text, colours);
        free = y + kNumberHeight + 2;
    }
}

}  // namespace

PageMarks pageMarks(const DocumentMarks& marks, std::size_t pageIndex) {
    PageMarks result;
    const Document& document = marks.document();
    const Page& page = document.pages[pageIndex];
    result.share = marks.pageShare(pageIndex);
    std::set<std::int32_t> numbered;
    for (std::size_t l = page.firstLine; l < page.lastLine; ++l) {
        const Line& line = document.lines[l];
        const QRectF rect = lineRect(document, line);
        if (rect.isEmpty()) continue;
        result.text |= rect;
        if (marks.leftSomethingOut() && marks.lineTokens(l) > 0)
            result.gutters.push_back({rect, marks.lineShare(l), false});
        if (marks.isLineUnread(l)) result.gutters.push_back({rect, 0, true});
        if (!marks.leftSomethingOut() && marks.cited().empty()) continue;
        LineRuns runs(result, rect.top(), rect.bottom());
        for (std::size_t w = line.firstWord; w < line.lastWord; ++w) {
            const std::int32_t number = marks.citedNumber(w);
            runs.add(rectOf(document.words[w].box), stateOf(marks, w, number), number);
            if (number > 0 && numbered.insert(number).second) result.numbers.push_back({rect.top(), number});
        }
    }
    if (!marks.leftSomethingOut()) {
        result.veils.clear();
        result.carriedWashes.clear();
    }
    return result;
}

void paintPageMarks(QPainter& painter, const PageMarks& marks, const QSizeF& pagePoints,
                    const MarkStyle& style) {
    if (style.mode == MarkMode::Plain || marks.text.isEmpty()) return;
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing, false);
    if (style.zoom < 0.35) {
        if (style.mode == MarkMode::Carried && !marks.gutters.empty()) {
            const double height = std::round(pagePoints.height() * style.scale) - 8;
            paintGutter(painter, QRectF(3, 4, kGutterWidth, height), marks.share, *style.colours);
        }
    } else {
        paintMargins(painter, marks, pagePoints, style);
    }
    paintWords(painter, marks, style);
    painter.restore();
}

void paintHatch(QPainter& painter, const QRectF& rect, const QColor& colour) {
    painter.save();
    painter.setClipRect(rect, Qt::IntersectClip);
    painter.setPen(QPen(colour, 1));
    painter.setRenderHint(QPainter::Antialiasing, true);
    for (double x = rect.left() - rect.height(); x < rect.right(); x += 3.5)
        painter.drawLine(QPointF(x, rect.bottom()), QPointF(x + rect.height(), rect.top()));
    painter.restore();
}

void paintGutter(QPainter& painter, const QRectF& bar, double share, const Colours& colours) {
    const double solid = share >= 1 ? bar.height() : std::round(bar.height() * share);
    if (solid < bar.height()) {
        paintHatch(painter, bar.adjusted(1, 1, -1, -1), colours.hatch);
        painter.setPen(QPen(colours.hatch, 1));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(bar.adjusted(0.5, 0.5, -0.5, -0.5));
    }
    if (solid > 0)
        painter.fillRect(QRectF(bar.left(), bar.bottom() - solid, bar.width(), solid), colours.carried);
}

void paintUnreadGutter(QPainter& painter, const QRectF& bar, const Colours& colours) {
    painter.setPen(QPen(colours.hatch, 1, Qt::DotLine));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(bar.adjusted(0.5, 0.5, -0.5, -0.5));
}

void paintNumber(QPainter& painter, const QRectF& box, const QString& number, const Colours& colours) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing, true);
    painter.setPen(QPen(colours.cited, 1));
    painter.setBrush(colours.citedWash);
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2);
    painter.setPen(colours.citedText);
    painter.drawText(box, Qt::AlignCenter, number);
    painter.restore();
}

std::vector<QRectF> wordRects(const Document& document, std::size_t pageIndex, std::size_t first,
                              std::size_t last) {
    std::vector<QRectF> rects;
    const Page& page = document.pages[pageIndex];
    for (std::size_t l = page.firstLine; l < page.lastLine; ++l) {
        const Line& line = document.lines[l];
        const std::size_t from = std::max<std::size_t>(first, line.firstWord);
        const std::size_t to = std::min<std::size_t>(last, line.lastWord);
        QRectF rect;
        for (std::size_t w = from; w < to; ++w)
            rect |= rectOf(document.words[w].box);
        if (!rect.isEmpty()) rects.push_back(rect);
    }
    return rects;
}

}  // namespace kvasir
