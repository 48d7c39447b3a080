#include "app/engine_thread.h"

#include <algorithm>

#include "app/library.h"
#include "tests/app/app_support.h"
#include "tests/app/noted.h"
#include "tests/engine/tiny_model.h"

namespace kvasir {
namespace {

using Stage = ReadingStage;
using namespace std::chrono_literals;

/// Gathers the engine thread's events; waits are bounded.
class EngineThreadTest : public testing::Test, protected test::Noted {
protected:
    void SetUp() override { KVASIR_NEEDS_SMOLLM2(); }

    void start(const std::filesystem::path& model, double longWait = test::kNoFirstLook,
               PieceStore* pieces = nullptr) {
        EngineThread::Events events;
        events.model = [this](const EngineThread::ModelState& state) { note([&] { m_model = state; }); };
        events.reading = [this](DocumentId id, const ReadingState& state) {
            note([&] { m_stages[id].push_back(state.stage); });
        };
        events.text = [this](EngineThread::AnswerKey key, AnswerMode mode, std::string_view text) {
            note([&] { m_texts[{key, mode}] = std::string(text); });
        };
        events.looked = [this](EngineThread::AnswerKey key, AskOutcome outcome) {
            note([&] { m_looked.emplace(key, std::move(outcome)); });
        };
        events.checked = [this](EngineThread::AnswerKey key, Result<ConfirmOutcome> outcome) {
            note([&] { m_checked.emplace(key, std::move(outcome)); });
        };
        events.finished = [this](EngineThread::AnswerKey key, Result<AskOutcome> outcome) {
            note([&] { m_finished.emplace(key, std::move(outcome)); });
        };
        m_thread = std::make_unique<EngineThread>(std::move(events), 2, longWait, pieces);
        m_thread->setFullReading(false);
        if (!model.empty()) m_thread->loadModel(model);
    }
    void start() { start(test::modelFile(test::kSmollm2)); }

    bool reached(DocumentId id, Stage stage) {
        return wait([&] { return std::count(m_stages[id].begin(), m_stages[id].end(), stage) > 0; });
    }
    const Result<AskOutcome>* finished(EngineThread::AnswerKey key) {
        return wait([&] { return m_finished.contains(key); }) ? &m_finished.at(key) : nullptr;
    }
    void ask(DocumentId document, EngineThread::AnswerKey key, EngineThread::FindPassages passages = {}) {
        AskRequest request;
        request.question = "Who is the tenant?";
        request.maxTokens = 24;
        m_thread->ask(document, key, request, std::move(passages));
    }

    EngineThread::ModelState m_model;
    std::map<DocumentId, std::vector<Stage>> m_stages;
    std::map<std::pair<EngineThread::AnswerKey, AnswerMode>, std::string> m_texts;
    std::map<EngineThread::AnswerKey, AskOutcome> m_looked;
    std::map<EngineThread::AnswerKey, Result<ConfirmOutcome>> m_checked;
    std::map<EngineThread::AnswerKey, Result<AskOutcome>> m_finished;
    std::unique_ptr<EngineThread> m_thread;
};

TEST_F(EngineThreadTest, AnswersAQuestionThatCameBeforeModelAndReading) {
    start({});
    m_thread->addDocument(1, test::textDocument(test::leaseText(20)));
    ask(1, 7);
    m_thread->loadModel(test::modelFile(test::kSmollm2));
    const Result<AskOutcome>* outcome = finished(7);
    ASSERT_NE(outcome, nullptr);
    ASSERT_TRUE(*outcome) << outcome->error().message();
    EXPECT_EQ((*outcome)->answer.state, AnswerState::Complete);
    EXPECT_FALSE((m_texts[{7, AnswerMode::Quick}].empty()));
    EXPECT_GT(m_model.documentBytes, 0);
}

TEST_F(EngineThreadTest, ReadsInFullWhenNothingElseIsToBeDone) {
    start();
    m_thread->setFullReading(true);
    m_thread->addDocument(1, test::textDocument(test::leaseText(10)));
    ASSERT_TRUE(reached(1, Stage::FullDone));
    ask(1, 1);
    ASSERT_NE(finished(1), nullptr);
    EXPECT_EQ((*finished(1))->answer.mode, AnswerMode::Full);
}

TEST_F(EngineThreadTest, WhatWasReadInAnEarlierRunIsNotReadAgain) {
    const test::ScratchFolder folder;
    auto store = Store::open({folder.path() / "data", std::chrono::milliseconds(20), {}});
    ASSERT_TRUE(store);
    const auto document = test::textDocument(test::leaseText(40));
    ASSERT_TRUE(Library(**store).remember(*document, "lease.txt"));
    std::string first;
    std::filesystem::file_time_type writtenOnce;
    const auto newest = [](const std::filesystem::path& files) {
        auto time = std::filesystem::file_time_type::min();
        for (const auto& entry : std::filesystem::directory_iterator(files))
            time = std::max(time, entry.last_write_time());
        return time;
    };
    for (const int run : {1, 2}) {
        PieceStore pieces(**store, {1'000'000'000, {}, {}});
        m_stages.clear();
        m_finished.clear();
        start(test::modelFile(test::kSmollm2), test::kNoFirstLook, &pieces);
        m_thread->setFullReading(true);
        m_thread->addDocument(1, document);
        ASSERT_TRUE(reached(1, Stage::FullDone));
        ask(1, run);
        ASSERT_NE(finished(run), nullptr);
        ASSERT_TRUE(*finished(run));
        EXPECT_EQ((*finished(run))->answer.mode, AnswerMode::Full);
        if (run == 1) first = (*finished(run))->answer.text;
        EXPECT_EQ((*finished(run))->answer.text, first);
        m_thread.reset();
        pieces.flush();
        const auto written = newest((*store)->pieceFolder());
        if (run == 1) writtenOnce = written;
        EXPECT_EQ(written, writtenOnce) << "what is read is kept anew";
    }
}

TEST_F(EngineThreadTest, ChecksQuickAnswersWhenTheFullReadingIsDone) {
    start();
    m_thread->addDocument(1, test::textDocument(test::leaseText(30)));
    ask(1, 1);
    ASSERT_NE(finished(1), nullptr);
    ASSERT_TRUE(*finished(1));
    EXPECT_EQ((*finished(1))->answer.mode, AnswerMode::Quick);
    EXPECT_TRUE(m_checked.empty());
    m_thread->setFullReading(true);
    ASSERT_TRUE(wait([&] { return m_checked.contains(1); }));
    const Result<ConfirmOutcome>& checked = m_checked.at(1);
    ASSERT_TRUE(checked) << checked.error().message();
    EXPECT_EQ(checked->check.by, AnswerMode::Full);
    // The document is short: everything was carried, and nothing can differ.
    EXPECT_EQ(checked->check.verdict, Verdict::SameWords);
    EXPECT_EQ(checked->full.answer.text, (*finished(1))->answer.text);
    ask(1, 2);
    ASSERT_NE(finished(2), nullptr);
    EXPECT_EQ((*finished(2))->answer.mode, AnswerMode::Full);
    m_thread->removeDocument(1);
    ask(1, 3);
    ASSERT_NE(finished(3), nullptr);
    const std::lock_guard lock(m_mutex);
    EXPECT_EQ(m_checked.size(), 1U) << "a full reading needs no check";
}

TEST_F(EngineThreadTest, AFirstLookComesBeforeALongWait) {
    start(test::modelFile(test::kSmollm2), 0);
    const std::string text = test::leaseText(160);
    m_thread->addDocument(1, test::textDocument(text));
    ASSERT_TRUE(reached(1, Stage::FirstReading));
    const auto where = static_cast<std::uint32_t>(text.find("enant"));
    ask(1, 1, [=] { return std::vector<ByteRange>{{where - 40, where + 200}, {0, 100}}; });
    ASSERT_NE(finished(1), nullptr);
    ASSERT_TRUE(*finished(1)) << finished(1)->error().message();
    EXPECT_EQ((*finished(1))->answer.mode, AnswerMode::Quick);
    const std::lock_guard lock(m_mutex);
    ASSERT_TRUE(m_looked.contains(1));
    const AskOutcome& look = m_looked.at(1);
    EXPECT_EQ(look.answer.mode, AnswerMode::FirstLook);
    EXPECT_EQ(look.answer.state, AnswerState::Complete);
    EXPECT_GT(look.answer.passages, 0);
    EXPECT_LT(look.answer.figures.promptTokens, 2200);
    EXPECT_FALSE((m_texts[{1, AnswerMode::FirstLook}].empty()));
    for (const Citation& citation : look.answer.citations)
        EXPECT_LE(citation.end, text.size());
    EXPECT_GT(std::count(m_stages[1].begin(), m_stages[1].end(), Stage::FirstReading), 1)
        << "the reading went on";
}

TEST_F(EngineThreadTest, AShortWaitNeedsNoFirstLook) {
    start(test::modelFile(test::kSmollm2), 1e9);
    m_thread->addDocument(1, test::textDocument(test::leaseText(30)));
    ask(1, 1, [] { return std::vector<ByteRange>{{0, 100}}; });
    ASSERT_NE(finished(1), nullptr);
    const std::lock_guard lock(m_mutex);
    EXPECT_TRUE(m_looked.empty());
}

TEST_F(EngineThreadTest, StopsAndContinuesReading) {
    start();
    m_thread->addDocument(1, test::textDocument(test::leaseText(100)));
    ASSERT_TRUE(reached(1, Stage::FirstReading));
    m_thread->stopReading(1);
    ASSERT_TRUE(reached(1, Stage::Stopped));
    m_thread->continueReading(1);
    EXPECT_TRUE(reached(1, Stage::FirstDone));
}

TEST_F(EngineThreadTest, AReadingThatWaitsForItsTurnIsStoppedToo) {
    start();
    m_thread->addDocument(1, test::textDocument(test::leaseText(20)));
    m_thread->addDocument(2, test::textDocument(test::leaseText(400)));
    m_thread->stopReading(1);
    ASSERT_TRUE(reached(1, Stage::Stopped));
    m_thread->continueReading(1);
    m_thread->stopReading(2);
    ASSERT_TRUE(reached(1, Stage::FirstDone));
}

TEST_F(EngineThreadTest, StopsQuestionsThatWait) {
    start();
    m_thread->addDocument(1, test::textDocument(test::leaseText(100)));
    ASSERT_TRUE(reached(1, Stage::FirstReading));
    ask(1, 1);
    m_thread->stopAnswer(1);
    // The reading goes on; the stop is noticed at the latest when it is done.
    const Result<AskOutcome>* outcome = finished(1);
    ASSERT_NE(outcome, nullptr);
    EXPECT_EQ((*outcome)->answer.state, AnswerState::Stopped);
}

TEST_F(EngineThreadTest, RefusesWhatIsNotThere) {
    start();
    ask(9, 1);
    ASSERT_NE(finished(1), nullptr);
    EXPECT_EQ(finished(1)->error().code, ErrorCode::NotFound);
    m_thread->addDocument(2, test::textDocument(""));
    ASSERT_TRUE(reached(2, Stage::Failed));
    ask(2, 2);
    ASSERT_NE(finished(2), nullptr);
    EXPECT_EQ(finished(2)->error().code, ErrorCode::Empty);
}

/// Longer than the model's window: a few parts.
TEST_F(EngineThreadTest, ReadsALongDocumentInPartsAndAsksAgainWhenThereAreMore) {
    start();
    const auto document = test::textDocument(test::leaseText(330));
    m_thread->addDocument(1, document);
    const auto place = static_cast<std::uint32_t>(document->text.find("Clause 200."));
    AskRequest request;
    request.question = "What is the fee of item 200?";
    request.maxTokens = 40;
    m_thread->ask(1, 1, request, [place] { return std::vector<ByteRange>{{place, place + 90}}; });
    ASSERT_NE(finished(1), nullptr);
    ASSERT_TRUE(*finished(1)) << (*finished(1)).error().message();
    const AskOutcome& outcome = **finished(1);
    EXPECT_EQ(outcome.answer.mode, AnswerMode::Parts);
    EXPECT_GT(outcome.answer.parts.all, 3);
    EXPECT_GE(outcome.answer.parts.read, 1);
    EXPECT_LE(outcome.answer.parts.read, outcome.answer.parts.all);
    EXPECT_FALSE((m_texts[{1, AnswerMode::Parts}].empty()));
    const WordMarks marks = wordMarks(*document, outcome.trace);
    const auto [first, last] = document->wordsIn(place, place + 90);
    ASSERT_LT(first, last);
    EXPECT_TRUE(marks.unread.empty() || !marks.unread[first]) << "the best part is read first";
    ASSERT_TRUE(reached(1, Stage::FirstDone)) << "the others follow";
    if (outcome.answer.parts.read < outcome.answer.parts.all) {
        ASSERT_TRUE(wait([&] { return m_checked.contains(1); }));
        ASSERT_TRUE(m_checked.at(1));
        EXPECT_EQ(m_checked.at(1)->check.by, AnswerMode::Parts);
        EXPECT_GT(m_checked.at(1)->full.answer.parts.read, outcome.answer.parts.read);
    }
    // Everything is read: the next answer comes from all parts, and stands.
    ask(1, 2);
    ASSERT_NE(finished(2), nullptr);
    ASSERT_TRUE(*finished(2));
    EXPECT_EQ((*finished(2))->answer.parts.read, outcome.answer.parts.all);
    EXPECT_TRUE((*finished(2))->trace.notRead.empty());
    m_thread->removeDocument(1);
    EXPECT_TRUE(wait([&] { return m_model.documentBytes == 0; }));
}

/// A small model reads all parts within the time that a question waits for the best ones.
TEST_F(EngineThreadTest, AQuestionThatReadsTheLastPartSaysThatAllAreRead) {
    const test::ScratchFolder folder;
    const auto model = folder.write("tiny.gguf", test::TinyModel().bytes());
    start({});
    const auto document = test::textDocument(test::leaseText(60));
    m_thread->addDocument(1, document);
    const ByteRange fee = test::rangeOf(*document, "The fee of item 20", 30);
    ask(1, 1, [fee] { return std::vector<ByteRange>{fee}; });
    m_thread->loadModel(model);
    ASSERT_NE(finished(1), nullptr);
    ASSERT_TRUE(*finished(1)) << finished(1)->error().message();
    EXPECT_EQ((*finished(1))->answer.mode, AnswerMode::Parts);
    EXPECT_EQ((*finished(1))->answer.parts.read, (*finished(1))->answer.parts.all);
    EXPECT_TRUE(reached(1, Stage::FirstDone));
}

TEST_F(EngineThreadTest, StoppingAQuestionInPartsLeavesTheReading) {
    start();
    m_thread->addDocument(1, test::textDocument(test::leaseText(330)));
    ASSERT_TRUE(reached(1, Stage::FirstReading));
    ask(1, 1);
    m_thread->stopAnswer(1);
    ASSERT_NE(finished(1), nullptr);
    ASSERT_TRUE(*finished(1));
    EXPECT_EQ((*finished(1))->answer.state, AnswerState::Stopped);
    m_thread->stopReading(1);
    ASSERT_TRUE(reached(1, Stage::Stopped));
    ask(1, 2);
    ASSERT_NE(finished(2), nullptr);
    ASSERT_TRUE(*finished(2)) << "who asks wants it read";
}

TEST_F(EngineThreadTest, ClosingADocumentEndsItsReadingAndQuestions) {
    start();
    m_thread->addDocument(1, test::textDocument(test::leaseText(150)));
    ASSERT_TRUE(reached(1, Stage::FirstReading));
    ask(1, 1);
    m_thread->removeDocument(1);
    ASSERT_NE(finished(1), nullptr);
    EXPECT_EQ(finished(1)->error().code, ErrorCode::NotFound);
    EXPECT_TRUE(wait([&] { return m_model.documentBytes == 0; }));
}

TEST_F(EngineThreadTest, AQuestionPutsItsDocumentFirst) {
    start();
    m_thread->addDocument(1, test::textDocument(test::leaseText(20)));
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    m_thread->addDocument(2, test::textDocument(test::leaseText(70)));
    ASSERT_TRUE(reached(2, Stage::FirstReading));
    ask(1, 1);
    ASSERT_NE(finished(1), nullptr);
    {
        const std::lock_guard lock(m_mutex);
        EXPECT_EQ(std::count(m_stages[2].begin(), m_stages[2].end(), Stage::FirstDone), 0)
            << "answered in the middle of the other's reading";
    }
    EXPECT_TRUE(reached(2, Stage::FirstDone));
}

TEST_F(EngineThreadTest, AModelThatDoesNotLoadFailsQuestionsAndTheNextOneAnswers) {
    const test::ScratchFolder folder;
    start(folder.write("broken.gguf", "GGUF and nothing else"));
    m_thread->addDocument(1, test::textDocument(test::leaseText(5)));
    ask(1, 1);
    ASSERT_NE(finished(1), nullptr);
    EXPECT_FALSE(*finished(1));
    EXPECT_TRUE(wait([&] { return m_model.error.has_value(); }));
    m_thread->loadModel(test::modelFile(test::kSmollm2));
    ASSERT_TRUE(reached(1, Stage::FirstDone));
    ask(1, 2);
    ASSERT_NE(finished(2), nullptr);
    EXPECT_TRUE(*finished(2));
}

TEST_F(EngineThreadTest, EndsInTheMiddleOfEverything) {
    for (const auto delay : {0ms, 5ms, 60ms, 400ms}) {
        start();
        m_thread->addDocument(1, test::textDocument(test::leaseText(150)));
        m_thread->addDocument(2, test::textDocument(test::leaseText(140)));
        ask(1, 1);
        ask(2, 2);
        std::this_thread::sleep_for(delay);
        const auto begin = std::chrono::steady_clock::now();
        m_thread.reset();
        EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s) << "it does not read on to the end";
        m_finished.clear();
    }
}

}  // namespace
}  // namespace kvasir
