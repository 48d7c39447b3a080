#include "ui/settings_page.h"

#include <algorithm>

#include <QGridLayout>
#include <QHBoxLayout>
#include <QVBoxLayout>

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
    const int row = grid->rowCount();
    grid->addWidget(makeLabel(tr("Language model"), group), row, 0, Qt::AlignTop);
    auto* model = new QHBoxLayout;
    m_model = makeLabel({}, group);
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

void SettingsPage::refreshModel() {
    const ModelInfo model = m_workspace.model();
    if (model.error)
        m_model->setText(QString::fromStdString(model.error->what) + " " +
                         QString::fromStdString(model.error->advice));
    else
        m_model->setText(model.name.isEmpty() ? tr("No model on this computer yet") : model.name);
}

}  // namespace kvasir
