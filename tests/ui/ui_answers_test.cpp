#include <gtest/gtest.h>

#include <QApplication>
#include <QClipboard>
#include <QInputMethodEvent>
#include <QScrollArea>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTest>

#include "tests/ui/sample_scenes.h"
#include "ui/answer_panel.h"

namespace kvasir {
namespace {

class Asking : public testing::Test {
protected:
    void SetUp() override {
        m_box.resize(400, 160);
        m_box.show();
        m_edit = m_box.findChild<QuestionEdit*>("questionEdit");
    }
    QString hint() const { return m_box.findChild<QLabel*>("questionHint")->text(); }

    QuestionBox m_box{nullptr};
    QuestionEdit* m_edit = nullptr;
    QSignalSpy m_asked{&m_box, &QuestionBox::asked};
};

TEST_F(Asking, EnterAsksAndShiftEnterBeginsALine) {
    QTest::keyClicks(m_edit, "one");
    QTest::keyClick(m_edit, Qt::Key_Return, Qt::ShiftModifier);
    QTest::keyClicks(m_edit, "two");
    EXPECT_EQ(m_asked.count(), 0);
    QTest::keyClick(m_edit, Qt::Key_Return);
    ASSERT_EQ(m_asked.count(), 1);
    EXPECT_EQ(m_asked[0][0].toString(), "one\ntwo");
    EXPECT_TRUE(m_edit->toPlainText().isEmpty());
}

TEST_F(Asking, EnterOfAnInputMethodNeverAsks) {
    QInputMethodEvent composing(QString::fromUtf8("けいやく"), {});
    QApplication::sendEvent(m_edit, &composing);
    QTest::keyClick(m_edit, Qt::Key_Return);
    EXPECT_EQ(m_asked.count(), 0);
    QInputMethodEvent commit("", {});
    commit.setCommitString(QString::fromUtf8("契約"));
    QApplication::sendEvent(m_edit, &commit);
    QKeyEvent enter(QEvent::KeyPress, Qt::Key_Return, Qt::NoModifier, "\r");
    QApplication::sendEvent(m_edit, &enter);
    EXPECT_EQ(m_asked.count(), 0) << "the Enter that came with the commit";
    QTest::qWait(10);
    QTest::keyClick(m_edit, Qt::Key_Return);
    ASSERT_EQ(m_asked.count(), 1);
    EXPECT_EQ(m_asked[0][0].toString(), QString::fromUtf8("契約"));
}

TEST_F(Asking, AnEmptyQuestionGivesAHint) {
    QTest::keyClicks(m_edit, "   ");
    QTest::mouseClick(m_box.findChild<QPushButton*>("askButton"), Qt::LeftButton);
    EXPECT_EQ(m_asked.count(), 0);
    EXPECT_EQ(hint(), "Type a question first.");
}

TEST_F(Asking, TenThousandCharactersAreFine) {
    const QString question(10000, u'q');
    m_edit->setPlainText(question);
    QTest::keyClick(m_edit, Qt::Key_Enter);
    ASSERT_EQ(m_asked.count(), 1);
    EXPECT_EQ(m_asked[0][0].toString().size(), 10000);
    EXPECT_LT(m_edit->height(), 300) << "the box must leave the answers their room";
}

TEST_F(Asking, IsDisabledWithItsReason) {
    m_box.setDisabledReason("No model on this computer yet", "Use a file…");
    EXPECT_FALSE(m_edit->isEnabled());
    EXPECT_EQ(hint(), "No model on this computer yet");
    const QSignalSpy help(&m_box, &QuestionBox::helpWanted);
    QTest::mouseClick(m_box.findChild<QPushButton*>("questionHelp"), Qt::LeftButton);
    EXPECT_EQ(help.count(), 1);
}

class Answers : public testing::Test {
protected:
    void SetUp() override {
        m_document = addAgreement(m_workspace);
        m_panel.resize(420, 800);
        m_panel.setDocument(m_document);
        m_panel.show();
    }
    Note* note(const char* name) const { return m_panel.findChild<Note*>(name); }
    template <typename Change>
    void add(Change change) {
        Answer answer = scriptedAnswer("How long?", "Sixty days [1]. Forty thousand [3].",
                                       m_workspace.citations(m_document));
        change(answer);
        m_workspace.addAnswer(m_document, answer);
        QTest::qWait(20);
    }

    ScriptedWorkspace m_workspace;
    DocumentId m_document = 0;
    AnswerPanel m_panel{m_workspace, nullptr};
};

TEST_F(Answers, StreamsAndEndsWithChips) {
    m_workspace.setScript(m_document, scriptedAnswer("", "Sixty days [1]. Forty thousand [3].",
                                                     m_workspace.citations(m_document)));
    auto* edit = m_panel.findChild<QuestionEdit*>("questionEdit");
    QTest::keyClicks(edit, "How long?");
    QTest::keyClick(edit, Qt::Key_Return);
    ASSERT_TRUE(QTest::qWaitFor([&] { return m_panel.findChildren<CitationChip*>().size() == 2; }, 3000));
    ASSERT_TRUE(
        QTest::qWaitFor([&] { return m_workspace.answer("A1").state == AnswerState::Complete; }, 3000));
    const QSignalSpy activated(&m_panel, &AnswerPanel::citationActivated);
    auto* chip = m_panel.findChild<CitationChip*>("citationChip3");
    EXPECT_EQ(chip->text(), QString::fromUtf8("3 · p. 63"));
    EXPECT_EQ(chip->accessibleName(), "Citation 3, page 63");
    QTest::mouseClick(chip, Qt::LeftButton);
    ASSERT_EQ(activated.count(), 1);
    EXPECT_EQ(activated[0][1].value<Citation>().page, 62);
    chip->setFocus();
    QTest::keyClick(chip, Qt::Key_Return);
    EXPECT_EQ(activated.count(), 2);
}

TEST_F(Answers, TheEndStaysInViewUntilSomebodyScrolls) {
    m_panel.resize(420, 620);
    std::string text;
    for (int i = 0; i < 8; ++i)
        text += "Sixty days for the delivery of all goods [1]. ";
    m_workspace.setScript(
        m_document, scriptedAnswer("", QString::fromStdString(text), m_workspace.citations(m_document)));
    const QScrollBar* bar = m_panel.findChild<QScrollArea*>("answerScroll")->verticalScrollBar();
    const auto ask = [&] {
        auto* edit = m_panel.findChild<QuestionEdit*>("questionEdit");
        QTest::keyClicks(edit, "How long?");
        QTest::keyClick(edit, Qt::Key_Return);
    };
    const auto complete = [&](const char* id) {
        return QTest::qWaitFor([&] { return m_workspace.answer(id).state == AnswerState::Complete; }, 20000);
    };
    // The first fit; one of the next brings the scroll bar, which makes all of them narrower and higher.
    for (const char* id : {"A1", "A2", "A3"}) {
        ask();
        ASSERT_TRUE(complete(id));
        EXPECT_TRUE(QTest::qWaitFor([&] { return bar->value() == bar->maximum(); }, 1000)) << id;
    }
    EXPECT_GT(bar->maximum(), 0);
    ask();
    ASSERT_TRUE(
        QTest::qWaitFor([&] { return m_workspace.answer("A4").state == AnswerState::Writing; }, 3000));
    const int before = bar->maximum();
    m_panel.findChild<QScrollArea*>("answerScroll")
        ->verticalScrollBar()
        ->triggerAction(QAbstractSlider::SliderPageStepSub);
    const int value = bar->value();
    ASSERT_TRUE(complete("A4"));
    ASSERT_TRUE(QTest::qWaitFor([&] { return bar->maximum() > before; }, 3000));
    EXPECT_EQ(bar->value(), value) << "who reads further up is not taken away";
}

TEST_F(Answers, CopiesWithPages) {
    add([](Answer&) {});
    QTest::mouseClick(m_panel.findChild<QPushButton*>("copyAnswer"), Qt::LeftButton);
    EXPECT_EQ(QApplication::clipboard()->text(), "How long?\n\nSixty days [p. 37]. Forty thousand [p. 63].");
}

TEST_F(Answers, SaysWhatTheCheckFound) {
    add([](Answer& answer) {
        answer.facts = {{"60", 0, 2, CheckedFact::Found::OnCitedPage, 36},
                        {"45", 0, 2, CheckedFact::Found::Nowhere, -1}};
    });
    EXPECT_TRUE(note("checkNote")->text().contains("'45' is not on any page. Check it."));
    EXPECT_TRUE(note("checkNote")->text().contains("1 of 2 numbers"));
    QTest::mouseClick(note("checkNote")->action(), Qt::LeftButton);
    const QSignalSpy page(&m_panel, &AnswerPanel::pageActivated);
    auto* link = m_panel.findChild<QPushButton*>("factLink");
    ASSERT_NE(link, nullptr);
    QTest::mouseClick(link, Qt::LeftButton);
    ASSERT_EQ(page.count(), 1);
    EXPECT_EQ(page[0][0].toInt(), 36);
}

TEST_F(Answers, GoodCheckIsGreen) {
    add([](Answer& answer) { answer.facts = {{"60", 0, 2, CheckedFact::Found::OnCitedPage, 36}}; });
    EXPECT_EQ(note("checkNote")->text(), "1 of 1 numbers found on the cited pages.");
    EXPECT_EQ(note("checkNote")->property("note").toString(), "good");
}

TEST_F(Answers, TheVerdictStandsBelowTheDraft) {
    add([](Answer& answer) {
        AnswerCheck check;
        check.verdict = Verdict::SameWords;
        answer.check = check;
    });
    EXPECT_TRUE(note("verdictNote")->isVisible());
    EXPECT_TRUE(note("verdictNote")->text().contains("Full reading: same words"));
    EXPECT_EQ(note("verdictNote")->property("note").toString(), "good");
    EXPECT_TRUE(m_panel.findChild<AnswerText*>()->toPlainText().contains("Sixty days"));
}

TEST_F(Answers, ADifferentReadingNamesWhereItLooked) {
    add([](Answer& answer) {
        AnswerCheck check;
        check.verdict = Verdict::Different;
        check.looked = {{10, 20, 40, 400, 0.25F, "Notice <in writing>"}};
        check.eightBit = true;
        answer.check = check;
    });
    const QString text = note("verdictNote")->text();
    EXPECT_TRUE(text.contains("Full reading: different"));
    EXPECT_TRUE(text.contains("8-bit memory"));
    EXPECT_TRUE(text.contains(QString::fromUtf8("p. 41 “Notice &lt;in writing&gt;”"))) << qPrintable(text);
    const QSignalSpy page(&m_panel, &AnswerPanel::pageActivated);
    QTest::mouseClick(note("verdictNote")->action(), Qt::LeftButton);
    ASSERT_EQ(page.count(), 1);
    EXPECT_EQ(page[0][0].toInt(), 40);
}

TEST_F(Answers, AFirstLookSaysFromHowManyPassages) {
    add([](Answer& answer) {
        answer.mode = AnswerMode::FirstLook;
        answer.passages = 7;
    });
    EXPECT_TRUE(m_panel.findChild<QLabel*>("answerFigures")->text().contains("from 7 passages"));
    EXPECT_FALSE(note("verdictNote")->isVisible());
    add([](Answer& answer) { answer.follows = "A1"; });
    const auto questions = m_panel.findChildren<QLabel*>("answerQuestion");
    ASSERT_EQ(questions.size(), 2);
    EXPECT_TRUE(questions[0]->isVisible());
    EXPECT_FALSE(questions[1]->isVisible()) << "it stands above the draft";
}

TEST_F(Answers, SaysWhyAnAnswerEndedEarly) {
    add([](Answer& answer) { answer.finish = FinishReason::Repetition; });
    EXPECT_TRUE(note("endedNote")->text().contains("began to repeat itself"));
}

TEST_F(Answers, SaysThatTheDocumentDoesNotSayIt) {
    add([](Answer& answer) { answer.answerable = false; });
    EXPECT_TRUE(note("notFoundNote")->isVisible());
    EXPECT_TRUE(note("notFoundNote")->text().contains("The document does not seem to say this"));
}

TEST_F(Answers, NamesMissingPagesAndFailures) {
    add([](Answer& answer) {
        answer.missingPages = {56, 195};
        answer.state = AnswerState::Failed;
        answer.error =
            Error{ErrorCode::OutOfMemory, "There is not enough memory.", "engine", "Close other programs."};
    });
    EXPECT_TRUE(note("missingNote")->text().contains("without pages 57, 196"));
    EXPECT_TRUE(note("endedNote")->text().contains("There is not enough memory."));
    EXPECT_TRUE(note("endedNote")->text().contains("Close other programs."));
}

TEST_F(Answers, StopKeepsWhatWasWritten) {
    add([](Answer& answer) { answer.state = AnswerState::Writing; });
    auto* stop = m_panel.findChild<QPushButton*>("stopButton");
    ASSERT_TRUE(stop->isVisible());
    QTest::mouseClick(stop, Qt::LeftButton);
    EXPECT_TRUE(note("endedNote")->text().contains("Stopped by you"));
    EXPECT_FALSE(stop->isVisible());
    EXPECT_TRUE(m_panel.findChild<AnswerText*>()->toPlainText().contains("Sixty days"));
}

TEST_F(Answers, WaitingHasAnEnd) {
    m_workspace.setReading(m_document, firstReading(0.4, 60));
    add([](Answer& answer) {
        answer.state = AnswerState::Waiting;
        answer.text.clear();
        answer.citations.clear();
    });
    EXPECT_EQ(m_panel.findChild<QLabel*>("answerWaiting")->text(),
              "Will be answered when the first reading is done, in about 1 min.");
    EXPECT_TRUE(m_panel.findChild<QProgressBar*>()->isVisible());
}

TEST_F(Answers, WithoutAModelNothingCanBeAsked) {
    m_workspace.setModel({});
    EXPECT_FALSE(m_panel.findChild<QuestionEdit*>("questionEdit")->isEnabled());
    EXPECT_EQ(m_panel.findChild<QLabel*>("questionHint")->text(), "No model on this computer yet");
}

}  // namespace
}  // namespace kvasir
