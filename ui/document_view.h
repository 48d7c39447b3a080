// What page view and log view have in common: places in the document, marks, find, history.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <QAbstractScrollArea>
#include <QTimer>

#include "app/document.h"
#include "ui/document_marks.h"

namespace kvasir {

/// Shows a document. Knows nothing of answers but their marks. All calls on the window's thread.
class DocumentView : public QAbstractScrollArea {
    Q_OBJECT

public:
    explicit DocumentView(QWidget* parent);

    virtual void setDocument(std::shared_ptr<const Document> document);
    void setMarks(std::shared_ptr<const DocumentMarks> marks, MarkMode mode);
    /// Pinned passages, ascending and apart.
    void setPins(std::vector<ByteRange> pins);
    /// All hits and which of them is the current one (-1: none).
    void setFound(std::vector<ByteRange> found, int current);

    /// A widget between the viewport and the vertical scroll bar; a child of this view.
    void setStrip(QWidget* strip);

    const std::shared_ptr<const Document>& document() const { return m_document; }
    const std::shared_ptr<const DocumentMarks>& marks() const { return m_marks; }
    MarkMode markMode() const { return m_mode; }
    const std::vector<ByteRange>& found() const { return m_found; }
    const std::vector<ByteRange>& pins() const { return m_pins; }
    /// The pin that shares a byte with the range; empty: none does.
    ByteRange pinIn(ByteRange range) const;

    /// Scrolls to the place, remembers where we were, and pulses (or outlines, with reduced motion).
    void jumpTo(ByteRange range, bool pulse = true);
    /// Page or line, 0-based.
    void jumpToPlace(int place);
    void goBack();
    void goForward();
    bool canGoBack() const { return !m_back.empty(); }
    bool canGoForward() const { return !m_forward.empty(); }

    virtual int placeCount() const = 0;    ///< pages or lines
    virtual int currentPlace() const = 0;  ///< 0-based: the one in the middle of the eye's way
    /// Where a line of the document lies on the whole, as [top, bottom) of 0..1.
    virtual std::pair<double, double> extentOf(std::size_t line) const = 0;
    std::pair<double, double> visibleExtent() const;
    void scrollToShare(double share);  ///< so that this height of the whole is in the middle

    ByteRange selection() const { return m_selection; }
    /// The selected words as plain text; lines stay lines.
    QString selectedText() const;
    /// The same with the document's name and page or line, for quoting.
    QString selectedTextWithPlace() const;
    void selectAll();

    virtual double zoom() const = 0;  ///< 1 = 100 %
    virtual void setZoom(double zoom) = 0;
    virtual void fitWidth() = 0;
    virtual bool fitsWidth() const = 0;

    /// A place to come back to after a restart.
    QByteArray savedPosition() const;
    void restorePosition(const QByteArray& position);

signals:
    void placeChanged(int place);
    void historyChanged();
    void zoomChanged();
    void selectionChanged();
    void marksChanged();
    void layoutChanged();
    /// Right click or menu key; `at` is the word there, or the selection.
    void menuRequested(const QPoint& global, kvasir::ByteRange at);

protected:
    virtual void scrollToRange(ByteRange range) = 0;
    virtual void scrollToPlace(int place) = 0;
    /// Byte under a point of the viewport; `after` counts the character or word under it in.
    virtual std::uint32_t byteAt(QPoint point, bool after) const = 0;
    virtual ByteRange wordAt(QPoint point) const = 0;
    virtual void marksReplaced() {}

    /// Strength of the pulse now, 0..1; 0 when nothing pulses.
    double pulseStrength() const;
    ByteRange pulseRange() const { return m_pulse; }
    int currentFound() const { return m_currentFound; }
    void notifyPlace();

    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void remember();
    void setSelection(std::uint32_t from, std::uint32_t to);
    bool extendSelection(QKeyEvent* event);
    ByteRange startOfSelection() const;
    std::size_t wordByLine(std::size_t head, bool down, bool before) const;
    void startPulse(ByteRange range);

    std::shared_ptr<const Document> m_document;
    std::shared_ptr<const DocumentMarks> m_marks;
    MarkMode m_mode = MarkMode::Citations;
    std::vector<ByteRange> m_found;
    std::vector<ByteRange> m_pins;
    int m_currentFound = -1;
    ByteRange m_selection;
    std::uint32_t m_anchorBegin = 0, m_anchorEnd = 0;
    bool m_selecting = false;
    std::vector<double> m_back, m_forward;  ///< heights, as shares of the whole
    int m_lastPlace = -1;
    ByteRange m_pulse;
    QWidget* m_strip = nullptr;
    QTimer m_pulseTimer;
    qint64 m_pulseStart = 0;
};

}  // namespace kvasir
