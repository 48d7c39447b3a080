// Conversations of the workspace, and questions that go on from answers.
#include "tests/app/workspace_fixture.h"

namespace kvasir {
namespace {

using test::LocalWorkspaceTest;
using test::q;

TEST_F(LocalWorkspaceTest, QuestionsGoOnFromAnswersAlsoAfterARestart) {
    const DocumentId id = m_workspace->open(q(lease()));
    EXPECT_EQ(m_workspace->conversation(id), 0);
    const QString first = m_workspace->ask(id, "What is the fee of item 3?");
    ASSERT_EQ(ended(first).state, AnswerState::Complete);
    EXPECT_EQ(ended(first).turns.given, 0);
    const QString second = m_workspace->ask(id, "And of item 4?", first);
    const Answer answer = ended(second);
    ASSERT_EQ(answer.state, AnswerState::Complete) << (answer.error ? answer.error->message() : "");
    EXPECT_EQ(QString::fromStdString(answer.after), first);
    EXPECT_EQ(answer.turns.given, 1);
    EXPECT_EQ(answer.turns.taken, 1);
    EXPECT_GT(answer.turns.tokens, 0);
    EXPECT_EQ(ended(m_workspace->ask(id, "And of item 5?", "no such answer")).turns.given, 0);

    begin();
    const DocumentId again = m_workspace->open(m_workspace->documents().at(0).path);
    std::vector<QString> kept = firstAnswers(again);
    ASSERT_EQ(kept.size(), 3U);
    EXPECT_EQ(m_workspace->answer(kept[1]).turns.tokens, answer.turns.tokens);
    QString after = QString::fromStdString(m_workspace->answer(kept[1]).after);
    EXPECT_EQ(m_workspace->answer(after).question, "What is the fee of item 3?");
    EXPECT_TRUE(m_workspace->answer(kept[2]).after.empty());
    const Answer third = ended(m_workspace->ask(again, "And of item 6?", kept[1]));
    EXPECT_EQ(third.turns.given, 2) << "with what that one went on from";
    EXPECT_GE(third.turns.taken, 1);
    EXPECT_TRUE(m_failures.empty());
}

TEST_F(LocalWorkspaceTest, ConversationsStandApartAndAreKept) {
    const DocumentId id = m_workspace->open(q(lease()));
    EXPECT_TRUE(m_workspace->conversations(id).empty());
    const QString first = m_workspace->ask(id, "Who is the tenant?");
    m_workspace->newConversation(id);
    EXPECT_TRUE(m_workspace->answers(id).empty()) << "it begins with its first question";
    EXPECT_EQ(m_workspace->conversations(id).size(), 1U);
    const QString second = m_workspace->ask(id, "Who is the landlord?");
    EXPECT_EQ(ended(first).state, AnswerState::Complete) << "written on, though another is open";
    ASSERT_EQ(ended(second).state, AnswerState::Complete);
    const std::vector<ConversationInfo> conversations = m_workspace->conversations(id);
    ASSERT_EQ(conversations.size(), 2U);
    EXPECT_EQ(conversations[0].title, "Who is the tenant?");
    EXPECT_EQ(conversations[1].title, "Who is the landlord?");
    EXPECT_EQ(conversations[1].questions, 1);
    EXPECT_EQ(m_workspace->conversation(id), conversations[1].id);
    EXPECT_EQ(firstAnswers(id), std::vector<QString>{second});
    m_workspace->openConversation(id, conversations[0].id);
    EXPECT_EQ(firstAnswers(id), std::vector<QString>{first});
    m_workspace->openConversation(id, 12345);
    EXPECT_EQ(m_workspace->conversation(id), conversations[0].id) << "there is none of that id";

    begin();
    const DocumentId again = m_workspace->documents().at(0).id;
    const std::vector<ConversationInfo> kept = m_workspace->conversations(again);
    ASSERT_EQ(kept.size(), 2U);
    EXPECT_EQ(kept[0].title, "Who is the tenant?");
    EXPECT_EQ(m_workspace->conversation(again), kept[1].id) << "the newest is open";
    m_workspace->openConversation(again, kept[0].id);
    ASSERT_EQ(firstAnswers(again).size(), 1U);
    EXPECT_EQ(m_workspace->answer(firstAnswers(again)[0]).question, "Who is the tenant?");
    EXPECT_TRUE(m_failures.empty());
}

/// The check of an answer is made with the turns that the answer had, whatever was asked meanwhile.
TEST_F(LocalWorkspaceTest, AFollowUpIsCheckedWithItsOwnTurns) {
    m_workspace->setSetting("fullReading", "never");
    const DocumentId id = m_workspace->open(q(lease()));
    const QString first = m_workspace->ask(id, "What is the fee of item 3?");
    ASSERT_EQ(ended(first).state, AnswerState::Complete);
    const QString second = m_workspace->ask(id, "And of item 4?", first);
    ASSERT_EQ(ended(second).state, AnswerState::Complete);
    const QString third = m_workspace->ask(id, "Who is the tenant?");
    ASSERT_EQ(ended(third).state, AnswerState::Complete);
    EXPECT_EQ(m_workspace->answer(second).mode, AnswerMode::Quick);
    m_workspace->setSetting("fullReading", "always");
    for (const QString& answer : {first, second, third}) {
        ASSERT_TRUE(waitFor([&] { return m_workspace->answer(answer).check.has_value(); }));
        EXPECT_EQ(m_workspace->answer(answer).check->verdict, Verdict::SameWords)
            << "all of so short a document is carried";
    }
    EXPECT_TRUE(m_failures.empty());
}

}  // namespace
}  // namespace kvasir
