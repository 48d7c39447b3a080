#include "ui/icons.h"

#include <QFile>
#include <QGuiApplication>
#include <QHash>
#include <QIconEngine>
#include <QPalette>
#include <QPixmap>
#include <QSvgRenderer>

#include "ui/theme.h"

namespace kvasir {
namespace {

QByteArray outlineOf(const QString& name) {
    static QHash<QString, QByteArray> known;
    const auto it = known.constFind(name);
    if (it != known.constEnd()) return *it;
    QFile file(":/kvasir/icons/" + name + ".svg");
    const QByteArray bytes = file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    known.insert(name, bytes);
    return bytes;
}

class OutlineEngine : public QIconEngine {
public:
    OutlineEngine(QString name, bool onAccent) : m_name(std::move(name)), m_onAccent(onAccent) {}

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override {
        const Colours& colours = coloursOf(QGuiApplication::palette());
        QColor colour = m_onAccent ? colours.accentText : colours.text;
        if (mode == QIcon::Disabled) colour = colours.hatch;
        if (mode == QIcon::Selected) colour = colours.selectionText;
        paintIcon(*painter, m_name, rect, colour);
    }

    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
        QPixmap pixmap(size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        paint(&painter, QRect(QPoint(), size), mode, state);
        return pixmap;
    }

    QIconEngine* clone() const override { return new OutlineEngine(m_name, m_onAccent); }

private:
    QString m_name;
    bool m_onAccent;
};

}  // namespace

QIcon icon(const QString& name, bool onAccent) {
    return QIcon(new OutlineEngine(name, onAccent));
}

void paintIcon(QPainter& painter, const QString& name, const QRectF& rect, const QColor& colour) {
    QByteArray outline = outlineOf(name);
    outline.replace("currentColor", colour.name().toLatin1());
    QSvgRenderer renderer(outline);
    const double side = std::min(rect.width(), rect.height());
    renderer.render(&painter, QRectF(rect.center().x() - side / 2, rect.center().y() - side / 2, side, side));
}

}  // namespace kvasir
