#include <atomic>
#include <fstream>
#include <thread>

#include "app/store/records.h"
#include "tests/app/store/store_fixture.h"

namespace kvasir {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class StoreRecordsTest : public StoreTest {
protected:
    void SetUp() override {
        StoreTest::SetUp();
        open();
    }
};

TEST_F(StoreRecordsTest, KeepsADocumentOverARestart) {
    const RowId id = addDocument();
    ASSERT_TRUE(m_store->saveView(id, 2, 1.25).get());
    open();
    const DocumentRecord d = *reader()->document(id);
    EXPECT_EQ(d.sha256, "aa01");
    EXPECT_EQ(d.name, "Lease contract 2024.pdf");
    EXPECT_EQ(d.characters, 48211);
    EXPECT_EQ(d.addedAt, 1700000000000);
    EXPECT_THAT(d.pageStatuses, ElementsAre(PageStatus::Text, PageStatus::Picture, PageStatus::Failed));
    EXPECT_EQ(d.lastPage, 2);
    EXPECT_EQ(d.lastZoom, 1.25);
    EXPECT_EQ((*reader()->documentBySha256("aa01"))->id, id);
    EXPECT_EQ(*reader()->documentBySha256("none"), std::nullopt);
}

TEST_F(StoreRecordsTest, TheSameContentIsTheSameDocument) {
    const RowId id = addDocument();
    ASSERT_TRUE(m_store->saveView(id, 2, 1.25).get());
    DocumentRecord moved = sampleDocument();
    moved.path = "/elsewhere/b.pdf";
    moved.name = "b.pdf";
    moved.openedAt = 1800000000000;
    EXPECT_EQ(*m_store->addDocument(moved).get(), id);
    const DocumentRecord d = *reader()->document(id);
    EXPECT_EQ(d.path, "/elsewhere/b.pdf");
    EXPECT_EQ(d.openedAt, 1800000000000);
    EXPECT_EQ(d.addedAt, 1700000000000);
    EXPECT_EQ(d.lastPage, 2);
    EXPECT_THAT(*reader()->search("b.pdf", 5), SizeIs(1));
    EXPECT_THAT(*reader()->search("Lease", 5), IsEmpty());
}

TEST_F(StoreRecordsTest, ListsTheLastOpenedFirst) {
    DocumentRecord late = sampleDocument("bb02");
    late.openedAt = 1900000000000;
    const RowId second = *m_store->addDocument(late).get();
    const RowId first = addDocument();
    const auto list = *reader()->documents();
    ASSERT_THAT(list, SizeIs(2));
    EXPECT_EQ(list[0].id, second);
    EXPECT_EQ(list[1].id, first);
}

TEST_F(StoreRecordsTest, AConversationMayBeNamedBeforeItIsBegun) {
    const RowId document = addDocument();
    const RowId known = addConversation(document), reserved = m_store->reserveConversation();
    EXPECT_EQ(reserved, known + 1);
    auto begun = m_store->addConversation({reserved, document, "When does it end?", 5});
    auto exchange = m_store->beginExchange(sampleExchange(reserved));
    EXPECT_EQ(*begun.get(), reserved);
    EXPECT_TRUE(exchange.get());
    EXPECT_EQ(addConversation(document), reserved + 1);
    const RowId unused = m_store->reserveConversation();
    EXPECT_FALSE(m_store->beginExchange(sampleExchange(unused)).get()) << "it was never begun";
}

TEST_F(StoreRecordsTest, KeepsEverythingAboutAnAnswer) {
    const RowId document = addDocument();
    Exchange e = sampleExchange(addConversation(document));
    e.id = *m_store->beginExchange(e).get();
    e.answer = "It ends on 31 March 2027.";
    e.state = ExchangeState::Failed;
    e.mode = AnswerMode::FirstLook;
    e.modelName = "qwen2.5";
    e.modelSha256 = "cc";
    e.policy = R"({"rate":200})";
    e.promptTokens = 31000;
    e.carriedTokens = 6200;
    e.answerTokens = 9;
    e.ttftMs = 812.5;
    e.decodeTokensPerSecond = 11.25;
    e.answerable = false;
    e.error = Error{ErrorCode::OutOfMemory, "No memory.", "layer 3", "Close something."};
    e.missingPages = {1, 70000};
    e.finish = FinishReason::Repetition;
    e.passages = 7;
    e.parts = {3, 12};
    e.after = *m_store->beginExchange(sampleExchange(e.conversationId)).get();
    e.turns = {4, 2, 201, true, TurnsTaken::Limit::Window};
    const std::vector<CitationRecord> citations = {{1, {0, 25}, {{10, 20}, {40, 44}}, 2, 17, "31 March 2027"},
                                                   {2, {25, 25}, {}, 0, 0, ""}};
    const std::vector<CheckedFact> facts = {{"2027", 20, 24, CheckedFact::Found::Nowhere, -1}};
    ASSERT_TRUE(m_store->finishExchange(e, citations, facts, {}).get());
    open();

    const Exchange back = *reader()->exchange(e.id);
    EXPECT_EQ(back.conversationId, e.conversationId);
    EXPECT_EQ(back.question, e.question);
    EXPECT_EQ(back.answer, e.answer);
    EXPECT_EQ(back.state, ExchangeState::Failed);
    EXPECT_EQ(back.mode, AnswerMode::FirstLook);
    EXPECT_EQ(back.policy, e.policy);
    EXPECT_EQ(back.carriedTokens, 6200);
    EXPECT_EQ(back.answerTokens, 9);
    EXPECT_EQ(back.ttftMs, 812.5);
    EXPECT_EQ(back.readMs, std::nullopt);
    EXPECT_EQ(back.decodeTokensPerSecond, 11.25);
    EXPECT_EQ(back.answerable, false);
    ASSERT_TRUE(back.error);
    EXPECT_EQ(back.error->message(), e.error->message());
    EXPECT_EQ(back.error->code, ErrorCode::OutOfMemory);
    EXPECT_THAT(back.missingPages, ElementsAre(1, 70000));
    EXPECT_EQ(back.finish, FinishReason::Repetition);
    EXPECT_EQ(back.parts.read, 3);
    EXPECT_EQ(back.parts.all, 12);
    EXPECT_EQ(back.passages, 7);
    EXPECT_EQ(back.after, e.after);
    EXPECT_EQ(back.turns.given, 4);
    EXPECT_EQ(back.turns.taken, 2);
    EXPECT_EQ(back.turns.tokens, 201);
    EXPECT_TRUE(back.turns.shortened);
    EXPECT_EQ(back.turns.limit, TurnsTaken::Limit::Window);
    ASSERT_TRUE(m_store->deleteExchange(e.after).get());
    EXPECT_EQ(reader()->exchange(e.id)->after, 0) << "what goes on from a deleted answer stays";

    const auto c = *reader()->citations(e.id);
    ASSERT_THAT(c, SizeIs(2));
    EXPECT_THAT(c[0].places, ElementsAre(ByteRange{10, 20}, ByteRange{40, 44}));
    EXPECT_EQ(c[0].sentence, (ByteRange{0, 25}));
    EXPECT_EQ(c[0].page, 2);
    EXPECT_EQ(c[0].line, 17);
    EXPECT_EQ(c[0].quote, "31 March 2027");
    const auto f = *reader()->facts(e.id);
    ASSERT_THAT(f, SizeIs(1));
    EXPECT_EQ(f[0].text, "2027");
    EXPECT_EQ(f[0].found, CheckedFact::Found::Nowhere);
    EXPECT_EQ(f[0].page, -1);
    EXPECT_EQ(*reader()->documentOf(e.id), document);
    EXPECT_EQ(*reader()->trace(e.id), std::nullopt);
}

TEST_F(StoreRecordsTest, KeepsWhatBecameOfADraft) {
    const RowId conversation = addConversation(addDocument());
    Exchange draft = sampleExchange(conversation);
    draft.id = *m_store->beginExchange(draft).get();
    Exchange later = sampleExchange(conversation);
    later.follows = draft.id;
    later.id = *m_store->beginExchange(later).get();
    EXPECT_EQ(*reader()->check(draft.id), std::nullopt);
    CheckRecord check;
    check.verdict = Verdict::SameFacts;
    check.by = AnswerMode::Quick;
    ASSERT_TRUE(m_store->saveCheck(draft.id, check).get());
    check.verdict = Verdict::Different;
    check.by = AnswerMode::Full;
    check.other = later.id;
    check.sampled = check.eightBit = true;
    check.ms = 812.5;
    check.looked = {{10, 20, 3, 40, 0.25F, "The fee"}, {50, 60, 4, 44, 0.125F, "unless"}};
    ASSERT_TRUE(m_store->saveCheck(draft.id, check).get());
    open();
    EXPECT_EQ(reader()->exchange(later.id)->follows, draft.id);
    const auto back = *reader()->check(draft.id);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->verdict, Verdict::Different);
    EXPECT_EQ(back->by, AnswerMode::Full);
    EXPECT_EQ(back->other, later.id);
    EXPECT_TRUE(back->sampled && back->eightBit);
    EXPECT_EQ(back->ms, 812.5);
    ASSERT_THAT(back->looked, SizeIs(2));
    EXPECT_EQ(back->looked[1].begin, 50U);
    EXPECT_EQ(back->looked[1].page, 4);
    EXPECT_EQ(back->looked[0].share, 0.25F);
    EXPECT_EQ(back->looked[0].quote, "The fee");
    ASSERT_TRUE(m_store->deleteExchange(later.id).get());
    EXPECT_EQ((*reader()->check(draft.id))->other, 0);
    ASSERT_TRUE(m_store->deleteExchange(draft.id).get());
    EXPECT_EQ(*reader()->check(draft.id), std::nullopt);
    EXPECT_EQ(m_store->saveCheck(draft.id, check).get().error().code, ErrorCode::NotFound);
}

TEST_F(StoreRecordsTest, FinishingAgainReplacesCitations) {
    Exchange e = sampleExchange(addConversation(addDocument()));
    e.id = *m_store->beginExchange(e).get();
    e.state = ExchangeState::Complete;
    ASSERT_TRUE(
        m_store->finishExchange(e, {{1, {0, 1}, {}, 0, 0, "a"}, {2, {1, 2}, {}, 0, 0, "b"}}, {}, {}).get());
    ASSERT_TRUE(m_store->finishExchange(e, {{1, {0, 1}, {}, 0, 0, "c"}}, {}, {}).get());
    const auto c = *reader()->citations(e.id);
    ASSERT_THAT(c, SizeIs(1));
    EXPECT_EQ(c[0].quote, "c");
}

TEST_F(StoreRecordsTest, AnAnswerIsSavedWhileItGrowsAndNotAfterItsEnd) {
    Exchange e = sampleExchange(addConversation(addDocument()));
    e.id = *m_store->beginExchange(e).get();
    const auto view = reader();
    std::string text;
    for (int i = 0; i < 1000; ++i)
        m_store->saveAnswer(e.id, text += "x");
    // Nobody asks for a commit: it comes by itself.
    for (int i = 0; i < 3000 && view->exchange(e.id)->answer.size() < 1000; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(view->exchange(e.id)->answer.size(), 1000U);
    e.answer = "done";
    e.state = ExchangeState::Stopped;
    ASSERT_TRUE(m_store->finishExchange(e, {}, {}, {}).get());
    m_store->saveAnswer(e.id, "too late");
    ASSERT_TRUE(m_store->flush());
    EXPECT_EQ(view->exchange(e.id)->answer, "done");
}

TEST_F(StoreRecordsTest, AnAnswerThatWasBeingWrittenIsInterruptedAfterARestart) {
    Exchange e = sampleExchange(addConversation(addDocument()));
    e.id = *m_store->beginExchange(e).get();
    m_store->saveAnswer(e.id, "half an ans");
    EXPECT_EQ(reader()->exchange(e.id)->state, ExchangeState::Writing);
    open();
    const Exchange back = *reader()->exchange(e.id);
    EXPECT_EQ(back.state, ExchangeState::Interrupted);
    EXPECT_EQ(back.answer, "half an ans");
    m_store->saveAnswer(e.id, "ghost");
    ASSERT_TRUE(m_store->flush());
    EXPECT_EQ(reader()->exchange(e.id)->answer, "half an ans");
}

TEST_F(StoreRecordsTest, PinsSettingsMetricsConversations) {
    const RowId document = addDocument();
    const RowId conversation = addConversation(document);
    ASSERT_TRUE(m_store->renameConversation(conversation, "Deposit").get());
    EXPECT_EQ(reader()->conversations(document)->at(0).title, "Deposit");

    const RowId other = addDocument("bb02");
    ASSERT_TRUE(m_store->setPins(other, {{5, 6}}, 1).get());
    ASSERT_TRUE(m_store->setPins(document, {{50, 60}}, 1).get());
    const PinRecord late = reader()->pins(document)->at(0);
    ASSERT_TRUE(m_store->setPins(document, {{50, 60}, {5, 6}}, 2).get());
    const std::vector<PinRecord> pins = *reader()->pins(document);
    ASSERT_THAT(pins, SizeIs(2));
    EXPECT_EQ(pins[0].range, (ByteRange{5, 6})) << "in the order of the text";
    EXPECT_EQ(pins[0].createdAt, 2);
    EXPECT_EQ(pins[1].id, late.id) << "it was there already";
    EXPECT_EQ(pins[1].createdAt, 1);
    ASSERT_TRUE(m_store->setPins(document, {{5, 6}}, 3).get());
    EXPECT_THAT(*reader()->pins(document), ElementsAre(testing::Field(&PinRecord::id, pins[0].id)));
    ASSERT_TRUE(m_store->setPins(document, {}, 4).get());
    EXPECT_THAT(*reader()->pins(document), IsEmpty());
    EXPECT_THAT(*reader()->pins(other), SizeIs(1)) << "another document's pins are its own";
    EXPECT_EQ(m_store->setPins(9999, {{1, 2}}, 5).get().error().code, ErrorCode::NotFound);

    EXPECT_EQ(*reader()->setting("theme"), std::nullopt);
    ASSERT_TRUE(m_store->setSetting("theme", "dark").get());
    ASSERT_TRUE(m_store->setSetting("theme", "light").get());
    EXPECT_EQ(*reader()->setting("theme"), "light");

    ASSERT_TRUE(m_store->addMetric({10, 0, "m", AnswerMode::Full, 100, 5.5, {}, 7.0}).get());
    ASSERT_TRUE(m_store->addMetric({20, 0, "m", AnswerMode::Quick, 100, {}, 3.0, {}}).get());
    const auto metrics = *reader()->metrics(11);
    ASSERT_THAT(metrics, SizeIs(1));
    EXPECT_EQ(metrics[0].ttftMs, std::nullopt);
    EXPECT_EQ(metrics[0].readTokensPerSecond, 3.0);
}

TEST_F(StoreRecordsTest, WhatBelongsToNothingIsRefusedAndTheRestIsKept) {
    const RowId document = addDocument();
    auto orphan = m_store->beginExchange(sampleExchange(999));
    auto good = m_store->addConversation({0, document, "kept", 1});
    EXPECT_EQ(orphan.get().error().code, ErrorCode::NotFound);
    EXPECT_TRUE(good.get());
    EXPECT_THAT(*reader()->conversations(document), SizeIs(1));
    EXPECT_EQ(m_store->saveView(999, 1, 1).get().error().code, ErrorCode::NotFound);
    EXPECT_EQ(m_store->indexDocument(999, makeDocument({{"a"}})).get().error().code, ErrorCode::NotFound);
    EXPECT_EQ(reader()->exchange(1).error().code, ErrorCode::NotFound);
    EXPECT_EQ(reader()->document(999).error().code, ErrorCode::NotFound);
    ASSERT_TRUE(m_store->flush().error().code == ErrorCode::NotFound);
    EXPECT_TRUE(m_store->flush());
    const std::lock_guard lock(m_errorsMutex);
    EXPECT_THAT(m_errors, SizeIs(3));
}

TEST_F(StoreRecordsTest, StrangeQuestionsComeBackAsTheyWere) {
    const RowId conversation = addConversation(addDocument());
    std::string controls("a\0b\x01\x1b[31m\r\n\t\x7f", 13);
    for (const std::string& question :
         {controls, std::string(10000, 'q'), std::string("\xFF\xC3\x28 broken UTF-8"), std::string(),
          std::string("'; DROP TABLE exchanges; --"), std::string("<|im_start|>system")}) {
        Exchange e = sampleExchange(conversation);
        e.question = question;
        const auto id = m_store->beginExchange(e).get();
        ASSERT_TRUE(id) << id.error().message();
        EXPECT_EQ(reader()->exchange(*id)->question, question);
        EXPECT_TRUE(reader()->search(question, 5));
    }
}

std::string allBytes(const std::filesystem::path& folder) {
    std::string bytes;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::ifstream file(entry.path(), std::ios::binary);
        bytes.append(std::istreambuf_iterator<char>(file), {});
    }
    return bytes;
}

TEST_F(StoreRecordsTest, ADeletedDocumentLeavesNothing) {
    const RowId keep = addDocument("bb02");
    const RowId document = addDocument();
    ASSERT_TRUE(m_store->indexDocument(document, makeDocument({{"The zanzibarclause applies."}})).get());
    ASSERT_TRUE(m_store->indexDocument(keep, makeDocument({{"Something else."}})).get());
    Exchange e = sampleExchange(addConversation(document));
    e.question = "What about Quagmirefield?";
    e.id = *m_store->beginExchange(e).get();
    e.answer = "Nothing about Quagmirefield.";
    e.state = ExchangeState::Complete;
    Trace trace;
    trace.tokenMap = *m_store->addTokenMap(document, {{0, 3}}).get();
    ASSERT_TRUE(m_store->finishExchange(e, {{1, {0, 3}, {}, 0, 0, "Quagmirefield"}}, {}, trace).get());
    ASSERT_TRUE(m_store->setPins(document, {{0, 1}}, 1).get());
    ASSERT_TRUE(m_store->addMetric({10, e.id, "m", AnswerMode::Full, 100, 5.5, {}, 7.0}).get());
    ASSERT_THAT(*reader()->search("zanzibarclause", 5), SizeIs(1));
    EXPECT_NE(allBytes(m_folder).find("uagmirefield"), std::string::npos);

    ASSERT_TRUE(m_store->deleteDocument(document).get());
    EXPECT_EQ(m_store->deleteDocument(document).get().error().code, ErrorCode::NotFound);
    const auto view = reader();
    EXPECT_THAT(*view->documents(), SizeIs(1));
    EXPECT_EQ(view->exchange(e.id).error().code, ErrorCode::NotFound);
    EXPECT_THAT(*view->citations(e.id), IsEmpty());
    EXPECT_EQ(view->tokenMap(trace.tokenMap).error().code, ErrorCode::NotFound);
    EXPECT_THAT(*view->pins(document), IsEmpty());
    EXPECT_THAT(*view->search("zanzibarclause", 5), IsEmpty());
    EXPECT_THAT(*view->search("Quagmirefield", 5), IsEmpty());
    EXPECT_EQ(view->metrics(0)->at(0).exchangeId, 0);
    EXPECT_THAT(*view->search("Something", 5), SizeIs(1));
    // Neither text nor search terms, which are lower case.
    const std::string bytes = allBytes(m_folder);
    EXPECT_EQ(bytes.find("uagmirefield"), std::string::npos);
    EXPECT_EQ(bytes.find("anzibarclause"), std::string::npos);
    EXPECT_NE(addDocument(), document) << "an id is never used again";
}

TEST_F(StoreRecordsTest, DeletesConversationsAnswersAndEverything) {
    const RowId document = addDocument();
    const RowId conversation = addConversation(document);
    const RowId first = *m_store->beginExchange(sampleExchange(conversation)).get();
    const RowId second = *m_store->beginExchange(sampleExchange(conversation)).get();
    ASSERT_TRUE(m_store->deleteExchange(first).get());
    EXPECT_THAT(*reader()->exchanges(conversation), SizeIs(1));
    ASSERT_TRUE(m_store->deleteConversation(conversation).get());
    EXPECT_EQ(reader()->exchange(second).error().code, ErrorCode::NotFound);
    EXPECT_EQ(m_store->deleteConversation(conversation).get().error().code, ErrorCode::NotFound);
    EXPECT_EQ(m_store->deleteExchange(first).get().error().code, ErrorCode::NotFound);

    ASSERT_TRUE(m_store->setSetting("theme", "dark").get());
    ASSERT_TRUE(m_store->indexDocument(document, makeDocument({{"zanzibarclause"}})).get());
    ASSERT_TRUE(m_store->deleteEverything().get());
    EXPECT_THAT(*reader()->documents(), IsEmpty());
    EXPECT_EQ(*reader()->setting("theme"), "dark");
    EXPECT_EQ(allBytes(m_folder).find("zanzibarclause"), std::string::npos);
}

TEST_F(StoreRecordsTest, ReadersGoOnWhileManyThreadsWrite) {
    const RowId conversation = addConversation(addDocument());
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    threads.reserve(3);
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 40; ++i) {
                Exchange e = sampleExchange(conversation);
                e.id = *m_store->beginExchange(e).get();
                m_store->saveAnswer(e.id, "partial");
                e.state = ExchangeState::Complete;
                e.answer = "whole";
                EXPECT_TRUE(m_store->finishExchange(e, {}, {}, {}).get());
            }
        });
    }
    std::thread watching([&] {
        const auto view = reader();
        std::size_t seen = 0;
        while (!stop) {
            const auto list = view->exchanges(conversation);
            ASSERT_TRUE(list) << list.error().message();
            EXPECT_GE(list->size(), seen) << "what was there went away";
            seen = list->size();
            ASSERT_TRUE(view->search("whole", 3));
        }
    });
    for (std::thread& t : threads)
        t.join();
    stop = true;
    watching.join();
    EXPECT_THAT(*reader()->exchanges(conversation), SizeIs(120));
    EXPECT_THAT(m_errors, IsEmpty());
}

}  // namespace
}  // namespace kvasir
