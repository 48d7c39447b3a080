// The real window over the real workspace: reader process, engine, store. Real key presses and clicks;
// pictures of each step go to the folder that is named on the command line. Every wait is bounded.
#include <cstdio>
#include <filesystem>

#include <gtest/gtest.h>

#include <QApplication>
#include <QDir>
#include <QImage>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

#include "app/local_workspace.h"
#include "tests/engine/model_folder.h"
#include "ui/answer_text.h"
#include "ui/desktop.h"
#include "ui/page_view.h"

namespace kvasir {
namespace {

constexpr int kLongestMs = 900'000;  // a first reading of 8,400 tokens on a busy machine
QDir g_pictures;                     // NOLINT(*-non-const-global-variables): set once, before the tests

class WindowEndToEnd : public testing::Test {
protected:
    void SetUp() override {
        // The agreement is longer than the small test model's window.
        m_model = test::modelFile(test::kQwen2);
        if (!std::filesystem::exists(m_model))
            GTEST_SKIP() << "no " << m_model << "; fetch it with installer/fetch-model qwen2.5-coder-0.5b";
        ASSERT_TRUE(m_data.isValid());
    }
    void start() {
        LocalWorkspace::Options options;
        options.dataFolder = m_data.filePath("data").toStdString();
        options.model = m_model;
        auto created = LocalWorkspace::create(options);
        ASSERT_TRUE(created) << created.error().message();
        m_workspace = std::move(*created);
        m_workspace->setSetting("language", "en");
        m_desktop = std::make_unique<Desktop>(*qApp, *m_workspace, KVASIR_SAMPLES);
        window().resize(1440, 900);
        window().show();
        ASSERT_TRUE(QTest::qWaitForWindowExposed(&window(), 10'000));
        window().activateWindow();  // there is no window manager to do it
        ASSERT_TRUE(QTest::qWaitForWindowActive(&window(), 10'000));
        window().openFile(KVASIR_SAMPLES "/framework-agreement.pdf");
        ASSERT_NE(window().currentPane(), nullptr);
    }
    void end() {
        m_desktop.reset();
        m_workspace.reset();
    }
    MainWindow& window() { return m_desktop->window(); }
    DocumentView& view() { return window().currentPane()->view(); }
    DocumentId document() { return m_workspace->documents().front().id; }
    template <typename Widget>
    Widget* child(const char* name) {
        return window().findChild<Widget*>(name);
    }
    QImage picture(const QString& name) {
        const QImage image = window().grab().toImage();
        EXPECT_TRUE(image.save(g_pictures.filePath(name + ".png")));
        return image;
    }
    /// Pages are drawn by the reader process: until the one in view is no longer blank paper.
    bool pageIsDrawn() {
        return QTest::qWaitFor(
            [&] {
                const QImage image = view().grab().toImage();
                int dark = 0;
                for (int y = 0; y < image.height(); y += 2) {
                    for (int x = image.width() / 4; x < image.width() * 3 / 4; x += 2)
                        dark += qGray(image.pixel(x, y)) < 90 ? 1 : 0;
                }
                return dark > 300;
            },
            20'000);
    }
    CitationChip* chipToAnotherPage() {
        for (CitationChip* chip : window().findChildren<CitationChip*>()) {
            if (chip->isVisible() && chip->citation().page != view().currentPlace()) return chip;
        }
        return nullptr;
    }

    std::filesystem::path m_model;
    QTemporaryDir m_data;
    std::unique_ptr<LocalWorkspace> m_workspace;
    std::unique_ptr<Desktop> m_desktop;
};

TEST_F(WindowEndToEnd, AsksJumpsMarksAndRemembers) {
    start();
    ASSERT_TRUE(pageIsDrawn());
    ASSERT_TRUE(QTest::qWaitFor([&] { return m_workspace->model().loaded; }, 60'000));
    picture("1_reading");

    // The question is asked while the document is still being read.
    auto* edit = child<QWidget>("questionEdit");
    QTest::mouseClick(edit, Qt::LeftButton);
    ASSERT_TRUE(QTest::qWaitFor([&] { return edit->hasFocus(); }, 5000));
    QTest::keyClicks(edit, "How many days after receipt of an invoice must it be paid?");
    QTest::keyClick(edit, Qt::Key_Return);
    ASSERT_EQ(m_workspace->answers(document()).size(), 1U);
    const QString asked = m_workspace->answers(document()).front();
    EXPECT_EQ(m_workspace->answer(asked).state, AnswerState::Waiting);
    QTest::qWait(500);
    picture("2_waiting");
    ASSERT_TRUE(QTest::qWaitFor(
        [&] {
            const AnswerState state = m_workspace->answer(asked).state;
            return state != AnswerState::Waiting && state != AnswerState::Writing;
        },
        kLongestMs));
    const Answer answer = m_workspace->answer(asked);
    ASSERT_EQ(answer.state, AnswerState::Complete) << (answer.error ? answer.error->message() : "");
    EXPECT_FALSE(answer.text.empty());
    std::printf("answer: %s\n", answer.text.c_str());
    QTest::qWait(300);
    const QImage before = picture("3_answer");

    ASSERT_FALSE(answer.citations.empty()) << "the answer quotes the agreement";
    view().jumpToPlace(0);
    QTest::qWait(300);
    CitationChip* chip = chipToAnotherPage();
    ASSERT_NE(chip, nullptr);
    const int page = chip->citation().page;
    QTest::mouseClick(chip, Qt::LeftButton);
    ASSERT_TRUE(QTest::qWaitFor([&] { return view().currentPlace() == page; }, 5000));
    EXPECT_EQ(child<QLineEdit>("placeEdit")->text(), QString::number(page + 1));
    ASSERT_NE(view().marks(), nullptr);
    EXPECT_GT(view().marks()->citedOnPage(page), 0);
    QTest::qWait(1500);
    ASSERT_TRUE(pageIsDrawn());
    EXPECT_NE(picture("4_cited_page"), before);

    QTest::mouseClick(child<QToolButton>("carriedButton"), Qt::LeftButton);
    EXPECT_EQ(view().markMode(), MarkMode::Carried);
    EXPECT_TRUE(child<QLabel>("legendCarried")->text().startsWith("Carried "));
    QTest::qWait(300);
    picture("5_carried");

    end();
    start();
    const std::vector<QString> answers = m_workspace->answers(document());
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(m_workspace->answer(answers.front()).text, answer.text);
    EXPECT_EQ(m_workspace->answer(answers.front()).citations.size(), answer.citations.size());
    ASSERT_TRUE(QTest::qWaitFor([&] { return m_workspace->text(document()) != nullptr; }, 60'000));
    QTest::qWait(500);
    EXPECT_EQ(view().markMode(), MarkMode::Carried) << "remembered";
    ASSERT_TRUE(QTest::qWaitFor([&] { return !window().findChildren<CitationChip*>().isEmpty(); }, 5000));
    chip = chipToAnotherPage();
    ASSERT_NE(chip, nullptr);
    QTest::mouseClick(chip, Qt::LeftButton);
    EXPECT_TRUE(QTest::qWaitFor([&] { return view().currentPlace() == page; }, 5000));
    QTest::qWait(1500);
    ASSERT_TRUE(pageIsDrawn());
    picture("6_after_restart");
    end();
}

}  // namespace
}  // namespace kvasir

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    QApplication application(argc, argv);
    if (argc != 2) {
        std::fprintf(stderr, "usage: window_end_to_end_test FOLDER_FOR_PICTURES\n");
        return 2;
    }
    kvasir::g_pictures.setPath(QString::fromLocal8Bit(argv[1]));
    if (!kvasir::g_pictures.mkpath(".")) return 1;
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    return RUN_ALL_TESTS();
}
