// The desktop program: one window over this computer's own workspace.
#include <cstdio>

#include <QApplication>
#include <QCommandLineParser>
#include <QDir>
#include <QFileInfo>
#include <QIcon>
#include <QMessageBox>

#include "app/local_workspace.h"
#include "ui/desktop.h"

namespace {

// Installed, beside the program, or in the source tree that it was built in.
QString samplesFolder() {
    const QDir program(QApplication::applicationDirPath());
    for (const char* place : {"../share/kvasir/samples", "samples", "../../../resources/samples"})
        if (QFileInfo(program.filePath(place)).isDir()) return QDir::cleanPath(program.filePath(place));
    return {};
}

void addOptions(QCommandLineParser& parser) {
    parser.setApplicationDescription("Answers questions about long documents on this computer.");
    parser.addHelpOption();
    parser.addVersionOption();
    parser.addPositionalArgument("FILE", "documents to open", "[FILE...]");
    parser.addOption({"ask", "Ask this about the last FILE.", "QUESTION"});
    parser.addOption({"model", "Use this model file.", "FILE"});
}

int failToStart(const kvasir::Error& error) {
    std::fprintf(stderr, "kvasir: %s\n", error.message().c_str());
    QMessageBox box(QMessageBox::Critical, "Kvasir", QString::fromStdString(error.what), QMessageBox::Close);
    QString text = QString::fromStdString(error.advice);
    if (!error.where.empty()) text = QString::fromStdString(error.where) + "\n\n" + text;
    box.setInformativeText(text);
    box.exec();
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    QApplication::setApplicationName("kvasir");
    QApplication::setApplicationDisplayName("Kvasir");
    QApplication::setApplicationVersion(KVASIR_VERSION);
    QApplication::setDesktopFileName("org.kvasir.Kvasir");
    QApplication application(argc, argv);
    application.setWindowIcon(QIcon(":/kvasir/icons/kvasir.svg"));
    QCommandLineParser parser;
    addOptions(parser);
    parser.process(application);
    const QStringList files = parser.positionalArguments();
    if (parser.isSet("ask") && files.isEmpty()) {
        std::fprintf(stderr, "kvasir: --ask needs a FILE to ask about. Name one, or ask in the window.\n");
        return 2;
    }

    kvasir::LocalWorkspace::Options options;
    if (parser.isSet("model")) options.model = QFile::encodeName(parser.value("model")).toStdString();
    auto workspace = kvasir::LocalWorkspace::create(options);
    if (!workspace) return failToStart(workspace.error());
    kvasir::Desktop desktop(application, **workspace, samplesFolder());
    desktop.window().show();
    for (const QString& file : files) {
        const bool last = &file == &files.back();
        desktop.window().openAndAsk(QFileInfo(file).absoluteFilePath(),
                                    last ? parser.value("ask") : QString());
    }
    return QApplication::exec();
}
