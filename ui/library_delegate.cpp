#include "ui/library_delegate.h"

#include <algorithm>

#include <QPainter>

#include "ui/icons.h"
#include "ui/library_model.h"
#include "ui/theme.h"

namespace kvasir {
namespace {

constexpr int kRow = 23;
constexpr int kProgress = 30;  // bar and sentence below the name

bool isRunning(const QModelIndex& index) {
    return !index.parent().isValid() && index.data(LibraryModel::ProgressRole).toDouble() >= 0;
}

void paintProgress(QPainter& painter, const QRect& area, const QModelIndex& index, const Colours& colours,
                   const QFont& font) {
    const double share = index.data(LibraryModel::ProgressRole).toDouble();
    const QRect bar(area.left(), area.top() + 1, area.width(), 7);
    painter.setPen(colours.fieldBorder);
    painter.setBrush(colours.base);
    painter.drawRect(QRectF(bar).adjusted(0.5, 0.5, -0.5, -0.5));
    painter.fillRect(QRectF(bar.left() + 1, bar.top() + 1, (bar.width() - 2) * share, bar.height() - 2),
                     colours.accent);
    painter.setFont(sizedFont(font, -0.75));
    painter.setPen(colours.secondary);
    const QRect text = area.adjusted(0, 9, 0, 0);
    painter.drawText(text, Qt::AlignLeft | Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(index.data(LibraryModel::StateTextRole).toString(),
                                                      Qt::ElideRight, text.width()));
}

}  // namespace

void LibraryTree::drawBranches(QPainter* painter, const QRect& rect, const QModelIndex& index) const {
    const Colours& colours = coloursOf(this);
    const bool selected = selectionModel()->isSelected(index), running = isRunning(index);
    if (selected) painter->fillRect(rect, running ? colours.accentWash : colours.selection);
    if (!index.model()->hasChildren(index)) return;
    paintIcon(*painter, isExpanded(index) ? "down" : "right",
              QRectF(rect.right() - 16, rect.top() + 5, 13, 13),
              selected && !running ? colours.selectionText : colours.secondary);
}

QSize LibraryDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const {
    return {100, kRow + (isRunning(index) ? kProgress : 0)};
}

void LibraryDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const {
    const Colours& colours = coloursOf(option.palette);
    const bool selected = option.state & QStyle::State_Selected;
    const bool isDocument = !index.parent().isValid();
    painter->save();
    const bool running = isDocument && isRunning(index);
    QRect row(option.rect.left(), option.rect.top(), option.rect.width(), kRow);
    if (selected) {
        painter->fillRect(option.rect, running ? colours.accentWash : colours.selection);
    }
    const QColor text = selected && !running ? colours.selectionText : colours.text;
    const QColor quiet = selected && !running ? colours.selectionText : colours.secondary;
    int left = row.left() + 2, right = row.right() - 8;
    painter->setFont(option.font);
    if (isDocument) {
        paintIcon(*painter, index.data(LibraryModel::KindIconRole).toString(),
                  QRectF(left, row.top() + 3.5, 16, 16), text);
        left += 22;
        const QString state = index.data(LibraryModel::StateIconRole).toString();
        if (running) {
            const QString share =
                tr("%1 %").arg(int(index.data(LibraryModel::ProgressRole).toDouble() * 100));
            painter->setPen(quiet);
            painter->setFont(sizedFont(option.font, -1.25));
            painter->drawText(row.adjusted(0, 0, -8, 0), Qt::AlignRight | Qt::AlignVCenter, share);
            right -= painter->fontMetrics().horizontalAdvance(share) + 6;
        } else if (!state.isEmpty()) {
            paintIcon(*painter, state, QRectF(right - 13, row.top() + 5, 13, 13), text);
            right -= 19;
        }
        painter->setFont(sizedFont(option.font, 0, index.data(LibraryModel::OpenRole).toBool()));
    } else {
        painter->setPen(quiet);
        painter->setFont(sizedFont(option.font, -0.75));
        const QString number = QString::number(index.data(LibraryModel::CountRole).toInt());
        painter->drawText(row.adjusted(0, 0, -8, 0), Qt::AlignRight | Qt::AlignVCenter, number);
        right -= painter->fontMetrics().horizontalAdvance(number) + 6;
        painter->setFont(option.font);
    }
    painter->setPen(text);
    const QRect name(left, row.top(), std::max(10, right - left), kRow);
    painter->drawText(
        name, Qt::AlignLeft | Qt::AlignVCenter,
        painter->fontMetrics().elidedText(index.data().toString(), Qt::ElideRight, name.width()));
    if (running)
        paintProgress(*painter, QRect(left, row.bottom() + 1, row.right() - 10 - left, kProgress - 2), index,
                      colours, option.font);
    if ((option.state & QStyle::State_HasFocus) && !selected) {
        painter->setPen(QPen(colours.accent, 2));
        painter->drawRect(option.rect.adjusted(1, 1, -1, -1));
    }
    painter->restore();
}

}  // namespace kvasir
