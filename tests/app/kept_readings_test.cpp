// Kept readings in use: an answer from what was kept is the answer of a fresh reading, whatever happened.
#include <chrono>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include "app/answer_engine.h"
#include "app/library.h"
#include "app/store/piece_store.h"
#include "tests/app/app_support.h"
#include "tests/app/same_answer.h"
#include "tests/app/store/child_process.h"
#include "tests/engine/tiny_model.h"

namespace kvasir {
namespace {

using test::expectSame;

struct Said {
    std::string hash;
    long long restored = 0;
};

/// Programs that read and answer, and are killed.
class KeptReadingsKillTest : public testing::Test {
protected:
    void SetUp() override {
        test::TinySizes sizes;
        sizes.layers = 8;
        sizes.type = kernels::TensorType::Q8_0;
        m_model = m_folder.write("tiny.gguf", test::TinyModel(sizes).bytes());
    }
    std::vector<std::string> arguments(const std::string& mode) const {
        if (mode == "fresh") return {KVASIR_KEPT_READINGS_CHILD, mode, m_model.string()};
        return {KVASIR_KEPT_READINGS_CHILD, mode, (m_folder.path() / "data").string(), m_model.string()};
    }
    static void take(const std::string& line, std::map<int, Said>& said) {
        std::istringstream words(line);
        std::string what;
        int number = 0;
        Said answer;
        words >> what >> number >> answer.hash >> answer.restored;
        if (what == "answer") said[number] = answer;
    }
    std::map<int, Said> runToItsEnd(const std::string& mode, std::string* last = nullptr) const {
        ChildProcess child(arguments(mode));
        std::map<int, Said> said;
        for (const std::string& line : child.remainingLines()) {
            take(line, said);
            if (last != nullptr) *last = line;
        }
        EXPECT_EQ(child.wait(), 0);
        EXPECT_EQ(said.size(), 4U);
        return said;
    }

    test::ScratchFolder m_folder;
    std::filesystem::path m_model;
};

TEST_F(KeptReadingsKillTest, TwentyKillsChangeNoAnswer) {
    const std::map<int, Said> fresh = runToItsEnd("fresh");
    ASSERT_EQ(fresh.size(), 4U);
    std::mt19937 random(std::random_device{}());
    std::uniform_int_distribution<int> linesBefore(0, 8), microseconds(0, 60000);
    long long restored = 0;
    for (int round = 0; round < 20; ++round) {
        const int lines = linesBefore(random), after = microseconds(random);
        SCOPED_TRACE("killed " + std::to_string(after) + " us after " + std::to_string(lines) + " lines");
        std::map<int, Said> said;
        {
            ChildProcess child(arguments("work"));
            for (int i = 0; i < lines; ++i)
                take(child.line(), said);
            std::this_thread::sleep_for(std::chrono::microseconds(after));
            child.kill();
            for (const std::string& line : child.remainingLines())
                take(line, said);
        }
        for (const auto& [number, answer] : said)
            EXPECT_EQ(answer.hash, fresh.at(number).hash) << "document " << number;
        std::string last;
        for (const auto& [number, answer] : runToItsEnd("once", &last)) {
            EXPECT_EQ(answer.hash, fresh.at(number).hash) << "document " << number;
            restored += answer.restored;
        }
        // What the index says is what lies there.
        std::uintmax_t bytes = 0;
        for (const auto& entry : std::filesystem::directory_iterator(m_folder.path() / "data/resident"))
            bytes += entry.file_size();
        EXPECT_EQ(last, "kept " + std::to_string(bytes));
        if (HasFailure()) return;
    }
    EXPECT_GT(restored, 0) << "something was restored, or nothing was tested";
}

/// The small real model.
class KeptReadingsTest : public testing::Test {
protected:
    void SetUp() override {
        KVASIR_NEEDS_SMOLLM2();
        begin();
    }
    void begin() {
        m_engine.reset();
        m_pieces.reset();
        m_store.reset();
        auto store = Store::open({m_folder.path() / "data", std::chrono::milliseconds(20), {}});
        ASSERT_TRUE(store) << store.error().message();
        m_store = std::move(*store);
        m_pieces.emplace(*m_store, PieceStore::Options{1'000'000'000, {}, {}});
        auto engine = AnswerEngine::create(test::modelFile(test::kSmollm2), 2, {});
        ASSERT_TRUE(engine) << engine.error().message();
        m_engine = std::move(*engine);
        m_engine->keepReadings(&*m_pieces);
    }
    std::unique_ptr<ReadDocument> read(const std::string& text, bool full) {
        const auto document = test::textDocument(text);
        EXPECT_TRUE(Library(*m_store).remember(*document, "text.txt"));
        auto prepared = m_engine->prepare(document);
        EXPECT_TRUE(prepared);
        (*prepared)->restore(full, {}, {});
        EXPECT_TRUE(m_engine->readEarly(**prepared, {}, {}));
        EXPECT_TRUE(!full || m_engine->readLate(**prepared, {}, {}));
        m_pieces->flush();
        return std::move(*prepared);
    }
    AskOutcome ask(const ReadDocument& document, AnswerMode mode) {
        AskRequest request;
        request.question = "What is the fee of item 7?";
        request.mode = mode;
        request.maxTokens = 24;
        if (mode == AnswerMode::Quick) {
            request.policy = Policy::fixedRate(m_engine->model().config(), 300);
            request.policy->retentionPerMille = 300;
        }
        auto outcome = m_engine->ask(document, request, {}, [](std::string_view) {});
        EXPECT_TRUE(outcome);
        return std::move(*outcome);
    }

    test::ScratchFolder m_folder;
    std::unique_ptr<Store> m_store;
    std::optional<PieceStore> m_pieces;
    std::unique_ptr<AnswerEngine> m_engine;
};

TEST_F(KeptReadingsTest, TheAnswerAfterARestartIsTheSame) {
    const std::string text = test::leaseText(25);
    AskOutcome quick, full;
    std::int64_t tokens = 0;
    {
        const auto first = read(text, true);
        EXPECT_EQ(first->restoredTokens(), 0);
        quick = ask(*first, AnswerMode::Quick);
        full = ask(*first, AnswerMode::Full);
        tokens = first->resident->size();
    }
    begin();
    const auto again = m_engine->prepare(test::textDocument(text));
    ASSERT_TRUE(again);
    (*again)->restore(true, {}, {});
    EXPECT_EQ((*again)->restoredTokens(), tokens);
    EXPECT_TRUE((*again)->resident->fullDone()) << "nothing is left to be read";
    expectSame(quick, ask(**again, AnswerMode::Quick));
    expectSame(full, ask(**again, AnswerMode::Full));
}

TEST_F(KeptReadingsTest, AGrownDocumentIsReadFromWhereItDiffers) {
    const std::string text = test::leaseText(20);
    std::int64_t tokens = 0;
    {
        tokens = read(text, false)->resident->size();
    }
    begin();
    const std::string longer = text + "Appendix. The keys are handed over in May.\n";
    const auto grown = read(longer, false);
    EXPECT_EQ(grown->restoredTokens(), tokens / kPieceRows * kPieceRows);
    const AskOutcome restored = ask(*grown, AnswerMode::Quick);
    m_engine->keepReadings(nullptr);
    expectSame(restored, ask(*read(longer, false), AnswerMode::Quick));
}

TEST_F(KeptReadingsTest, DamagedPiecesAreReadAgain) {
    const std::string text = test::leaseText(20);
    AskOutcome whole;
    {
        whole = ask(*read(text, false), AnswerMode::Quick);
    }
    for (const auto& entry : std::filesystem::directory_iterator(m_store->pieceFolder())) {
        std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(100'003);
        file.put('\x55');
    }
    begin();
    {
        const auto again = read(text, false);
        EXPECT_LE(again->restoredTokens(), 2 * kPieceRows) << "but for a byte that was this one anyway";
        expectSame(whole, ask(*again, AnswerMode::Quick));
    }
    begin();
    const auto third = read(text, false);
    EXPECT_EQ(third->restoredTokens(), third->resident->size()) << "kept again";
}

}  // namespace
}  // namespace kvasir
