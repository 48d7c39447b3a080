// The window's signs: SVG outlines in resources/icons, drawn in the palette's colours at any size.
#pragma once

#include <QColor>
#include <QIcon>
#include <QPainter>
#include <QRectF>

namespace kvasir {

/// An icon that takes the text colour of the theme in force when it is painted. `name` is a file of
/// resources/icons without ".svg"; `onAccent` takes the colour of text on the accent.
QIcon icon(const QString& name, bool onAccent = false);

/// Paints the sign in one colour.
void paintIcon(QPainter& painter, const QString& name, const QRectF& rect, const QColor& colour);

}  // namespace kvasir
