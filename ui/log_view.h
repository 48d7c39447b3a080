// Logs and text files: numbered lines in fixed pitch, with marks.
#pragma once

#include <vector>

#include <QFont>

#include "ui/document_view.h"
#include "ui/text_rows.h"
#include "ui/theme.h"

namespace kvasir {

/// Paints the visible rows only; 200,000 lines scroll like 200. Logs are not wrapped, other texts are.
class LogView : public DocumentView {
    Q_OBJECT

public:
    explicit LogView(QWidget* parent);

    void setDocument(std::shared_ptr<const Document> document) override;

    int placeCount() const override;
    int currentPlace() const override;
    std::pair<double, double> extentOf(std::size_t line) const override;
    double zoom() const override { return m_zoom; }
    void setZoom(double zoom) override;
    void fitWidth() override { setZoom(1); }
    bool fitsWidth() const override { return m_zoom == 1; }

    /// First and last line in view, 0-based.
    std::pair<int, int> visibleLines() const;
    /// The row of a line's beginning, in the viewport.
    QRectF lineRect(std::size_t line) const;

protected:
    void scrollToRange(ByteRange range) override;
    void scrollToPlace(int place) override;
    std::uint32_t byteAt(QPoint point, bool after) const override;
    ByteRange wordAt(QPoint point) const override;

    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void measure();
    void layOut(bool keepPlace);
    bool wraps() const;
    std::size_t rowOfByte(std::uint32_t byte) const;
    std::size_t rowAtY(int y) const;
    std::string_view rowText(const TextRow& row) const;
    double xOf(const TextRow& row, std::uint32_t byte) const;
    QRectF rangeRect(const TextRow& row, double y, std::uint32_t begin, std::uint32_t end) const;

    void paintRow(QPainter& painter, const TextRow& row, double y);
    void paintMargin(QPainter& painter, const TextRow& row, double y);
    void paintWashes(QPainter& painter, const TextRow& row, double y);
    void paintText(QPainter& painter, const TextRow& row, double y);
    void paintPiece(QPainter& painter, const TextRow& row, double y, std::uint32_t begin, std::uint32_t end,
                    const QColor& colour);
    void paintLevel(QPainter& painter, const TextRow& row, double y, const LevelWord& level);
    void paintRanges(QPainter& painter, const TextRow& row, double y);
    void paintPins(QPainter& painter);

    QFont m_font;
    std::vector<TextRow> m_rows;
    double m_zoom = 1;
    double m_cell = 8;
    int m_rowHeight = 22;
    int m_textLeft = 90;
    int m_columns = 0;      ///< where rows are wrapped; 0: not
    int m_widestCells = 0;  ///< of lines that are not wrapped
};

}  // namespace kvasir
