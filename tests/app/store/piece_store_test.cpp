// Kept readings on the disk: index, budget, damage, and what a full disk does.
#include "app/store/piece_store.h"

#include <atomic>
#include <csignal>
#include <fstream>
#include <numeric>

#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/app/store/store_fixture.h"

namespace kvasir {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::int64_t kMuch = 1'000'000'000;

PieceShape shapeOf(std::int64_t piece, PieceStage stage = PieceStage::Early) {
    return {stage, kernels::KvType::F16, piece * kPieceRows, kPieceRows, 1, 1, 8, 0};
}
const std::int64_t kFileBytes = static_cast<std::int64_t>(kPieceHeaderBytes + shapeOf(0).bytes());

/// Pieces of made-up documents: `text` and the number of the piece decide key and contents.
struct Sample {
    PieceKey key{};
    PieceShape shape;
    std::vector<std::byte> contents;

    Sample(const std::string& text, std::int64_t piece, PieceStage stage = PieceStage::Early)
        : shape(shapeOf(piece, stage)) {
        Sha256 sum;
        sum.add(text + std::to_string(piece) + std::to_string(static_cast<int>(stage)));
        key = sum.digest();
        contents.resize(shape.bytes(), key[0]);
    }
    PieceStore::Piece piece(PieceStaging& staging, const std::string& sha256, std::int64_t use) const {
        PieceStore::Piece made{key, shape, staging.waitFor({}), sha256, use};
        std::ranges::copy(contents, made.file.first(staging.blockBytes()).data() + kPieceHeaderBytes);
        return made;
    }
};

class PieceStoreTest : public StoreTest {
protected:
    void SetUp() override {
        StoreTest::SetUp();
        begin();
        addDocument("aa01");
        addDocument("aa02");
    }
    void TearDown() override {
        m_pieces.reset();
        StoreTest::TearDown();
    }
    void begin(std::int64_t budget = kMuch) {
        m_pieces.reset();
        open();
        m_pieces.emplace(*m_store, PieceStore::Options{budget,
                                                       [this](const Error& error) {
                                                           const std::lock_guard lock(m_errorsMutex);
                                                           m_ended.push_back(error);
                                                       },
                                                       {}});
    }
    /// Saves pieces [0, count) of a document as one reading.
    void save(const std::string& text, const std::string& sha256, std::int64_t count) {
        const std::int64_t use = m_pieces->newUse();
        for (std::int64_t i = 0; i < count; ++i)
            m_pieces->save(Sample(text, i).piece(m_staging, sha256, use));
        m_pieces->flush();
    }
    bool isThere(const std::string& text, std::int64_t piece) {
        const Sample sample(text, piece);
        const auto read = m_pieces->read(sample.key, sample.shape, m_buffer);
        EXPECT_TRUE(read || read.error().code == ErrorCode::NotFound);
        return read && std::equal(read->begin(), read->end(), sample.contents.begin(), sample.contents.end());
    }
    std::string present(const std::string& text, std::int64_t count) {
        std::string list;
        for (std::int64_t i = 0; i < count; ++i)
            list += isThere(text, i) ? 'x' : '.';
        return list;
    }
    fs::path pathOf(const std::string& text, std::int64_t piece) const {
        return m_store->pieceFolder() / hexadecimal(Sample(text, piece).key);
    }
    std::size_t files() const {
        std::error_code none;
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(m_store->pieceFolder(), none), fs::directory_iterator()));
    }

    static constexpr std::size_t kBlock = std::size_t{9} << 20;
    std::unique_ptr<kernels::Backend> m_backend = kernels::makeCpuBackend(1);
    PieceStaging m_staging{*m_backend, kBlock, 4 * kBlock};
    std::optional<PieceStore> m_pieces;
    std::vector<Error> m_ended;
    std::vector<std::byte> m_buffer = std::vector<std::byte>(kBlock);
};

TEST_F(PieceStoreTest, WhatIsSavedIsThereAfterARestart) {
    save("one", "aa01", 5);
    EXPECT_EQ(present("one", 6), "xxxxx.");
    EXPECT_EQ(m_pieces->usedBytes(), 5 * kFileBytes);
    struct stat status{};
    ASSERT_EQ(stat(pathOf("one", 0).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    ASSERT_EQ(stat(m_store->pieceFolder().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
    begin();
    EXPECT_EQ(present("one", 5), "xxxxx");
    m_pieces->flush();
    save("one", "aa01", 1);
    EXPECT_EQ(m_pieces->usedBytes(), 5 * kFileBytes) << "no piece counts twice";
}

TEST_F(PieceStoreTest, TheLeastRecentlyUsedGoFirstAndLastRowsBeforeFirstOnes) {
    begin(10 * kFileBytes);
    save("one", "aa01", 4);
    save("two", "aa02", 4);
    std::vector<PieceKey> used;
    used.reserve(4);
    for (std::int64_t i = 0; i < 4; ++i)
        used.push_back(Sample("one", i).key);
    m_pieces->noteUse(used, "aa01", m_pieces->newUse());
    save("three", "aa01", 5);
    EXPECT_EQ(present("one", 4), "xxxx");
    EXPECT_EQ(present("two", 4), "x...");
    EXPECT_EQ(present("three", 5), "xxxxx");
    EXPECT_LE(m_pieces->usedBytes(), 10 * kFileBytes);
    EXPECT_EQ(files(), 10U);
}

TEST_F(PieceStoreTest, OfADocumentLargerThanTheBudgetTheBeginningStays) {
    begin(3 * kFileBytes);
    save("one", "aa01", 2);
    save("two", "aa02", 6);
    EXPECT_EQ(present("two", 6), "xxx...");
    EXPECT_EQ(present("one", 2), "..");
    EXPECT_EQ(files(), 3U);
    m_pieces->setBudget(kFileBytes);
    m_pieces->flush();
    EXPECT_EQ(present("two", 3), "x..");
    m_pieces->setBudget(0);
    save("one", "aa01", 2);
    EXPECT_EQ(present("one", 2), "..");
}

TEST_F(PieceStoreTest, PiecesGoWithTheLastDocumentThatUsesThem) {
    save("one", "aa01", 3);
    save("two", "aa02", 2);
    // The second document begins as the first.
    m_pieces->noteUse({Sample("one", 0).key, Sample("one", 1).key}, "aa02", m_pieces->newUse());
    const RowId first = (*reader()->documentBySha256("aa01"))->id,
                second = (*reader()->documentBySha256("aa02"))->id;
    ASSERT_TRUE(m_store->deleteDocument(first).get());
    EXPECT_EQ(present("one", 3), "xx.");
    EXPECT_EQ(m_pieces->usedBytes(), 4 * kFileBytes);
    ASSERT_TRUE(m_store->deleteDocument(second).get());
    EXPECT_EQ(files(), 0U);
    EXPECT_EQ(m_pieces->usedBytes(), 0);
    save("one", "aa01", 3);
    EXPECT_EQ(files(), 0U) << "its document is gone";
    EXPECT_TRUE(m_ended.empty());
    EXPECT_TRUE(m_errors.empty());
}

TEST_F(PieceStoreTest, WhatHasNoRoomIsNotTriedUntilThereIsSome) {
    begin(3 * kFileBytes);
    const std::int64_t use = m_pieces->newUse();
    save("one", "aa01", 5);
    EXPECT_FALSE(m_pieces->keeps(use, "aa02")) << "older than what had no room";
    m_pieces->save(Sample("two", 0).piece(m_staging, "aa02", use));
    EXPECT_FALSE(m_pieces->has(Sample("two", 0).key)) << "it does not even wait";
    save("two", "aa02", 1);
    EXPECT_EQ(present("one", 3), "xx.");
    EXPECT_EQ(present("two", 1), "x") << "but what is newer makes room";
    EXPECT_TRUE(m_pieces->has(Sample("two", 0).key));
    ASSERT_TRUE(m_store->deleteDocument((*reader()->documentBySha256("aa02"))->id).get());
    EXPECT_TRUE(m_pieces->keeps(use, "aa01")) << "there is room again";
}

TEST_F(PieceStoreTest, ADeletedDocumentEndsNoOthersKeeping) {
    ASSERT_TRUE(m_store->deleteDocument((*reader()->documentBySha256("aa01"))->id).get());
    const std::int64_t use = m_pieces->newUse();
    for (std::int64_t i = 0; i < 2; ++i) {
        m_pieces->save(Sample("one", i).piece(m_staging, "aa01", use));
        m_pieces->save(Sample("two", i).piece(m_staging, "aa02", use));
    }
    m_pieces->flush();
    EXPECT_EQ(present("one", 2), "..");
    EXPECT_EQ(present("two", 2), "xx");
    EXPECT_FALSE(m_pieces->keeps(use, "aa01"));
    EXPECT_TRUE(m_pieces->keeps(use, "aa02"));
    EXPECT_TRUE(m_pieces->keeps(m_pieces->newUse(), "aa01")) << "it may be opened again";
}

TEST_F(PieceStoreTest, DeletingEverythingDeletesThemToo) {
    save("one", "aa01", 3);
    ASSERT_TRUE(m_store->deleteEverything().get());
    EXPECT_EQ(files(), 0U);
    addDocument("aa01");
    save("one", "aa01", 2);
    EXPECT_EQ(files(), 2U);
    const std::int64_t use = m_pieces->newUse();
    m_pieces->removeAll();
    m_pieces->save(Sample("one", 3).piece(m_staging, "aa01", use));
    m_pieces->flush();
    EXPECT_EQ(files(), 0U) << "nothing is kept of what was being read, either";
    save("one", "aa01", 1);
    EXPECT_EQ(files(), 1U);
}

TEST_F(PieceStoreTest, ADamagedPieceIsRemoved) {
    save("one", "aa01", 2);
    std::fstream(pathOf("one", 1), std::ios::in | std::ios::out | std::ios::binary).seekp(500) << "damage";
    const Sample sample("one", 1);
    EXPECT_EQ(m_pieces->read(sample.key, sample.shape, m_buffer).error().code, ErrorCode::Damaged);
    ASSERT_TRUE(m_store->flush());
    EXPECT_FALSE(fs::exists(pathOf("one", 1)));
    EXPECT_EQ(m_pieces->usedBytes(), kFileBytes);
    EXPECT_EQ(present("one", 2), "x.");
}

TEST_F(PieceStoreTest, LeftoversGoWhenItStarts) {
    save("one", "aa01", 3);
    m_pieces.reset();
    fs::remove(pathOf("one", 0));
    fs::resize_file(pathOf("one", 2), 100);
    std::ofstream(pathOf("two", 0)) << "a file without a row";
    std::ofstream(pathOf("two", 1).string() + kUnfinishedPiece) << "half a piece";
    std::ofstream(m_store->pieceFolder() / "notes.txt") << "not ours";
    begin();
    m_pieces->flush();
    EXPECT_EQ(files(), 2U) << "a whole piece, and what is not ours";
    EXPECT_EQ(present("one", 3), ".x.");
    EXPECT_EQ(m_pieces->usedBytes(), kFileBytes);
}

TEST_F(PieceStoreTest, AFullDiskEndsTheKeepingWithASentence) {
    rlimit old{};
    getrlimit(RLIMIT_FSIZE, &old);
    // The database has to go on: it is smaller than a large piece.
    const rlimit small{std::uint64_t{4} << 20, old.rlim_max};
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    Sample large("one", 0);
    large.shape.layers = 1024;
    large.contents.resize(large.shape.bytes());
    m_pieces->save(large.piece(m_staging, "aa01", m_pieces->newUse()));
    m_pieces->flush();
    setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
    ASSERT_EQ(m_ended.size(), 1U);
    EXPECT_EQ(m_ended[0].code, ErrorCode::NoSpace);
    EXPECT_THAT(m_ended[0].message(), HasSubstr("answers work as before"));
    save("one", "aa01", 2);
    EXPECT_EQ(files(), 0U) << "it has ended";
    EXPECT_EQ(m_ended.size(), 1U) << "and is said once";
    m_pieces->setBudget(kMuch);
    save("one", "aa01", 2);
    EXPECT_EQ(files(), 2U);
}

TEST_F(PieceStoreTest, TheSettingIsGigabytesOrAutomatic) {
    EXPECT_EQ(PieceStore::budgetOf("2", *m_store), 2'000'000'000);
    EXPECT_EQ(PieceStore::budgetOf("0", *m_store), 0);
    const std::int64_t automatic = PieceStore::budgetOf("", *m_store);
    EXPECT_GT(automatic, 0);
    EXPECT_LE(automatic, 10'000'000'000);
    for (const char* odd : {"x", "-3", "99999999999999999999"})
        EXPECT_NEAR(static_cast<double>(PieceStore::budgetOf(odd, *m_store)), static_cast<double>(automatic),
                    1e9);
}

}  // namespace
}  // namespace kvasir
