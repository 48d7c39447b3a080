#include <gtest/gtest.h>

#include <QAbstractItemModelTester>

#include "tests/ui/sample_scenes.h"
#include "ui/library_model.h"

namespace kvasir {
namespace {

using Mode = QAbstractItemModelTester::FailureReportingMode;

TEST(LibraryModel, ShowsDocumentsAndTheirQuestions) {
    ScriptedWorkspace workspace;
    LibraryModel model(workspace, nullptr);
    const QAbstractItemModelTester tester(&model, Mode::Fatal);
    EXPECT_EQ(model.rowCount(), 0);
    const DocumentId log = addGatewayLog(workspace, 100);
    ASSERT_EQ(model.rowCount(), 1);
    const QModelIndex document = model.indexOf(log);
    EXPECT_EQ(document.data().toString(), "order-gateway 03-14.log");
    EXPECT_EQ(document.data(LibraryModel::KindIconRole).toString(), "log");
    EXPECT_EQ(model.rowCount(document), 0);
    addLogAnswer(workspace, log);
    addLogAnswer(workspace, log);
    ASSERT_EQ(model.rowCount(document), 2);
    const QModelIndex question = model.index(1, 0, document);
    EXPECT_EQ(question.data().toString(), "Why were orders refused shortly after 02:14?");
    EXPECT_EQ(question.data(LibraryModel::AnswerRole).toString(), "A2");
    EXPECT_EQ(question.parent(), document);
    EXPECT_EQ(document.data(LibraryModel::CountRole).toInt(), 2);
}

TEST(LibraryModel, FollowsReadingAndForgetting) {
    ScriptedWorkspace workspace;
    LibraryModel model(workspace, nullptr);
    const QAbstractItemModelTester tester(&model, Mode::Fatal);
    const DocumentId log = addGatewayLog(workspace, 100);
    int changes = 0;
    QObject::connect(&model, &QAbstractItemModel::dataChanged, [&] { ++changes; });
    ReadingState state;
    state.stage = ReadingStage::FirstReading;
    state.share = 0.38;
    workspace.setReading(log, state);
    EXPECT_GT(changes, 0);
    EXPECT_DOUBLE_EQ(model.indexOf(log).data(LibraryModel::ProgressRole).toDouble(), 0.38);
    state.stage = ReadingStage::FullDone;
    workspace.setReading(log, state);
    EXPECT_LT(model.indexOf(log).data(LibraryModel::ProgressRole).toDouble(), 0);
    EXPECT_EQ(model.indexOf(log).data(LibraryModel::StateIconRole).toString(), "book");
    workspace.forget(log);
    EXPECT_EQ(model.rowCount(), 0);
    EXPECT_FALSE(model.indexOf(log).isValid());
}

}  // namespace
}  // namespace kvasir
