// The whole document beside the scroll bar: how much was carried where, what is cited, what is in view.
#pragma once

#include <vector>

#include <QWidget>

#include "ui/document_view.h"

namespace kvasir {

/// Share per row of pixels, from the lines of the document. Rows without a line are 0.
std::vector<float> stripShares(const DocumentView& view, int rows);
/// Rows with lines that were not read yet.
std::vector<bool> stripUnread(const DocumentView& view, int rows);

class HeatStrip : public QWidget {
    Q_OBJECT

public:
    static constexpr int kWidth = 32;

    /// `view` must outlive the strip.
    HeatStrip(DocumentView& view, QWidget* parent);

    /// Where a height of the document (0..1) lies on the strip.
    double yOf(double share) const;
    /// Registers the slider role for screen readers; once at the program's start.
    static void installAccessibility();

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override;

private:
    void recompute();
    void describe();
    QString describePlace(int place) const;
    void paintCited(QPainter& painter) const;
    void paintFound(QPainter& painter) const;
    void paintPinned(QPainter& painter) const;
    int pinnedOnPage(int page) const;
    double yOfByte(const Document& document, std::uint32_t byte) const;

    DocumentView& m_view;
    std::vector<float> m_shares;
    std::vector<bool> m_unread;
    bool m_stale = true;
};

}  // namespace kvasir
