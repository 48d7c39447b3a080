// The window: modes, library, tabs, answers, status.
#pragma once

#include <vector>

#include <QMainWindow>
#include <QPointer>
#include <QSplitter>
#include <QStackedWidget>
#include <QTabWidget>

#include "app/workspace.h"
#include "ui/answer_panel.h"
#include "ui/document_pane.h"
#include "ui/library_panel.h"
#include "ui/mode_bar.h"
#include "ui/settings_page.h"
#include "ui/start_page.h"
#include "ui/status_panel.h"

namespace kvasir {

class WindowActions;

/// What a window hands to its successor when the language changes.
struct WindowState {
    QByteArray geometry;
    std::vector<DocumentId> tabs;
    DocumentId current = 0;
    QString draft;
    Mode mode = Mode::Documents;
    MarkMode marks = MarkMode::Citations;
    bool libraryHidden = false, answersHidden = false;
};

class MainWindow : public QMainWindow {
    Q_OBJECT

public:
    /// `workspace` must outlive the window. `samplesFolder` may be empty.
    MainWindow(Workspace& workspace, const QString& samplesFolder);
    ~MainWindow() override;

    void openFile(const QString& path);
    /// Opens the file and asks when it is there.
    void openAndAsk(const QString& path, const QString& question);
    DocumentPane* currentPane() const;
    AnswerPanel& answers() { return *m_answers; }

    WindowState state() const;
    void restore(const WindowState& state);

signals:
    void languageChanged();
    void themeChanged();

protected:
    void resizeEvent(QResizeEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dragLeaveEvent(QDragLeaveEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void closeEvent(QCloseEvent* event) override;

private:
    friend class WindowActions;

    void build(const QString& samplesFolder);
    void connectParts();
    void connectPane(DocumentPane* pane);
    DocumentPane* showDocument(DocumentId document);
    void closeTab(int index);
    void onTabChanged();
    void activateDocument(DocumentId document);
    void activateConversation(DocumentId document, ConversationId conversation);
    void beginConversation();
    void onCitation(const QString& answer, const Citation& citation);
    void askToForget(DocumentId document);
    void pinSelection(bool askAgain);

    void chooseFile();
    void chooseModel();
    void showOfflineHelp();
    void showAbout();
    void setMode(Mode mode);
    void applyLayout();
    void toggleLibrary();
    void toggleAnswers();
    void cyclePanes(int by);
    void escape();
    void showNotice(const Error& error);
    DocumentPane* paneAt(int index) const;
    int tabOf(DocumentId document) const;

    Workspace& m_workspace;
    ModeBar* m_modeBar;
    QStackedWidget *m_modes, *m_centre;
    QSplitter *m_splitter, *m_work;
    LibraryPanel* m_library;
    AnswerPanel* m_answers;
    QTabWidget* m_tabs;
    StartPage* m_start;
    SettingsPage* m_settings;
    StatusPanel* m_status;
    Note* m_notice;
    WindowActions* m_actions;
    MarkMode m_marks = MarkMode::Citations;
    bool m_compact = false, m_low = false;
    bool m_libraryHidden = false, m_answersHidden = false;
    bool m_libraryOver = false;  ///< shown over the page in a narrow window
};

}  // namespace kvasir
