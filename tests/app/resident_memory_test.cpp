// Documents that leave a device that is short of memory, and come back: nothing is read twice that need not
// be, and no answer changes.
#include "app/resident_memory.h"

#include <optional>

#include "app/library.h"
#include "app/store/piece_store.h"
#include "tests/app/same_answer.h"
#include "tests/app/small_device.h"

namespace kvasir {
namespace {

using test::expectSame;

using kernels::KvType;

class ResidentMemoryTest : public testing::Test {
protected:
    void SetUp() override {
        const auto model = m_folder.write("tiny.gguf", test::tinyModel());
        std::tie(m_engine, m_device) = test::engineOnSmallDevice(model);
        m_device->beforeAttention = [this] { ++m_layersRead; };
        for (int i = 0; i < 4; ++i) {
            auto read = m_engine->tokenise(test::tinyDocument(i));
            ASSERT_TRUE(read);
            m_documents.push_back(std::move(*read));
        }
        m_each = test::documentBytes(*m_engine, *m_documents[0]);
    }
    void TearDown() override {
        m_documents.clear();
        m_engine.reset();
    }
    void keepOnDisk() {
        auto store = Store::open({m_folder.path() / "data", std::chrono::milliseconds(20), {}});
        ASSERT_TRUE(store);
        m_store = std::move(*store);
        for (int i = 0; i < 4; ++i)
            ASSERT_TRUE(Library(*m_store).remember(*test::tinyDocument(i), "text.txt"));
        m_pieces.emplace(*m_store, PieceStore::Options{1'000'000'000, {}, {}});
        m_engine->keepReadings(&*m_pieces);
    }
    /// Room for `documents` of them, as they are planned, and for answers.
    void roomFor(double documents) {
        const std::size_t answer = test::answerRoom(*m_engine, *m_documents[0]);
        test::leaveFree(
            *m_device,
            withReserve(static_cast<std::size_t>(documents * static_cast<double>(m_each)), answer));
    }
    /// In use now: on the device, and read as far as it goes.
    Result<void> use(std::size_t i, bool full = true) {
        m_documents[i]->used = ++m_uses;
        Result<void> made = m_engine->makeResident(*m_documents[i], {});
        if (!made) return made;
        m_documents[i]->restore(full, {}, {});
        const Result<void> early = m_engine->readEarly(*m_documents[i], {}, {});
        return early && full ? m_engine->readLate(*m_documents[i], {}, {}) : early;
    }
    void saveAll(std::size_t i) {
        while (!m_documents[i]->pieces->saved()) {
            m_documents[i]->pieces->saveAndWait();
            m_pieces->flush();
        }
        m_pieces->flush();
    }
    bool isThere(std::size_t i) const { return m_documents[i]->resident != nullptr; }
    AskOutcome ask(std::size_t i, AnswerMode mode = AnswerMode::Quick) {
        const Result<AskOutcome> outcome = tryToAsk(i, mode);
        EXPECT_TRUE(outcome);
        return outcome.value_or(AskOutcome{});
    }
    Result<AskOutcome> tryToAsk(std::size_t i, AnswerMode mode = AnswerMode::Quick) {
        AskRequest request;
        request.question = "What does it cost?";
        request.maxTokens = 6;
        request.lookedTokens = 0;
        request.mode = mode;
        if (mode == AnswerMode::Quick) {
            request.policy = Policy::fixedLength(m_engine->model().config(), 300);
            request.policy->retentionPerMille = 400;
        }
        return m_engine->ask(*m_documents[i], request, {}, [](std::string_view) {});
    }

    test::ScratchFolder m_folder;
    std::unique_ptr<Store> m_store;
    std::optional<PieceStore> m_pieces;
    std::unique_ptr<AnswerEngine> m_engine;
    test::WatchedBackend* m_device = nullptr;
    std::vector<std::unique_ptr<ReadDocument>> m_documents;
    std::size_t m_each = 0;
    std::uint64_t m_uses = 0;
    int m_layersRead = 0;
};

TEST_F(ResidentMemoryTest, TheLeastRecentlyUsedLeavesAndComesBackUnread) {
    roomFor(2.6);
    std::vector<AskOutcome> quick, full;
    for (std::size_t i = 0; i < 2; ++i) {
        ASSERT_TRUE(use(i));
        quick.push_back(ask(i));
        full.push_back(ask(i, AnswerMode::Full));
    }
    EXPECT_TRUE(isThere(0) && isThere(1)) << "there is room for two";
    EXPECT_EQ(m_engine->memory().hostBytes(), 0U);
    ASSERT_TRUE(use(0));
    ASSERT_TRUE(use(2));
    EXPECT_TRUE(isThere(0));
    EXPECT_FALSE(isThere(1)) << "used before the first one";
    EXPECT_GT(m_documents[1]->copy->bytes(), m_each * 9 / 10);
    for (const std::size_t i : {1, 0, 1}) {
        m_layersRead = 0;
        ASSERT_TRUE(use(i));
        EXPECT_EQ(m_layersRead, 0) << "nothing is read again";
        EXPECT_TRUE(m_documents[i]->resident->fullDone());
        expectSame(ask(i), quick[i]);
        expectSame(ask(i, AnswerMode::Full), full[i]);
    }
}

TEST_F(ResidentMemoryTest, WhatFillsMemoryLeavesRoomForAnAnswer) {
    int asked = 0;
    for (const double free : {1.0, 0.9, 0.8, 0.7, 0.6}) {
        m_documents[0]->resident.reset();
        m_documents[0]->memory = {};
        roomFor(free);
        if (!use(0, false)) continue;  // which is said before anything is read
        AskRequest request;
        request.question = "What does it cost?";
        request.maxTokens = 6;
        const auto outcome = m_engine->ask(*m_documents[0], request, {}, [](std::string_view) {});
        ASSERT_TRUE(outcome) << free << ": " << outcome.error().message();
        EXPECT_EQ(outcome->answer.state, AnswerState::Complete);
        ++asked;
    }
    EXPECT_GE(asked, 3);
}

TEST_F(ResidentMemoryTest, AnOlderOneDrivesOutNobody) {
    roomFor(1.3);
    ASSERT_TRUE(use(1));
    m_documents[0]->used = m_uses - 1;
    const Result<void> made = m_engine->makeResident(*m_documents[0], {});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::OutOfMemory);
    EXPECT_TRUE(m_engine->memory().hasLaterOnes(m_documents[0]->used));
    EXPECT_TRUE(isThere(1));
    ASSERT_TRUE(use(0)) << "but when it is used";
    EXPECT_FALSE(isThere(1));
}

TEST_F(ResidentMemoryTest, WithoutHostMemoryItComesBackFromTheDisk) {
    keepOnDisk();
    roomFor(1.5);
    ASSERT_TRUE(use(0));
    const AskOutcome quick = ask(0), full = ask(0, AnswerMode::Full);
    saveAll(0);
    m_device->hostFree = 0;
    ASSERT_TRUE(use(1));
    EXPECT_FALSE(isThere(0));
    EXPECT_EQ(m_documents[0]->copy->bytes(), 0U);
    saveAll(1);
    m_layersRead = 0;
    ASSERT_TRUE(use(0));
    EXPECT_EQ(m_layersRead, 0);
    EXPECT_EQ(m_documents[0]->restoredTokens(), m_documents[0]->resident->size());
    expectSame(ask(0), quick);
    expectSame(ask(0, AnswerMode::Full), full);
}

TEST_F(ResidentMemoryTest, HostMemoryGoesToWhoWasUsedLast) {
    roomFor(1.5);
    for (std::size_t i = 0; i < 3; ++i)
        ASSERT_TRUE(use(i));
    EXPECT_GT(m_documents[0]->copy->bytes(), 0U);
    EXPECT_GT(m_documents[1]->copy->bytes(), 0U);
    // Half of it may be taken: one document and a half.
    m_device->hostFree = 3 * m_each;
    ASSERT_TRUE(use(3));
    EXPECT_EQ(m_documents[0]->copy->bytes(), 0U);
    EXPECT_TRUE(m_documents[2]->copy->bytes() > m_each * 9 / 10);
    EXPECT_LE(m_engine->memory().hostBytes(), 3 * m_each / 2);
    // What is on the device as well goes first.
    ASSERT_TRUE(use(2));
    EXPECT_GT(m_documents[2]->copy->bytes(), 0U);
    EXPECT_GT(m_documents[3]->copy->bytes(), 0U);
    ASSERT_TRUE(use(0));
    EXPECT_GT(m_documents[2]->copy->bytes(), 0U) << "it left with the copy that it had";
}

TEST_F(ResidentMemoryTest, WhoWouldHaveToBeReadAgainStaysWhereEightBitsFit) {
    m_device->hostFree = 0;
    const std::size_t eight = test::documentBytes(*m_engine, *m_documents[1], KvType::Int8, false);
    const std::size_t answer = test::answerRoom(*m_engine, *m_documents[1]);
    test::leaveFree(*m_device, m_each + withReserve(eight, answer) + m_each / 16);
    ASSERT_TRUE(use(0));
    m_documents[1]->used = ++m_uses;
    ASSERT_TRUE(m_engine->makeResident(*m_documents[1], {}));
    EXPECT_TRUE(isThere(0));
    EXPECT_EQ(m_documents[1]->memory.type, KvType::Int8);
    EXPECT_NE(m_documents[1]->memory.sentence.find("Memory is short"), std::string::npos);
}

TEST_F(ResidentMemoryTest, WhatIsNowhereIsReadAgain) {
    m_device->hostFree = 0;
    roomFor(1.4);
    ASSERT_TRUE(use(0));
    const AskOutcome full = ask(0, AnswerMode::Full);
    ASSERT_TRUE(use(1));
    EXPECT_FALSE(isThere(0));
    m_layersRead = 0;
    ASSERT_TRUE(use(0));
    EXPECT_GT(m_layersRead, 0);
    expectSame(ask(0, AnswerMode::Full), full);
}

TEST_F(ResidentMemoryTest, AStopWhileRoomIsMadeLosesNothing) {
    roomFor(1.5);
    ASSERT_TRUE(use(0));
    const AskOutcome quick = ask(0);
    m_documents[1]->used = ++m_uses;
    std::stop_source stop;
    stop.request_stop();
    const Result<void> made = m_engine->makeResident(*m_documents[1], stop.get_token());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::Cancelled);
    EXPECT_TRUE(isThere(0));
    expectSame(ask(0), quick);
    ASSERT_TRUE(m_engine->makeResident(*m_documents[1], {}));
    EXPECT_FALSE(isThere(0));
}

TEST_F(ResidentMemoryTest, TheFullReadingMakesRoomToo) {
    roomFor(2.6);
    ASSERT_TRUE(use(0));
    ASSERT_TRUE(use(1, false));
    EXPECT_TRUE(isThere(0));
    const std::size_t missing = m_documents[1]->resident->fullBytes() - m_documents[1]->resident->bytes();
    test::leaveFree(*m_device, missing / 2);
    ASSERT_TRUE(m_engine->readLate(*m_documents[1], {}, {}));
    EXPECT_FALSE(isThere(0));
    // Without anybody who could leave it is left out, and quick answers work on.
    m_documents.erase(m_documents.begin());
    roomFor(1);
    ASSERT_TRUE(use(1, false));
    test::leaveFree(*m_device, missing / 2);
    m_documents[0]->used = 0;
    m_device->hostFree = 0;
    const Result<void> late = m_engine->readLate(*m_documents[1], {}, {});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::OutOfMemory);
    test::leaveFree(*m_device, m_each);
    EXPECT_EQ(ask(1).answer.state, AnswerState::Complete);
}

TEST_F(ResidentMemoryTest, AnAnswerTakesNoMoreThanItsRoom) {
    roomFor(5);
    ASSERT_TRUE(use(0, false));
    EXPECT_EQ(m_device->lasting, 1) << "a document is one piece of memory";
    const std::size_t room = test::answerRoom(*m_engine, *m_documents[0]);
    const auto expectRoom = [&](AnswerMode mode) {
        const std::size_t free = m_device->freeMemory();
        m_device->mostTaken = 0;
        const AskOutcome outcome = ask(0, mode);
        EXPECT_EQ(m_device->freeMemory(), free) << "all of it is given back";
        const std::size_t taken = m_device->mostTaken - (*m_device->own - free);
        EXPECT_LE(taken, room);
        EXPECT_GT(taken, 0U);
        return outcome;
    };
    const AskOutcome quick = expectRoom(AnswerMode::Quick);
    ASSERT_TRUE(m_engine->readLate(*m_documents[0], {}, {}));
    EXPECT_EQ(m_device->lasting, 2);
    expectRoom(AnswerMode::Full);
}

TEST_F(ResidentMemoryTest, AQuestionMakesRoomToo) {
    roomFor(3);
    ASSERT_TRUE(use(0));
    ASSERT_TRUE(use(1));
    const AskOutcome quick = ask(1);
    test::leaveFree(*m_device, 20'000);
    expectSame(ask(1), quick);
    EXPECT_FALSE(isThere(0));
    test::leaveFree(*m_device, 20'000);
    const Result<AskOutcome> none = tryToAsk(1);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::OutOfMemory);
    test::leaveFree(*m_device, m_each);
    expectSame(ask(1), quick);  // the next one is answered
}

TEST_F(ResidentMemoryTest, WhatIsSavedBesideReadingIsWhatIsRead) {
    keepOnDisk();
    roomFor(3);
    m_device->asksPerCopy = 5;
    ASSERT_TRUE(use(0));
    const AskOutcome full = ask(0, AnswerMode::Full);
    saveAll(0);
    m_documents[0] = std::move(*m_engine->tokenise(test::tinyDocument(0)));
    m_layersRead = 0;
    ASSERT_TRUE(use(0));
    EXPECT_EQ(m_layersRead, 0);
    expectSame(ask(0, AnswerMode::Full), full);
}

TEST_F(ResidentMemoryTest, ADocumentMayGoWhileItIsSaved) {
    keepOnDisk();
    roomFor(3);
    m_device->asksPerCopy = 1000;  // nothing is done before it is waited for
    for (std::size_t i = 0; i < 3; ++i) {
        m_documents[i]->used = ++m_uses;
        ASSERT_TRUE(m_engine->makeResident(*m_documents[i], {}));
        std::stop_source stop;
        const Result<void> read =
            m_engine->readEarly(*m_documents[i], i == 1 ? stop.get_token() : std::stop_token{},
                                [&](std::int64_t done, std::int64_t) {
                                    if (done > kPieceRows) stop.request_stop();
                                });
        EXPECT_EQ(read.has_value(), i != 1);
        if (i == 2) m_pieces->removeAll();  // keeping ends in the middle
        m_documents[i] = std::move(*m_engine->tokenise(test::tinyDocument(static_cast<int>(i))));
    }
    m_pieces->flush();
    m_device->asksPerCopy = 0;
    std::vector<AskOutcome> restored;
    for (std::size_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(use(i));
        restored.push_back(ask(i));
    }
    m_engine->keepReadings(nullptr);
    for (std::size_t i = 0; i < 3; ++i) {
        m_documents[i] = std::move(*m_engine->tokenise(test::tinyDocument(static_cast<int>(i))));
        ASSERT_TRUE(use(i));
        expectSame(ask(i), restored[i]);
    }
}

TEST_F(ResidentMemoryTest, WhatLeftBeforeItWasSavedIsSavedFromHostMemory) {
    keepOnDisk();
    roomFor(1.5);
    m_documents[0]->used = ++m_uses;
    ASSERT_TRUE(m_engine->makeResident(*m_documents[0], {}));
    m_documents[0]->pieces.reset();  // a disk that takes nothing while reading goes on
    m_documents[0]->resident->setMeanwhile({});
    ASSERT_TRUE(m_engine->readEarly(*m_documents[0], {}, {}));
    ASSERT_TRUE(use(1));
    ASSERT_FALSE(isThere(0));
    saveAll(1);
    ASSERT_TRUE(use(0));  // gets its pieces anew
    ASSERT_TRUE(use(1));
    ASSERT_FALSE(isThere(0));
    saveAll(0);
    EXPECT_TRUE(m_documents[0]->pieces->saved());
    m_documents[0]->copy->clear();
    m_layersRead = 0;
    ASSERT_TRUE(use(0));
    EXPECT_EQ(m_layersRead, 0);
}

TEST_F(ResidentMemoryTest, AModelThatTheDeviceCannotHoldRunsOnTheProcessor) {
    auto small = std::make_unique<test::WatchedBackend>(1);
    small->own = 100'000;
    kernels::BackendChoice choice;
    choice.backend = std::move(small);
    auto engine = AnswerEngine::create(std::move(choice), m_folder.path() / "tiny.gguf", 1, {});
    ASSERT_TRUE(engine) << engine.error().message();
    EXPECT_FALSE((*engine)->deviceNote().empty());
    EXPECT_TRUE((*engine)->prepare(test::tinyDocument(0)));
}

}  // namespace
}  // namespace kvasir
