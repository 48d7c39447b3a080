// The pinned passages of the document in front, above the question box.
#pragma once

#include <QLabel>
#include <QListWidget>
#include <QPushButton>
#include <QStyledItemDelegate>
#include <QWidget>

#include "app/workspace.h"
#include "ui/widgets.h"

namespace kvasir {

/// Chips side by side, as many rows as they need up to three. Arrows go from one to the next, Enter (or a
/// click) activates one, Delete (or a click on its cross) removes it.
class PinList : public QListWidget {
    Q_OBJECT

public:
    explicit PinList(QWidget* parent);
    /// As high as its rows.
    void fitHeight();
    QRect crossRect(int index) const;  ///< in the viewport

signals:
    void removeRequested(int index);
    void opened(int index);

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
};

class PinDelegate : public QStyledItemDelegate {
    Q_OBJECT

public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

/// Hidden while there is nothing pinned and nothing to say.
class PinBar : public QWidget {
    Q_OBJECT

public:
    /// `workspace` must outlive the bar.
    PinBar(Workspace& workspace, QWidget* parent);

    void setDocument(DocumentId document);  ///< 0: none
    void setCompact(bool compact);
    /// Whether there is a selection that could be added.
    void setSelection(bool selected);
    /// Removes a pin, and offers to pin it again.
    void remove(ByteRange pin);
    /// Why the selection was not pinned. `share`: see Workspace::pinnedShare.
    void showRefusal(const Error& error, double share);

signals:
    void pinActivated(kvasir::ByteRange pin);
    void addRequested();

private:
    void refresh();
    void refreshRemark();
    void restoreRemoved();
    void say(Note::Kind kind, const QString& html, const QString& action);
    QString placeOf(const Document& document, ByteRange pin) const;

    Workspace& m_workspace;
    DocumentId m_document = 0;
    std::vector<ByteRange> m_pins;
    ByteRange m_removed;  ///< may be pinned again; empty: nothing was removed lately
    bool m_compact = false, m_selected = false;
    QWidget* m_row;
    QLabel *m_title, *m_remark;
    PinList* m_list;
    QPushButton* m_add;
    Note* m_note;
};

}  // namespace kvasir
