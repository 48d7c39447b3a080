// What is shown while no document is open.
#pragma once

#include <QLabel>
#include <QPushButton>
#include <QWidget>

#include "app/workspace.h"
#include "ui/widgets.h"

namespace kvasir {

/// A document that ships with the program.
struct Sample {
    QString path;
    QString title, detail;
    QString iconName;
    QStringList questions;
};
/// The samples whose files exist in `folder`; their questions are in the document's language.
std::vector<Sample> samplesIn(const QString& folder);

class StartPage : public QWidget {
    Q_OBJECT

public:
    /// `workspace` must outlive the page.
    StartPage(Workspace& workspace, const QString& samplesFolder, QWidget* parent);

    void setDropping(bool dropping);

signals:
    void openRequested();
    void sampleChosen(const QString& path, const QString& question);
    void modelFileWanted();
    void offlineHelpWanted();

private:
    QWidget* buildDropArea();
    QWidget* buildSamples(const std::vector<Sample>& samples);
    QWidget* buildHowItWorks();
    QWidget* buildModelBox();
    void refreshModel();

    Workspace& m_workspace;
    QWidget* m_drop = nullptr;
    IconLabel* m_modelIcon = nullptr;
    QLabel *m_modelTitle = nullptr, *m_modelText = nullptr;
    QPushButton* m_useFile = nullptr;
};

}  // namespace kvasir
