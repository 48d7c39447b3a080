// Small widgets that several views are made of.
#pragma once

#include <QButtonGroup>
#include <QFrame>
#include <QLabel>
#include <QPushButton>
#include <QToolButton>
#include <QWidget>

#include "ui/theme.h"

namespace kvasir {

/// A sign in a colour of the theme, followed through theme changes.
class IconLabel : public QWidget {
    Q_OBJECT

public:
    IconLabel(const QString& name, QColor Colours::* colour, int side, QWidget* parent);
    void setIcon(const QString& name, QColor Colours::* colour);
    QSize sizeHint() const override { return {m_side, m_side}; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QString m_name;
    QColor Colours::* m_colour;
    int m_side;
};

/// A sentence in a frame with a sign, and at most one action.
class Note : public QFrame {
    Q_OBJECT

public:
    enum class Kind { Plain, Good, Warning, Error };

    Note(Kind kind, QWidget* parent);
    /// Rich text; empty `action`: no button.
    void setText(const QString& html, const QString& action = {});
    void setKind(Kind kind);
    /// Another sign than the kind's own.
    void setIcon(const QString& name);
    /// One line without frame, for narrow windows.
    void setCompact(bool compact);
    QString text() const { return m_text->text(); }
    QPushButton* action() const { return m_action; }

signals:
    void actionTriggered();

private:
    Kind m_kind;
    IconLabel* m_icon;
    QLabel* m_text;
    QPushButton* m_action;
};

/// Flat button with a sign; `name` is tooltip and accessible name.
QToolButton* makeToolButton(const QString& iconName, const QString& name, const QString& objectName,
                            QWidget* parent);
QPushButton* makeButton(const QString& text, const QString& iconName, const QString& objectName,
                        QWidget* parent);
QPushButton* makeLinkButton(const QString& text, const QString& objectName, QWidget* parent);
QLabel* makeLabel(const QString& text, QWidget* parent, bool secondary = false, double pointsMore = 0,
                  bool bold = false);
QFrame* makeSeparator(QWidget* parent, int height = 20);
QFrame* makeHairline(QWidget* parent);

/// Text between the elided ends of a label's width.
class ElidedLabel : public QLabel {
    Q_OBJECT

public:
    using QLabel::QLabel;
    QSize minimumSizeHint() const override { return {24, QLabel::minimumSizeHint().height()}; }

protected:
    void paintEvent(QPaintEvent* event) override;
};

}  // namespace kvasir
