#include "ui/settings_page.h"

#include <algorithm>

#include <QGridLayout>
#include <QHBoxLayout>
#include <QVBoxLayout>

#include "ui/phrases.h"
#include "ui/widgets.h"

namespace kvasir {

SettingsPage::SettingsPage(Workspace& workspace, QWidget* parent) : QWidget(parent), m_workspace(workspace) {
    setObjectName("settingsPage");
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(26, 18, 26, 18);
    layout->setSpacing(12);
    layout->addWidget(makeLabel(tr("Settings"), this, false, 6, true));
    auto* group = new QFrame(this);
    group->setProperty("group", true);
    group->setMaximumWidth(640);
    auto* grid = new QGridLayout(group);
    grid->setContentsMargins(16, 14, 16, 14);
    grid->setHorizontalSpacing(16);
    grid->setVerticalSpacing(10);
    grid->setColumnStretch(1, 1);
    // Languages are named in themselves, so that nobody is lost in the wrong one.
    auto* language =
        addChoice(grid, tr("Language"), "language",
                  {{"system", tr("As the system")}, {"en", "English"}, {"ja", QString::fromUtf8("日本語")}});
    auto* theme = addChoice(grid, tr("Appearance"), "theme",
                            {{"system", tr("As the system")}, {"light", tr("Light")}, {"dark", tr("Dark")}});
    connect(language, &QComboBox::activated, this, &SettingsPage::languageChanged);
    connect(theme, &QComboBox::activated, this, &SettingsPage::themeChanged);
    auto* paper = new QCheckBox(tr("Keep pages white when the window is dark"), group);
    paper->setObjectName("paperWhite");
    paper->setChecked(workspace.setting("paperWhite") == "1");
    connect(paper, &QCheckBox::toggled, this, [this](bool on) {
        m_workspace.setSetting("paperWhite", on ? "1" : "0");
        emit paperChanged();
    });
    grid->addWidget(paper, grid->rowCount(), 1);
    addChoice(grid, tr("Full reading", "setting"), "fullReading",
              {{"always", tr("Always", "full reading")},
               {"mains", tr("On mains only")},
               {"never", tr("Never", "full reading")}});
    addKeptReadings(grid);
    const int row = grid->rowCount();
    grid->addWidget(makeLabel(tr("Language model"), group), row, 0, Qt::AlignTop);
    auto* model = new QHBoxLayout;
    m_model = makeLabel({}, group);
    m_model->setObjectName("settingsModel");
    m_model->setWordWrap(true);
    model->addWidget(m_model, 1);
    auto* use = makeButton(tr("Use a file…"), "folder", "settingsModelFile", group);
    connect(use, &QPushButton::clicked, this, &SettingsPage::modelFileWanted);
    model->addWidget(use, 0, Qt::AlignTop);
    grid->addLayout(model, row, 1);
    layout->addWidget(group);
    layout->addStretch(1);
    connect(&workspace, &Workspace::modelChanged, this, &SettingsPage::refreshModel);
    refreshModel();
}

QComboBox* SettingsPage::addChoice(QGridLayout* grid, const QString& label, const QString& key,
                                   const std::vector<std::pair<QString, QString>>& choices) {
    auto* box = new QComboBox(this);
    box->setObjectName(key + "Setting");
    box->setAccessibleName(label);
    box->setMinimumContentsLength(16);  // all of one width
    for (const auto& [value, text] : choices)
        box->addItem(text, value);
    box->setCurrentIndex(std::max(0, box->findData(m_workspace.setting(key))));
    const int row = grid->rowCount();
    grid->addWidget(makeLabel(label, this), row, 0);
    grid->addWidget(box, row, 1, Qt::AlignLeft);
    connect(box, &QComboBox::activated, this,
            [this, box, key] { m_workspace.setSetting(key, box->currentData().toString()); });
    return box;
}

/// How much of what was read stays on the disk, how much there is, and a way to be rid of it.
void SettingsPage::addKeptReadings(QGridLayout* grid) {
    auto* budget = addChoice(grid, tr("Kept readings"), "keptReadings",
                             {{"", tr("Automatic", "kept readings")},
                              {"2", tr("Up to %1 GB").arg(2)},
                              {"10", tr("Up to %1 GB").arg(10)},
                              {"50", tr("Up to %1 GB").arg(50)},
                              {"0", tr("None", "kept readings")}});
    const QString why = tr("Documents that were read once are ready at once the next time");
    budget->setToolTip(why);
    budget->setAccessibleDescription(why);
    auto* row = new QHBoxLayout;
    m_kept = makeLabel({}, this, true);
    m_kept->setObjectName("keptReadingsUse");
    m_kept->setWordWrap(true);
    row->addWidget(m_kept, 1);
    m_deleteKept = makeButton(tr("Delete", "kept readings"), "close", "keptReadingsDelete", this);
    m_deleteKept->setAccessibleDescription(tr("Kept readings"));
    row->addWidget(m_deleteKept, 0, Qt::AlignTop);
    grid->addLayout(row, grid->rowCount(), 1);
    connect(m_deleteKept, &QPushButton::clicked, this, [this] { m_workspace.deleteKeptReadings(); });
    connect(budget, &QComboBox::activated, this, &SettingsPage::refreshKept);
    connect(&m_workspace, &Workspace::keptReadingsChanged, this, &SettingsPage::refreshKept);
    refreshKept();
}

void SettingsPage::refreshKept() {
    const KeptReadings kept = m_workspace.keptReadings();
    m_kept->setText(kept.budget > 0
                        ? tr("%1 of %2 used").arg(Phrases::memory(kept.bytes), Phrases::memory(kept.budget))
                        : tr("%1 used").arg(Phrases::memory(kept.bytes)));
    m_deleteKept->setEnabled(kept.bytes > 0);
}

void SettingsPage::showEvent(QShowEvent* event) {
    refreshKept();  // it shrinks with deleted documents, too
    QWidget::showEvent(event);
}

void SettingsPage::refreshModel() {
    const ModelInfo model = m_workspace.model();
    if (model.error)
        m_model->setText(QString::fromStdString(model.error->what) + " " +
                         QString::fromStdString(model.error->advice));
    else if (!model.note.isEmpty())
        m_model->setText(tr("%1 on the processor").arg(model.name) + "<br>" + model.note.toHtmlEscaped());
    else
        m_model->setText(model.name.isEmpty() ? tr("No model on this computer yet") : model.name);
}

}  // namespace kvasir
