#include "ui/heat_strip.h"

#include <algorithm>
#include <cmath>

#include <QAccessibleWidget>
#include <QApplication>
#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <QScrollBar>
#include <QToolTip>

#include "ui/pin_painter.h"
#include "ui/theme.h"

namespace kvasir {
namespace {

constexpr int kLaneLeft = 3, kLaneWidth = 15;  // carried; signs stand right of it
constexpr int kSignCentre = 25;

QAccessibleInterface* stripInterface(const QString& className, QObject* object) {
    if (className != QLatin1String("kvasir::HeatStrip")) return nullptr;
    return new QAccessibleWidget(static_cast<QWidget*>(object), QAccessible::Slider,
                                 static_cast<QWidget*>(object)->accessibleName());
}

}  // namespace

std::vector<float> stripShares(const DocumentView& view, int rows) {
    std::vector<float> shares(static_cast<std::size_t>(std::max(0, rows)), 0.0F);
    const auto& marks = view.marks();
    if (!marks || !marks->leftSomethingOut() || rows <= 0) return shares;
    std::vector<double> tokens(shares.size(), 0), carried(shares.size(), 0);
    for (std::size_t l = 0; l < marks->document().lines.size(); ++l) {
        const std::uint32_t count = marks->lineTokens(l);
        if (count == 0) continue;
        const auto [top, bottom] = view.extentOf(l);
        const int first = std::clamp(static_cast<int>(top * rows), 0, rows - 1);
        const int last = std::clamp(static_cast<int>(bottom * rows), first, rows - 1);
        for (int row = first; row <= last; ++row) {
            tokens[row] += count;
            carried[row] += count * marks->lineShare(l);
        }
    }
    for (int row = 0; row < rows; ++row)
        if (tokens[row] > 0) shares[row] = static_cast<float>(carried[row] / tokens[row]);
    return shares;
}

std::vector<bool> stripUnread(const DocumentView& view, int rows) {
    std::vector<bool> unread(static_cast<std::size_t>(std::max(0, rows)), false);
    const auto& marks = view.marks();
    if (!marks || marks->readShare() >= 1 || rows <= 0) return unread;
    for (std::size_t l = 0; l < marks->document().lines.size(); ++l) {
        if (!marks->isLineUnread(l)) continue;
        const auto [top, bottom] = view.extentOf(l);
        const int first = std::clamp(static_cast<int>(top * rows), 0, rows - 1);
        const int last = std::clamp(static_cast<int>(bottom * rows), first, rows - 1);
        for (int row = first; row <= last; ++row)
            unread[static_cast<std::size_t>(row)] = true;
    }
    return unread;
}

HeatStrip::HeatStrip(DocumentView& view, QWidget* parent) : QWidget(parent), m_view(view) {
    setObjectName("heatStrip");
    setFixedWidth(kWidth);
    setFocusPolicy(Qt::TabFocus);
    setMouseTracking(true);
    const auto stale = [this] {
        m_stale = true;
        describe();
        update();
    };
    connect(&view, &DocumentView::marksChanged, this, stale);
    connect(&view, &DocumentView::zoomChanged, this, stale);
    connect(&view, &DocumentView::layoutChanged, this, qOverload<>(&QWidget::update));
    connect(&view, &DocumentView::placeChanged, this, &HeatStrip::describe);
    describe();
}

void HeatStrip::installAccessibility() {
    QAccessible::installFactory(stripInterface);
}

double HeatStrip::yOf(double share) const {
    return share * height();
}

QString HeatStrip::describePlace(int place) const {
    const auto document = m_view.document();
    if (document && document->kind != DocumentKind::Pdf)
        return tr("Line %1").arg(locale().toString(place + 1));
    QString text = tr("Page %1").arg(place + 1);
    const auto marks = m_view.marks();
    if (marks && marks->known()) text += tr(", %1 % carried").arg(percent(marks->pageShare(place)));
    const int cited = marks ? marks->citedOnPage(static_cast<std::size_t>(place)) : 0;
    if (cited > 0) text += tr(", %1 cited").arg(cited);
    const int pinned = pinnedOnPage(place);
    if (pinned > 0) text += tr(", %1 pinned").arg(pinned);
    return text;
}

int HeatStrip::pinnedOnPage(int place) const {
    const auto document = m_view.document();
    if (!document || place >= static_cast<int>(document->pages.size())) return 0;
    const Page& page = document->pages[static_cast<std::size_t>(place)];
    return static_cast<int>(std::ranges::count_if(
        m_view.pins(), [&](const ByteRange& pin) { return pin.begin < page.end && pin.end > page.begin; }));
}

void HeatStrip::describe() {
    const int place = m_view.currentPlace(), count = m_view.placeCount();
    if (count == 0) {
        setAccessibleName(tr("Heat strip"));
        return;
    }
    const auto document = m_view.document();
    const auto marks = m_view.marks();
    const bool pages = !document || document->kind == DocumentKind::Pdf;
    QString name = pages ? tr("Heat strip, page %1 of %2").arg(place + 1).arg(count)
                         : tr("Heat strip, line %1 of %2").arg(place + 1).arg(count);
    if (pages && marks && marks->known())
        name += tr(", %1 percent carried").arg(percent(marks->pageShare(static_cast<std::size_t>(place))));
    const int pinned = pages ? pinnedOnPage(place) : 0;
    if (pinned > 0) name += tr(", %1 pinned").arg(pinned);
    setAccessibleName(name);
}

void HeatStrip::recompute() {
    m_shares = stripShares(m_view, height());
    m_unread = stripUnread(m_view, height());
    m_stale = false;
}

void HeatStrip::resizeEvent(QResizeEvent*) {
    m_stale = true;
}

void HeatStrip::paintEvent(QPaintEvent*) {
    if (m_stale) recompute();
    const Colours& colours = coloursOf(this);
    QPainter painter(this);
    painter.fillRect(rect(), colours.windowAlt);
    painter.fillRect(QRect(2, 0, kLaneWidth + 2, height()), colours.base);
    painter.fillRect(QRect(0, 0, 1, height()), colours.line);
    const bool plain = m_view.markMode() == MarkMode::Plain;
    if (!plain)
        for (std::size_t row = 0; row < m_shares.size(); ++row)
            if (m_shares[row] > 0)
                painter.fillRect(QRectF(kLaneLeft, static_cast<double>(row),
                                        std::max(1.0, std::round(1.0 * m_shares[row] * kLaneWidth)), 1),
                                 colours.carried);
    for (std::size_t row = 0; !plain && row < m_unread.size(); ++row) {
        if (!m_unread[row] || row % 4 > 1) continue;
        painter.fillRect(QRectF(kLaneLeft, static_cast<double>(row), 1, 1), colours.hatch);
        painter.fillRect(QRectF(kLaneLeft + kLaneWidth - 1, static_cast<double>(row), 1, 1), colours.hatch);
    }
    const auto [top, bottom] = m_view.visibleExtent();
    const double y = std::round(yOf(top)), h = std::max(7.0, std::round(yOf(bottom) - yOf(top)));
    painter.setRenderHint(QPainter::Antialiasing, true);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(colours.text, 1.6));
    painter.drawRoundedRect(QRectF(1, std::min(y, height() - h), kWidth - 3, h).adjusted(0, 1, 0, -1), 1, 1);
    if (!plain) paintPinned(painter);
    if (!plain) paintCited(painter);
    paintFound(painter);
    if (hasFocus()) {
        painter.setPen(QPen(colours.accent, 2));
        painter.drawRect(rect().adjusted(1, 1, -1, -1));
    }
}

void HeatStrip::paintCited(QPainter& painter) const {
    const auto marks = m_view.marks();
    if (!marks) return;
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing, true);
    painter.setPen(Qt::NoPen);
    painter.setBrush(coloursOf(this).cited);
    const Document& document = marks->document();
    for (const DocumentMarks::CitedWords& cited : marks->cited()) {
        const double y = yOfByte(document, document.words[cited.firstWord].begin);
        QPainterPath triangle({kSignCentre - 4.0, y});
        triangle.lineTo(kSignCentre + 4.0, y - 4.5);
        triangle.lineTo(kSignCentre + 4.0, y + 4.5);
        painter.drawPath(triangle);
    }
    painter.restore();
}

void HeatStrip::paintPinned(QPainter& painter) const {
    constexpr double kSignHeight = 9;
    const auto document = m_view.document();
    if (!document) return;
    std::vector<double> taken;  // by citations
    if (const auto marks = m_view.marks()) {
        for (const DocumentMarks::CitedWords& cited : marks->cited())
            taken.push_back(yOfByte(*document, document->words[cited.firstWord].begin));
    }
    std::ranges::sort(taken);
    for (const ByteRange& pin : m_view.pins()) {
        double y = yOfByte(*document, pin.begin);
        for (const double other : taken) {
            if (std::abs(other - y) < kSignHeight - 1) y = other + kSignHeight;  // below it
        }
        paintPinSquare(painter, {kSignCentre, std::min(y, height() - 5.0)}, coloursOf(this));
    }
}

/// The middle of the byte's line on the strip.
double HeatStrip::yOfByte(const Document& document, std::uint32_t byte) const {
    const auto [top, bottom] = m_view.extentOf(document.lineAt(byte));
    return yOf((top + bottom) / 2);
}

void HeatStrip::paintFound(QPainter& painter) const {
    const auto document = m_view.document();
    if (!document) return;
    double last = -10;
    for (const ByteRange& range : m_view.found()) {
        const auto [top, bottom] = m_view.extentOf(document->lineAt(range.begin));
        const double y = std::round(yOf((top + bottom) / 2));
        if (y - last < 2) continue;  // two rows apart at least: lines stay lines
        painter.fillRect(QRectF(kLaneLeft + kLaneWidth + 2, y, 11, 1.5), coloursOf(this).text);
        last = y;
    }
}

void HeatStrip::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) m_view.scrollToShare(event->position().y() / height());
}

void HeatStrip::mouseMoveEvent(QMouseEvent* event) {
    if (event->buttons() & Qt::LeftButton) m_view.scrollToShare(event->position().y() / height());
}

void HeatStrip::wheelEvent(QWheelEvent* event) {
    QApplication::sendEvent(m_view.verticalScrollBar(), event);
}

void HeatStrip::keyPressEvent(QKeyEvent* event) {
    const auto [top, bottom] = m_view.visibleExtent();
    const double middle = (top + bottom) / 2, page = bottom - top;
    switch (event->key()) {
        case Qt::Key_Up:
            m_view.scrollToShare(middle - page / 4);
            break;
        case Qt::Key_Down:
            m_view.scrollToShare(middle + page / 4);
            break;
        case Qt::Key_PageUp:
            m_view.scrollToShare(middle - page);
            break;
        case Qt::Key_PageDown:
            m_view.scrollToShare(middle + page);
            break;
        case Qt::Key_Home:
            m_view.scrollToShare(0);
            break;
        case Qt::Key_End:
            m_view.scrollToShare(1);
            break;
        default:
            QWidget::keyPressEvent(event);
    }
}

bool HeatStrip::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip || m_view.placeCount() == 0 || !m_view.document())
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const double share = std::clamp(help->pos().y() / static_cast<double>(height()), 0.0, 0.9999);
    const Document& document = *m_view.document();
    // The line whose height is next; a page or a line for people.
    std::size_t low = 0, high = document.lines.size();
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (m_view.extentOf(middle).second < share)
            low = middle + 1;
        else
            high = middle;
    }
    if (low >= document.lines.size()) low = document.lines.empty() ? 0 : document.lines.size() - 1;
    const bool pages = document.kind == DocumentKind::Pdf;
    const std::size_t place = document.lines.empty() ? 0
                              : pages                ? document.pageAt(document.lines[low].begin)
                                                     : low;
    QToolTip::showText(help->globalPos(), describePlace(static_cast<int>(place)), this);
    return true;
}

}  // namespace kvasir
