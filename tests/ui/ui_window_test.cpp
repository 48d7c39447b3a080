#include <gtest/gtest.h>

#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QDropEvent>
#include <QMimeData>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>
#include <QTreeView>

#include "tests/ui/window_fixture.h"
#include "ui/answer_text.h"
#include "ui/log_view.h"
#include "ui/page_view.h"

namespace kvasir {
namespace {

class Window : public WindowFixture {
protected:
    DocumentId openAgreement() {
        m_agreement = addAgreement(m_workspace);
        if (!m_desktop) openWindow();
        openFile(m_agreement);
        return m_agreement;
    }

    DocumentId m_agreement = 0;
};

TEST_F(Window, AsksByKeysAndJumpsToTheCitedPageByAClick) {
    openAgreement();
    m_workspace.setScript(m_agreement, scriptedAnswer("", "Sixty days [1]. Forty thousand [3].",
                                                      m_workspace.citations(m_agreement)));
    keys(Qt::Key_L, Qt::ControlModifier);
    ASSERT_EQ(QApplication::focusWidget(), child<QWidget>("questionEdit"));
    QTest::keyClicks(QApplication::focusWidget(), "With how much notice?");
    keys(Qt::Key_Return);
    ASSERT_TRUE(
        QTest::qWaitFor([&] { return m_workspace.answer("A1").state == AnswerState::Complete; }, 3000));
    EXPECT_EQ(view().currentPlace(), 0);
    QTest::mouseClick(child<CitationChip>("citationChip3"), Qt::LeftButton);
    EXPECT_EQ(view().currentPlace(), 62);
    EXPECT_EQ(child<QLineEdit>("placeEdit")->text(), "63");
    ASSERT_NE(view().marks(), nullptr);
    EXPECT_EQ(view().marks()->citedOnPage(62), 1);
    EXPECT_EQ(child<QLabel>("legendCited")->text(), "Cited 2");
    keys(Qt::Key_Left, Qt::AltModifier);
    EXPECT_EQ(view().currentPlace(), 0) << "back";
    keys(Qt::Key_Right, Qt::AltModifier);
    EXPECT_EQ(view().currentPlace(), 62) << "forward";
    keys(Qt::Key_F8);
    EXPECT_EQ(view().currentPlace(), 36) << "next citation";
}

TEST_F(Window, AQuestionFollowsOnWhenItLooksSoAndByHand) {
    openAgreement();
    m_workspace.setScript(m_agreement, scriptedAnswer("", "Sixty days.", {}));
    const auto ask = [&](const char* text, const QString& answer) {
        keys(Qt::Key_L, Qt::ControlModifier);
        QTest::keyClicks(QApplication::focusWidget(), text);
        keys(Qt::Key_Return);
        EXPECT_TRUE(
            QTest::qWaitFor([&] { return m_workspace.answer(answer).state == AnswerState::Complete; }, 3000));
        return QString::fromStdString(m_workspace.answer(answer).after);
    };
    auto *row = child<QWidget>("followRow"), *text = child<QWidget>("followText"),
         *remove = child<QWidget>("followRemove"), *add = child<QWidget>("followAdd");
    EXPECT_FALSE(row->isVisible()) << "there is nothing to follow on from";
    EXPECT_EQ(ask("And with how much notice?", "A1"), "");
    EXPECT_TRUE(row->isVisible());
    EXPECT_FALSE(text->isVisible());
    EXPECT_EQ(qobject_cast<QPushButton*>(add)->text(), "Follow on from answer 1");

    // As it is typed.
    QWidget* edit = child<QWidget>("questionEdit");
    edit->setFocus();
    QTest::keyClicks(edit, "And for the seller?");
    EXPECT_TRUE(text->isVisible());
    EXPECT_EQ(qobject_cast<QLabel*>(text)->text(), "Follows on from answer 1");
    EXPECT_EQ(edit->accessibleDescription(), "Follows on from answer 1");
    EXPECT_EQ(remove->accessibleName(), "Ask without answer 1");
    keys(Qt::Key_Return);
    ASSERT_TRUE(
        QTest::qWaitFor([&] { return m_workspace.answer("A2").state == AnswerState::Complete; }, 3000));
    EXPECT_EQ(m_workspace.answer("A2").after, "A1");
    EXPECT_EQ(window().findChildren<QLabel*>("answerAfter").back()->text(), "Follows on from answer 1");

    // Taken away by the keyboard, for this question only.
    edit->setFocus();
    QTest::keyClicks(edit, "And for the buyer?");
    for (int i = 0; i < 3 && QApplication::focusWidget() != remove; ++i)
        keys(Qt::Key_Backtab, Qt::ShiftModifier);
    ASSERT_EQ(QApplication::focusWidget(), remove);
    keys(Qt::Key_Space);
    EXPECT_FALSE(text->isVisible());
    EXPECT_EQ(QApplication::focusWidget(), edit) << "one goes on writing";
    keys(Qt::Key_Return);
    ASSERT_TRUE(
        QTest::qWaitFor([&] { return m_workspace.answer("A3").state == AnswerState::Complete; }, 3000));
    EXPECT_EQ(m_workspace.answer("A3").after, "");
    EXPECT_EQ(ask("And for both?", "A4"), "A3") << "the newest, again by itself";

    // Added by hand where the question does not look so.
    edit->setFocus();
    QTest::keyClicks(edit, "Which law governs the agreement?");
    EXPECT_FALSE(text->isVisible());
    for (int i = 0; i < 3 && QApplication::focusWidget() != add; ++i)
        keys(Qt::Key_Backtab, Qt::ShiftModifier);
    ASSERT_EQ(QApplication::focusWidget(), add);
    keys(Qt::Key_Space);
    EXPECT_TRUE(text->isVisible());
    EXPECT_EQ(qobject_cast<QLabel*>(text)->text(), "Follows on from answer 4");
    QTest::keyClicks(edit, " Really?");
    EXPECT_TRUE(text->isVisible()) << "what was chosen stays";
    keys(Qt::Key_Return);
    EXPECT_EQ(m_workspace.answer("A5").after, "A4");
}

TEST_F(Window, ANewConversationBeginsByKeysAndTheOldOneIsInTheLibrary) {
    openAgreement();
    m_workspace.setScript(m_agreement, scriptedAnswer("", "Sixty days.", {}));
    keys(Qt::Key_L, Qt::ControlModifier);
    QTest::keyClicks(QApplication::focusWidget(), "With how much notice?");
    keys(Qt::Key_Return);
    ASSERT_TRUE(
        QTest::qWaitFor([&] { return m_workspace.answer("A1").state == AnswerState::Complete; }, 3000));
    ASSERT_EQ(window().findChildren<QWidget*>("answerView").size(), 1);
    const ConversationId first = m_workspace.conversation(m_agreement);

    keys(Qt::Key_N, Qt::ControlModifier);
    EXPECT_EQ(window().findChildren<QWidget*>("answerView").size(), 0);
    EXPECT_TRUE(child<QLabel>("answersEmpty")->isVisible());
    EXPECT_FALSE(child<QWidget>("followRow")->isVisible());
    EXPECT_FALSE(child<QWidget>("newConversation")->isEnabled()) << "this one is new";
    ASSERT_EQ(QApplication::focusWidget(), child<QWidget>("questionEdit"));
    QTest::keyClicks(QApplication::focusWidget(), "And for the seller?");
    keys(Qt::Key_Return);
    ASSERT_TRUE(
        QTest::qWaitFor([&] { return m_workspace.answer("A2").state == AnswerState::Complete; }, 3000));
    EXPECT_EQ(m_workspace.answer("A2").after, "") << "nothing of another conversation";
    EXPECT_NE(m_workspace.conversation(m_agreement), first);

    auto* tree = child<QTreeView>("libraryTree");
    const QModelIndex document = tree->currentIndex().parent();
    ASSERT_TRUE(document.isValid());
    ASSERT_EQ(tree->model()->rowCount(document), 2);
    EXPECT_EQ(tree->currentIndex().data().toString(), "And for the seller?");
    tree->setFocus();
    keys(Qt::Key_Up);
    keys(Qt::Key_Return);
    EXPECT_EQ(m_workspace.conversation(m_agreement), first);
    ASSERT_EQ(window().findChildren<QWidget*>("answerView").size(), 1);
    EXPECT_EQ(window().findChild<QLabel*>("answerQuestion")->text(), "With how much notice?");
}

TEST_F(Window, MarksCycleAndAreRemembered) {
    openAgreement();
    addAgreementAnswers(m_workspace, m_agreement);
    QTest::qWait(10);
    EXPECT_EQ(view().markMode(), MarkMode::Citations);
    keys(Qt::Key_M, Qt::ControlModifier | Qt::ShiftModifier);
    EXPECT_EQ(view().markMode(), MarkMode::Carried);
    EXPECT_TRUE(child<QLabel>("legendCarried")->text().startsWith("Carried "));
    QTest::mouseClick(child<QToolButton>("plainButton"), Qt::LeftButton);
    EXPECT_EQ(view().markMode(), MarkMode::Plain);
    EXPECT_EQ(m_workspace.setting("marks"), "0");
    EXPECT_EQ(child<QComboBox>("marksOfAnswer")->currentText(), "Marks of answer 2");
}

TEST_F(Window, WordsOfMarkModesAreShownWholeAtEveryWidth) {
    openAgreement();
    for (int width = 1600; width >= 1000; width -= 30) {
        window().resize(width, 900);
        QTest::qWait(5);
        for (const char* name : {"plainButton", "citationsButton", "carriedButton"}) {
            auto* button = child<QToolButton>(name);
            button->click();
            QFont chosen = button->font();
            chosen.setWeight(QFont::DemiBold);
            EXPECT_GE(button->width(), QFontMetrics(chosen).horizontalAdvance(button->text()) + 20)
                << name << " in a window of " << width;
        }
    }
}

TEST_F(Window, HeatStripNamesItsPlaceAndJumps) {
    openAgreement();
    addAgreementAnswers(m_workspace, m_agreement);
    auto* strip = child<QWidget>("heatStrip");
    view().jumpToPlace(36);
    EXPECT_TRUE(strip->accessibleName().startsWith("Heat strip, page 37 of 112, "))
        << strip->accessibleName().toStdString();
    EXPECT_TRUE(strip->accessibleName().endsWith("percent carried"));
    QTest::mouseClick(strip, Qt::LeftButton, {}, QPoint(10, strip->height() / 2));
    EXPECT_NEAR(view().currentPlace(), 56, 1);
}

TEST_F(Window, GoesToTypedPagesAndIgnoresOthers) {
    openAgreement();
    keys(Qt::Key_G, Qt::ControlModifier);
    ASSERT_EQ(QApplication::focusWidget(), child<QWidget>("placeEdit"));
    QTest::keyClicks(QApplication::focusWidget(), "63");
    keys(Qt::Key_Return);
    EXPECT_EQ(view().currentPlace(), 62);
    keys(Qt::Key_G, Qt::ControlModifier);
    QTest::keyClicks(QApplication::focusWidget(), "999");
    keys(Qt::Key_Return);
    EXPECT_EQ(view().currentPlace(), 62);
}

TEST_F(Window, FindsFromWhatIsInView) {
    openAgreement();
    view().jumpToPlace(36);
    keys(Qt::Key_F, Qt::ControlModifier);
    ASSERT_EQ(QApplication::focusWidget(), child<QWidget>("findField"));
    QTest::keyClicks(QApplication::focusWidget(), "material breach");
    ASSERT_TRUE(QTest::qWaitFor([&] { return child<QLabel>("findCount")->text() == "1 of 3"; }, 3000))
        << child<QLabel>("findCount")->text().toStdString();
    EXPECT_EQ(view().found().size(), 3U);
    keys(Qt::Key_F3);
    EXPECT_EQ(child<QLabel>("findCount")->text(), "2 of 3");
    keys(Qt::Key_F3, Qt::ShiftModifier);
    EXPECT_EQ(child<QLabel>("findCount")->text(), "1 of 3");
    keys(Qt::Key_Escape);
    EXPECT_TRUE(view().found().empty());
}

TEST_F(Window, SelectsWithTheMouseAndCopiesWithThePage) {
    openAgreement();
    view().jumpToPlace(36);
    auto* pages = dynamic_cast<PageView*>(&view());
    ASSERT_NE(pages, nullptr);
    const auto& document = *view().document();
    const Page& page = document.pages[36];
    const Line& line = document.lines[page.firstLine];
    const std::vector<QRectF> rects = pages->rectsOf({line.begin, line.end}, 36);
    ASSERT_FALSE(rects.empty());
    const QPoint from = rects[0].topLeft().toPoint() + QPoint(1, 6),
                 to = rects[0].bottomRight().toPoint() - QPoint(1, 6);
    QTest::mousePress(view().viewport(), Qt::LeftButton, {}, from);
    QMouseEvent move(QEvent::MouseMove, to, view().viewport()->mapToGlobal(to), Qt::LeftButton,
                     Qt::LeftButton, {});
    QApplication::sendEvent(view().viewport(), &move);
    QTest::mouseRelease(view().viewport(), Qt::LeftButton, {}, to);
    EXPECT_EQ(view().selectedText(), "14. TERM AND TERMINATION");
    view().setFocus();
    keys(Qt::Key_C, Qt::ControlModifier | Qt::ShiftModifier);
    EXPECT_EQ(
        QApplication::clipboard()->text(),
        QString::fromUtf8("“14. TERM AND TERMINATION” (FSA-2231 Framework Supply Agreement.pdf, page 37)"));
}

TEST_F(Window, OpensAtTheBeginningWhenPagesBecomeKnownLater) {
    m_agreement = addAgreement(m_workspace);
    m_workspace.hidePages(m_agreement, true);
    openWindow();
    window().openFile(m_workspace.info(m_agreement).path);
    QTest::qWait(30);
    EXPECT_EQ(view().placeCount(), 0);
    m_workspace.hidePages(m_agreement, false);
    QTest::qWait(30);
    EXPECT_EQ(view().placeCount(), 112);
    EXPECT_EQ(view().currentPlace(), 0);
}

TEST_F(Window, ZoomKeepsThePage) {
    openAgreement();
    view().jumpToPlace(40);
    EXPECT_TRUE(view().fitsWidth());
    const double before = view().zoom();
    keys(Qt::Key_Plus, Qt::ControlModifier);
    EXPECT_NEAR(view().zoom(), before * 1.1, 1e-6);
    EXPECT_NEAR(view().currentPlace(), 40, 1);
    keys(Qt::Key_0, Qt::ControlModifier);
    EXPECT_DOUBLE_EQ(view().zoom(), 1);
    keys(Qt::Key_9, Qt::ControlModifier);
    EXPECT_TRUE(view().fitsWidth());
}

TEST_F(Window, RendersOnlyWhatIsInViewAndStaysUnderItsLimit) {
    std::vector<ScriptedPage> pages(1500);
    for (ScriptedPage& page : pages)
        page.paragraphs << "A page of a very long document.";
    const DocumentId id = m_workspace.addPdf("long.pdf", pages);
    openWindow();
    window().openFile(m_workspace.info(id).path);
    QTest::qWait(50);
    EXPECT_EQ(view().placeCount(), 1500);
    EXPECT_LT(m_workspace.imagesRequested, 40);
    for (int place = 0; place < 1500; place += 50) {
        view().jumpToPlace(place);
        QTest::qWait(2);
    }
    EXPECT_LE(window().currentPane()->images().bytes(), PageImages::kCacheBytes);
    EXPECT_GT(m_workspace.imagesCancelled, 0) << "pages nobody looks at any more are not rendered";
}

TEST_F(Window, ALogOfTwoHundredThousandLinesGoesToItsCitedLine) {
    const DocumentId log = addGatewayLog(m_workspace, 200000);
    addLogAnswer(m_workspace, log);
    openWindow();
    window().openFile(m_workspace.info(log).path);
    QTest::qWait(30);
    auto* lines = dynamic_cast<LogView*>(&view());
    ASSERT_NE(lines, nullptr);
    EXPECT_EQ(view().placeCount(), 200000);
    auto* chip = child<CitationChip>("citationChip2");
    ASSERT_NE(chip, nullptr);
    EXPECT_EQ(chip->text(), QString::fromUtf8("2 · line 50,009"));
    QTest::mouseClick(chip, Qt::LeftButton);
    const auto [first, last] = lines->visibleLines();
    EXPECT_LE(first, 50008);
    EXPECT_GE(last, 50008);
}

TEST_F(Window, StartPageOffersAModelFileAndTakesDrops) {
    m_workspace.setModel({});
    m_agreement = addAgreement(m_workspace);
    openWindow();
    EXPECT_TRUE(child<QWidget>("startPage")->isVisible());
    EXPECT_EQ(child<QLabel>("modelTitle")->text(), "No model on this computer yet");
    EXPECT_FALSE(child<QWidget>("answerPanel")->isVisible());
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(m_workspace.info(m_agreement).path)});
    QDragEnterEvent enter(QPoint(500, 400), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(&window(), &enter);
    QDropEvent drop(QPointF(500, 400), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(&window(), &drop);
    ASSERT_NE(window().currentPane(), nullptr);
    EXPECT_EQ(window().currentPane()->documentId(), m_agreement);
    EXPECT_FALSE(child<QWidget>("questionEdit")->isEnabled());
    EXPECT_TRUE(window().windowTitle().startsWith("FSA-2231"));
}

TEST_F(Window, AFileThatCannotBeOpenedSaysSoInItsPlace) {
    openWindow();
    window().openFile("/nowhere/lost.pdf");
    EXPECT_EQ(child<QLabel>("problemTitle")->text(), "There is no such file.");
    EXPECT_TRUE(child<QLabel>("problemText")->text().contains("Choose another file."));
    EXPECT_TRUE(child<QPushButton>("otherFileButton")->isVisible());
    QTest::keyClick(&window(), Qt::Key_W, Qt::ControlModifier);
    EXPECT_EQ(window().currentPane(), nullptr);
    EXPECT_TRUE(child<QWidget>("startPage")->isVisible());
}

TEST_F(Window, ALockedDocumentAsksForItsPassword) {
    m_agreement = addAgreement(m_workspace);
    ReadingState locked;
    locked.stage = ReadingStage::Locked;
    m_workspace.setReading(m_agreement, locked);
    openWindow();
    window().openFile(m_workspace.info(m_agreement).path);
    auto* password = child<QLineEdit>("passwordEdit");
    ASSERT_TRUE(password->isVisible());
    QTest::keyClicks(password, "wrong");
    QTest::keyClick(password, Qt::Key_Return);
    EXPECT_EQ(child<QLabel>("problemTitle")->text(), "That was not the password");
    password->clear();
    QTest::keyClicks(password, "open sesame");
    QTest::keyClick(password, Qt::Key_Return);
    EXPECT_FALSE(password->isVisible());
    EXPECT_EQ(view().placeCount(), 112);
}

TEST_F(Window, LanguageChangesAtOnceAndKeepsTheTabs) {
    openAgreement();
    QTest::keyClicks(child<QWidget>("questionEdit"), "draft");
    QTest::mouseClick(child<QWidget>("settingsMode"), Qt::LeftButton);
    auto* language = child<QComboBox>("languageSetting");
    language->setFocus();
    QTest::keyClick(language, Qt::Key_Down);
    QTest::keyClick(language, Qt::Key_Down);
    ASSERT_TRUE(QTest::qWaitFor([&] { return m_workspace.setting("language") == "ja"; }, 1000));
    QTest::qWait(50);
    EXPECT_EQ(child<QComboBox>("languageSetting")->accessibleName(), QString::fromUtf8("言語"));
    ASSERT_NE(window().currentPane(), nullptr);
    EXPECT_EQ(window().currentPane()->documentId(), m_agreement);
    EXPECT_EQ(window().answers().questionBox().draft(), "draft");
}

TEST_F(Window, ThemeChangesAtOnce) {
    openAgreement();
    EXPECT_FALSE(coloursOf(&window()).dark);
    QTest::mouseClick(child<QWidget>("settingsMode"), Qt::LeftButton);
    auto* theme = child<QComboBox>("themeSetting");
    theme->setFocus();
    QTest::keyClick(theme, Qt::Key_End);
    QTest::qWait(20);
    EXPECT_EQ(m_workspace.setting("theme"), "dark");
    EXPECT_TRUE(coloursOf(&window()).dark);
    QTest::keyClick(theme, Qt::Key_Home);
}

TEST_F(Window, KeptReadingsAreCountedAndDeleted) {
    openAgreement();
    QTest::mouseClick(child<QWidget>("settingsMode"), Qt::LeftButton);
    auto* use = child<QLabel>("keptReadingsUse");
    auto* remove = child<QPushButton>("keptReadingsDelete");
    EXPECT_EQ(use->text(), "1.2 GB of 10.0 GB used");
    QTest::mouseClick(remove, Qt::LeftButton);
    EXPECT_EQ(use->text(), "0.0 GB of 10.0 GB used");
    EXPECT_FALSE(remove->isEnabled());
    auto* budget = child<QComboBox>("keptReadingsSetting");
    budget->setFocus();
    m_workspace.kept = {300'000'000, 0};
    QTest::keyClick(budget, Qt::Key_End);
    EXPECT_EQ(m_workspace.setting("keptReadings"), "0");
    EXPECT_EQ(use->text(), "0.3 GB used");
    EXPECT_TRUE(remove->isEnabled());
}

TEST_F(Window, SmallWindowsFoldTheLibraryAndOlderAnswers) {
    openAgreement();
    addAgreementAnswers(m_workspace, m_agreement);
    EXPECT_TRUE(child<QWidget>("libraryPanel")->isVisible());
    window().resize(1024, 700);
    QTest::qWait(20);
    EXPECT_FALSE(child<QWidget>("libraryPanel")->isVisible());
    auto* button = child<QToolButton>("libraryButton");
    ASSERT_TRUE(button->isVisible());
    QTest::mouseClick(button, Qt::LeftButton);
    EXPECT_TRUE(child<QWidget>("libraryPanel")->isVisible());
    int folded = 0;
    for (QToolButton* unfold : window().findChildren<QToolButton*>("unfoldButton"))
        folded += unfold->isVisible() ? 1 : 0;
    EXPECT_EQ(folded, 1);
    window().resize(800, 560);
    QTest::qWait(20);
    EXPECT_GT(child<QWidget>("answerPanel")->mapTo(&window(), QPoint()).y(),
              view().mapTo(&window(), QPoint()).y() + 50)
        << "answers under the page";
}

TEST_F(Window, F6GoesRoundThePanes) {
    openAgreement();
    view().setFocus();
    keys(Qt::Key_F6);
    EXPECT_EQ(QApplication::focusWidget(), child<QWidget>("questionEdit"));
    keys(Qt::Key_F6);
    EXPECT_EQ(QApplication::focusWidget(), child<QWidget>("libraryTree"));
    keys(Qt::Key_F6);
    EXPECT_EQ(QApplication::focusWidget(), &view());
}

TEST_F(Window, EveryControlHasAName) {
    openAgreement();
    addAgreementAnswers(m_workspace, m_agreement);
    for (QAbstractButton* button : window().findChildren<QAbstractButton*>()) {
        if (!button->isVisible() || button->metaObject()->className() == QByteArray("CloseButton")) continue;
        EXPECT_FALSE(button->accessibleName().isEmpty() && button->text().isEmpty())
            << button->metaObject()->className() << " " << button->objectName().toStdString();
    }
    EXPECT_EQ(view().accessibleName(), "Document page");
}

TEST_F(Window, RemembersWhereADocumentWasLeft) {
    openAgreement();
    view().jumpToPlace(50);
    window().openFile("/nowhere/lost.pdf");
    m_desktop.reset();
    openWindow();
    window().openFile(m_workspace.info(m_agreement).path);
    ASSERT_TRUE(QTest::qWaitFor([&] { return view().currentPlace() > 40; }, 1000));
    EXPECT_NEAR(view().currentPlace(), 50, 1);
}

}  // namespace
}  // namespace kvasir
