// The engine thread on a device that holds one document and a half: who leaves, who comes back, what is said,
// and that the program goes on whatever does not fit.
#include <algorithm>
#include <mutex>
#include <thread>

#include "tests/app/memory_thread_fixture.h"

namespace kvasir {
namespace {

using namespace std::chrono_literals;

using MemoryThreadTest = test::MemoryThread;

TEST_F(MemoryThreadTest, AQuestionBringsBackWhatLeft) {
    start(1.3);
    m_thread->addDocument(1, test::tinyDocument(1));
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    const Result<AskOutcome> first = ask(1);
    ASSERT_TRUE(first) << first.error().message();
    m_thread->addDocument(2, test::tinyDocument(2));
    ASSERT_TRUE(reached(2, Stage::FirstDone));
    ASSERT_TRUE(reached(1, Stage::Away)) << "and that is said";
    ASSERT_TRUE(settles());
    EXPECT_EQ(stageOf(1), Stage::Away);
    EXPECT_EQ(stageOf(2), Stage::FirstDone);
    for (int round = 0; round < 3; ++round) {
        forgetStages();
        const Result<AskOutcome> again = ask(1);
        ASSERT_TRUE(again);
        EXPECT_EQ(again->tokens, first->tokens);
        EXPECT_TRUE(reached(2, Stage::Away));
        ASSERT_TRUE(ask(2));
        EXPECT_EQ(stageOf(1), Stage::Away);
    }
    m_thread->continueReading(1);
    ASSERT_TRUE(wait([&] { return m_stages[1].back() == Stage::FirstDone; })) << "or whoever wants it there";
    m_thread->removeDocument(1);
    m_thread->removeDocument(2);
    EXPECT_TRUE(wait([&] { return m_state.documentBytes == 0; }));
}

TEST_F(MemoryThreadTest, ReadingInTheBackgroundDrivesOutNobodyForEver) {
    start(1.3, true);
    for (DocumentId id = 1; id <= 4; ++id)
        m_thread->addDocument(id, test::tinyDocument(static_cast<int>(id % 4)));
    ASSERT_TRUE(reached(4, Stage::FullDone));
    ASSERT_TRUE(settles());
    EXPECT_EQ(stageOf(4), Stage::FullDone) << "the one that was opened last stays";
    for (DocumentId id = 1; id <= 3; ++id)
        EXPECT_EQ(stageOf(id), Stage::Away);
    ASSERT_TRUE(ask(2));
    ASSERT_TRUE(settles());
    EXPECT_EQ(stageOf(2), Stage::FullDone) << "who is asked is read in full, too";
    EXPECT_EQ(stageOf(4), Stage::Away);
    EXPECT_TRUE(wait(
        [&] { return m_checked.contains(m_key) || m_finished.at(m_key)->answer.mode == AnswerMode::Full; }));
}

TEST_F(MemoryThreadTest, QuestionsToTwoDocumentsAreAnsweredInTurn) {
    start(1.3);
    m_thread->addDocument(1, test::tinyDocument(1));
    m_thread->addDocument(2, test::tinyDocument(2));
    ASSERT_TRUE(settles());
    AskRequest request;
    request.question = "What does it cost?";
    request.maxTokens = 4;
    request.lookedTokens = 0;
    for (EngineThread::AnswerKey key = 100; key < 108; ++key)
        m_thread->ask(1 + key % 2, key, request);
    for (EngineThread::AnswerKey key = 100; key < 108; ++key) {
        ASSERT_TRUE(wait([&] { return m_finished.contains(key); }));
        EXPECT_TRUE(m_finished.at(key));
    }
    EXPECT_TRUE(settles());
}

TEST_F(MemoryThreadTest, WhatFitsNowhereIsSaidAndOthersGoOn) {
    start(0.05, false, false);  // not even 8 bits, and the processor has no other memory
    m_thread->addDocument(1, test::tinyDocument(1));
    ASSERT_TRUE(reached(1, Stage::Failed));
    EXPECT_EQ(m_readings[1].error->code, ErrorCode::OutOfMemory);
    const Result<AskOutcome> refused = ask(1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::OutOfMemory);
    m_thread->addDocument(2, test::textDocument("Short. "));
    ASSERT_TRUE(settles());
    // Whoever makes room tries again.
    note([&] { test::leaveFree(*m_device.load(), std::size_t{64} << 20); });
    m_thread->continueReading(1);
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    EXPECT_TRUE(ask(1));
}

TEST_F(MemoryThreadTest, WhyThereIsNoFullReadingIsSaid) {
    start(1.3);
    m_thread->addDocument(1, test::tinyDocument(1));
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    ASSERT_TRUE(settles());
    EXPECT_FALSE(m_readings[1].error);
    test::leaveFree(*m_device.load(), 1000);  // another program took it
    forgetStages();
    m_thread->setFullReading(true);
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    ASSERT_TRUE(settles());
    {
        const std::lock_guard lock(m_mutex);
        ASSERT_TRUE(m_readings[1].error);
        EXPECT_EQ(m_readings[1].error->code, ErrorCode::OutOfMemory);
        EXPECT_FALSE(m_state.goesOn) << "quick answers need no other device";
    }
    test::leaveFree(*m_device.load(), std::size_t{64} << 20);
    const Result<AskOutcome> answer = ask(1);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->answer.mode, AnswerMode::Quick);
}

TEST_F(MemoryThreadTest, AModelThatDoesNotFitLeavesThePlaceToAnother) {
    m_refuse = true;
    start(2);
    m_thread->addDocument(1, test::tinyDocument(1));
    ASSERT_TRUE(wait([&] { return m_state.error.has_value(); }));
    EXPECT_EQ(m_state.error->code, ErrorCode::OutOfMemory);
    const Result<AskOutcome> refused = ask(1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::OutOfMemory);
    m_thread->loadModel(m_model);
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    EXPECT_TRUE(ask(1));
}

TEST_F(MemoryThreadTest, ALongDocumentComesBackAfterARestart) {
    const auto manual = test::tinyDocument(3, 4000);
    Result<AskOutcome> fresh;
    for (const bool again : {false, true}) {
        keepOnDisk(*manual);
        m_layersRead = 0;
        start(20);
        m_thread->addDocument(1, manual);
        ASSERT_TRUE(reached(1, Stage::FirstDone)) << "also when all parts come back";
        EXPECT_EQ(m_readings[1].parts.read, m_readings[1].parts.all);
        EXPECT_GT(m_readings[1].parts.all, 4);
        EXPECT_EQ(m_layersRead > 0, !again);
        const Result<AskOutcome> answer = ask(1);
        ASSERT_TRUE(answer) << answer.error().message();
        EXPECT_EQ(answer->answer.parts.read, answer->answer.parts.all);
        if (again) {
            EXPECT_EQ(answer->tokens, fresh->tokens);
            EXPECT_EQ(answer->trace.scores, fresh->trace.scores);
        }
        fresh = answer;
        ASSERT_TRUE(settles());
        m_pieces->flush();
        ASSERT_TRUE(settles()) << "what the store had no room for is kept, too";
        m_pieces->flush();
    }
    // And when a question is the first that wants them.
    keepOnDisk(*manual);
    m_layersRead = 0;
    start(20);
    m_thread->addDocument(1, manual);
    const Result<AskOutcome> first = ask(1);
    ASSERT_TRUE(first);
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    EXPECT_GE(first->answer.parts.read, 1);
}

TEST_F(MemoryThreadTest, PartsThatLeftAreSaidAndComeBack) {
    start(5);
    m_thread->addDocument(1, test::tinyDocument(3, 4000));
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    const Result<AskOutcome> first = ask(1);
    ASSERT_TRUE(first);
    m_thread->addDocument(2, test::tinyDocument(1));
    m_thread->addDocument(3, test::tinyDocument(2));
    m_thread->addDocument(4, test::tinyDocument(0));
    m_thread->addDocument(5, test::tinyDocument(4));
    ASSERT_TRUE(reached(5, Stage::FirstDone));
    ASSERT_TRUE(reached(1, Stage::Away));
    ASSERT_TRUE(settles());
    {
        const std::lock_guard lock(m_mutex);
        EXPECT_EQ(m_stages[1].back(), Stage::Away) << "it stays so until it is wanted";
        EXPECT_LT(m_readings[1].parts.read, m_readings[1].parts.all);
    }
    const int before = m_layersRead;
    m_thread->continueReading(1);
    ASSERT_TRUE(wait([&] { return m_stages[1].back() == Stage::FirstDone; }));
    EXPECT_EQ(m_layersRead, before) << "from host memory";
    const Result<AskOutcome> again = ask(1);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->tokens, first->tokens);
    EXPECT_EQ(again->trace.scores, first->trace.scores);
}

TEST_F(MemoryThreadTest, EndsWhileDocumentsMove) {
    for (const auto delay : {0ms, 3ms, 20ms, 100ms}) {
        start(1.3, true);
        for (DocumentId id = 1; id <= 3; ++id)
            m_thread->addDocument(id, test::tinyDocument(static_cast<int>(id)));
        AskRequest request;
        request.question = "What does it cost?";
        request.maxTokens = 6;
        for (DocumentId id = 1; id <= 3; ++id)
            m_thread->ask(id, 1000 + id, request);
        std::this_thread::sleep_for(delay);
        m_thread.reset();
        m_finished.clear();
    }
}

}  // namespace
}  // namespace kvasir
