// Resident documents that leave the device for host memory, and the blocks that pieces pass through.
#include "engine/host_copy.h"

#include <thread>

#include <gtest/gtest.h>

#include "engine/layer_runner.h"
#include "engine/model.h"
#include "engine/piece_staging.h"
#include "tests/engine/scratch_file.h"
#include "tests/engine/tiny_model.h"
#include "tests/engine/watched_backend.h"

namespace kvasir {
namespace {

using kernels::KvType;
using Bytes = std::vector<std::byte>;

/// On a device with memory of its own, whose copies are done late.
class HostCopyTest : public testing::Test {
protected:
    static constexpr std::int32_t kTsp = 2;
    static constexpr std::int64_t kTokens = 700;  // two whole pieces and a shorter one

    HostCopyTest() : file(test::TinyModel().bytes()) {
        backend.own = std::size_t{64} << 20;
        backend.asksPerCopy = 3;
        auto loaded = Model::load(file.path(), backend, {kernels::Activations::Int8, {}});
        EXPECT_TRUE(loaded);
        model = std::move(*loaded);
        auto made = LayerRunner::create(*model, backend);
        EXPECT_TRUE(made);
        runner = std::move(*made);
    }
    std::unique_ptr<ResidentDocument> unread(KvType type = KvType::F16, std::int32_t tsp = kTsp) {
        std::vector<TokenId> tokens(kTokens);
        for (std::size_t i = 0; i < tokens.size(); ++i)
            tokens[i] = static_cast<TokenId>((i * 37 + i * i % 11) % 250);
        auto made = ResidentDocument::create(*model, backend, std::move(tokens), tsp, type);
        EXPECT_TRUE(made);
        return std::move(*made);
    }
    std::unique_ptr<ResidentDocument> readInFull(KvType type = KvType::F16) {
        auto document = unread(type);
        EXPECT_TRUE(document->readEarly(*runner, {}, {}));
        EXPECT_TRUE(document->readLate(*runner, {}, {}));
        return document;
    }
    static Bytes contents(const ResidentDocument& document) {
        Bytes all;
        for (const PieceStage stage : {PieceStage::Early, PieceStage::Late}) {
            for (std::int64_t i = 0; document.isComplete(stage, i); ++i) {
                const PieceShape shape = document.pieceShape(stage, i * kPieceRows);
                Bytes piece(shape.bytes());
                EXPECT_TRUE(document.copyPiece(shape, piece.data()));
                all.insert(all.end(), piece.begin(), piece.end());
            }
        }
        return all;
    }

    test::WatchedBackend backend{1};
    test::ScratchFile file;
    std::unique_ptr<Model> model;
    std::unique_ptr<LayerRunner> runner;
};

TEST_F(HostCopyTest, WhatComesBackIsWhatLeft) {
    for (const KvType type : {KvType::F16, KvType::Int8, KvType::F32}) {
        HostCopy copy(backend);
        Bytes original;
        std::size_t deviceBytes = 0;
        {
            const auto document = readInFull(type);
            original = contents(*document);
            EXPECT_FALSE(copy.holds(*document));
            const Result<bool> all = copy.take(*document, SIZE_MAX, {});
            ASSERT_TRUE(all);
            EXPECT_TRUE(*all);
            EXPECT_TRUE(copy.holds(*document));
            EXPECT_EQ(copy.bytes(), original.size());
            deviceBytes = document->bytes();
        }
        EXPECT_NEAR(static_cast<double>(copy.bytes()), static_cast<double>(deviceBytes), 4096.0);
        const auto again = unread(type);
        std::int64_t told = 0;
        ASSERT_TRUE(copy.give(*again, {}, [&](std::int64_t done, std::int64_t) { told = done; }));
        EXPECT_EQ(told, kTokens);
        EXPECT_TRUE(again->fullDone());
        EXPECT_EQ(contents(*again), original);
        // What is back already is not copied again.
        const Result<bool> nothingNew = copy.take(*again, 0, {});
        ASSERT_TRUE(nothingNew);
        EXPECT_TRUE(*nothingNew);
    }
}

TEST_F(HostCopyTest, APartIsTakenAndTheRestIsRead) {
    const auto document = readInFull();
    const Bytes original = contents(*document);
    const std::size_t piece = document->pieceShape(PieceStage::Early, 0).bytes();
    HostCopy copy(backend);
    const Result<bool> all = copy.take(*document, 2 * piece, {});
    ASSERT_TRUE(all);
    EXPECT_FALSE(*all);
    EXPECT_EQ(copy.bytes(), 2 * piece);
    EXPECT_NE(copy.piece(PieceStage::Early, 1), nullptr);
    EXPECT_EQ(copy.piece(PieceStage::Early, 2), nullptr);
    EXPECT_EQ(copy.piece(PieceStage::Late, 0), nullptr);
    const auto again = unread();
    ASSERT_TRUE(copy.give(*again, {}, {}));
    EXPECT_EQ(again->earlyRows(), 2 * kPieceRows);
    ASSERT_TRUE(again->readEarly(*runner, {}, {}));
    ASSERT_TRUE(again->readLate(*runner, {}, {}));
    EXPECT_EQ(contents(*again), original);
    // With more room it goes on where it was; without host memory it stays so.
    backend.hostFree = copy.bytes() + piece / 2;
    EXPECT_FALSE(*copy.take(*document, SIZE_MAX, {}));
    backend.hostFree = SIZE_MAX;
    EXPECT_TRUE(*copy.take(*document, SIZE_MAX, {}));
    EXPECT_TRUE(copy.holds(*document));
}

TEST_F(HostCopyTest, AStopLeavesBothSidesWhole) {
    const auto document = readInFull();
    HostCopy copy(backend);
    std::stop_source stop;
    stop.request_stop();
    const Result<bool> stopped = copy.take(*document, SIZE_MAX, stop.get_token());
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ErrorCode::Cancelled);
    EXPECT_TRUE(*copy.take(*document, SIZE_MAX, {}));
    const auto again = unread();
    ASSERT_TRUE(copy.give(*again, stop.get_token(), {}));
    EXPECT_EQ(again->earlyRows(), 0);
    ASSERT_TRUE(copy.give(*again, {}, {}));
    EXPECT_EQ(contents(*again), contents(*document));
}

TEST_F(HostCopyTest, AnotherReadingIsNotTaken) {
    const auto document = readInFull();
    HostCopy copy(backend);
    ASSERT_TRUE(copy.take(*document, SIZE_MAX, {}));
    for (const auto& other : {unread(KvType::Int8), unread(KvType::F16, kTsp + 1)}) {
        ASSERT_TRUE(copy.give(*other, {}, {}));
        EXPECT_EQ(other->earlyRows(), 0);
    }
}

/// The sanitizer sees it when the copy is done from memory that is gone.
TEST_F(HostCopyTest, ADocumentThatGoesWaitsForItsCopies) {
    auto document = readInFull();
    const PieceShape shape = document->pieceShape(PieceStage::Early, 0);
    Bytes expected(shape.bytes());
    ASSERT_TRUE(document->copyPiece(shape, expected.data()));
    const auto host = backend.allocateHost(shape.bytes());
    const Result<kernels::CopyId> copy = document->beginCopyPiece(shape, host->data());
    ASSERT_TRUE(copy);
    EXPECT_FALSE(backend.isCopied(*copy));
    document.reset();
    EXPECT_TRUE(backend.isCopied(*copy));
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), host->data()));
}

TEST_F(HostCopyTest, CopiesRunBesideTheNextChunk) {
    const auto document = unread();
    std::vector<kernels::CopyId> copies;
    std::vector<std::unique_ptr<kernels::Buffer>> hosts;
    int between = 0;
    document->setMeanwhile([&] {
        ++between;
        if (!document->isComplete(PieceStage::Early, std::ssize(hosts))) return;
        const PieceShape shape = document->pieceShape(PieceStage::Early, std::ssize(hosts) * kPieceRows);
        hosts.push_back(backend.allocateHost(shape.bytes()));
        const Result<kernels::CopyId> copy = document->beginCopyPiece(shape, hosts.back()->data());
        EXPECT_TRUE(copy);
        if (copy) copies.push_back(*copy);
    });
    ASSERT_TRUE(document->readEarly(*runner, {}, {}));
    EXPECT_EQ(between, 3 * (kTsp + 1)) << "after each layer of each chunk";
    ASSERT_EQ(hosts.size(), 2U) << "a chunk's pieces are copied beside the next one";
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        backend.waitForCopy(copies[i]);
        const PieceShape shape =
            document->pieceShape(PieceStage::Early, static_cast<std::int64_t>(i) * kPieceRows);
        Bytes expected(shape.bytes());
        ASSERT_TRUE(document->copyPiece(shape, expected.data()));
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), hosts[i]->data())) << i;
    }
}

TEST_F(HostCopyTest, StagingLendsAFewBlocksAgainAndAgain) {
    PieceStaging staging(backend, 1000, 3500);
    EXPECT_FALSE(staging.exists());
    EXPECT_TRUE(staging.hasFree());
    std::vector<PieceBlock> blocks;
    blocks.reserve(3);
    for (int i = 0; i < 3; ++i)
        blocks.push_back(staging.take());
    EXPECT_TRUE(blocks[0] && blocks[1] && blocks[2]);
    EXPECT_FALSE(staging.hasFree());
    EXPECT_FALSE(staging.take());
    std::stop_source stop;
    std::thread stopping([&] { stop.request_stop(); });
    EXPECT_FALSE(staging.waitFor(stop.get_token()));
    stopping.join();

    std::byte* first = blocks[1].first(1000).data();
    std::thread giving([block = std::move(blocks[1])]() mutable { block = {}; });
    const PieceBlock back = staging.waitFor({});
    giving.join();
    ASSERT_TRUE(back);
    EXPECT_EQ(back.first(1).data(), first);

    backend.hostFree = 500;
    PieceStaging none(backend, 1000, 1000);
    EXPECT_FALSE(none.take());
    EXPECT_FALSE(none.waitFor({})) << "nothing is on loan that could come back";
    EXPECT_FALSE(none.exists());
    EXPECT_FALSE(none.hasFree());
}

TEST_F(HostCopyTest, StagingGoesWhenEveryBlockIsBack) {
    std::thread holder;
    {
        PieceStaging staging(backend, 1000, 2000);
        PieceBlock block = staging.take();
        holder = std::thread([held = std::move(block)]() mutable {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            held.first(1000)[999] = std::byte{1};
            held = {};
        });
    }
    holder.join();
}

}  // namespace
}  // namespace kvasir
