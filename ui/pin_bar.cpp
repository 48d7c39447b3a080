#include "ui/pin_bar.h"

#include <algorithm>
#include <utility>

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLocale>
#include <QMenu>
#include <QMouseEvent>
#include <QPainter>
#include <QScrollBar>
#include <QVBoxLayout>
#include <QtMath>

#include "ui/icons.h"

namespace kvasir {
namespace {

constexpr int kChipHeight = 21, kChipGap = 4;
constexpr int kWidestChip = 230;
constexpr int kIconWidth = 20, kCrossWidth = 20;
constexpr int kMostRows = 3;
constexpr int kPlaceRole = Qt::UserRole;

}  // namespace

// ------------------------------------------------------------------------------------------------- chips

QSize PinDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const QString text = index.data(Qt::DisplayRole).toString() + index.data(kPlaceRole).toString();
    const int room = std::max(80, option.widget != nullptr ? option.widget->width() - 2 * kChipGap : 200);
    const int width = option.fontMetrics.horizontalAdvance(text) + kIconWidth + kCrossWidth + 6;
    return {std::min({width, kWidestChip, room}) + kChipGap, kChipHeight + kChipGap};
}

void PinDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                        const QModelIndex& index) const {
    const Colours& colours = coloursOf(QGuiApplication::palette());
    const QRect chip = option.rect.adjusted(0, kChipGap / 2, -kChipGap, -kChipGap / 2);
    const bool focused =
        option.widget != nullptr && option.widget->hasFocus() && (option.state & QStyle::State_Selected);
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing, true);
    QPen pen(focused ? colours.accent : colours.pinned, focused ? 2 : 1.2);
    if (!focused) pen.setDashPattern({2.6, 1.9});
    painter->setPen(pen);
    painter->setBrush(colours.pinnedWash);
    painter->drawRoundedRect(QRectF(chip).adjusted(1, 1, -1, -1), 2, 2);
    paintIcon(*painter, "pin", QRectF(chip.left() + 4, chip.top() + 4, 13, 13), colours.pinned);
    paintIcon(*painter, "close", QRectF(chip.right() - kCrossWidth + 5, chip.top() + 5, 11, 11),
              colours.text);
    painter->setPen(colours.text);
    painter->setFont(option.font);
    const QString place = index.data(kPlaceRole).toString();
    const QRect text = chip.adjusted(kIconWidth, 0, -kCrossWidth, 0);
    const int room = text.width() - painter->fontMetrics().horizontalAdvance(place);
    painter->drawText(text, Qt::AlignLeft | Qt::AlignVCenter,
                      painter->fontMetrics().elidedText(index.data(Qt::DisplayRole).toString(),
                                                        Qt::ElideRight, std::max(12, room)) +
                          place);
    painter->restore();
}

PinList::PinList(QWidget* parent) : QListWidget(parent) {
    setObjectName("pinList");
    setAccessibleName(tr("Pinned passages"));
    setFrameShape(QFrame::NoFrame);
    setFlow(QListView::LeftToRight);
    setWrapping(true);
    setResizeMode(QListView::Adjust);
    setUniformItemSizes(false);
    setSelectionMode(QAbstractItemView::SingleSelection);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    setItemDelegate(new PinDelegate(this));
    setTabKeyNavigation(false);
    setFont(sizedFont(font(), -0.75));
    viewport()->setAutoFillBackground(false);
    setStyleSheet("QListView { background: transparent; }");
}

void PinList::fitHeight() {
    doItemsLayout();
    int bottom = kChipHeight + kChipGap;
    for (int i = 0; i < count(); ++i)
        bottom = std::max(bottom, visualItemRect(item(i)).bottom() + 1 + verticalScrollBar()->value());
    const int height = std::min(bottom, kMostRows * (kChipHeight + kChipGap));
    if (height != minimumHeight()) setFixedHeight(height);
}

QRect PinList::crossRect(int index) const {
    const QRect chip = visualItemRect(item(index));
    return {chip.right() - kChipGap - kCrossWidth, chip.top(), kCrossWidth + 1, chip.height()};
}

void PinList::keyPressEvent(QKeyEvent* event) {
    const bool gone = event->key() == Qt::Key_Delete || event->key() == Qt::Key_Backspace;
    if (gone && currentRow() >= 0) {
        emit removeRequested(currentRow());
    } else if ((event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter ||
                event->key() == Qt::Key_Space) &&
               currentRow() >= 0) {
        emit opened(currentRow());
    } else {
        QListWidget::keyPressEvent(event);
    }
}

void PinList::mousePressEvent(QMouseEvent* event) {
    QListWidget::mousePressEvent(event);
    viewport()->update();
}

void PinList::mouseReleaseEvent(QMouseEvent* event) {
    const QListWidgetItem* item = itemAt(event->position().toPoint());
    QListWidget::mouseReleaseEvent(event);
    if (item == nullptr || event->button() != Qt::LeftButton) return;
    const int index = row(item);
    if (crossRect(index).contains(event->position().toPoint())) {
        emit removeRequested(index);
    } else {
        emit opened(index);
    }
}

void PinList::contextMenuEvent(QContextMenuEvent* event) {
    const bool mouse = event->reason() == QContextMenuEvent::Mouse;
    const int index = mouse ? row(itemAt(event->pos())) : currentRow();
    if (index < 0) return;
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    connect(menu->addAction(tr("Show on the page")), &QAction::triggered, this,
            [this, index] { emit opened(index); });
    QAction* remove = menu->addAction(tr("Remove pin"));
    remove->setObjectName("removePin");
    remove->setShortcut(QKeySequence(Qt::Key_Delete));
    connect(remove, &QAction::triggered, this, [this, index] { emit removeRequested(index); });
    menu->popup(mouse ? event->globalPos() : viewport()->mapToGlobal(visualItemRect(item(index)).center()));
}

void PinList::focusInEvent(QFocusEvent* event) {
    QListWidget::focusInEvent(event);
    if (currentRow() < 0 && count() > 0) setCurrentRow(0);
}

void PinList::resizeEvent(QResizeEvent* event) {
    QListWidget::resizeEvent(event);
    fitHeight();
}

// --------------------------------------------------------------------------------------------------- bar

PinBar::PinBar(Workspace& workspace, QWidget* parent) : QWidget(parent), m_workspace(workspace) {
    setObjectName("pinBar");
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(10, 6, 10, 0);
    layout->setSpacing(3);
    m_note = new Note(Note::Kind::Error, this);
    m_note->setObjectName("pinNote");
    m_note->hide();
    layout->addWidget(m_note);
    m_row = new QWidget(this);
    auto* row = new QHBoxLayout(m_row);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(6);
    m_title = makeLabel({}, m_row, true, -0.75);
    m_title->setObjectName("pinTitle");
    m_list = new PinList(m_row);
    m_add = makeLinkButton(tr("Add selection"), "pinAdd", m_row);
    m_add->setToolTip(tr("Pin selection (Ctrl+Shift+P)"));
    row->addWidget(m_title, 0, Qt::AlignTop);
    row->addWidget(m_list, 1);
    row->addWidget(m_add, 0, Qt::AlignTop);
    m_title->setFixedHeight(kChipHeight + kChipGap);
    m_add->setFixedHeight(kChipHeight + kChipGap);
    layout->addWidget(m_row);
    m_remark = makeLabel(tr("The document is fully read: nothing is left out anyway."), this, true, -1.25);
    m_remark->setObjectName("pinRemark");
    m_remark->setWordWrap(true);
    layout->addWidget(m_remark);
    connect(m_list, &PinList::removeRequested, this, [this](int index) {
        if (index >= 0 && index < static_cast<int>(m_pins.size()))
            remove(m_pins[static_cast<std::size_t>(index)]);
    });
    connect(m_list, &PinList::opened, this, [this](int index) {
        if (index >= 0 && index < static_cast<int>(m_pins.size()))
            emit pinActivated(m_pins[static_cast<std::size_t>(index)]);
    });
    connect(m_add, &QPushButton::clicked, this, &PinBar::addRequested);
    connect(m_note, &Note::actionTriggered, this, &PinBar::restoreRemoved);
    connect(&workspace, &Workspace::pinsChanged, this, [this](DocumentId id) {
        if (id == m_document) refresh();
    });
    connect(&workspace, &Workspace::infoChanged, this, [this](DocumentId id) {
        if (id == m_document) refresh();
    });
    connect(&workspace, &Workspace::readingChanged, this, [this](DocumentId id) {
        if (id == m_document) refreshRemark();
    });
    refresh();
}

void PinBar::setDocument(DocumentId document) {
    if (document != m_document) {
        m_note->hide();
        m_removed = {};
    }
    m_document = document;
    refresh();
}

void PinBar::setCompact(bool compact) {
    m_compact = compact;
    refresh();
}

void PinBar::setSelection(bool selected) {
    m_selected = selected;
    m_add->setEnabled(selected);
}

QString PinBar::placeOf(const Document& document, ByteRange pin) const {
    if (document.kind == DocumentKind::Pdf)
        return tr(", p. %1", "behind a pinned passage").arg(document.pageAt(pin.begin) + 1);
    return tr(", line %1", "behind a pinned passage")
        .arg(locale().toString(static_cast<qulonglong>(document.lineAt(pin.begin)) + 1));
}

void PinBar::refresh() {
    const auto text = m_document != 0 ? m_workspace.text(m_document) : nullptr;
    const std::vector<ByteRange> pins = text ? m_workspace.pins(m_document) : std::vector<ByteRange>();
    if (pins.size() > m_pins.size()) m_note->hide();  // what was refused or removed is over
    const int current = m_list->currentRow();
    const bool focused = m_list->hasFocus();
    m_pins = pins;
    m_list->clear();
    for (const ByteRange& pin : m_pins) {
        const QString words =
            QString::fromUtf8(text->text.data() + pin.begin, static_cast<qsizetype>(pin.end - pin.begin));
        auto* item = new QListWidgetItem(words.left(200).simplified(), m_list);
        item->setData(kPlaceRole, placeOf(*text, pin));
        item->setData(Qt::AccessibleTextRole, tr("Pinned: %1").arg(item->text() + placeOf(*text, pin)));
        item->setToolTip(words.simplified().left(600));
    }
    m_title->setText(m_compact ? tr("Pinned:") : tr("Always carried:"));
    m_title->setToolTip(tr("These passages are carried forward for every answer about this document."));
    m_add->setVisible(!m_compact);
    m_add->setEnabled(m_selected);
    m_row->setVisible(!m_pins.empty());
    m_list->fitHeight();
    if (!m_pins.empty() && current >= 0)
        m_list->setCurrentRow(std::min(current, static_cast<int>(m_pins.size()) - 1));
    if (focused && m_pins.empty()) focusNextChild();
    refreshRemark();
}

/// A pin changes nothing where nothing is left out: it must not seem to.
void PinBar::refreshRemark() {
    const bool full = m_document != 0 && m_workspace.reading(m_document).stage == ReadingStage::FullDone;
    m_remark->setVisible(full && !m_pins.empty());
    setVisible(!m_pins.empty() || !m_note->isHidden());
}

void PinBar::say(Note::Kind kind, const QString& html, const QString& action) {
    m_note->setKind(kind);
    m_note->setText(html, action);
    m_note->show();
    refreshRemark();
}

void PinBar::remove(ByteRange pin) {
    m_workspace.removePin(m_document, pin);
    m_removed = pin;
    say(Note::Kind::Plain, tr("The pin was removed."), tr("Pin again"));
}

/// The note's action: what was removed is pinned again; a refusal is read and done.
void PinBar::restoreRemoved() {
    m_note->hide();
    const ByteRange pin = std::exchange(m_removed, ByteRange());
    if (!pin.empty()) {
        const Result<ByteRange> again = m_workspace.addPin(m_document, pin);
        if (!again) return showRefusal(again.error(), m_workspace.pinnedShare(m_document, pin));
    }
    refreshRemark();
}

void PinBar::showRefusal(const Error& error, double share) {
    m_removed = {};
    QString what = QString::fromStdString(error.what), advice = QString::fromStdString(error.advice);
    if (error.code == ErrorCode::TooLarge && share > 1) {
        what = tr("With this selection the pins would take %1 % of the room that there is for pins.")
                   .arg(locale().toString(qCeil(share * 100)));
        what.replace(" %", QChar(QChar::Nbsp) + QString("%"));
        advice = tr("Select less, or remove a pin first. The pins that there are stay.");
    }
    if (error.code == ErrorCode::InvalidArgument) {
        what = tr("There are no words in the selection.");
        advice = tr("Select the words that are always to be carried.");
    }
    say(Note::Kind::Error, "<b>" + what.toHtmlEscaped() + "</b><br>" + advice.toHtmlEscaped(), tr("Close"));
}

}  // namespace kvasir
