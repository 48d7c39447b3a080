// The pages of a PDF, one below the other, with their marks.
#pragma once

#include <unordered_map>

#include <QHelpEvent>
#include <QSizeF>

#include "ui/document_view.h"
#include "ui/mark_painter.h"
#include "ui/page_images.h"

namespace kvasir {

/// Renders what is visible and one page on either side; rectangles of marks are made once a page.
class PageView : public DocumentView {
    Q_OBJECT

public:
    static constexpr double kSmallestZoom = 0.1, kLargestZoom = 6.0;

    PageView(PageImages& images, QWidget* parent);

    /// Points; known before the text is.
    void setPages(std::vector<QSizeF> sizes);
    void setDocument(std::shared_ptr<const Document> document) override;
    void setPaperWhite(bool white);

    int placeCount() const override { return static_cast<int>(m_sizes.size()); }
    int currentPlace() const override;
    std::pair<double, double> extentOf(std::size_t line) const override;
    double zoom() const override { return m_zoom; }
    void setZoom(double zoom) override;
    void fitWidth() override;
    bool fitsWidth() const override { return m_fitWidth; }

    /// The page's rectangle in the viewport, logical pixels.
    QRectF pageRect(int page) const;
    /// A word's or passage's rectangles in the viewport.
    std::vector<QRectF> rectsOf(ByteRange range, int page) const;

protected:
    void scrollToRange(ByteRange range) override;
    void scrollToPlace(int place) override;
    std::uint32_t byteAt(QPoint point, bool after) const override;
    ByteRange wordAt(QPoint point) const override;
    void marksReplaced() override { m_pageMarks.clear(); }

    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;
    bool viewportEvent(QEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    struct PageSpan {
        int first = 0, last = -1;
    };
    double scale() const;  ///< logical pixels a point
    double imageScale(int page) const;
    void layOut(bool keepPlace);
    PageSpan visiblePages() const;
    int pageAtY(double y) const;
    void requestImages();
    void paintPage(QPainter& painter, int page);
    void paintPaper(QPainter& painter, int page, const QRectF& rect);
    void paintRanges(QPainter& painter, int page, const QRectF& rect);
    void applyRecolouring();
    std::size_t nearestWord(QPoint point, bool& beyond) const;
    bool showToolTip(QHelpEvent* event);
    QString describeWord(std::size_t word) const;
    const PageMarks& marksOf(int page);
    bool darkPages() const;

    PageImages& m_images;
    std::vector<QSizeF> m_sizes;
    std::vector<double> m_tops;  ///< content pixels; one more than pages: the whole height
    double m_contentWidth = 0;
    double m_zoom = 1;
    bool m_fitWidth = true;
    bool m_paperWhite = false;
    std::unordered_map<int, PageMarks> m_pageMarks;
};

}  // namespace kvasir
