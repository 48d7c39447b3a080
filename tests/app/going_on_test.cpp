// A device that holds too little, or fails: documents are read in parts, or the processor goes on. Questions
// are answered whatever happens.
#include <algorithm>
#include <limits>
#include <thread>

#include "tests/app/memory_thread_fixture.h"

namespace kvasir {
namespace {

class GoingOn : public test::MemoryThread {
protected:
    /// The processor's own answer.
    std::vector<TokenId> expected(const std::shared_ptr<const Document>& document, AnswerMode mode) {
        auto engine = AnswerEngine::createOnProcessor(m_model, 1, "", {});
        EXPECT_TRUE(engine);
        auto read = (*engine)->prepare(document);
        EXPECT_TRUE(read);
        EXPECT_TRUE((*engine)->readEarly(**read, {}, {}));
        EXPECT_TRUE(mode != AnswerMode::Full || (*engine)->readLate(**read, {}, {}));
        AskRequest request = question();
        request.mode = mode;
        const auto outcome = (*engine)->ask(**read, request, {}, [](std::string_view) {});
        EXPECT_TRUE(outcome);
        return outcome->tokens;
    }
    bool goesOn() {
        return wait([&] { return m_state.goesOn; });
    }
};

TEST_F(GoingOn, TheProcessorReadsWhatTheDeviceHasNoRoomFor) {
    start(0.05);
    const auto document = test::tinyDocument(1);
    m_thread->addDocument(1, document);
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    const Result<AskOutcome> answer = ask(1);
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->tokens, expected(document, AnswerMode::Quick));
    const std::lock_guard lock(m_mutex);
    EXPECT_TRUE(m_state.goesOn);
    EXPECT_NE(m_state.note.find("memory"), std::string::npos) << m_state.note;
    EXPECT_EQ(std::ranges::count(m_stages[1], Stage::Failed), 0);
}

TEST_F(GoingOn, WhatMemoryHasNoRoomForIsReadInParts) {
    m_model = m_folder.write("wide.gguf", test::tinyModel(1 << 14));
    start(9);
    const auto longer = test::tinyDocument(2, 15'000);
    m_thread->addDocument(1, longer);
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    const Result<AskOutcome> answer = ask(1);
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->answer.mode, AnswerMode::Parts);
    {
        const std::lock_guard lock(m_mutex);
        EXPECT_TRUE(m_readings[1].fitsWindow);
        EXPECT_GT(m_readings[1].parts.read, 0);
        EXPECT_FALSE(m_state.goesOn);
    }
    // The same on a device with room for it is read whole.
    m_thread.reset();
    forgetStages();
    start(40);
    m_thread->addDocument(1, longer);
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    EXPECT_EQ(ask(1)->answer.mode, AnswerMode::Quick);
}

/// At every moment: in the first reading, in questions, in the full reading, in the check.
TEST_F(GoingOn, ADeviceThatFailsIsReplacedByTheProcessor) {
    const auto document = test::tinyDocument(1);
    const std::vector<TokenId> quick = expected(document, AnswerMode::Quick),
                               full = expected(document, AnswerMode::Full);
    m_layersRead = 0;
    start(3, true);
    m_thread->addDocument(1, document);
    const Result<AskOutcome> first = ask(1);
    ASSERT_TRUE(first);
    ASSERT_TRUE(wait([&] { return first->answer.mode == AnswerMode::Full || m_checked.contains(m_key); }));
    ASSERT_TRUE(settles());
    const int all = m_layersRead;
    ASSERT_GT(all, 20);
    for (int failsAt = 1; failsAt < all; failsAt += std::max(1, all / 12)) {
        SCOPED_TRACE(failsAt);
        m_thread.reset();
        {
            const std::lock_guard lock(m_mutex);
            m_state = {};
            m_checked.clear();
            m_texts.clear();
        }
        forgetStages();
        m_layersRead = 0;
        m_failsAt = failsAt;
        start(3, true);
        m_thread->addDocument(1, document);
        const Result<AskOutcome> answer = ask(1);
        ASSERT_TRUE(answer) << answer.error().message();
        EXPECT_EQ(answer->tokens, answer->answer.mode == AnswerMode::Full ? full : quick);
        ASSERT_TRUE(reached(1, Stage::FullDone));
        ASSERT_TRUE(wait([&] {
            return answer->answer.mode == AnswerMode::Full || m_checked.contains(m_key);
        })) << "what was to be checked is";
        ASSERT_TRUE(goesOn());
        const std::lock_guard lock(m_mutex);
        EXPECT_EQ(m_state.note, "The device was lost.");
        EXPECT_EQ(std::ranges::count(m_stages[1], Stage::Failed), 0);
        EXPECT_TRUE(m_checked.empty() || m_checked.at(m_key));
    }
}

/// What was shown of an answer begins anew.
TEST_F(GoingOn, AnAnswerThatBrokeOffBeginsAnew) {
    const auto document = test::tinyDocument(1);
    start(3);
    m_thread->addDocument(1, document);
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    ASSERT_TRUE(settles());
    AskRequest request = question();
    request.maxTokens = 40;
    const int before = m_layersRead;
    ASSERT_TRUE(ask(1, request));
    m_failsAt = m_layersRead + (m_layersRead - before) - 4;  // near the end of the same answer
    const Result<AskOutcome> answer = ask(1, request);
    ASSERT_TRUE(answer);
    const std::lock_guard lock(m_mutex);
    EXPECT_TRUE(m_state.goesOn);
    const std::vector<std::string>& texts = m_texts.at(m_key);
    const auto empty = std::ranges::find(texts, "");
    ASSERT_NE(empty, texts.end());
    EXPECT_NE(empty, texts.begin()) << "something was shown";
    EXPECT_EQ(texts.back(), answer->answer.text);
}

}  // namespace
}  // namespace kvasir
