// Settings: few, applied at once, remembered by the workspace.
#pragma once

#include <QCheckBox>
#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QPushButton>
#include <QWidget>

#include "app/workspace.h"

namespace kvasir {

class SettingsPage : public QWidget {
    Q_OBJECT

public:
    /// `workspace` must outlive the page.
    SettingsPage(Workspace& workspace, QWidget* parent);

protected:
    void showEvent(QShowEvent* event) override;

signals:
    void languageChanged();
    void themeChanged();
    void paperChanged();
    void modelFileWanted();

private:
    QComboBox* addChoice(QGridLayout* grid, const QString& label, const QString& key,
                         const std::vector<std::pair<QString, QString>>& choices);
    void addKeptReadings(QGridLayout* grid);
    void refreshKept();
    void refreshModel();

    Workspace& m_workspace;
    QLabel* m_model;
    QLabel* m_kept;
    QPushButton* m_deleteKept;
};

}  // namespace kvasir
