// The bar at the left edge: what the window shows.
#pragma once

#include <vector>

#include <QAbstractButton>
#include <QWidget>

namespace kvasir {

enum class Mode { Documents, Settings };

class ModeButton : public QAbstractButton {
    Q_OBJECT

public:
    ModeButton(const QString& iconName, const QString& text, QWidget* parent);
    void setCompact(bool compact);
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QString m_icon;
    bool m_compact = false;
};

class ModeBar : public QWidget {
    Q_OBJECT

public:
    explicit ModeBar(QWidget* parent);
    void setMode(Mode mode);
    /// Signs without words.
    void setCompact(bool compact);

signals:
    void modeChosen(kvasir::Mode mode);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    ModeButton *m_documents, *m_settings;
};

}  // namespace kvasir
