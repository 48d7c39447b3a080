// Pieces of resident documents: the same bits from the disk as from reading, and nothing damaged is taken.
#include <algorithm>
#include <csignal>
#include <map>

#include <sys/resource.h>
#include <sys/stat.h>

#include "engine/piece_file.h"
#include "engine/piece_keys.h"
#include "tests/engine/generation_fixture.h"

namespace kvasir {
namespace {

using kernels::KvType;
using test::GenerationTest;
using test::Outcome;

using Bytes = std::vector<std::byte>;

class PieceTest : public GenerationTest {
protected:
    std::unique_ptr<ResidentDocument> unread(const std::vector<TokenId>& tokens, std::int32_t tsp,
                                             KvType type, std::size_t budget = SIZE_MAX) const {
        auto made = ResidentDocument::create(*model, *backend, tokens, tsp, type, budget);
        EXPECT_TRUE(made);
        return std::move(*made);
    }
    PieceKeys keysOf(const ResidentDocument& document) const {
        return {*model,           *model->fingerprint(), *backend, document.tspLayer(), document.kvType(),
                document.tokens()};
    }
    std::filesystem::path pathOf(const PieceKey& key) const {
        return folder.path().parent_path() / hexadecimal(key);
    }

    void save(const ResidentDocument& document, PieceStage stage) const {
        const PieceKeys keys = keysOf(document);
        for (std::int64_t i = 0; i < keys.count(); ++i) {
            const PieceShape shape = document.pieceShape(stage, i * kPieceRows);
            Bytes piece(kPieceHeaderBytes + shape.bytes());
            ASSERT_TRUE(document.copyPiece(shape, piece.data() + kPieceHeaderBytes));
            const PieceKey& key = keys.key(stage, i);
            ASSERT_TRUE(writePiece(pathOf(key), key, shape, piece));
        }
    }
    /// As many pieces as there are, at most `most`.
    std::int64_t restore(ResidentDocument& document, PieceStage stage, std::int64_t most = 1000) const {
        const PieceKeys keys = keysOf(document);
        Bytes buffer(kPieceHeaderBytes + document.pieceShape(stage, 0).bytes());
        std::int64_t taken = 0;
        while (taken < std::min(most, keys.count())) {
            const PieceShape shape = document.pieceShape(stage, taken * kPieceRows);
            const PieceKey& key = keys.key(stage, taken);
            const auto contents = readPiece(pathOf(key), key, shape, buffer);
            if (!contents) break;
            EXPECT_TRUE(document.takePiece(shape, contents->data()));
            ++taken;
        }
        return taken;
    }

    test::ScratchFile folder{"", "unused"};
};

TEST_P(PieceTest, ARestoredDocumentGivesTheBitsOfOnePass) {
    const std::vector<TokenId> tokens = prompt(700);
    const std::vector<TokenId> read(tokens.begin(), tokens.begin() + 690);
    const Policy policy = paper(), full = Policy::full(model->config());
    for (const KvType type : {KvType::F16, KvType::Int8, KvType::F32}) {
        SCOPED_TRACE(static_cast<int>(type));
        const auto original = unread(read, policy.tspLayer, type);
        ASSERT_TRUE(original->readEarly(*runner, {}, {}));
        ASSERT_TRUE(original->readLate(*runner, {}, {}));
        const Outcome quick = finish(*generation(*original, tokens, policy));
        const Outcome whole = finish(*generation(*original, tokens, full));
        if (type == KvType::F16) {
            const auto none = resident(tokens, 0, policy.tspLayer);
            expectSame(quick, finish(*generation(*none, tokens, policy)));
        }
        save(*original, PieceStage::Early);
        save(*original, PieceStage::Late);
        for (const std::int64_t early : {0, 1, 2, 3}) {
            for (const std::int64_t late : {0, 1, 3}) {
                if (late > early) continue;
                SCOPED_TRACE(std::to_string(early) + " early pieces, " + std::to_string(late) + " late ones");
                const auto restored = unread(read, policy.tspLayer, type);
                EXPECT_EQ(restore(*restored, PieceStage::Early, early), early);
                EXPECT_EQ(restored->earlyRows(), std::min<std::int64_t>(early * kPieceRows, 690));
                EXPECT_EQ(restore(*restored, PieceStage::Late, late), late);
                EXPECT_EQ(restored->fullDone(), late == 3);
                ASSERT_TRUE(restored->readEarly(*runner, {}, {}));
                expectSame(quick, finish(*generation(*restored, tokens, policy)));
                ASSERT_TRUE(restored->readLate(*runner, {}, {}));
                expectSame(whole, finish(*generation(*restored, tokens, full)));
            }
        }
    }
}

TEST_P(PieceTest, AChangedDocumentReusesWhatStandsBeforeTheChange) {
    std::vector<TokenId> tokens = prompt(900);
    const std::int32_t tsp = paper().tspLayer;
    const auto original = unread(tokens, tsp, KvType::F16);
    ASSERT_TRUE(original->readEarly(*runner, {}, {}));
    save(*original, PieceStage::Early);

    std::vector<TokenId> longer = tokens;
    for (const TokenId token : prompt(300, 5))
        longer.push_back(token);
    const auto grown = unread(longer, tsp, KvType::F16);
    EXPECT_EQ(restore(*grown, PieceStage::Early), 3) << "all but the last piece, which was not whole";

    tokens[512] = tokens[512] == 0 ? 1 : 0;
    const auto edited = unread(tokens, tsp, KvType::F16);
    EXPECT_EQ(restore(*edited, PieceStage::Early), 2);
    ASSERT_TRUE(edited->readEarly(*runner, {}, {}));
    const auto fresh = unread(tokens, tsp, KvType::F16);
    ASSERT_TRUE(fresh->readEarly(*runner, {}, {}));
    for (std::int64_t row = 0; row < 900; row += kPieceRows) {
        const PieceShape shape = fresh->pieceShape(PieceStage::Early, row);
        Bytes a(shape.bytes()), b(shape.bytes());
        ASSERT_TRUE(fresh->copyPiece(shape, a.data()));
        ASSERT_TRUE(edited->copyPiece(shape, b.data()));
        EXPECT_EQ(a, b) << row;
    }
}

TEST_P(PieceTest, WhateverDecidesBitsIsInTheKey) {
    const std::vector<TokenId> tokens = prompt(300);
    const auto key = [&](std::int32_t tsp, KvType type, PieceStage stage = PieceStage::Early) {
        return PieceKeys(*model, *model->fingerprint(), *backend, tsp, type, tokens).key(stage, 0);
    };
    const PieceKey plain = key(2, KvType::F16);
    EXPECT_EQ(plain, key(2, KvType::F16));
    EXPECT_NE(plain, key(1, KvType::F16));
    EXPECT_NE(plain, key(2, KvType::Int8));
    EXPECT_NE(plain, key(2, KvType::F16, PieceStage::Late));
    const auto other = Model::load(
        file->path(), *backend,
        {GetParam().activations == test::Activations::F32 ? test::Activations::Int8 : test::Activations::F32,
         {}});
    ASSERT_TRUE(other);
    const auto keyOf = [&](const Model& each) {
        return PieceKeys(each, *each.fingerprint(), *backend, 2, KvType::F16, tokens)
            .key(PieceStage::Early, 0);
    };
    EXPECT_NE(plain, keyOf(**other));

    test::TinySizes sizes;
    sizes.architecture = GetParam().architecture;
    sizes.type = kernels::TensorType::Q8_0;
    test::TinyModel changed(sizes);
    changed.tensor("output_norm.weight").values[3] += 1;
    const test::ScratchFile changedFile(changed.bytes());
    const auto next = Model::load(changedFile.path(), *backend, {GetParam().activations, {}});
    ASSERT_TRUE(next);
    EXPECT_NE(plain, keyOf(**next));
}

TEST_P(PieceTest, NothingDamagedIsTaken) {
    const std::vector<TokenId> tokens = prompt(100);
    const auto document = unread(tokens, 2, KvType::F16);
    ASSERT_TRUE(document->readEarly(*runner, {}, {}));
    const PieceShape shape = document->pieceShape(PieceStage::Early, 0);
    const PieceKey key = keysOf(*document).key(PieceStage::Early, 0);
    Bytes good(kPieceHeaderBytes + shape.bytes());
    ASSERT_TRUE(document->copyPiece(shape, good.data() + kPieceHeaderBytes));
    ASSERT_TRUE(writePiece(pathOf(key), key, shape, good));
    ASSERT_TRUE(checkPiece(good, key, shape));

    Bytes buffer(good.size());
    const auto refused = [&](const Bytes& bytes) {
        std::ofstream(pathOf(key), std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        const auto read = readPiece(pathOf(key), key, shape, buffer);
        return !read && read.error().code == ErrorCode::Damaged && !read.error().advice.empty();
    };
    EXPECT_FALSE(refused(good));
    // Every bit of the header, and some of the contents.
    for (std::size_t bit = 0; bit < kPieceHeaderBytes * 8; ++bit) {
        Bytes bad = good;
        bad[bit / 8] ^= std::byte{1} << bit % 8;
        EXPECT_TRUE(refused(bad)) << "bit " << bit;
    }
    for (std::size_t i = 0; i < 200; ++i) {
        Bytes bad = good;
        bad[kPieceHeaderBytes + i * 7919 % shape.bytes()] ^= std::byte{1} << i % 8;
        EXPECT_TRUE(refused(bad)) << i;
    }
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kPieceHeaderBytes - 1, kPieceHeaderBytes,
                                   good.size() / 2, good.size() - 1}) {
        EXPECT_TRUE(refused({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)})) << size;
    }
    Bytes longer = good;
    longer.push_back(std::byte{0});
    EXPECT_TRUE(refused(longer));
    PieceShape otherShape = shape;
    otherShape.type = KvType::Int8;
    Bytes other(kPieceHeaderBytes + otherShape.bytes());
    ASSERT_TRUE(writePiece(pathOf(key), key, otherShape, other));
    EXPECT_TRUE(refused(other)) << "whole, but of another type";
    EXPECT_FALSE(refused(good));
    const auto noRoom = readPiece(pathOf(key), key, shape, std::span(buffer).first(good.size() - 1));
    EXPECT_EQ(noRoom.error().code, ErrorCode::InvalidArgument);

    std::filesystem::remove(pathOf(key));
    EXPECT_EQ(readPiece(pathOf(key), key, shape, buffer).error().code, ErrorCode::NotFound);
    std::filesystem::create_directory(pathOf(key));
    EXPECT_FALSE(readPiece(pathOf(key), key, shape, buffer));
}

TEST_P(PieceTest, PiecesAreTakenInOrderAndWithinTheBudget) {
    const std::vector<TokenId> tokens = prompt(600);
    const auto document = unread(tokens, 2, KvType::F16);
    const PieceShape second = document->pieceShape(PieceStage::Early, kPieceRows);
    Bytes bytes(document->pieceShape(PieceStage::Early, 0).bytes());
    EXPECT_EQ(document->copyPiece(second, bytes.data()).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(document->takePiece(second, bytes.data()).error().code, ErrorCode::InvalidArgument);
    const PieceShape late = document->pieceShape(PieceStage::Late, 0);
    EXPECT_EQ(document->takePiece(late, bytes.data()).error().code, ErrorCode::InvalidArgument);
    ASSERT_TRUE(document->readEarly(*runner, {}, {}));
    EXPECT_TRUE(document->takePiece(late, bytes.data()));

    const std::size_t early = ResidentDocument::bytes(model->config(), 2, KvType::F16, 600, false);
    const auto small = unread(tokens, 2, KvType::F16, early);
    ASSERT_TRUE(small->readEarly(*runner, {}, {}));
    EXPECT_EQ(small->takePiece(late, bytes.data()).error().code, ErrorCode::OutOfMemory);
    EXPECT_EQ(small->lateRows(), 0);
}

TEST_P(PieceTest, AFullDiskIsAnErrorAndLeavesNothingBehind) {
    const auto document = unread(prompt(200), 2, KvType::F16);
    ASSERT_TRUE(document->readEarly(*runner, {}, {}));
    const PieceShape shape = document->pieceShape(PieceStage::Early, 0);
    const PieceKey key = keysOf(*document).key(PieceStage::Early, 0);
    Bytes bytes(kPieceHeaderBytes + shape.bytes());
    ASSERT_TRUE(document->copyPiece(shape, bytes.data() + kPieceHeaderBytes));
    const auto listed = [&] {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(pathOf(key).parent_path()))
            names.push_back(entry.path().filename());
        return names;
    };
    const auto before = listed();
    rlimit old{};
    getrlimit(RLIMIT_FSIZE, &old);
    const rlimit small{4096, old.rlim_max};
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const Result<void> written = writePiece(pathOf(key), key, shape, bytes);
    setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::NoSpace);
    EXPECT_EQ(listed(), before);

    ASSERT_TRUE(writePiece(pathOf(key), key, shape, bytes));
    struct stat status{};
    ASSERT_EQ(stat(pathOf(key).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_FALSE(writePiece(pathOf(key) / "x", key, shape, bytes)) << "its folder is a file";
}

/// Checksums of the pieces of small models: of portable code, and of AVX2 and AVX-512. When one changes, so
/// did the arithmetic: raise kArithmeticVersion, or readings of earlier versions are continued with other
/// bits.
const std::map<std::string, std::pair<std::string, std::string>> kPiecesOfVersion1{
    {"llama_f32",
     {"7909e59ad20c426908642e8d19a58a3620946f678d18db57c7ab0199eb47ee00",
      "2e5aee7fdd7375bdd766c6f41de204ead389bfcb6b87ae8b2799482723b1bd90"}},
    {"llama_int8",
     {"92c203a3f55daa0b82b12170f6e632857c00b2f3163cc070e59bbdf21b60759f",
      "8384d6ed7b027d3c51963da638d6015a40a3295667e501f6555399303c618ce2"}},
    {"qwen2_int8",
     {"44627872284fcc55e9048f96747cd221e8b8cac3c2c7cbd0e2f7cfc857b9ff21",
      "85b440a98cd0133840915e0be3a8544e2828c59e02e3c94c0f733d408b283c8e"}},
};

TEST_P(PieceTest, TheArithmeticIsTheOneThatItsVersionNames) {
    static_assert(kArithmeticVersion == 1, "the checksums are those of version 1");
    const std::vector<TokenId> tokens = prompt(150);
    const auto& [portable, simd] = kPiecesOfVersion1.at(testing::PrintToString(GetParam()));
    for (const char* set : {"portable", "avx2", "avx512"}) {
        setenv("KVASIR_CPU", set, 1);
        load(2);
        unsetenv("KVASIR_CPU");
        const auto document = unread(tokens, 2, KvType::F16);
        ASSERT_TRUE(document->readEarly(*runner, {}, {}));
        ASSERT_TRUE(document->readLate(*runner, {}, {}));
        Sha256 sum;
        for (const PieceStage stage : {PieceStage::Early, PieceStage::Late}) {
            const PieceShape shape = document->pieceShape(stage, 0);
            Bytes bytes(shape.bytes());
            ASSERT_TRUE(document->copyPiece(shape, bytes.data()));
            sum.add(bytes);
        }
        const bool isPortable = backend->name().find("portable") != std::string_view::npos;
        EXPECT_EQ(hexadecimal(sum.digest()), isPortable ? portable : simd) << backend->name();
    }
}

INSTANTIATE_TEST_SUITE_P(Models, PieceTest, test::generationSettings(), testing::PrintToStringParamName());

}  // namespace
}  // namespace kvasir
