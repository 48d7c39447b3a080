#include "ui/page_view.h"

#include <algorithm>
#include <cmath>

#include <QHelpEvent>
#include <QPaintEvent>
#include <QPainter>
#include <QScrollBar>
#include <QToolTip>

#include "ui/pin_painter.h"

namespace kvasir {
namespace {

constexpr double kPageGap = 12;
constexpr double kSideMargin = 14;
constexpr double kLargestImage = 16e6;  // pixels; above it the image is stretched
constexpr std::size_t kMarkPages = 64;  // pages whose rectangles are kept

}  // namespace

PageView::PageView(PageImages& images, QWidget* parent) : DocumentView(parent), m_images(images) {
    setObjectName("pageView");
    setAccessibleName(tr("Document page"));
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOn);
    viewport()->setAttribute(Qt::WA_OpaquePaintEvent);
    viewport()->setMouseTracking(true);
    verticalScrollBar()->setSingleStep(40);
    horizontalScrollBar()->setSingleStep(40);
    connect(&images, &PageImages::imageReady, this, [this](int page) {
        const PageSpan span = visiblePages();
        if (page >= span.first && page <= span.last) viewport()->update();
    });
    applyRecolouring();
}

bool PageView::darkPages() const {
    return coloursOf(this).dark && !m_paperWhite;
}

void PageView::applyRecolouring() {
    const Colours& colours = coloursOf(this);
    if (darkPages())
        m_images.setRecolouring(colours.paper, colours.ink);
    else
        m_images.setRecolouring({}, {});
    viewport()->update();
}

void PageView::setPaperWhite(bool white) {
    m_paperWhite = white;
    applyRecolouring();
}

void PageView::changeEvent(QEvent* event) {
    DocumentView::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) applyRecolouring();
}

void PageView::setPages(std::vector<QSizeF> sizes) {
    m_sizes = std::move(sizes);
    layOut(true);
}

void PageView::setDocument(std::shared_ptr<const Document> document) {
    DocumentView::setDocument(document);
    m_pageMarks.clear();
    if (!document) return;
    std::vector<QSizeF> sizes;
    for (const Page& page : document->pages)
        sizes.emplace_back(page.width, page.height);
    if (sizes != m_sizes) setPages(std::move(sizes));
}

// ---------------------------------------------------------------------------------------------- layout

double PageView::scale() const {
    return m_zoom * logicalDpiX() / 72.0;
}

double PageView::imageScale(int page) const {
    const QSizeF size = m_sizes[page];
    const double wanted = scale() * devicePixelRatioF();
    const double pixels = size.width() * size.height() * wanted * wanted;
    return pixels <= kLargestImage ? wanted : wanted * std::sqrt(kLargestImage / pixels);
}

void PageView::layOut(bool keepPlace) {
    const auto [top, bottom] = visibleExtent();
    const double middle = (top + bottom) / 2;
    // Where everything was in view there is no place to keep: a document opens at its beginning.
    const bool hadPlace = verticalScrollBar()->maximum() > 0;
    double widest = 1;
    for (const QSizeF& size : m_sizes)
        widest = std::max(widest, size.width());
    if (m_fitWidth && !m_sizes.empty()) {
        const double room = std::max(100.0, viewport()->width() - 2 * kSideMargin);
        m_zoom = std::clamp(room / (widest * logicalDpiX() / 72.0), kSmallestZoom, kLargestZoom);
    }
    m_tops.clear();
    double y = kPageGap;
    for (const QSizeF& size : m_sizes) {
        m_tops.push_back(y);
        y += std::round(size.height() * scale()) + kPageGap;
    }
    m_tops.push_back(y);
    m_contentWidth = widest * scale() + 2 * kSideMargin;
    const int height = viewport()->height(), width = viewport()->width();
    verticalScrollBar()->setPageStep(height);
    verticalScrollBar()->setRange(0, std::max(0, static_cast<int>(y) - height));
    horizontalScrollBar()->setPageStep(width);
    horizontalScrollBar()->setRange(0, std::max(0, static_cast<int>(m_contentWidth) - width));
    if (keepPlace && hadPlace) scrollToShare(middle);
    requestImages();
    notifyPlace();
    viewport()->update();
    emit zoomChanged();
    emit layoutChanged();
}

QRectF PageView::pageRect(int page) const {
    const double width = std::round(m_sizes[page].width() * scale());
    const double height = m_tops[page + 1] - m_tops[page] - kPageGap;
    const double room = std::max<double>(viewport()->width(), m_contentWidth);
    return {std::round((room - width) / 2) - horizontalScrollBar()->value(),
            m_tops[page] - verticalScrollBar()->value(), width, height};
}

int PageView::pageAtY(double contentY) const {
    if (m_sizes.empty()) return 0;
    const auto it = std::upper_bound(m_tops.begin(), m_tops.end() - 1, contentY);
    return std::clamp(static_cast<int>(it - m_tops.begin()) - 1, 0, placeCount() - 1);
}

PageView::PageSpan PageView::visiblePages() const {
    if (m_sizes.empty()) return {};
    const double top = verticalScrollBar()->value();
    return {pageAtY(top), pageAtY(top + viewport()->height())};
}

int PageView::currentPlace() const {
    return pageAtY(verticalScrollBar()->value() + viewport()->height() * 0.35);
}

std::pair<double, double> PageView::extentOf(std::size_t line) const {
    if (!document() || m_tops.empty()) return {0, 0};
    const Line& l = document()->lines[line];
    const std::size_t page = document()->pageAt(l.begin);
    double top = 1e9, bottom = 0;
    for (std::size_t w = l.firstWord; w < l.lastWord; ++w) {
        top = std::min<double>(top, document()->words[w].box.top);
        bottom = std::max<double>(bottom, document()->words[w].box.bottom);
    }
    const double whole = m_tops.back();
    return {(m_tops[page] + top * scale()) / whole, (m_tops[page] + bottom * scale()) / whole};
}

void PageView::setZoom(double zoom) {
    m_fitWidth = false;
    m_zoom = std::clamp(zoom, kSmallestZoom, kLargestZoom);
    layOut(true);
}

void PageView::fitWidth() {
    m_fitWidth = true;
    layOut(true);
}

void PageView::resizeEvent(QResizeEvent* event) {
    DocumentView::resizeEvent(event);
    layOut(true);
}

void PageView::scrollContentsBy(int dx, int dy) {
    DocumentView::scrollContentsBy(dx, dy);
    requestImages();
}

void PageView::requestImages() {
    if (m_sizes.empty()) return;
    const PageSpan span = visiblePages();
    std::vector<int> pages;  // what is seen first, then the neighbours
    for (int page = span.first; page <= span.last; ++page)
        pages.push_back(page);
    if (span.last + 1 < placeCount()) pages.push_back(span.last + 1);
    if (span.first > 0) pages.push_back(span.first - 1);
    m_images.want(this, pages, imageScale(span.first));
}

void PageView::scrollToPlace(int place) {
    if (place < placeCount()) verticalScrollBar()->setValue(static_cast<int>(m_tops[place] - kPageGap / 2));
}

void PageView::scrollToRange(ByteRange range) {
    const int page = static_cast<int>(document()->pageAt(range.begin));
    const std::vector<QRectF> rects = rectsOf(range, page);
    if (rects.empty()) {
        scrollToPlace(page);
        return;
    }
    // A third from above: what follows a cited place matters more than what stands before it.
    const double y = rects.front().top() + verticalScrollBar()->value();
    verticalScrollBar()->setValue(static_cast<int>(y - viewport()->height() / 3.0));
    const QRectF rect = rects.front();
    if (rect.right() > viewport()->width() || rect.left() < 0)
        horizontalScrollBar()->setValue(
            static_cast<int>(rect.left() + horizontalScrollBar()->value() - kSideMargin));
}

std::vector<QRectF> PageView::rectsOf(ByteRange range, int page) const {
    const auto [first, last] = document()->wordsIn(range.begin, range.end);
    std::vector<QRectF> rects = wordRects(*document(), static_cast<std::size_t>(page), first, last);
    const QPointF origin = pageRect(page).topLeft();
    for (QRectF& rect : rects)
        rect = QRectF(rect.left() * scale() + origin.x(), rect.top() * scale() + origin.y(),
                      rect.width() * scale(), rect.height() * scale());
    return rects;
}

// ------------------------------------------------------------------------------------------- selection

std::size_t PageView::nearestWord(QPoint point, bool& beyond) const {
    const int pageIndex = pageAtY(point.y() + verticalScrollBar()->value());
    const Page& page = document()->pages[pageIndex];
    const QPointF p = (QPointF(point) - pageRect(pageIndex).topLeft()) / scale();
    double best = 1e18;
    std::size_t word = 0;
    beyond = false;
    if (page.firstLine >= page.lastLine)
        return page.firstLine < document()->lines.size() ? document()->lines[page.firstLine].firstWord
                                                         : document()->words.size();
    for (std::size_t l = page.firstLine; l < page.lastLine; ++l) {
        for (std::size_t w = document()->lines[l].firstWord; w < document()->lines[l].lastWord; ++w) {
            const auto& box = document()->words[w].box;
            const double dx = std::max({double(box.left) - p.x(), 0.0, p.x() - double(box.right)});
            const double dy = std::max({double(box.top) - p.y(), 0.0, p.y() - double(box.bottom)});
            const double distance = dx * dx + 16 * dy * dy;  // rather the same line than the nearer one
            if (distance >= best) continue;
            best = distance;
            word = w;
            beyond = p.x() > (box.left + box.right) / 2;
        }
    }
    return word;
}

std::uint32_t PageView::byteAt(QPoint point, bool after) const {
    bool beyond = false;
    if (m_sizes.empty() || document()->words.empty()) return 0;
    const std::size_t word = nearestWord(point, beyond);
    if (word >= document()->words.size()) return static_cast<std::uint32_t>(document()->text.size());
    return after && beyond ? document()->words[word].end : document()->words[word].begin;
}

ByteRange PageView::wordAt(QPoint point) const {
    bool beyond = false;
    if (m_sizes.empty() || document()->words.empty()) return {};
    const std::size_t word = nearestWord(point, beyond);
    if (word >= document()->words.size()) return {};
    return {document()->words[word].begin, document()->words[word].end};
}

bool PageView::viewportEvent(QEvent* event) {
    if (event->type() == QEvent::ToolTip) return showToolTip(static_cast<QHelpEvent*>(event));
    return DocumentView::viewportEvent(event);
}

bool PageView::showToolTip(QHelpEvent* event) {
    QToolTip::hideText();
    const ByteRange range = document() ? wordAt(event->pos()) : ByteRange();
    if (range.empty() || markMode() == MarkMode::Plain) return true;
    const int page = static_cast<int>(document()->pageAt(range.begin));
    const std::vector<QRectF> rects = rectsOf(range, page);
    if (rects.empty() || !rects.front().contains(event->pos())) return true;
    QStringList texts;
    if (marks() && marks()->known()) texts << describeWord(document()->wordsIn(range.begin, range.end).first);
    if (!pinIn(range).empty()) texts << tr("pinned: carried forward for every later answer");
    if (!texts.isEmpty()) QToolTip::showText(event->globalPos(), texts.join(u'\n'), viewport());
    return true;
}

/// What the marks say of a word.
QString PageView::describeWord(std::size_t word) const {
    const int line = percent(marks()->lineShare(document()->lineAt(document()->words[word].begin)));
    if (marks()->isCarried(word)) {
        return tr("carried, %1 of %2 parts; line %3 %")
            .arg(marks()->carriedOf(word))
            .arg(marks()->tokensOf(word))
            .arg(line);
    }
    if (marks()->citedNumber(word) > 0) return tr("cited, but not carried forward");
    if (marks()->isUnread(word)) return tr("not read yet");
    return tr("not carried; line %1 %").arg(line);
}

// --------------------------------------------------------------------------------------------- painting

const PageMarks& PageView::marksOf(int page) {
    const auto it = m_pageMarks.find(page);
    if (it != m_pageMarks.end()) return it->second;
    if (m_pageMarks.size() >= kMarkPages) m_pageMarks.clear();
    return m_pageMarks[page] = pageMarks(*marks(), static_cast<std::size_t>(page));
}

void PageView::paintEvent(QPaintEvent*) {
    QPainter painter(viewport());
    painter.fillRect(viewport()->rect(), coloursOf(this).canvas);
    const PageSpan span = visiblePages();
    for (int page = span.first; page <= span.last; ++page)
        paintPage(painter, page);
    if (hasFocus()) {
        painter.setPen(QPen(coloursOf(this).accent, 2));
        painter.drawRect(viewport()->rect().adjusted(1, 1, -1, -1));
    }
}

void PageView::paintPage(QPainter& painter, int page) {
    const QRectF rect = pageRect(page);
    const bool dark = darkPages();
    for (int i = 4; i >= 1; --i)  // the paper's shadow, the only one there is
        painter.fillRect(rect.adjusted(-i + 0.5, -i + 1.5, i - 0.5, i + 0.5),
                         QColor(10, 14, 20, coloursOf(this).dark ? 42 : 15));
    painter.fillRect(rect, dark ? coloursOf(this).paper : QColor(Qt::white));
    paintPaper(painter, page, rect);
    const bool pinned = document() && !pins().empty();
    if ((marks() || pinned) && markMode() != MarkMode::Plain) {
        MarkStyle style;
        style.colours = dark ? &darkColours() : &lightColours();
        style.darkPage = dark;
        style.scale = scale();
        style.zoom = m_zoom;
        style.mode = markMode();
        painter.save();
        painter.translate(rect.topLeft());
        const PageMarks* own = marks() ? &marksOf(page) : nullptr;
        if (own != nullptr) paintPageMarks(painter, *own, m_sizes[page], style);
        if (pinned) {
            const auto index = static_cast<std::size_t>(page);
            paintPagePins(painter, pagePins(*document(), pins(), index), own, m_sizes[page], style);
        }
        painter.restore();
    }
    if (document()) paintRanges(painter, page, rect);
}

void PageView::paintPaper(QPainter& painter, int page, const QRectF& rect) {
    QImage image = m_images.image(page, imageScale(page));
    const bool exact = !image.isNull();
    if (!exact) image = m_images.anyImage(page);
    if (!image.isNull()) {
        // Unstretched where it has the size we asked for: a pixel more or less must not blur the letters.
        const QSizeF device = rect.size() * devicePixelRatioF();
        if (exact && std::abs(image.width() - device.width()) < 3) {
            image.setDevicePixelRatio(devicePixelRatioF());
            painter.setClipRect(rect);
            painter.drawImage(rect.topLeft(), image);
            painter.setClipping(false);
            return;
        }
        painter.setRenderHint(QPainter::SmoothPixmapTransform, true);
        painter.drawImage(rect, image);
        return;
    }
    if (!document()) return;
    // Where the words will be, until the image is there.
    QColor bar = coloursOf(this).hatch;
    bar.setAlpha(70);
    const Page& p = document()->pages[page];
    for (std::size_t l = p.firstLine; l < p.lastLine; ++l)
        for (std::size_t w = document()->lines[l].firstWord; w < document()->lines[l].lastWord; ++w) {
            const auto& box = document()->words[w].box;
            const double height = (box.bottom - box.top) * scale();
            painter.fillRect(
                QRectF(rect.left() + box.left * scale(), rect.top() + box.top * scale() + height / 3,
                       (box.right - box.left) * scale(), height / 3),
                bar);
        }
}

void PageView::paintRanges(QPainter& painter, int page, const QRectF&) {
    const Colours& colours = darkPages() ? darkColours() : lightColours();
    const Page& p = document()->pages[page];
    const auto onPage = [&p](const ByteRange& r) { return r.begin < p.end && r.end > p.begin; };
    painter.setBrush(Qt::NoBrush);
    const auto first = std::lower_bound(found().begin(), found().end(), p.begin,
                                        [](const ByteRange& r, std::uint32_t at) { return r.end <= at; });
    for (auto it = first; it != found().end() && it->begin < p.end; ++it) {
        const bool current = it - found().begin() == currentFound();
        painter.setPen(QPen(current ? colours.accent : colours.ink, 2));
        for (const QRectF& r : rectsOf(*it, page)) {
            if (current) {
                QColor wash = colours.accent;
                wash.setAlpha(50);
                painter.fillRect(r, wash);
            }
            painter.drawRect(r.adjusted(-1, -1, 1, 1));
        }
    }
    if (!selection().empty() && onPage(selection())) {
        QColor wash = colours.accent;
        wash.setAlpha(80);
        for (const QRectF& r : rectsOf(selection(), page))
            painter.fillRect(r, wash);
    }
    const double pulse = pulseStrength();
    if (pulse > 0 && onPage(pulseRange())) {
        QColor ring = colours.accent;
        ring.setAlphaF(static_cast<float>(pulse));
        painter.setPen(QPen(ring, 2.5));
        for (const QRectF& r : rectsOf(pulseRange(), page))
            painter.drawRoundedRect(r.adjusted(-3, -3, 3, 3), 3, 3);
    }
}

}  // namespace kvasir
