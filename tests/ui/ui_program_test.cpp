// The window over this computer's own workspace: real reader, real model, real answer. Skipped without a
// model.
#include <gtest/gtest.h>

#include <QApplication>
#include <QDir>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

#include "app/local_workspace.h"
#include "tests/patience.h"
#include "ui/answer_text.h"
#include "ui/desktop.h"

namespace kvasir {
namespace {

QString modelFile() {
    QString named = qEnvironmentVariable("KVASIR_TEST_MODEL");
    if (!named.isEmpty()) return named;
    return QDir::home().filePath(".cache/kvasir/models/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf");
}

TEST(Program, OpensTheSampleAsksAndShowsTheCitedPage) {
    if (!QFileInfo::exists(modelFile())) GTEST_SKIP() << "no model file at " << modelFile().toStdString();
    const QTemporaryDir data;
    LocalWorkspace::Options options;
    options.dataFolder = data.path().toStdString();
    options.model = modelFile().toStdString();
    auto workspace = LocalWorkspace::create(options);
    ASSERT_TRUE(workspace) << workspace.error().message();
    (*workspace)->setSetting("language", "en");
    Desktop desktop(*qApp, **workspace, {});
    MainWindow& window = desktop.window();
    window.resize(1440, 900);
    window.show();
    window.openFile(QString(KVASIR_SAMPLES) + "/framework-agreement.pdf");
    auto* question = window.findChild<QWidget*>("questionEdit");
    ASSERT_TRUE(QTest::qWaitFor([&] { return question->isEnabled(); }, 60000 * test::kPatience));
    DocumentPane* pane = window.currentPane();
    ASSERT_TRUE(QTest::qWaitFor([&] { return pane->view().placeCount() == 21; }, 60000 * test::kPatience));
    EXPECT_EQ(pane->view().currentPlace(), 0);

    question->setFocus();
    QTest::keyClicks(question, "What is the unit price of the NS-200 split-case pump?");
    QTest::keyClick(question, Qt::Key_Return);
    ASSERT_EQ((*workspace)->answers(pane->documentId()).size(), 1U);
    // A first look may come before, where the reading takes long.
    const auto last = [&] { return (*workspace)->answer((*workspace)->answers(pane->documentId()).back()); };
    const auto ended = [&] {
        const Answer answer = last();
        return answer.mode != AnswerMode::FirstLook && answer.state != AnswerState::Waiting &&
               answer.state != AnswerState::Writing;
    };
    ASSERT_TRUE(QTest::qWaitFor(ended, 400000 * test::kPatience));
    QTest::qWait(100);
    EXPECT_EQ(last().state, AnswerState::Complete);
    ASSERT_NE(pane->view().marks(), nullptr);
    EXPECT_TRUE(pane->view().marks()->known());
    EXPECT_GT(pane->view().marks()->share(), 0);

    auto* chip = window.findChild<CitationChip*>();
    ASSERT_NE(chip, nullptr) << last().text;
    QTest::mouseClick(chip, Qt::LeftButton);
    QTest::qWait(50);
    EXPECT_EQ(pane->view().currentPlace(), chip->citation().page);
    // A question that goes on from it, in the same conversation.
    const QString first = (*workspace)->answers(pane->documentId()).back();
    QTest::keyClicks(question, "And of the next larger one?");
    EXPECT_TRUE(window.findChild<QWidget*>("followText")->isVisible());
    QTest::keyClick(question, Qt::Key_Return);
    ASSERT_TRUE(QTest::qWaitFor(ended, 400000 * test::kPatience));
    EXPECT_EQ(last().state, AnswerState::Complete);
    EXPECT_EQ(last().question, "And of the next larger one?");
    EXPECT_EQ(QString::fromStdString(last().after), first);
    EXPECT_EQ(last().turns.taken, 1);
    EXPECT_EQ((*workspace)->conversations(pane->documentId()).size(), 1U);
    QTest::qWait(2000);  // the page's image, and the end of the pulse
    window.grab().save(KVASIR_SCREENS "/program.png");
}

}  // namespace
}  // namespace kvasir
