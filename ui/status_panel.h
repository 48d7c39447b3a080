// The line at the bottom: locality, reading state, model, memory.
#pragma once

#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QWidget>

#include "app/workspace.h"
#include "ui/widgets.h"

namespace kvasir {

class StatusPanel : public QWidget {
    Q_OBJECT

public:
    /// `workspace` must outlive the panel.
    StatusPanel(Workspace& workspace, QWidget* parent);

    void setDocument(DocumentId document);  ///< 0: none
    void setCompact(bool compact);

private:
    void refresh();
    void refreshModel();

    Workspace& m_workspace;
    DocumentId m_document = 0;
    bool m_compact = false;
    QLabel* m_local;
    IconLabel* m_icon;
    QLabel *m_title, *m_detail, *m_remark;
    QProgressBar* m_bar;
    QPushButton* m_action;
    QLabel *m_model, *m_memory;
    QFrame* m_memoryLine;
    bool m_stops = true;  ///< what the button does
};

}  // namespace kvasir
