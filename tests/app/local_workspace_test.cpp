#include "app/local_workspace.h"

#include <numeric>

#include <QImage>

#include "app/archive.h"
#include "tests/app/local_workspace_fixture.h"

namespace kvasir {
namespace {

int total(const std::vector<std::uint8_t>& values) {
    return std::accumulate(values.begin(), values.end(), 0);
}

TEST_F(LocalWorkspaceTest, AQuestionAskedWhileOpeningIsAnsweredAndKept) {
    const DocumentId id = m_workspace->open(q(lease()));
    EXPECT_EQ(m_workspace->reading(id).stage, ReadingStage::Opening);
    EXPECT_FALSE(m_workspace->model().loaded);
    EXPECT_FALSE(m_workspace->model().name.isEmpty()) << "empty would say that there is none";
    const QString asked = m_workspace->ask(id, "What is the fee of item 3?");
    EXPECT_EQ(m_workspace->answer(asked).state, AnswerState::Waiting);
    const Answer answer = ended(asked);
    ASSERT_EQ(answer.state, AnswerState::Complete) << (answer.error ? answer.error->message() : "");
    EXPECT_EQ(answer.question, "What is the fee of item 3?");
    EXPECT_FALSE(answer.text.empty());
    const WordMarks marks = m_workspace->marks(asked);
    EXPECT_GT(total(marks.carried), 0);

    begin();
    const std::vector<DocumentInfo> documents = m_workspace->documents();
    ASSERT_EQ(documents.size(), 1U);
    EXPECT_FALSE(documents[0].open);
    const DocumentId again = m_workspace->open(documents[0].path);
    EXPECT_EQ(again, documents[0].id);
    const std::vector<QString> answers = firstAnswers(again);
    ASSERT_EQ(answers.size(), 1U);
    const Answer kept = m_workspace->answer(answers[0]);
    EXPECT_EQ(kept.state, AnswerState::Complete);
    EXPECT_EQ(kept.text, answer.text);
    EXPECT_EQ(kept.question, answer.question);
    ASSERT_EQ(kept.citations.size(), answer.citations.size());
    for (std::size_t i = 0; i < kept.citations.size(); ++i) {
        EXPECT_EQ(kept.citations[i].quote, answer.citations[i].quote);
        EXPECT_EQ(kept.citations[i].begin, answer.citations[i].begin);
    }
    ASSERT_TRUE(waitFor([&] { return m_workspace->text(again) != nullptr; }));
    const WordMarks keptMarks = m_workspace->marks(answers[0]);
    EXPECT_EQ(keptMarks.tokens, marks.tokens);
    EXPECT_EQ(keptMarks.carried, marks.carried);
    EXPECT_TRUE(m_failures.empty());

    const auto reader = StoreReader::open(m_folder.path() / "data");
    ASSERT_TRUE(reader);
    const auto exchange = (*reader)->exchange(exchangeOf(answers[0].toStdString()));
    ASSERT_TRUE(exchange);
    EXPECT_FALSE(exchange->modelName.empty()) << "asked before the model was there, answered by it";
}

TEST_F(LocalWorkspaceTest, AQuickAnswerIsCheckedAndTheVerdictKept) {
    m_workspace->setSetting("fullReading", "never");
    const DocumentId id = m_workspace->open(q(lease()));
    const QString asked = m_workspace->ask(id, "What is the fee of item 3?");
    ASSERT_EQ(ended(asked).state, AnswerState::Complete);
    EXPECT_EQ(m_workspace->answer(asked).mode, AnswerMode::Quick);
    EXPECT_EQ(m_workspace->reading(id).stage, ReadingStage::FirstDone) << "as the setting says";
    EXPECT_FALSE(m_workspace->answer(asked).check);
    m_workspace->setSetting("fullReading", "always");
    ASSERT_TRUE(waitFor([&] { return m_workspace->answer(asked).check.has_value(); }));
    const AnswerCheck check = *m_workspace->answer(asked).check;
    EXPECT_EQ(check.by, AnswerMode::Full);
    EXPECT_EQ(check.verdict, Verdict::SameWords) << "all of so short a document is carried";
    EXPECT_EQ(m_workspace->answers(id).size(), 1U);
    begin();
    const DocumentId again = m_workspace->documents().at(0).id;
    const Answer kept = m_workspace->answer(m_workspace->answers(again).at(0));
    ASSERT_TRUE(kept.check);
    EXPECT_EQ(kept.check->verdict, Verdict::SameWords);
    EXPECT_EQ(m_workspace->setting("fullReading"), "always");
    EXPECT_TRUE(m_failures.empty());
}

TEST_F(LocalWorkspaceTest, WhatWasReadIsKeptUntilItIsDeleted) {
    const DocumentId id = m_workspace->open(q(lease()));
    ASSERT_TRUE(reaches(id, ReadingStage::FullDone));
    const Answer first = ended(m_workspace->ask(id, "What is the fee of item 3?"));
    begin();
    EXPECT_GT(m_workspace->keptReadings().bytes, 1'000'000);
    EXPECT_GT(m_workspace->keptReadings().budget, m_workspace->keptReadings().bytes);
    const DocumentId again = m_workspace->open(m_workspace->documents().at(0).path);
    const QString asked = m_workspace->ask(again, "What is the fee of item 3?");
    const Answer answer = ended(asked);
    EXPECT_EQ(answer.mode, AnswerMode::Full) << "asked at once, and yet nothing was left out";
    EXPECT_EQ(answer.text, first.text);
    m_workspace->deleteKeptReadings();
    EXPECT_TRUE(waitFor([&] { return m_workspace->keptReadings().bytes == 0; }));
    m_workspace->setSetting("keptReadings", "0");
    EXPECT_EQ(m_workspace->keptReadings().budget, 0);
    EXPECT_TRUE(m_failures.empty());
}

TEST_F(LocalWorkspaceTest, AFirstLookStandsAboveTheQuickAnswer) {
    begin(test::modelFile(test::kSmollm2), 0);
    const DocumentId id = m_workspace->open(q(lease("long.txt", 150)));
    ASSERT_TRUE(reaches(id, ReadingStage::FirstReading));
    const QString asked = m_workspace->ask(id, "What is the fee of item 3?");
    ASSERT_EQ(ended(asked).state, AnswerState::Complete);
    const Answer look = m_workspace->answer(asked);
    EXPECT_EQ(look.mode, AnswerMode::FirstLook);
    EXPECT_GT(look.passages, 0);
    ASSERT_EQ(m_workspace->answers(id).size(), 2U);
    const QString below = m_workspace->answers(id)[1];
    EXPECT_EQ(QString::fromStdString(m_workspace->answer(below).follows), asked);
    ASSERT_EQ(ended(below).state, AnswerState::Complete);
    EXPECT_EQ(m_workspace->answer(below).mode, AnswerMode::Quick);
    const Answer checked = m_workspace->answer(asked);
    ASSERT_TRUE(checked.check);
    EXPECT_EQ(checked.check->by, AnswerMode::Quick);
    EXPECT_EQ(QString::fromStdString(checked.check->answer), below);
    begin();
    const DocumentId again = m_workspace->documents().at(0).id;
    const std::vector<QString> kept = m_workspace->answers(again);
    ASSERT_GE(kept.size(), 2U);
    EXPECT_EQ(m_workspace->answer(kept[0]).mode, AnswerMode::FirstLook);
    EXPECT_EQ(m_workspace->answer(kept[0]).passages, look.passages);
    EXPECT_EQ(QString::fromStdString(m_workspace->answer(kept[1]).follows), kept[0]);
    ASSERT_TRUE(m_workspace->answer(kept[0]).check);
    EXPECT_EQ(QString::fromStdString(m_workspace->answer(kept[0]).check->answer), kept[1]);
    EXPECT_TRUE(m_failures.empty());
}

TEST_F(LocalWorkspaceTest, ALongDocumentIsAnsweredInPartsAndOfferedAgain) {
    const DocumentId id = m_workspace->open(q(lease("long.txt", 330)));
    const QString asked = m_workspace->ask(id, "What is the fee of item 300?");
    const Answer first = ended(asked);
    ASSERT_EQ(first.state, AnswerState::Complete) << (first.error ? first.error->message() : "");
    EXPECT_EQ(first.mode, AnswerMode::Parts);
    EXPECT_GT(first.parts.all, 3);
    EXPECT_EQ(m_workspace->marks(asked).unread.empty(), first.parts.read == first.parts.all);
    // Until it is said what all parts make of it.
    ASSERT_TRUE(waitFor([&] {
        Answer standing = m_workspace->answer(asked);
        while (standing.check && !standing.check->answer.empty())
            standing = m_workspace->answer(QString::fromStdString(standing.check->answer));
        return standing.parts.read == standing.parts.all || standing.check;
    }));
    EXPECT_EQ(m_workspace->reading(id).parts.read, first.parts.all);
    const std::vector<QString> answers = m_workspace->answers(id);
    for (std::size_t i = 1; i < answers.size(); ++i)
        EXPECT_EQ(m_workspace->answer(answers[i]).follows, answers[i - 1].toStdString());
    begin();
    const DocumentId again = m_workspace->documents().at(0).id;
    const std::vector<QString> kept = m_workspace->answers(again);
    ASSERT_EQ(kept.size(), answers.size());
    EXPECT_EQ(m_workspace->answer(kept[0]).mode, AnswerMode::Parts);
    EXPECT_EQ(m_workspace->answer(kept[0]).parts.read, first.parts.read);
    EXPECT_EQ(m_workspace->answer(kept[0]).parts.all, first.parts.all);
    for (std::size_t i = 1; i < kept.size(); ++i)
        EXPECT_EQ(m_workspace->answer(kept[i]).follows, kept[i - 1].toStdString());
    EXPECT_TRUE(m_failures.empty());
}

TEST_F(LocalWorkspaceTest, StopsAnswersInEveryState) {
    const DocumentId id = m_workspace->open(q(lease()));
    const QString early = m_workspace->ask(id, "Who is the tenant?");
    m_workspace->stop(early);
    EXPECT_EQ(m_workspace->answer(early).state, AnswerState::Stopped);
    ASSERT_TRUE(isRead(id));
    const QString writing = m_workspace->ask(id, "List every fee, one after the other.");
    ASSERT_TRUE(waitFor([&] { return m_workspace->answer(writing).state == AnswerState::Writing; }));
    m_workspace->stop(writing);
    const Answer answer = ended(writing);
    EXPECT_EQ(answer.state, AnswerState::Stopped);
    EXPECT_FALSE(answer.text.empty()) << "what was written stays";
}

TEST_F(LocalWorkspaceTest, ClosesWhileOpeningAndWhileReading) {
    const DocumentId id = m_workspace->open(q(lease("long.txt", 150)));
    const QString opening = m_workspace->ask(id, "Who is the tenant?");
    m_workspace->close(id);
    EXPECT_EQ(m_workspace->answer(opening).state, AnswerState::Failed);
    EXPECT_FALSE(m_workspace->info(id).open);

    ASSERT_EQ(m_workspace->open(q(m_folder.path() / "long.txt")), id);
    ASSERT_TRUE(reaches(id, ReadingStage::FirstReading));
    const QString reading = m_workspace->ask(id, "Who is the tenant?");
    m_workspace->close(id);
    const Answer answer = ended(reading);
    EXPECT_TRUE(answer.state == AnswerState::Failed || answer.state == AnswerState::Stopped);

    ASSERT_EQ(m_workspace->open(q(m_folder.path() / "long.txt")), id);
    m_workspace->close(id);
    ASSERT_EQ(m_workspace->open(q(m_folder.path() / "long.txt")), id);
    const QString last = m_workspace->ask(id, "Who is the tenant?");
    EXPECT_EQ(ended(last).state, AnswerState::Complete);
}

TEST_F(LocalWorkspaceTest, ForgetsAtAnyTime) {
    const DocumentId first = m_workspace->open(q(lease("a.txt", 15)));
    ASSERT_TRUE(isRead(first));
    const QString asked = m_workspace->ask(first, "List every fee.");
    ASSERT_TRUE(waitFor([&] { return m_workspace->answer(asked).state == AnswerState::Writing; }));
    m_workspace->forget(first);
    EXPECT_TRUE(m_workspace->documents().empty());
    const DocumentId second = m_workspace->open(q(lease("b.txt", 16)));
    // Its text is on the way into the store; no event has been handled yet.
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    m_workspace->forget(second);
    waitFor([timer = QElapsedTimer(), started = false]() mutable {
        if (!started) timer.start();
        started = true;
        return timer.elapsed() > 500;
    });
    EXPECT_TRUE(m_failures.empty()) << m_failures.front().message();
    begin();
    EXPECT_TRUE(m_workspace->documents().empty()) << m_workspace->documents().front().path.toStdString();
}

TEST_F(LocalWorkspaceTest, TwoDocumentsKeepTheirAnswersApart) {
    const DocumentId a = m_workspace->open(q(lease("a.txt", 15)));
    const DocumentId b = m_workspace->open(
        q(m_folder.write("b.txt", "The captain is Ines Duarte.\nThe ship sails at nine.\n")));
    ASSERT_NE(a, b);
    const QString ofB = m_workspace->ask(b, "Who is the captain?");
    const QString ofA = m_workspace->ask(a, "Who is the tenant?");
    EXPECT_EQ(ended(ofA).state, AnswerState::Complete);
    EXPECT_EQ(ended(ofB).state, AnswerState::Complete);
    EXPECT_EQ(firstAnswers(a), std::vector<QString>{ofA});
    EXPECT_EQ(firstAnswers(b), std::vector<QString>{ofB});
    begin();
    ASSERT_EQ(m_workspace->documents().size(), 2U);
    for (const DocumentInfo& info : m_workspace->documents())
        EXPECT_EQ(firstAnswers(info.id).size(), 1U) << info.name.toStdString();
}

TEST_F(LocalWorkspaceTest, TheSameContentUnderAnotherNameBringsItsAnswers) {
    const DocumentId a = m_workspace->open(q(lease("a.txt")));
    ASSERT_EQ(ended(m_workspace->ask(a, "Who is the tenant?")).state, AnswerState::Complete);
    begin();
    const DocumentId b = m_workspace->open(q(lease("copy.txt")));
    const QString second = m_workspace->ask(b, "Who is the landlord?");
    ASSERT_EQ(ended(second).state, AnswerState::Complete);
    EXPECT_EQ(m_workspace->documents().size(), 1U);
    const std::vector<QString> answers = firstAnswers(b);
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(m_workspace->answer(answers[0]).question, "Who is the tenant?") << "oldest first";
    EXPECT_EQ(answers[1], second);
}

TEST_F(LocalWorkspaceTest, OpenUnderTwoNamesBothStayOpen) {
    const DocumentId a = m_workspace->open(q(lease("a.txt")));
    ASSERT_EQ(ended(m_workspace->ask(a, "Who is the tenant?")).state, AnswerState::Complete);
    const DocumentId b = m_workspace->open(q(lease("copy.txt")));
    ASSERT_TRUE(isRead(b));
    EXPECT_TRUE(m_workspace->info(a).open);
    EXPECT_TRUE(m_workspace->info(b).open);
    m_workspace->forget(b);
    EXPECT_TRUE(m_workspace->documents().empty()) << "in the store they are one";
}

TEST_F(LocalWorkspaceTest, AFileThatChangedIsAnotherDocument) {
    const DocumentId id = m_workspace->open(q(lease("a.txt", 15)));
    const QString old = m_workspace->ask(id, "Who is the tenant?");
    ASSERT_EQ(ended(old).state, AnswerState::Complete);
    m_workspace->close(id);
    m_folder.write("a.txt", "The captain is Ines Duarte.\n");
    ASSERT_EQ(m_workspace->open(q(m_folder.path() / "a.txt")), id);
    const QString captain = m_workspace->ask(id, "Who is the captain?");
    ASSERT_EQ(ended(captain).state, AnswerState::Complete);
    EXPECT_EQ(firstAnswers(id), std::vector<QString>{captain})
        << "places of the old text mean nothing in the new one";
    begin();
    ASSERT_EQ(m_workspace->documents().size(), 2U) << "nothing is lost";
    for (const DocumentInfo& info : m_workspace->documents())
        EXPECT_EQ(firstAnswers(info.id).size(), 1U);
}

TEST_F(LocalWorkspaceTest, AModelThatDoesNotLoadIsNamedAndCanBeReplaced) {
    begin(m_folder.write("broken.gguf", "nothing"));
    const DocumentId id = m_workspace->open(q(lease()));
    const QString asked = m_workspace->ask(id, "Who is the tenant?");
    EXPECT_EQ(ended(asked).state, AnswerState::Failed);
    EXPECT_TRUE(m_workspace->model().error.has_value());
    EXPECT_FALSE(m_workspace->model().loaded);
    m_workspace->useModel(q(test::modelFile(test::kSmollm2)));
    EXPECT_EQ(ended(m_workspace->ask(id, "Who is the tenant?")).state, AnswerState::Complete);
    EXPECT_TRUE(m_workspace->model().loaded);
}

TEST_F(LocalWorkspaceTest, UnlocksALockedDocumentAndAnswersWhoWaited) {
    const DocumentId id = m_workspace->open(KVASIR_FIXTURES "/documents/password.pdf");
    const QString asked = m_workspace->ask(id, "What is this?");
    ASSERT_TRUE(reaches(id, ReadingStage::Locked));
    m_workspace->unlock(id, "wrong");
    ASSERT_TRUE(reaches(id, ReadingStage::Opening));
    ASSERT_TRUE(reaches(id, ReadingStage::Locked));
    EXPECT_EQ(m_workspace->answer(asked).state, AnswerState::Waiting);
    m_workspace->unlock(id, "sesame");
    ASSERT_TRUE(isRead(id));
    EXPECT_EQ(ended(asked).state, AnswerState::Complete);
    EXPECT_FALSE(m_workspace->info(id).pageSizes.empty());
}

TEST_F(LocalWorkspaceTest, SaysWhyAFileCannotBeReadAndTriesAgain) {
    const std::filesystem::path missing = m_folder.path() / "later.txt";
    const DocumentId id = m_workspace->open(q(missing));
    const QString asked = m_workspace->ask(id, "Who is the tenant?");
    ASSERT_TRUE(reaches(id, ReadingStage::Failed));
    ASSERT_TRUE(m_workspace->reading(id).error);
    EXPECT_EQ(m_workspace->reading(id).error->code, ErrorCode::NotFound);
    EXPECT_EQ(m_workspace->answer(asked).state, AnswerState::Failed);
    EXPECT_EQ(ended(m_workspace->ask(id, "And now?")).state, AnswerState::Failed);
    lease("later.txt");
    ASSERT_EQ(m_workspace->open(q(missing)), id);
    EXPECT_TRUE(isRead(id));
}

TEST_F(LocalWorkspaceTest, GivesPageImagesWhileItReads) {
    QImage image;
    QObject::connect(m_workspace.get(), &Workspace::pageImageReady,
                     [&](DocumentId, int, double, const QImage& ready) { image = ready; });
    const DocumentId id = m_workspace->open(KVASIR_FIXTURES "/documents/plain.pdf");
    m_workspace->requestPageImage(id, 0, 1.0);
    ASSERT_TRUE(waitFor([&] { return !image.isNull(); }));
    EXPECT_GT(image.width(), 100);
}

TEST_F(LocalWorkspaceTest, ASettingCountsAtOnceAndAfterwards) {
    m_workspace->setSetting("theme", "dark");
    EXPECT_EQ(m_workspace->setting("theme"), "dark");
    m_workspace->setSetting("theme", "light");
    EXPECT_EQ(m_workspace->setting("theme"), "light");
    begin();
    EXPECT_EQ(m_workspace->setting("theme"), "light");
}

TEST_F(LocalWorkspaceTest, ASecondOneIsToldThatTheStoreIsInUse) {
    LocalWorkspace::Options options;
    options.dataFolder = m_folder.path() / "data";
    const auto second = LocalWorkspace::create(options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::Busy);
    EXPECT_FALSE(second.error().advice.empty());
}

}  // namespace
}  // namespace kvasir
