// Pins in the window: made, shown, asked with and removed, by keys and by mouse.
#include <gtest/gtest.h>

#include <QApplication>
#include <QContextMenuEvent>
#include <QLineEdit>
#include <QMenu>
#include <QTest>

#include "tests/ui/window_fixture.h"
#include "ui/log_view.h"
#include "ui/page_view.h"

namespace kvasir {
namespace {

/// The colour of pins, or most of it where an edge is smoothed: a purple.
bool isPinned(const QColor& colour) {
    return colour.blue() > colour.green() + 40 && colour.red() > colour.green() + 20;
}

class PinsInWindow : public WindowFixture {
protected:
    void open(DocumentId document) {
        m_document = document;
        openWindow();
        openFile(document);
    }
    void openAgreement() {
        open(addAgreement(m_workspace));
        m_workspace.setScript(m_document,
                              scriptedAnswer("", "Sixty days [1].", m_workspace.citations(m_document)));
    }
    std::vector<ByteRange> pins() { return m_workspace.pins(m_document); }
    std::string textOf(const ByteRange& range) {
        return view().document()->text.substr(range.begin, range.end - range.begin);
    }
    QRectF rectOf(const ByteRange& range, int page) {
        return dynamic_cast<PageView&>(view()).rectsOf(range, page).at(0);
    }
    ByteRange rangeOf(const std::string& words, int page) {
        const auto& document = *view().document();
        const std::size_t at =
            document.text.find(words, document.pages[static_cast<std::size_t>(page)].begin);
        return {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + words.size())};
    }
    /// Draws the mouse over these words, which stand on one line.
    void select(const ByteRange& range, int page) {
        const QRectF rect = rectOf(range, page);
        drag(rect.topLeft().toPoint() + QPoint(1, 6), rect.bottomRight().toPoint() - QPoint(1, 6));
    }
    void drag(const QPoint& from, const QPoint& to) {
        QTest::mousePress(view().viewport(), Qt::LeftButton, {}, from);
        QMouseEvent move(QEvent::MouseMove, to, view().viewport()->mapToGlobal(to), Qt::LeftButton,
                         Qt::LeftButton, {});
        QApplication::sendEvent(view().viewport(), &move);
        QTest::mouseRelease(view().viewport(), Qt::LeftButton, {}, to);
    }
    QString askAndWait(const char* question) {
        window().answers().ask(question);
        const QString answer = m_workspace.answers(m_document).back();
        EXPECT_TRUE(
            QTest::qWaitFor([&] { return m_workspace.answer(answer).state == AnswerState::Complete; }, 3000));
        return answer;
    }
    QString shownLabel(const char* name) {
        QString text;
        for (QLabel* label : window().findChildren<QLabel*>(name)) {
            if (label->isVisible()) text = label->text();
        }
        return text;
    }
    QMenu* openMenu(const ByteRange& range, int page) {
        const QPoint point = rectOf(range, page).center().toPoint();
        QContextMenuEvent event(QContextMenuEvent::Mouse, point, view().viewport()->mapToGlobal(point));
        QApplication::sendEvent(view().viewport(), &event);
        return child<QMenu>("selectionMenu");
    }

    DocumentId m_document = 0;
};

TEST_F(PinsInWindow, ASelectionIsPinnedShownAndFoundAgain) {
    openAgreement();
    EXPECT_FALSE(child<QWidget>("pinBar")->isVisible());
    EXPECT_FALSE(child<QToolButton>("pinButton")->isEnabled()) << "nothing is selected";
    view().jumpToPlace(36);
    const ByteRange heading = rangeOf("14. TERM AND TERMINATION", 36);
    select(heading, 36);
    view().setFocus();
    EXPECT_TRUE(child<QToolButton>("pinButton")->isEnabled());
    keys(Qt::Key_P, Qt::ControlModifier | Qt::ShiftModifier);
    ASSERT_EQ(pins().size(), 1U);
    EXPECT_EQ(pins()[0], heading);
    EXPECT_EQ(view().pins(), pins());
    EXPECT_EQ(child<QLabel>("legendPinned")->text(), "Pinned 1");
    EXPECT_TRUE(child<QLabel>("legendPinned")->isVisible()) << "without any answer";
    EXPECT_TRUE(child<QToolButton>("plainButton")->isEnabled()) << "there is a mark to hide";
    auto* strip = child<QWidget>("heatStrip");
    EXPECT_TRUE(strip->accessibleName().endsWith("page 37 of 112, 1 pinned"))
        << strip->accessibleName().toStdString();
    // A second one with the button, and back to the first from the list.
    view().jumpToPlace(62);
    select(rangeOf("PROVISIONS", 62), 62);
    QTest::mouseClick(child<QToolButton>("pinButton"), Qt::LeftButton);
    ASSERT_EQ(pins().size(), 2U);
    auto* list = child<PinList>("pinList");
    ASSERT_TRUE(list->isVisible());
    ASSERT_EQ(list->count(), 2);
    EXPECT_EQ(list->item(0)->text(), "14. TERM AND TERMINATION");
    EXPECT_EQ(list->item(0)->data(Qt::AccessibleTextRole).toString(),
              "Pinned: 14. TERM AND TERMINATION, p. 37");
    EXPECT_EQ(view().currentPlace(), 62);
    QTest::mouseClick(list->viewport(), Qt::LeftButton, {},
                      list->visualItemRect(list->item(0)).topLeft() + QPoint(20, 12));
    EXPECT_EQ(view().currentPlace(), 36);
    keys(Qt::Key_Left, Qt::AltModifier);
    EXPECT_EQ(view().currentPlace(), 62) << "back";
    // The cross removes.
    QTest::mouseClick(list->viewport(), Qt::LeftButton, {}, list->crossRect(1).center());
    ASSERT_EQ(pins().size(), 1U);
    EXPECT_EQ(pins()[0], heading);
    EXPECT_EQ(list->count(), 1);
}

TEST_F(PinsInWindow, ByKeysAlone) {
    openAgreement();
    view().jumpToPlace(36);
    view().setFocus();
    keys(Qt::Key_Right, Qt::ShiftModifier);
    EXPECT_EQ(view().selectedText(), "14.") << "begins at the first word of the page";
    keys(Qt::Key_Right, Qt::ShiftModifier);
    EXPECT_EQ(view().selectedText(), "14. TERM");
    keys(Qt::Key_Down, Qt::ShiftModifier);
    EXPECT_EQ(view().selectedText(), "14. TERM AND TERMINATION") << "to the end of the line";
    keys(Qt::Key_Down, Qt::ShiftModifier);
    EXPECT_TRUE(view().selectedText().startsWith("14. TERM AND TERMINATION\n14.1 Term."));
    keys(Qt::Key_Up, Qt::ShiftModifier);
    EXPECT_EQ(view().selectedText(), "14. TERM AND TERMINATION");
    keys(Qt::Key_Left, Qt::ShiftModifier);
    EXPECT_EQ(view().selectedText(), "14. TERM AND");
    keys(Qt::Key_P, Qt::ControlModifier | Qt::ShiftModifier);
    ASSERT_EQ(pins().size(), 1U);
    EXPECT_EQ(textOf(pins()[0]), "14. TERM AND");
    // To the list and out of it again.
    for (int i = 0; i < 40 && QApplication::focusWidget() != child<QWidget>("pinList"); ++i)
        keys(Qt::Key_Tab);
    ASSERT_EQ(QApplication::focusWidget(), child<QWidget>("pinList"));
    view().jumpToPlace(0);
    keys(Qt::Key_Return);
    EXPECT_EQ(view().currentPlace(), 36);
    keys(Qt::Key_Delete);
    EXPECT_TRUE(pins().empty());
    EXPECT_NE(QApplication::focusWidget(), nullptr);
    auto* note = child<Note>("pinNote");
    ASSERT_TRUE(note->isVisible());
    EXPECT_EQ(note->text(), "The pin was removed.");
    EXPECT_EQ(note->action()->text(), "Pin again");
    note->action()->setFocus();
    keys(Qt::Key_Space);
    ASSERT_EQ(pins().size(), 1U);
    EXPECT_EQ(textOf(pins()[0]), "14. TERM AND");
    EXPECT_FALSE(note->isVisible());
}

/// A selection by keys goes over its anchor to the other side.
TEST_F(PinsInWindow, ASelectionByKeysTurnsRound) {
    openAgreement();
    view().jumpToPlace(36);
    view().setFocus();
    QTest::mouseDClick(view().viewport(), Qt::LeftButton, {},
                       rectOf(rangeOf("TERM", 36), 36).center().toPoint());
    EXPECT_EQ(view().selectedText(), "TERM");
    keys(Qt::Key_Right, Qt::ShiftModifier);
    EXPECT_EQ(view().selectedText(), "TERM AND");
    keys(Qt::Key_Left, Qt::ShiftModifier);
    keys(Qt::Key_Left, Qt::ShiftModifier);
    EXPECT_EQ(view().selectedText(), "14. TERM");
    keys(Qt::Key_Right, Qt::ShiftModifier);
    EXPECT_EQ(view().selectedText(), "TERM");
}

TEST_F(PinsInWindow, PinAndAskAgainStandsBelowAndSaysSo) {
    openAgreement();
    const QString first = askAndWait("With how much notice?");
    EXPECT_EQ(shownLabel("answerPins"), "") << "nothing is pinned";
    view().jumpToPlace(36);
    select(rangeOf("14. TERM AND TERMINATION", 36), 36);
    view().setFocus();
    keys(Qt::Key_A, Qt::ControlModifier | Qt::ShiftModifier);
    ASSERT_EQ(pins().size(), 1U);
    ASSERT_EQ(m_workspace.answers(m_document).size(), 2U);
    const QString second = m_workspace.answers(m_document).back();
    ASSERT_TRUE(
        QTest::qWaitFor([&] { return m_workspace.answer(second).state == AnswerState::Complete; }, 3000));
    EXPECT_EQ(m_workspace.answer(second).question, m_workspace.answer(first).question);
    EXPECT_EQ(m_workspace.answer(second).pins, 1);
    EXPECT_EQ(shownLabel("answerPins"), "Asked again with 1 pinned passage");
    EXPECT_EQ(window().currentPane()->shownAnswer(), second) << "its marks are shown";
    // Without a selection: with what is pinned.
    QTest::mouseClick(view().viewport(), Qt::LeftButton, {}, QPoint(5, 5));
    ASSERT_TRUE(view().selection().empty());
    keys(Qt::Key_A, Qt::ControlModifier | Qt::ShiftModifier);
    EXPECT_EQ(m_workspace.answers(m_document).size(), 3U);
}

/// Where nothing is left out a pin changes nothing, and nobody says that it did.
TEST_F(PinsInWindow, AFullReadingClaimsNothing) {
    openAgreement();
    Answer script = scriptedAnswer("", "Sixty days [1].", m_workspace.citations(m_document));
    script.mode = AnswerMode::Full;
    m_workspace.setScript(m_document, script);
    ReadingState state = m_workspace.reading(m_document);
    state.stage = ReadingStage::FullDone;
    m_workspace.setReading(m_document, state);
    view().jumpToPlace(36);
    select(rangeOf("14. TERM AND TERMINATION", 36), 36);
    QTest::mouseClick(child<QToolButton>("pinButton"), Qt::LeftButton);
    EXPECT_EQ(shownLabel("pinRemark"), "The document is fully read: nothing is left out anyway.");
    askAndWait("With how much notice?");
    EXPECT_EQ(shownLabel("answerPins"), "1 passage is pinned; nothing was left out anyway");
    state.stage = ReadingStage::FirstDone;
    m_workspace.setReading(m_document, state);
    EXPECT_EQ(shownLabel("pinRemark"), "");
}

TEST_F(PinsInWindow, TooMuchIsRefusedInItsPlace) {
    openAgreement();
    view().jumpToPlace(36);
    select(rangeOf("14. TERM AND TERMINATION", 36), 36);
    view().setFocus();
    keys(Qt::Key_P, Qt::ControlModifier | Qt::ShiftModifier);
    const std::vector<ByteRange> before = pins();
    keys(Qt::Key_A, Qt::ControlModifier);
    keys(Qt::Key_P, Qt::ControlModifier | Qt::ShiftModifier);
    EXPECT_EQ(pins(), before) << "the older ones stay";
    auto* note = child<Note>("pinNote");
    ASSERT_TRUE(note->isVisible());
    EXPECT_TRUE(note->text().contains("% of the room that there is for pins")) << note->text().toStdString();
    EXPECT_TRUE(note->text().contains("Select less, or remove a pin first."));
    QTest::mouseClick(note->action(), Qt::LeftButton);
    EXPECT_FALSE(note->isVisible());
    // And it is not asked again without what was to be pinned.
    askAndWait("With how much notice?");
    view().setFocus();
    keys(Qt::Key_A, Qt::ControlModifier | Qt::ShiftModifier);
    EXPECT_EQ(m_workspace.answers(m_document).size(), 1U);
}

TEST_F(PinsInWindow, ItsMenuRemovesAPin) {
    openAgreement();
    view().jumpToPlace(36);
    const ByteRange heading = rangeOf("14. TERM AND TERMINATION", 36);
    select(heading, 36);
    QMenu* menu = openMenu(heading, 36);
    ASSERT_NE(menu, nullptr);
    EXPECT_EQ(menu->findChild<QAction*>("removePin"), nullptr) << "nothing is pinned there";
    QStringList texts;
    for (QAction* action : menu->actions()) {
        if (action->isEnabled()) texts << action->text().remove('&');
    }
    EXPECT_TRUE(texts.contains("Pin selection")) << texts.join(", ").toStdString();
    menu->close();
    QTest::qWait(10);
    QTest::mouseClick(child<QToolButton>("pinButton"), Qt::LeftButton);
    ASSERT_EQ(pins().size(), 1U);
    menu = openMenu(rangeOf("AND", 36), 36);
    auto* remove = menu->findChild<QAction*>("removePin");
    ASSERT_NE(remove, nullptr);
    remove->trigger();
    menu->close();
    EXPECT_TRUE(pins().empty());
    EXPECT_TRUE(view().pins().empty());
    EXPECT_TRUE(child<Note>("pinNote")->isVisible()) << "and offers to pin it again";
}

TEST_F(PinsInWindow, LinesOfALogArePinned) {
    open(addGatewayLog(m_workspace, 2000));
    auto& lines = dynamic_cast<LogView&>(view());
    const QRectF third = lines.lineRect(2), fifth = lines.lineRect(4);
    drag(QPoint(2, static_cast<int>(third.center().y())),
         QPoint(view().viewport()->width() - 2, static_cast<int>(fifth.center().y())));
    view().setFocus();
    keys(Qt::Key_P, Qt::ControlModifier | Qt::ShiftModifier);
    ASSERT_EQ(pins().size(), 1U);
    const Document& document = *view().document();
    EXPECT_EQ(pins()[0], (ByteRange{document.lines[2].begin, document.lines[4].end}));
    EXPECT_EQ(child<PinList>("pinList")->item(0)->data(Qt::AccessibleTextRole).toString().right(8),
              ", line 3");
    // Outline and sign are there, and in Plain they are not.
    const auto shows = [&] {
        QTest::qWait(5);
        const QImage image = view().viewport()->grab(QRect(0, 0, 600, 200)).toImage();
        int sign = 0, outline = 0;
        for (int y = 0; y < image.height(); ++y) {
            for (int x = 0; x < image.width(); ++x) {
                const bool pinned = isPinned(image.pixelColor(x, y));
                (x < 27 * image.devicePixelRatio() ? sign : outline) += pinned ? 1 : 0;
            }
        }
        return std::pair(sign > 0, outline > 50);
    };
    EXPECT_EQ(shows(), std::pair(true, true));
    QTest::mouseClick(child<QToolButton>("plainButton"), Qt::LeftButton);
    EXPECT_EQ(shows(), std::pair(false, false));
    EXPECT_FALSE(child<QLabel>("legendPinned")->isVisible());
    // Who pins in Plain sees it.
    view().setFocus();
    keys(Qt::Key_P, Qt::ControlModifier | Qt::ShiftModifier);
    EXPECT_EQ(view().markMode(), MarkMode::Citations);
}

TEST_F(PinsInWindow, AreThereWhenTheDocumentIsOpenedAgain) {
    openAgreement();
    view().jumpToPlace(36);
    select(rangeOf("14. TERM AND TERMINATION", 36), 36);
    QTest::mouseClick(child<QToolButton>("pinButton"), Qt::LeftButton);
    m_desktop.reset();
    open(m_document);
    EXPECT_EQ(view().pins(), pins());
    EXPECT_EQ(child<PinList>("pinList")->count(), 1);
    EXPECT_TRUE(child<QWidget>("pinBar")->isVisible());
    QTest::keyClick(&window(), Qt::Key_W, Qt::ControlModifier);
    EXPECT_FALSE(child<QWidget>("pinBar")->isVisible());
}

}  // namespace
}  // namespace kvasir
