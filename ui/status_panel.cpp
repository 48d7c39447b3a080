#include "ui/status_panel.h"

#include <QHBoxLayout>

#include "ui/phrases.h"

namespace kvasir {

StatusPanel::StatusPanel(Workspace& workspace, QWidget* parent) : QWidget(parent), m_workspace(workspace) {
    setObjectName("statusPanel");
    setFixedHeight(25);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(8, 0, 8, 0);
    layout->setSpacing(8);
    layout->addWidget(new IconLabel("lock", &Colours::text, 13, this));
    m_local = makeLabel({}, this, false, -0.75);
    m_local->setObjectName("statusLocal");
    layout->addWidget(m_local);
    layout->addWidget(makeSeparator(this, 14));
    m_icon = new IconLabel("half", &Colours::text, 13, this);
    m_title = makeLabel({}, this, false, -0.75, true);
    m_title->setObjectName("readingTitle");
    m_bar = new QProgressBar(this);
    m_bar->setObjectName("readingBar");
    m_bar->setRange(0, 1000);
    m_bar->setTextVisible(false);
    m_bar->setFixedWidth(150);
    m_detail = makeLabel({}, this, false, -0.75);
    m_detail->setObjectName("readingDetail");
    m_action = makeLinkButton({}, "readingAction", this);
    m_remark = makeLabel({}, this, true, -0.75);
    m_remark->setObjectName("readingRemark");
    for (QWidget* widget :
         {static_cast<QWidget*>(m_icon), static_cast<QWidget*>(m_title), static_cast<QWidget*>(m_bar),
          static_cast<QWidget*>(m_detail), static_cast<QWidget*>(m_action), static_cast<QWidget*>(m_remark)})
        layout->addWidget(widget);
    layout->addStretch(1);
    m_model = makeLabel({}, this, false, -0.75);
    m_model->setObjectName("statusModel");
    m_memory = makeLabel({}, this, false, -0.75);
    m_memoryLine = makeSeparator(this, 14);
    layout->addWidget(m_model);
    layout->addWidget(m_memoryLine);
    layout->addWidget(m_memory);
    connect(m_action, &QPushButton::clicked, this, [this] {
        if (m_stops)
            m_workspace.stopReading(m_document);
        else
            m_workspace.continueReading(m_document);
    });
    connect(&workspace, &Workspace::readingChanged, this, [this](DocumentId id) {
        if (id == m_document) refresh();
    });
    connect(&workspace, &Workspace::modelChanged, this, &StatusPanel::refreshModel);
    setCompact(false);
    refreshModel();
}

void StatusPanel::setDocument(DocumentId document) {
    m_document = document;
    refresh();
}

void StatusPanel::setCompact(bool compact) {
    m_compact = compact;
    m_local->setText(compact ? tr("This computer only") : tr("Works on this computer only"));
    m_bar->setFixedWidth(compact ? 90 : 150);
    refresh();
    refreshModel();
}

void StatusPanel::refresh() {
    if (m_document == 0) {
        for (QWidget* widget :
             {static_cast<QWidget*>(m_icon), static_cast<QWidget*>(m_title), static_cast<QWidget*>(m_bar),
              static_cast<QWidget*>(m_detail), static_cast<QWidget*>(m_action)})
            widget->hide();
        m_remark->setText(tr("No document open"));
        m_remark->show();
        return;
    }
    const Phrases::Reading reading =
        Phrases::reading(m_workspace.reading(m_document), m_workspace.info(m_document));
    m_icon->setVisible(!reading.icon.isEmpty());
    if (!reading.icon.isEmpty()) m_icon->setIcon(reading.icon, &Colours::text);
    m_title->setText(reading.title);
    m_title->show();
    m_bar->setVisible(reading.progress >= 0);
    m_bar->setValue(static_cast<int>(reading.progress * 1000));
    m_bar->setAccessibleName(reading.title + " " + reading.detail);
    m_detail->setText(reading.detail);
    m_detail->setVisible(!reading.detail.isEmpty());
    m_stops = reading.canStop;
    m_action->setText(reading.canStop ? tr("Stop", "reading") : tr("Continue"));
    m_action->setVisible(reading.canStop || reading.canContinue);
    m_remark->setText(reading.remark);
    m_remark->setVisible(!m_compact && !reading.remark.isEmpty());
    setAccessibleName(reading.title + " " + reading.detail);
}

void StatusPanel::refreshModel() {
    const ModelInfo model = m_workspace.model();
    QString text = model.name.isEmpty() ? tr("No model yet") : model.name;
    if (!model.name.isEmpty() && !model.loaded)
        text = model.error ? tr("%1 could not be loaded").arg(model.name) : tr("Loading %1…").arg(model.name);
    if (!model.note.isEmpty()) text = tr("%1 on the processor").arg(text);
    m_model->setText(text);
    // Rich text, which breaks into lines; plain text would be one long line.
    m_model->setToolTip(model.note.isEmpty() ? model.path
                                             : "<p>" + model.note.toHtmlEscaped() + "</p><p>" +
                                                   model.path.toHtmlEscaped() + "</p>");
    const bool memory = model.memoryBytes > 0;
    m_memory->setVisible(memory);
    m_memoryLine->setVisible(memory);
    const QString size = Phrases::memory(model.memoryBytes);
    m_memory->setText(m_compact ? size : tr("Memory %1").arg(size));
}

}  // namespace kvasir
