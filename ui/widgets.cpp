#include "ui/widgets.h"

#include <QHBoxLayout>
#include <QPainter>
#include <QStyle>

#include "ui/icons.h"

namespace kvasir {

IconLabel::IconLabel(const QString& name, QColor Colours::* colour, int side, QWidget* parent)
    : QWidget(parent), m_name(name), m_colour(colour), m_side(side) {
    setFixedSize(side, side);
}

void IconLabel::setIcon(const QString& name, QColor Colours::* colour) {
    m_name = name;
    m_colour = colour;
    update();
}

void IconLabel::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintIcon(painter, m_name, rect(), coloursOf(QGuiApplication::palette()).*m_colour);
}

namespace {

struct NoteLook {
    const char* property;
    const char* icon;
    QColor Colours::* colour;
};

NoteLook lookOf(Note::Kind kind) {
    switch (kind) {
        case Note::Kind::Good:
            return {"good", "check", &Colours::good};
        case Note::Kind::Warning:
            return {"warning", "warning", &Colours::warning};
        case Note::Kind::Error:
            return {"error", "error", &Colours::error};
        case Note::Kind::Plain:
            break;
    }
    return {"plain", "info", &Colours::text};
}

}  // namespace

Note::Note(Kind kind, QWidget* parent) : QFrame(parent), m_kind(kind) {
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(8, 5, 8, 5);
    layout->setSpacing(7);
    m_icon = new IconLabel("info", &Colours::text, 16, this);
    m_text = new QLabel(this);
    m_text->setWordWrap(true);
    m_text->setTextFormat(Qt::RichText);
    m_text->setFont(sizedFont(font(), -0.75));
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_action = makeLinkButton({}, "noteAction", this);
    layout->addWidget(m_icon, 0, Qt::AlignTop);
    layout->addWidget(m_text, 1);
    layout->addWidget(m_action, 0, Qt::AlignTop);
    m_action->hide();
    connect(m_action, &QPushButton::clicked, this, &Note::actionTriggered);
    setKind(kind);
}

void Note::setKind(Kind kind) {
    m_kind = kind;
    const NoteLook look = lookOf(kind);
    m_icon->setIcon(look.icon, look.colour);
    setProperty("note", look.property);
    style()->unpolish(this);
    style()->polish(this);
}

void Note::setIcon(const QString& name) {
    m_icon->setIcon(name, lookOf(m_kind).colour);
}

void Note::setCompact(bool compact) {
    setProperty("note", compact ? "none" : lookOf(m_kind).property);
    layout()->setContentsMargins(compact ? 0 : 8, compact ? 1 : 5, compact ? 0 : 8, compact ? 1 : 5);
    style()->unpolish(this);
    style()->polish(this);
}

void Note::setText(const QString& html, const QString& action) {
    m_text->setText(html);
    m_action->setText(action);
    m_action->setVisible(!action.isEmpty());
}

QToolButton* makeToolButton(const QString& iconName, const QString& name, const QString& objectName,
                            QWidget* parent) {
    auto* button = new QToolButton(parent);
    button->setIcon(icon(iconName));
    button->setIconSize({16, 16});
    button->setToolTip(name);
    button->setAccessibleName(name);
    button->setObjectName(objectName);
    button->setFocusPolicy(Qt::TabFocus);
    return button;
}

QPushButton* makeButton(const QString& text, const QString& iconName, const QString& objectName,
                        QWidget* parent) {
    // A leading blank is the gap between sign and text that the style sheet cannot give.
    auto* button = new QPushButton(iconName.isEmpty() ? text : " " + text, parent);
    if (!iconName.isEmpty()) button->setIcon(icon(iconName));
    button->setIconSize({13, 13});
    button->setObjectName(objectName);
    button->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    return button;
}

QPushButton* makeLinkButton(const QString& text, const QString& objectName, QWidget* parent) {
    auto* button = makeButton(text, {}, objectName, parent);
    button->setProperty("link", true);
    button->setCursor(Qt::PointingHandCursor);
    button->setFont(sizedFont(button->font(), -0.75));
    return button;
}

QLabel* makeLabel(const QString& text, QWidget* parent, bool secondary, double pointsMore, bool bold) {
    auto* label = new QLabel(text, parent);
    if (secondary) label->setProperty("tone", "secondary");
    if (pointsMore != 0 || bold) label->setFont(sizedFont(label->font(), pointsMore, bold));
    return label;
}

namespace {

// A line of one pixel in the theme's colour.
class Hairline : public QFrame {
public:
    using QFrame::QFrame;

protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        painter.fillRect(rect(), coloursOf(QGuiApplication::palette()).line);
    }
};

}  // namespace

QFrame* makeSeparator(QWidget* parent, int height) {
    auto* line = new Hairline(parent);
    line->setFixedSize(1, height);
    return line;
}

QFrame* makeHairline(QWidget* parent) {
    auto* line = new Hairline(parent);
    line->setFixedHeight(1);
    line->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    return line;
}

void ElidedLabel::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setPen(palette().color(isEnabled() ? QPalette::Active : QPalette::Disabled, foregroundRole()));
    painter.drawText(contentsRect(), Qt::AlignLeft | Qt::AlignVCenter,
                     fontMetrics().elidedText(text(), Qt::ElideRight, contentsRect().width()));
}

}  // namespace kvasir
