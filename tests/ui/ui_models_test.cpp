#include <gtest/gtest.h>

#include <QAbstractItemModelTester>

#include "tests/ui/sample_scenes.h"
#include "ui/library_model.h"

namespace kvasir {
namespace {

using Mode = QAbstractItemModelTester::FailureReportingMode;

TEST(LibraryModel, ShowsDocumentsAndTheirConversations) {
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
    ASSERT_EQ(model.rowCount(document), 1);
    const QModelIndex conversation = model.index(0, 0, document);
    EXPECT_EQ(conversation.data().toString(), "Why were orders refused shortly after 02:14?");
    EXPECT_EQ(conversation.data(LibraryModel::CountRole).toInt(), 2);
    EXPECT_EQ(conversation.parent(), document);
    workspace.newConversation(log);
    EXPECT_EQ(model.rowCount(document), 1) << "it begins with its first question";
    Answer other;
    other.question = "Who was told?";
    other.state = AnswerState::Complete;
    workspace.addAnswer(log, other);
    ASSERT_EQ(model.rowCount(document), 2);
    EXPECT_EQ(model.index(1, 0, document).data().toString(), "Who was told?");
    EXPECT_EQ(model.indexOf(log, workspace.conversation(log)), model.index(1, 0, document));
    EXPECT_FALSE(model.indexOf(log, 99).isValid());
    EXPECT_EQ(document.data(LibraryModel::CountRole).toInt(), 3);
    EXPECT_EQ(model.index(0, 0, document).data(Qt::AccessibleTextRole).toString(),
              "Why were orders refused shortly after 02:14?, questions asked: 2");
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
