// Documents that are read in parts leave the device, are kept and come back like whole ones: nothing is read
// twice that need not be, and no answer changes.
#include <algorithm>
#include <fstream>
#include <numeric>
#include <optional>
#include <tuple>

#include "app/answer_engine.h"
#include "app/library.h"
#include "app/store/piece_store.h"
#include "tests/app/same_answer.h"
#include "tests/app/small_device.h"

namespace kvasir {
namespace {

using test::expectSame;
using Documents = std::vector<std::shared_ptr<const Document>>;
using Order = std::vector<std::size_t>;

class KeptParts : public testing::Test {
protected:
    static constexpr std::int64_t kMuch = 1'000'000'000;
    static constexpr std::size_t kRoomForAnswers = std::size_t{64} << 20;

    void SetUp() override {
        m_model = m_folder.write("tiny.gguf", test::tinyModel());
        begin();
    }
    void TearDown() override { end(); }
    void end() {
        m_parts.reset();
        m_engine.reset();
        m_pieces.reset();
        m_store.reset();
    }
    /// The program starts, with room for all parts.
    void begin(bool ownMemory = false, std::int64_t budget = kMuch) {
        end();
        std::tie(m_engine, m_device) = test::engineOnSmallDevice(m_model, ownMemory);
        m_device->beforeAttention = [this] { ++m_layersRead; };
        auto store = Store::open({m_folder.path() / "data", std::chrono::milliseconds(20), {}});
        ASSERT_TRUE(store) << store.error().message();
        m_store = std::move(*store);
        m_pieces.emplace(*m_store, PieceStore::Options{budget, {}, {}});
        m_engine->keepReadings(&*m_pieces);
    }
    void open(const Documents& documents) {
        m_parts.reset();
        for (const auto& document : documents)
            ASSERT_TRUE(Library(*m_store).remember(*document, "text.txt"));
        prepare(documents);
    }
    void prepare(const Documents& documents) {
        auto parts = m_engine->prepareParts(documents, 1);
        ASSERT_TRUE(parts) << parts.error().message();
        m_parts = std::move(*parts);
        m_order.resize(m_parts->readings.size());
        std::iota(m_order.begin(), m_order.end(), std::size_t{0});
    }
    /// Room for so many parts and an answer, of a document that is opened from now on.
    void roomFor(double parts) {
        const auto each = static_cast<double>(m_parts->segments->bytesOfLongest());
        const std::size_t bytes = withReserve(static_cast<std::size_t>(parts * each) + m_parts->answerBytes);
        if (m_device->own) {
            test::leaveFree(*m_device, bytes);
        } else {
            m_device->free = bytes;
        }
    }
    void openWithRoomForThree(const Documents& documents) {
        open(documents);
        roomFor(3.5);
        m_parts.reset();
        prepare(documents);
        ASSERT_EQ(m_parts->segments->mostHeld(), 3);
    }
    /// What fits, in this order. Gives how often layers were computed for it.
    int readAll() {
        m_layersRead = 0;
        while (const auto next = nextPart(*m_parts, m_order)) {
            const Result<void> read = m_engine->readPart(*m_parts, *next, m_order, {}, {});
            EXPECT_TRUE(read) << read.error().message();
            if (!read) break;
        }
        return m_layersRead;
    }
    /// A question for which the last parts are the best.
    int readFromTheEnd() {
        std::ranges::reverse(m_order);
        m_engine->notePartsAsked(*m_parts, m_order);
        return readAll();
    }
    void keepAll() { m_parts->finishKeeping(m_order); }
    AskOutcome ask() {
        if (m_device->own) test::leaveFree(*m_device, kRoomForAnswers);
        return askFor(200);
    }
    /// From so many tokens, in the memory that there is.
    AskOutcome askFor(std::int64_t tokens) {
        AskRequest request;
        request.question = "What does it cost?";
        request.maxTokens = 6;
        request.policy = Policy::fixedLength(m_engine->model().config(), tokens);
        const auto outcome = m_engine->askParts(*m_parts, request, {}, [](std::string_view) {});
        EXPECT_TRUE(outcome) << outcome.error().message();
        return outcome.value_or(AskOutcome{});
    }
    std::int64_t allTokens() const { return std::ssize(m_parts->tokens); }
    std::vector<std::filesystem::path> files() const {
        std::vector<std::filesystem::path> found;
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator(m_store->pieceFolder(), none))
            found.push_back(entry.path());
        std::ranges::sort(found);
        return found;
    }
    /// After a restart: which parts come from the disk, whole.
    std::string presentParts(const Documents& documents) {
        begin();
        prepare(documents);
        readAll();
        std::string present;
        for (std::size_t i = 0; i < m_order.size(); ++i) {
            const Segment& segment = m_parts->segments->segments()[i];
            const std::int64_t rows = m_parts->segments->firstOwnRow(i) + segment.end - segment.begin;
            present += m_parts->readings[i].restoredTokens() == rows ? 'x' : '.';
        }
        return present;
    }

    test::ScratchFolder m_folder;
    std::filesystem::path m_model;
    std::unique_ptr<Store> m_store;
    std::optional<PieceStore> m_pieces;
    std::unique_ptr<AnswerEngine> m_engine;
    test::WatchedBackend* m_device = nullptr;
    std::unique_ptr<ReadParts> m_parts;
    Order m_order;
    int m_layersRead = 0;
};

TEST_F(KeptParts, AfterARestartTheyComeBackAndTheAnswerIsTheSame) {
    const Documents manual{test::tinyDocument(0, 4000)};
    open(manual);
    ASSERT_GT(m_order.size(), 4U);
    EXPECT_GT(readAll(), 0);
    EXPECT_EQ(m_parts->restoredTokens(), 0);
    const AskOutcome fresh = ask();
    keepAll();
    begin();
    open(manual);
    EXPECT_EQ(readAll(), 0) << "nothing is read again";
    EXPECT_EQ(m_parts->restoredTokens(), allTokens());
    EXPECT_EQ(m_parts->read().read, m_parts->read().all);
    expectSame(ask(), fresh);
    keepAll();
    const std::size_t kept = files().size();
    m_engine->keepReadings(nullptr);
    prepare(manual);
    EXPECT_GT(readAll(), 0) << "without a store";
    expectSame(ask(), fresh);
    EXPECT_EQ(files().size(), kept) << "and what came back is not written twice";
}

TEST_F(KeptParts, ADamagedPieceIsReadAgain) {
    const Documents manual{test::tinyDocument(0, 4000)};
    open(manual);
    const int all = readAll();
    const AskOutcome fresh = ask();
    keepAll();
    std::fstream(files().front(), std::ios::in | std::ios::out | std::ios::binary).seekp(1000) << "damage";
    begin();
    open(manual);
    const int again = readAll();
    EXPECT_GT(again, 0);
    EXPECT_LT(again, all / 2);
    expectSame(ask(), fresh);
    keepAll();
    EXPECT_EQ(presentParts(manual), std::string(m_order.size(), 'x')) << "kept again";
}

TEST_F(KeptParts, OfSeveralDocumentsOneIsDeleted) {
    const Documents both{test::tinyDocument(0, 2500), test::tinyDocument(1, 2500)};
    open(both);
    readAll();
    const AskOutcome fresh = ask();
    keepAll();
    const std::size_t all = files().size();
    ASSERT_TRUE(m_store->deleteDocument((*Library(*m_store).remember(*both[1], "text.txt"))).get());
    EXPECT_GT(files().size(), 0U);
    EXPECT_LT(files().size(), all);
    const std::string present = presentParts(both);
    const auto first = static_cast<std::size_t>(std::ranges::count(present, 'x'));
    EXPECT_EQ(present, std::string(first, 'x') + std::string(present.size() - first, '.'));
    EXPECT_EQ(m_parts->documents.documentAt(m_parts->bytes(first - 1).begin), 0U);
    EXPECT_EQ(m_parts->documents.documentAt(m_parts->bytes(first).begin), 1U);
    expectSame(ask(), fresh);
    keepAll();
    EXPECT_EQ(presentParts(both), present) << "of a deleted document nothing is kept, of the other one all";
}

TEST_F(KeptParts, WhatWasReadBeforeAStopIsKept) {
    const Documents manual{test::tinyDocument(0, 2500)};
    open(manual);
    m_device->asksPerCopy = 1'000'000;  // nothing arrives before it is waited for
    ASSERT_TRUE(m_engine->readPart(*m_parts, 0, m_order, {}, {}));
    std::stop_source stop;
    const Result<void> stopped =
        m_engine->readPart(*m_parts, 1, m_order, stop.get_token(), [&](std::int64_t rows, std::int64_t) {
            if (rows >= 2 * kPieceRows) stop.request_stop();
        });
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ErrorCode::Cancelled);
    m_pieces->flush();
    const std::int64_t rows = m_parts->segments->resident(0).size();
    EXPECT_EQ(std::ssize(files()), (rows + kPieceRows - 1) / kPieceRows + 2) << "it holds no blocks back";
    begin();
    open(manual);
    EXPECT_GT(readAll(), 0);
    EXPECT_EQ(m_parts->readings[0].restoredTokens(), m_parts->segments->resident(0).size());
    EXPECT_EQ(m_parts->readings[1].restoredTokens(), 2 * kPieceRows);
    EXPECT_EQ(m_parts->readings[2].restoredTokens(), 0);
    const AskOutcome restored = ask();
    m_engine->keepReadings(nullptr);
    prepare(manual);
    readAll();
    expectSame(ask(), restored);
}

TEST_F(KeptParts, WhoKeepsNothingReadsAgain) {
    begin(false, 0);
    const Documents manual{test::tinyDocument(0, 2500)};
    open(manual);
    const int all = readAll();
    keepAll();
    EXPECT_TRUE(files().empty());
    open(manual);
    EXPECT_EQ(readAll(), all);
    m_pieces->setBudget(kMuch);
    open(manual);
    readAll();
    keepAll();
    EXPECT_FALSE(files().empty());
    m_pieces->removeAll();
    m_engine->notePartsAsked(*m_parts, m_order);
    keepAll();
    EXPECT_TRUE(files().empty()) << "not what is open";
    open(manual);
    readAll();
    keepAll();
    EXPECT_FALSE(files().empty()) << "but what is opened afterwards";
}

/// Where memory has no room for all parts, those that are wanted less leave, and come back.
TEST_F(KeptParts, PartsLeaveForHostMemoryAndComeBack) {
    begin(true);
    m_engine->keepReadings(nullptr);
    const Documents manual{test::tinyDocument(0, 4000)};
    openWithRoomForThree(manual);
    EXPECT_GT(readAll(), 0);
    const AskOutcome first = ask();
    EXPECT_EQ(m_engine->memory().hostBytes(), 0U);
    EXPECT_GT(readFromTheEnd(), 0);
    EXPECT_TRUE(m_parts->segments->isRead(m_order.front()));
    EXPECT_FALSE(m_parts->segments->isHeld(m_order.back()));
    EXPECT_GT(m_engine->memory().hostBytes(), 2 * m_parts->segments->bytesOfLongest());
    const AskOutcome last = ask();
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(readFromTheEnd(), 0);
        expectSame(ask(), first);
        EXPECT_EQ(readFromTheEnd(), 0);
        expectSame(ask(), last);
    }
    m_device->hostFree = 0;
    EXPECT_EQ(readFromTheEnd(), 0) << "what is there is there";
    expectSame(ask(), first);
}

TEST_F(KeptParts, WherePartsFillMemoryAnAnswerHasRoom) {
    m_model = m_folder.write("wide.gguf", test::tinyModel(8192));
    begin(true);
    m_engine->keepReadings(nullptr);
    openWithRoomForThree({test::tinyDocument(0, 12000)});
    readAll();
    EXPECT_EQ(m_parts->read().read, 3);
    const AskOutcome planned = askFor(4096);
    EXPECT_GT(planned.answer.figures.carriedTokens, 4096);
    // Something else has taken memory meanwhile.
    test::leaveFree(*m_device, m_parts->answerBytes / 2);
    const AskOutcome fewer = askFor(4096);
    EXPECT_GT(fewer.answer.figures.carriedTokens, 1024);
    EXPECT_LT(fewer.answer.figures.carriedTokens, 2500);
}

TEST_F(KeptParts, WhereThereIsOneMemoryTheyLeaveForTheDisk) {
    const Documents manual{test::tinyDocument(0, 4000)};
    openWithRoomForThree(manual);
    readAll();
    const AskOutcome first = ask();
    keepAll();
    EXPECT_GT(readFromTheEnd(), 0);
    const AskOutcome last = ask();
    keepAll();
    EXPECT_EQ(m_engine->memory().hostBytes(), 0U);
    EXPECT_EQ(readFromTheEnd(), 0);
    expectSame(ask(), first);
    EXPECT_EQ(readFromTheEnd(), 0);
    expectSame(ask(), last);
}

/// Another document takes only the room that it needs, and the parts that are wanted least leave.
TEST_F(KeptParts, AnotherDocumentDrivesOutAsManyAsItNeeds) {
    for (const bool toDisk : {false, true}) {
        begin(true);
        if (!toDisk) m_engine->keepReadings(nullptr);
        const Documents manual{test::tinyDocument(0, 4000)};
        const auto other = test::tinyDocument(1, 1300);
        open(manual);
        readAll();
        const AskOutcome fresh = ask();
        if (toDisk) {
            keepAll();
            m_device->hostFree = 0;
        }
        ASSERT_TRUE(Library(*m_store).remember(*other, "text.txt"));
        auto whole = m_engine->tokenise(other);
        ASSERT_TRUE(whole);
        const std::size_t each = m_parts->segments->bytesOfLongest(),
                          need = withReserve(test::documentBytes(*m_engine, **whole),
                                             test::answerRoom(*m_engine, **whole));
        test::leaveFree(*m_device, each / 2);
        (*whole)->used = 2;
        ASSERT_TRUE(m_engine->makeResident(**whole, {}));
        EXPECT_EQ((*whole)->memory.type, kernels::KvType::F16);
        const auto left = static_cast<std::size_t>(m_parts->read().all - m_parts->read().read);
        EXPECT_GT(left, 0U);
        EXPECT_LE(left, need / each + 2) << "not all";
        EXPECT_TRUE(m_parts->segments->isRead(m_order.front()));
        EXPECT_FALSE(m_parts->segments->isHeld(m_order.back()));
        EXPECT_EQ(m_engine->memory().hostBytes() > 0, !toDisk);
        EXPECT_TRUE(m_engine->memory().hasLaterOnes(1));
        m_parts->setUsed(3);
        EXPECT_EQ(readAll(), 0) << "it comes back";
        EXPECT_EQ(m_parts->read().read, m_parts->read().all);
        EXPECT_EQ((*whole)->resident, nullptr) << "and the other one leaves";
        expectSame(ask(), fresh);
    }
}

/// A budget for some of the parts: those that were asked last stay, the others are neither written again and
/// again nor make room for one another.
TEST_F(KeptParts, WhatWasAskedLastStaysWhereTheDiskHasNoRoomForAll) {
    const Documents manual{test::tinyDocument(0, 9000)};
    open(manual);
    ASSERT_GT(m_order.size(), kBestParts + 3);
    readAll();
    keepAll();
    std::uintmax_t bytes = 0;
    for (const auto& file : files())
        bytes += std::filesystem::file_size(file);
    const auto budget = static_cast<std::int64_t>(bytes * 3 / m_order.size() + bytes / m_order.size() / 8);
    m_pieces->removeAll();
    begin(false, budget);
    open(manual);
    readAll();
    keepAll();
    EXPECT_LE(m_pieces->usedBytes(), budget);
    for (const Reading& reading : m_parts->readings)
        EXPECT_FALSE(reading.pieces->canSave()) << "nothing that only had to be refused";
    EXPECT_TRUE(m_parts->readings[0].isKept());
    EXPECT_TRUE(m_parts->readings[2].isKept());
    EXPECT_FALSE(m_parts->readings[4].isKept());
    readFromTheEnd();
    keepAll();
    const std::size_t last = m_order.size() - 1;
    EXPECT_TRUE(m_parts->readings[last].isKept());
    EXPECT_TRUE(m_parts->readings[last - 2].isKept());
    EXPECT_FALSE(m_parts->readings[0].isKept());
    EXPECT_LE(m_pieces->usedBytes(), budget);
    // Opened again, what is kept stays, though all parts are read from the beginning on.
    const std::size_t parts = m_order.size();
    begin(false, budget);
    open(manual);
    readAll();
    keepAll();
    EXPECT_TRUE(m_parts->readings[parts - 1].isKept());
    EXPECT_FALSE(m_parts->readings[0].isKept());
}

}  // namespace
}  // namespace kvasir
