// Writes pictures of the window into a folder, to be looked at.
#include <cstdio>

#include <QApplication>
#include <QDir>
#include <QPlainTextEdit>
#include <QTest>

#include "tests/ui/sample_scenes.h"
#include "ui/answer_text.h"
#include "ui/desktop.h"

namespace {

using namespace kvasir;

struct Look {
    const char* name;
    const char* language;
    const char* theme;
    QSize size;
};

void settle() {
    for (int i = 0; i < 12; ++i) {
        QApplication::processEvents();
        QTest::qWait(15);
    }
}

bool save(MainWindow& window, const QDir& folder, const QString& name) {
    settle();
    const bool saved = window.grab().save(folder.filePath(name + ".png"));
    if (!saved)
        std::fprintf(stderr, "ui_screens: %s could not be written\n",
                     qPrintable(folder.filePath(name + ".png")));
    return saved;
}

/// Pins the words from `first` to the end of `last`, on one page.
void pin(ScriptedWorkspace& workspace, DocumentId id, std::size_t page, const char* first, const char* last) {
    const Document& document = *workspace.text(id);
    const std::size_t begin = document.text.find(first, document.pages[page].begin);
    const std::size_t end = document.text.find(last, begin);
    if (begin == std::string::npos || end == std::string::npos) return;
    const ByteRange range{static_cast<std::uint32_t>(begin),
                          static_cast<std::uint32_t>(end + std::string_view(last).size())};
    if (!workspace.addPin(id, range)) std::fprintf(stderr, "ui_screens: %s was not pinned\n", first);
}

bool takeDocument(QApplication& application, const Look& look, const QDir& folder) {
    ScriptedWorkspace workspace;
    workspace.setSetting("language", look.language);
    workspace.setSetting("theme", look.theme);
    workspace.setSetting("marks", "2");
    const bool japanese = QString(look.language) == "ja";
    const DocumentId log = addGatewayLog(workspace, 20000);
    const DocumentId id = japanese ? addJapaneseContract(workspace) : addAgreement(workspace);
    japanese ? addJapaneseAnswers(workspace, id) : addAgreementAnswers(workspace, id);
    addLogAnswer(workspace, log);
    if (japanese) {
        pin(workspace, id, 36, "２　乙は", "できない。");
    } else {
        pin(workspace, id, 36, "if the other", "capable of remedy;");
        pin(workspace, id, 62, "S3.3", "40,000");
    }
    pin(workspace, log, 0, "02:14:01.350", "12 waiting");
    pin(workspace, log, 0, "job nightly-reindex", "default 8)");
    ReadingState reading;
    reading.stage = ReadingStage::FullReading;
    reading.share = 0.64;
    reading.secondsLeft = 120;
    workspace.setReading(id, reading);
    Desktop desktop(application, workspace, {});
    MainWindow& window = desktop.window();
    window.resize(look.size);
    window.show();
    window.openFile(workspace.info(log).path);
    window.openFile(workspace.info(id).path);
    settle();
    DocumentPane* pane = window.currentPane();
    pane->view().jumpToPlace(36);
    const QList<CitationChip*> chips = window.findChildren<CitationChip*>();
    if (!chips.isEmpty()) chips.back()->setFocus();
    bool good = save(window, folder, QString("document_%1").arg(look.name));
    // Asked again with what is pinned; and more than can be pinned.
    workspace.setScript(id, workspace.answer("A2"));
    window.answers().askAgain("A2");
    QTest::qWait(300);
    pane->view().selectAll();
    QTest::keyClick(&pane->view(), Qt::Key_P, Qt::ControlModifier | Qt::ShiftModifier);
    good = save(window, folder, QString("pins_%1").arg(look.name)) && good;
    if (!japanese && look.size.width() > 1200) {
        window.openFile(workspace.info(log).path);
        settle();
        window.currentPane()->jumpToCitation(workspace.citations(log)[1]);
        QTest::qWait(1500);
        window.findChild<QWidget*>("questionEdit")->setFocus();
        good = save(window, folder, QString("log_%1").arg(look.name)) && good;
    }
    return good;
}

/// A question that goes on from an answer, in a second conversation.
bool takeConversation(QApplication& application, const Look& look, const QDir& folder) {
    ScriptedWorkspace workspace;
    workspace.setSetting("language", look.language);
    workspace.setSetting("theme", look.theme);
    const bool japanese = QString(look.language) == "ja";
    const DocumentId id = japanese ? addJapaneseContract(workspace) : addAgreement(workspace);
    japanese ? addJapaneseAnswers(workspace, id) : addAgreementAnswers(workspace, id);
    workspace.newConversation(id);
    Answer first =
        scriptedAnswer(japanese ? "遅延損害金は年何%ですか。" : "How high is the interest on late payments?",
                       japanese ? "年6%です。" : "It is 6 per cent a year.", {});
    Answer second =
        scriptedAnswer(japanese ? "では、分割払いの場合は？" : "And where payment is in instalments?",
                       japanese ? "年8%です。" : "It is 8 per cent a year.", {});
    second.after = workspace.addAnswer(id, first).toStdString();
    second.turns = {2, 1, 240, false, TurnsTaken::Limit::Tokens};
    workspace.addAnswer(id, second);
    Desktop desktop(application, workspace, {});
    MainWindow& window = desktop.window();
    window.resize(look.size);
    window.show();
    window.openFile(workspace.info(id).path);
    settle();
    auto* edit = window.findChild<QPlainTextEdit*>("questionEdit");
    edit->setPlainText(japanese ? "それはいつからですか。" : "And from when on?");
    edit->setFocus();
    bool good = save(window, folder, QString("conversation_%1").arg(look.name));
    edit->setPlainText(japanese ? "準拠法は何ですか。" : "Which law governs the agreement?");
    return save(window, folder, QString("conversation_by_itself_%1").arg(look.name)) && good;
}

/// The GPU was given up, and a document is read in parts because memory is short.
bool takeProcessor(QApplication& application, const Look& look, const QDir& folder) {
    ScriptedWorkspace workspace;
    workspace.setSetting("language", look.language);
    workspace.setSetting("theme", look.theme);
    const DocumentId id = addAgreement(workspace);
    addAgreementAnswers(workspace, id);
    ReadingState state;
    state.stage = ReadingStage::FirstDone;
    state.parts = {7, 12};
    state.fitsWindow = true;
    workspace.setReading(id, state);
    ModelInfo model = workspace.model();
    model.note = "The GPU reports: an illegal memory access was encountered.";
    workspace.setModel(model);
    Desktop desktop(application, workspace, {});
    desktop.window().resize(look.size);
    desktop.window().show();
    desktop.window().openFile(workspace.info(id).path);
    settle();
    emit workspace.failed(
        {ErrorCode::DeviceFailed, "The processor goes on in place of the GPU.", "",
         model.note.toStdString() +
             " Nothing is lost; answers take longer now. Start Kvasir again to use the GPU."});
    bool good = save(desktop.window(), folder, QString("processor_%1").arg(look.name));
    QTest::mouseClick(desktop.window().findChild<QWidget*>("settingsMode"), Qt::LeftButton);
    return save(desktop.window(), folder, QString("processor_settings_%1").arg(look.name)) && good;
}

bool takeStart(QApplication& application, const Look& look, const QDir& folder) {
    ScriptedWorkspace workspace;
    workspace.setSetting("language", look.language);
    workspace.setSetting("theme", look.theme);
    workspace.setModel({});
    Desktop desktop(application, workspace, KVASIR_SAMPLES);
    desktop.window().resize(look.size);
    desktop.window().show();
    bool good = save(desktop.window(), folder, QString("start_%1").arg(look.name));
    QTest::mouseClick(desktop.window().findChild<QWidget*>("settingsMode"), Qt::LeftButton);
    return save(desktop.window(), folder, QString("settings_%1").arg(look.name)) && good;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: ui_screens FOLDER\n");
        return 2;
    }
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    const QDir folder(QString::fromLocal8Bit(argv[1]));
    if (!folder.mkpath(".")) return 1;
    const Look looks[] = {
        {"light_en_1440", "en", "light", {1440, 900}}, {"dark_ja_1440", "ja", "dark", {1440, 900}},
        {"dark_en_1440", "en", "dark", {1440, 900}},   {"light_ja_1440", "ja", "light", {1440, 900}},
        {"light_en_1024", "en", "light", {1024, 700}}, {"dark_ja_1024", "ja", "dark", {1024, 700}},
        {"light_en_800", "en", "light", {800, 560}},
    };
    bool good = true;
    for (const Look& look : looks) {
        good = takeDocument(application, look, folder) && good;
        good = takeConversation(application, look, folder) && good;
        good = takeProcessor(application, look, folder) && good;
        good = takeStart(application, look, folder) && good;
    }
    return good ? 0 : 1;
}
