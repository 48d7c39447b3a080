// The line at the bottom: how far reading is, and what reads.
#include <gtest/gtest.h>

#include <QLabel>
#include <QPushButton>
#include <QTest>

#include "tests/ui/window_fixture.h"

namespace kvasir {
namespace {

class StatusLine : public WindowFixture {
protected:
    void SetUp() override {
        m_agreement = addAgreement(m_workspace);
        openWindow();
        openFile(m_agreement);
    }

    DocumentId m_agreement = 0;
};

TEST_F(StatusLine, ReadingCanBeStoppedAndContinued) {
    ReadingState state = firstReading(0.5, 90);
    m_workspace.setReading(m_agreement, state);
    EXPECT_EQ(child<QLabel>("readingTitle")->text(), "First reading");
    auto* action = child<QPushButton>("readingAction");
    EXPECT_EQ(action->text(), "Stop");
    QTest::mouseClick(action, Qt::LeftButton);
    EXPECT_EQ(m_workspace.reading(m_agreement).stage, ReadingStage::Stopped);
    EXPECT_EQ(action->text(), "Continue");
    QTest::mouseClick(action, Qt::LeftButton);
    EXPECT_EQ(m_workspace.reading(m_agreement).stage, ReadingStage::FirstReading);
    state.stage = ReadingStage::Away;
    m_workspace.setReading(m_agreement, state);
    EXPECT_EQ(child<QLabel>("readingTitle")->text(), "Not in memory");
    EXPECT_EQ(child<QLabel>("readingDetail")->text(), "");
    EXPECT_EQ(action->text(), "Continue");
    state.parts = {3, 12};
    m_workspace.setReading(m_agreement, state);
    EXPECT_EQ(child<QLabel>("readingDetail")->text(), "3 of 12 parts read") << "of which some may be there";
    QTest::mouseClick(action, Qt::LeftButton);
    EXPECT_EQ(m_workspace.reading(m_agreement).stage, ReadingStage::FirstReading);
}

TEST_F(StatusLine, WhyThereIsNoFullReadingIsSaid) {
    ReadingState state;
    state.stage = ReadingStage::FirstDone;
    m_workspace.setReading(m_agreement, state);
    EXPECT_EQ(child<QLabel>("readingRemark")->text(), "");
    state.error = Error{ErrorCode::OutOfMemory, "Not enough memory for full reading.", "", ""};
    m_workspace.setReading(m_agreement, state);
    EXPECT_TRUE(child<QLabel>("readingRemark")->text().startsWith("not enough memory for the full reading"));
    state.error->code = ErrorCode::DeviceFailed;
    m_workspace.setReading(m_agreement, state);
    EXPECT_TRUE(child<QLabel>("readingRemark")->text().startsWith("the full reading failed"));
}

TEST_F(StatusLine, TheProcessorInPlaceOfTheGpuIsSaid) {
    const QString name = child<QLabel>("statusModel")->text();
    ModelInfo model = m_workspace.model();
    model.note = "The GPU <was> lost.";
    m_workspace.setModel(model);
    EXPECT_EQ(child<QLabel>("statusModel")->text(), name + " on the processor");
    EXPECT_TRUE(child<QLabel>("statusModel")->toolTip().contains("The GPU &lt;was&gt; lost."));
    QTest::mouseClick(child<QWidget>("settingsMode"), Qt::LeftButton);
    EXPECT_TRUE(child<QLabel>("settingsModel")->text().contains("The GPU &lt;was&gt; lost."));
}

TEST_F(StatusLine, WhyADocumentIsReadInPartsIsSaid) {
    ReadingState state;
    state.stage = ReadingStage::FirstDone;
    state.parts = {7, 12};
    m_workspace.setReading(m_agreement, state);
    EXPECT_TRUE(child<QLabel>("readingRemark")->text().startsWith("longer than the model's window"));
    state.fitsWindow = true;
    m_workspace.setReading(m_agreement, state);
    EXPECT_TRUE(child<QLabel>("readingRemark")->text().startsWith("too large for the memory"));
}

}  // namespace
}  // namespace kvasir
