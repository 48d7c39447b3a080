#include "ui/page_list.h"

#include <algorithm>
#include <cmath>

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QScrollBar>

#include "ui/mark_painter.h"
#include "ui/pin_painter.h"
#include "ui/theme.h"

namespace kvasir {
namespace {

constexpr int kCellWidth = 100, kCellHeight = 134;
constexpr int kPaperWidth = 84, kPaperHeight = 108;
constexpr int kMargin = 7;

}  // namespace

PageList::PageList(QWidget* parent) : QAbstractScrollArea(parent) {
    setObjectName("pageList");
    setAccessibleName(tr("Pages"));
    setFrameShape(QFrame::NoFrame);
    setFocusPolicy(Qt::StrongFocus);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    verticalScrollBar()->setSingleStep(30);
}

void PageList::setSource(DocumentView* view, PageImages* images, std::vector<QSizeF> sizes) {
    if (m_view) m_view->disconnect(this);
    if (m_images && m_images != images) {
        m_images->want(this, {}, 1);
        m_images->disconnect(this);
    }
    m_view = view;
    m_images = images;
    m_sizes = std::move(sizes);
    if (m_view) {
        m_current = m_view->currentPlace();
        connect(m_view, &DocumentView::placeChanged, this, &PageList::follow);
        connect(m_view, &DocumentView::marksChanged, viewport(), qOverload<>(&QWidget::update));
    }
    if (m_images)
        connect(m_images, &PageImages::imageReady, viewport(), qOverload<>(&QWidget::update),
                Qt::UniqueConnection);
    layOut();
    follow(m_current);
}

int PageList::columns() const {
    return std::max(1, (viewport()->width() - 2 * kMargin) / kCellWidth);
}

double PageList::imageScale() const {
    double widest = 1;
    for (const QSizeF& size : m_sizes)
        widest = std::max({widest, size.width(), size.height() * kPaperWidth / kPaperHeight});
    return kPaperWidth / widest * devicePixelRatioF();
}

void PageList::layOut() {
    const int rows = (static_cast<int>(m_sizes.size()) + columns() - 1) / columns();
    verticalScrollBar()->setPageStep(viewport()->height());
    verticalScrollBar()->setRange(0, std::max(0, rows * kCellHeight + 2 * kMargin - viewport()->height()));
    request();
    viewport()->update();
}

void PageList::resizeEvent(QResizeEvent* event) {
    QAbstractScrollArea::resizeEvent(event);
    layOut();
}

void PageList::scrollContentsBy(int, int) {
    request();
    viewport()->update();
}

QRect PageList::cellRect(int page) const {
    const int inner = viewport()->width() - 2 * kMargin;
    const int width = inner / columns();
    return {kMargin + (page % columns()) * width + (width - kCellWidth) / 2,
            kMargin + (page / columns()) * kCellHeight - verticalScrollBar()->value(), kCellWidth - 8,
            kCellHeight - 6};
}

void PageList::request() {
    if (!m_images || !isVisible()) return;
    std::vector<int> pages;
    for (int page = 0; page < static_cast<int>(m_sizes.size()); ++page)
        if (cellRect(page).intersects(viewport()->rect())) pages.push_back(page);
    m_images->want(this, pages, imageScale());
}

void PageList::follow(int page) {
    if (m_sizes.empty()) return;
    m_current = std::clamp(page, 0, static_cast<int>(m_sizes.size()) - 1);
    const QRect cell = cellRect(m_current);
    QScrollBar* bar = verticalScrollBar();
    if (cell.top() < 0) bar->setValue(bar->value() + cell.top() - kMargin);
    if (cell.bottom() > viewport()->height())
        bar->setValue(bar->value() + cell.bottom() - viewport()->height() + kMargin);
    request();
    viewport()->update();
}

void PageList::paintEvent(QPaintEvent*) {
    QPainter painter(viewport());
    painter.fillRect(viewport()->rect(), coloursOf(this).windowAlt);
    for (int page = 0; page < static_cast<int>(m_sizes.size()); ++page)
        if (cellRect(page).intersects(viewport()->rect())) paintCell(painter, page);
}

void PageList::paintCell(QPainter& painter, int page) {
    const Colours& colours = coloursOf(this);
    const QRect cell = cellRect(page);
    const bool current = page == m_current;
    if (current) painter.fillRect(cell, colours.accentWash);
    const QSizeF size = m_sizes[page].scaled(kPaperWidth, kPaperHeight, Qt::KeepAspectRatio);
    const QRect paper(cell.left() + (cell.width() - static_cast<int>(size.width())) / 2, cell.top() + 4,
                      static_cast<int>(size.width()), static_cast<int>(size.height()));
    painter.fillRect(paper, colours.paper);
    QImage image = m_images ? m_images->image(page, imageScale()) : QImage();
    if (image.isNull() && m_images) image = m_images->anyImage(page);
    painter.setRenderHint(QPainter::SmoothPixmapTransform, true);
    if (!image.isNull()) painter.drawImage(paper, image);
    paintRough(painter, paper, page);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(current ? colours.accent : colours.line, current ? 2 : 1));
    painter.drawRect(QRectF(paper).adjusted(-0.5, -0.5, 0.5, 0.5));
    paintShare(painter, cell, page);
    if (current && hasFocus()) {
        painter.setPen(QPen(colours.accent, 2));
        painter.drawRect(cell.adjusted(0, 0, -1, -1));
    }
}

void PageList::paintRough(QPainter& painter, const QRect& paper, int page) {
    const auto document = m_view ? m_view->document() : nullptr;
    if (!document || m_view->markMode() == MarkMode::Plain) return;
    const Colours& colours = coloursOf(this);
    if (page >= static_cast<int>(document->pages.size())) return;
    const auto index = static_cast<std::size_t>(page);
    const double scale = paper.width() / std::max(1.0, m_sizes[page].width());
    const auto onPaper = [&](const QRectF& r) {
        return QRectF(paper.left() + r.left() * scale, paper.top() + r.top() * scale, r.width() * scale,
                      std::max(2.0, r.height() * scale));
    };
    painter.save();
    painter.setClipRect(paper);
    if (const auto marks = m_view->marks()) {
        for (const DocumentMarks::CitedWords& cited : marks->cited()) {
            if (cited.page != page) continue;
            for (const QRectF& r : wordRects(*document, index, cited.firstWord, cited.lastWord))
                painter.fillRect(onPaper(r), colours.cited);
        }
    }
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(colours.pinned, 1));
    for (const PagePins::Pin& pin : pagePins(*document, m_view->pins(), index).pins) {
        QRectF around;
        for (const QRectF& line : pin.lines)
            around |= onPaper(line);
        painter.drawRect(around.adjusted(-1, -1, 1, 1));
    }
    painter.restore();
}

void PageList::paintShare(QPainter& painter, const QRect& cell, int page) {
    const Colours& colours = coloursOf(this);
    const auto marks = m_view ? m_view->marks() : nullptr;
    const bool current = page == m_current;
    painter.setFont(sizedFont(font(), -1.5, current));
    painter.setPen(colours.text);
    const QRect row(cell.left() + 4, cell.top() + kPaperHeight + 5, cell.width() - 8, 16);
    const QString number = QString::number(page + 1);
    const bool share = marks && marks->leftSomethingOut() && m_view->markMode() == MarkMode::Carried;
    painter.drawText(row, (share ? Qt::AlignLeft : Qt::AlignHCenter) | Qt::AlignVCenter, number);
    if (!share) return;
    const double value = marks->pageShare(static_cast<std::size_t>(page));
    const QString text = tr("%1 %").arg(percent(value));
    painter.drawText(row, Qt::AlignRight | Qt::AlignVCenter, text);
    const int left = row.left() + painter.fontMetrics().horizontalAdvance(number) + 4;
    const int right = row.right() - painter.fontMetrics().horizontalAdvance(text) - 4;
    const QRectF bar(left, row.center().y() - 2.0, std::max(6, right - left), 6);
    paintHatch(painter, bar.adjusted(1, 1, -1, -1), colours.hatch);
    painter.fillRect(QRectF(bar.left(), bar.top(), std::round(bar.width() * value), bar.height()),
                     colours.carried);
    painter.setPen(QPen(colours.hatch, 1));
    painter.setBrush(Qt::NoBrush);
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.drawRect(bar.adjusted(0, 0, -1, -1));
}

void PageList::mousePressEvent(QMouseEvent* event) {
    for (int page = 0; page < static_cast<int>(m_sizes.size()); ++page)
        if (m_view && cellRect(page).contains(event->position().toPoint())) return m_view->jumpToPlace(page);
}

void PageList::keyPressEvent(QKeyEvent* event) {
    int page = m_current;
    switch (event->key()) {
        case Qt::Key_Left:
            page -= 1;
            break;
        case Qt::Key_Right:
            page += 1;
            break;
        case Qt::Key_Up:
            page -= columns();
            break;
        case Qt::Key_Down:
            page += columns();
            break;
        default:
            QAbstractScrollArea::keyPressEvent(event);
            return;
    }
    if (m_view && page >= 0 && page < static_cast<int>(m_sizes.size())) m_view->jumpToPlace(page);
}

}  // namespace kvasir
