// The engine thread on a device that holds one document and a half: who leaves, who comes back, what is said,
// and that the program goes on whatever does not fit.
#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "app/engine_thread.h"
#include "app/library.h"
#include "app/store/piece_store.h"
#include "tests/app/noted.h"
#include "tests/app/small_device.h"

namespace kvasir {
namespace {

using Stage = ReadingStage;
using namespace std::chrono_literals;

class MemoryThreadTest : public testing::Test, protected test::Noted {
protected:
    void SetUp() override { m_model = m_folder.write("tiny.gguf", test::tinyModel()); }

    /// Room for so many documents of `tinyDocument`.
    void start(double documents, bool fullReading = false) {
        EngineThread::Events events;
        events.model = [this](const EngineThread::ModelState& state) { note([&] { m_state = state; }); };
        events.reading = [this](DocumentId id, const ReadingState& state) {
            note([&] {
                m_stages[id].push_back(state.stage);
                m_parts[id] = state.parts;
                m_error[id] = state.error;
                ++m_events;
            });
        };
        events.text = [](EngineThread::AnswerKey, AnswerMode, std::string_view) {};
        events.looked = [](EngineThread::AnswerKey, const AskOutcome&) {};
        events.checked = [this](EngineThread::AnswerKey key, const Result<ConfirmOutcome>& outcome) {
            note([&] { m_checked.emplace(key, outcome.has_value()); });
        };
        events.finished = [this](EngineThread::AnswerKey key, Result<AskOutcome> outcome) {
            note([&] { m_finished.emplace(key, std::move(outcome)); });
        };
        const auto make = [this, documents](
                              const std::filesystem::path& model,
                              const std::function<bool(double)>&) -> Result<std::unique_ptr<AnswerEngine>> {
            if (m_refuse.exchange(false)) {
                return fail(ErrorCode::OutOfMemory, "There is not enough memory.", model.string(),
                            "Choose a smaller model.");
            }
            auto [engine, device] = test::engineOnSmallDevice(model);
            const auto document = engine->tokenise(test::tinyDocument(0));
            EXPECT_TRUE(document);
            const auto each = static_cast<double>(test::documentBytes(*engine, **document));
            test::leaveFree(*device, withReserve(static_cast<std::size_t>(documents * each),
                                                 test::answerRoom(*engine, **document)));
            device->beforeAttention = [this] { ++m_layersRead; };
            m_device = device;
            return std::move(engine);
        };
        m_thread =
            std::make_unique<EngineThread>(std::move(events), 1, test::kNoFirstLook,
                                           m_pieces ? &*m_pieces : nullptr, std::filesystem::path(), make);
        m_thread->setFullReading(fullReading);
        m_thread->loadModel(m_model);
    }
    void TearDown() override { m_thread.reset(); }
    /// What is read from now on is kept, as in a program that starts.
    void keepOnDisk(const Document& document) {
        m_thread.reset();
        m_pieces.reset();
        m_store.reset();
        auto store = Store::open({m_folder.path() / "data", 20ms, {}});
        ASSERT_TRUE(store);
        m_store = std::move(*store);
        ASSERT_TRUE(Library(*m_store).remember(document, "text.txt"));
        m_pieces.emplace(*m_store, PieceStore::Options{1'000'000'000, {}, {}});
        forgetStages();
    }

    bool reached(DocumentId id, Stage stage) {
        return wait([&] { return std::ranges::count(m_stages[id], stage) > 0; });
    }
    Stage stageOf(DocumentId id) {
        const std::lock_guard lock(m_mutex);
        return m_stages[id].empty() ? Stage::Opening : m_stages[id].back();
    }
    void forgetStages() {
        const std::lock_guard lock(m_mutex);
        m_stages.clear();
    }
    Result<AskOutcome> ask(DocumentId document) {
        AskRequest request;
        request.question = "What does it cost?";
        request.maxTokens = 6;
        request.lookedTokens = 0;
        const EngineThread::AnswerKey key = ++m_key;
        m_thread->ask(document, key, request);
        EXPECT_TRUE(wait([&] { return m_finished.contains(key); }));
        const std::lock_guard lock(m_mutex);
        return m_finished.at(key);
    }
    /// Whether nothing happens any more.
    bool settles() {
        std::unique_lock lock(m_mutex);
        for (int i = 0; i < 100; ++i) {
            const int before = m_events;
            if (!m_changed.wait_for(lock, 400ms, [&] { return m_events != before; })) return true;
        }
        return false;
    }

    test::ScratchFolder m_folder;
    std::filesystem::path m_model;
    EngineThread::ModelState m_state;
    std::map<DocumentId, std::vector<Stage>> m_stages;
    std::map<DocumentId, PartsRead> m_parts;
    std::map<DocumentId, std::optional<Error>> m_error;
    std::map<EngineThread::AnswerKey, Result<AskOutcome>> m_finished;
    std::map<EngineThread::AnswerKey, bool> m_checked;
    std::atomic<bool> m_refuse = false;
    std::atomic<test::WatchedBackend*> m_device = nullptr;
    EngineThread::AnswerKey m_key = 0;
    int m_events = 0;
    std::atomic<int> m_layersRead = 0;
    std::unique_ptr<Store> m_store;
    std::optional<PieceStore> m_pieces;
    std::unique_ptr<EngineThread> m_thread;
};

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
    start(0.05);  // not even 8 bits
    m_thread->addDocument(1, test::tinyDocument(1));
    ASSERT_TRUE(reached(1, Stage::Failed));
    EXPECT_EQ(m_error[1]->code, ErrorCode::OutOfMemory);
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
        EXPECT_EQ(m_parts[1].read, m_parts[1].all);
        EXPECT_GT(m_parts[1].all, 4);
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
        EXPECT_LT(m_parts[1].read, m_parts[1].all);
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
