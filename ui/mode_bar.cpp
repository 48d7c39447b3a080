#include "ui/mode_bar.h"

#include <QPainter>
#include <QVBoxLayout>

#include "ui/icons.h"
#include "ui/theme.h"

namespace kvasir {
namespace {

constexpr int kWide = 74, kNarrow = 46;
constexpr int kTall = 54, kLow = 42;

}  // namespace

ModeButton::ModeButton(const QString& iconName, const QString& text, QWidget* parent)
    : QAbstractButton(parent), m_icon(iconName) {
    setText(text);
    setAccessibleName(text);
    setCheckable(true);
    setFocusPolicy(Qt::TabFocus);
    setAttribute(Qt::WA_Hover);
    setCompact(false);
}

void ModeButton::setCompact(bool compact) {
    m_compact = compact;
    setToolTip(compact ? text() : QString());
    setFixedSize(sizeHint());
    update();
}

QSize ModeButton::sizeHint() const {
    return m_compact ? QSize(kNarrow, kLow) : QSize(kWide, kTall);
}

void ModeButton::paintEvent(QPaintEvent*) {
    const Colours& colours = coloursOf(this);
    QPainter painter(this);
    if (isChecked()) {
        painter.fillRect(rect(), colours.base);
        painter.fillRect(QRect(0, 0, 3, height()), colours.accent);
    } else if (underMouse()) {
        painter.fillRect(rect(), colours.windowAlt);
    }
    const QColor colour = isChecked() ? colours.text : colours.secondary;
    const double side = m_compact ? 18 : 20;
    paintIcon(painter, m_icon,
              QRectF((width() + 3 - side) / 2, m_compact ? (height() - side) / 2 : 8, side, side), colour);
    if (!m_compact) {
        QFont small = sizedFont(font(), -1.5, isChecked());
        for (double points = small.pointSizeF();
             QFontMetrics(small).horizontalAdvance(text()) > width() - 5 && points > 7.5; points -= 0.25)
            small.setPointSizeF(points);
        painter.setFont(small);
        painter.setPen(colour);
        painter.drawText(QRect(3, 30, width() - 3, 18), Qt::AlignCenter, text());
    }
    if (hasFocus()) {
        painter.setPen(QPen(colours.accent, 2));
        painter.drawRect(rect().adjusted(1, 1, -1, -1));
    }
}

ModeBar::ModeBar(QWidget* parent) : QWidget(parent) {
    setObjectName("modeBar");
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 4, 1, 4);
    layout->setSpacing(0);
    m_documents = new ModeButton("document", tr("Documents"), this);
    m_documents->setObjectName("documentsMode");
    m_settings = new ModeButton("settings", tr("Settings"), this);
    m_settings->setObjectName("settingsMode");
    layout->addWidget(m_documents);
    layout->addStretch(1);
    layout->addWidget(m_settings);
    connect(m_documents, &QAbstractButton::clicked, this, [this] { emit modeChosen(Mode::Documents); });
    connect(m_settings, &QAbstractButton::clicked, this, [this] { emit modeChosen(Mode::Settings); });
    setMode(Mode::Documents);
    setCompact(false);
}

void ModeBar::setMode(Mode mode) {
    m_documents->setChecked(mode == Mode::Documents);
    m_settings->setChecked(mode == Mode::Settings);
}

void ModeBar::setCompact(bool compact) {
    m_documents->setCompact(compact);
    m_settings->setCompact(compact);
    setFixedWidth(compact ? kNarrow + 1 : kWide + 1);
}

void ModeBar::paintEvent(QPaintEvent*) {
    const Colours& colours = coloursOf(this);
    QPainter painter(this);
    painter.fillRect(rect(), colours.modeBar);
    painter.fillRect(QRect(width() - 1, 0, 1, height()), colours.line);
}

}  // namespace kvasir
