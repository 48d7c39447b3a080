// The row above the pages: history, page or line, zoom, marks, find.
#pragma once

#include <QButtonGroup>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QToolButton>
#include <QWidget>

#include "ui/document_marks.h"
#include "ui/document_view.h"

namespace kvasir {

class ViewerToolbar : public QWidget {
    Q_OBJECT

public:
    /// `view` must outlive the toolbar. `pages`: counts pages, else lines.
    ViewerToolbar(DocumentView& view, bool pages, QWidget* parent);

    void setMarkMode(MarkMode mode);
    /// Without an answer there is nothing to mark.
    void setMarksEnabled(bool enabled);
    void setCompact(bool compact);
    void focusPlace();
    QToolButton* libraryButton() const { return m_library; }

signals:
    void markModeChosen(kvasir::MarkMode mode);
    void findRequested();
    void pinRequested();
    void libraryRequested();

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void addPlace(bool pages);
    void addZoom();
    void addMarks();
    void showPlace();
    void showZoom();
    void showTexts();
    void goToTypedPlace();

    DocumentView& m_view;
    QToolButton* m_library;
    QToolButton *m_back, *m_forward;
    QLineEdit* m_place;
    QLabel* m_placeCount;
    QLabel* m_zoom;
    QLabel* m_marksLabel;
    QToolButton *m_zoomOut, *m_zoomIn, *m_fit, *m_pin, *m_find;
    QButtonGroup* m_modes;
    bool m_pages;
    bool m_compact = false;
};

}  // namespace kvasir
