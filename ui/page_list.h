// Small pages with the share that was carried, to choose from.
#pragma once

#include <QAbstractScrollArea>
#include <QPointer>

#include "ui/document_view.h"
#include "ui/page_images.h"

namespace kvasir {

class PageList : public QAbstractScrollArea {
    Q_OBJECT

public:
    explicit PageList(QWidget* parent);

    /// Both may be null: then the list is empty. Neither is owned.
    void setSource(DocumentView* view, PageImages* images, std::vector<QSizeF> sizes);
    QRect cellRect(int page) const;  ///< in the viewport

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    void layOut();
    void request();
    void follow(int page);
    void paintCell(QPainter& painter, int page);
    void paintShare(QPainter& painter, const QRect& cell, int page);
    void paintRough(QPainter& painter, const QRect& paper, int page);
    int columns() const;
    double imageScale() const;

    QPointer<DocumentView> m_view;
    QPointer<PageImages> m_images;
    std::vector<QSizeF> m_sizes;
    int m_current = 0;
};

}  // namespace kvasir
