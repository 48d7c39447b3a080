// Colours, type and sizes of the window: one table for light, one for dark.
#pragma once

#include <QApplication>
#include <QColor>
#include <QFont>
#include <QPalette>
#include <QString>
#include <QWidget>

namespace kvasir {

/// Names are roles, never hues; the accent is never a data colour.
struct Colours {
    bool dark = false;
    QColor window, windowAlt, modeBar, base, canvas, text, secondary, line, lineSoft;
    QColor button, buttonShade, buttonBorder, fieldBorder;
    QColor accent, accentText, accentWash, link, selection, selectionText;
    QColor paper, ink;
    QColor carried, carriedWash, notCarried, hatch;
    QColor cited, citedWash, citedText;
    QColor pinned, pinnedWash;
    QColor error, errorGround, warning, warningGround, good, goodGround;
    double veil = 0;  ///< opacity of the paper colour over words not carried
};

enum class ThemeChoice { System, Light, Dark };

ThemeChoice themeChoice(const QString& setting);  ///< "light", "dark", else System
QString themeSetting(ThemeChoice choice);

const Colours& lightColours();
const Colours& darkColours();
/// The table that belongs to a palette made by applyTheme.
const Colours& coloursOf(const QPalette& palette);
inline const Colours& coloursOf(const QWidget* widget) {
    return coloursOf(widget->palette());
}

/// Sets style, palette, style sheet and font of the whole application. `japanese` puts a Japanese font first.
void applyTheme(QApplication& application, ThemeChoice choice, bool japanese);

/// The interface's font `points` larger or smaller, never below 8.5 points.
QFont sizedFont(const QFont& font, double pointsMore, bool bold = false);
/// Fixed pitch, for logs and text files.
QFont monospacedFont(const QFont& font);
/// No animation where the desktop asks for none.
bool reducedMotion(const QWidget* widget);

}  // namespace kvasir
