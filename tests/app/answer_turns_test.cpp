// Earlier turns with every way of answering.
#include <algorithm>

#include "app/answer_engine.h"
#include "tests/app/engine_fixture.h"

namespace kvasir {
namespace {

using AnswerTurns = test::EngineFixture;

TEST_F(AnswerTurns, EarlierTurnsGoAlongWithEveryReading) {
    auto document = *sharedEngine->prepare(test::textDocument(test::leaseText(40)));
    ASSERT_TRUE(sharedEngine->readEarly(*document, {}, {}));
    const Document& text = *document->tokenised.document;
    AskRequest request;
    request.question = "And of item 20?";
    request.maxTokens = 40;
    request.lookedTokens = 50;
    request.passages = {test::rangeOf(text, "Clause 20.", 80)};
    const auto ask = [&] { return sharedEngine->ask(*document, request, {}, [](std::string_view) {}); };
    const auto alone = ask();
    request.turns = {
        {"What is the fee of item 3?", "\"The fee of item 3 is 121 euros\"\n\nAnswer: 121 euros."}};
    const auto quick = ask();
    ASSERT_TRUE(alone && quick) << quick.error().message();
    EXPECT_EQ(quick->answer.state, AnswerState::Complete);
    const TurnsTaken& turns = quick->answer.turns;
    EXPECT_EQ(turns.given, 1);
    EXPECT_EQ(turns.taken, 1);
    EXPECT_GT(turns.tokens, 20);
    EXPECT_GE(quick->answer.figures.promptTokens, alone->answer.figures.promptTokens + turns.tokens - 90)
        << "what the question looks at may differ";
    EXPECT_EQ(alone->answer.turns.given, 0);
    for (std::int64_t i = 0; i < turns.tokens; ++i) {
        const std::int64_t position = quick->trace.layout.documentEnd + i;
        EXPECT_TRUE(std::binary_search(quick->trace.carried.begin(), quick->trace.carried.end(),
                                       static_cast<std::int32_t>(position)));
    }

    ASSERT_TRUE(sharedEngine->readLate(*document, {}, {}));
    const auto confirmed = sharedEngine->confirm(*document, request, *quick, {});
    request.mode = AnswerMode::Full;
    request.speculate = false;
    const auto full = ask();
    ASSERT_TRUE(confirmed && full);
    EXPECT_EQ(confirmed->full.tokens, full->tokens) << "checked with the very turns";
    EXPECT_EQ(confirmed->full.answer.turns.tokens, turns.tokens);
    EXPECT_EQ(full->answer.turns.tokens, turns.tokens);

    const auto look =
        sharedEngine->look(document->tokenised.document, 500, request, {}, [](std::string_view) {});
    ASSERT_TRUE(look) << look.error().message();
    EXPECT_EQ(look->answer.turns.tokens, turns.tokens);
}

TEST_F(AnswerTurns, EarlierTurnsGiveWayWhereTheWindowHasNoRoom) {
    const std::int64_t window = sharedEngine->model().config().window;
    std::unique_ptr<ReadDocument> document;
    // As long as just fits with a question and an answer.
    for (int paragraphs = 300; document == nullptr && paragraphs > 100; paragraphs -= 2) {
        auto prepared = sharedEngine->prepare(test::textDocument(test::leaseText(paragraphs)));
        if (prepared) document = std::move(*prepared);
    }
    ASSERT_NE(document, nullptr);
    ASSERT_TRUE(sharedEngine->readEarly(*document, {}, {}));
    const auto length = std::ssize(document->tokenised.prompt);
    AskRequest request;
    request.question = "And of item 20?";
    request.lookedTokens = 0;
    const std::string fee = "\"The fee of item 3 is 121 euros\"\n\nAnswer: 121 euros.";
    request.turns = {{"What is the fee of item 2?", fee}, {"What is the fee of item 3?", fee}};
    TurnsTaken before{2, 2, 1 << 20, false, TurnsTaken::Limit::None};
    for (const std::int64_t room : {200, 100, 60, 44}) {
        request.maxTokens = window - length - room;
        const auto outcome = sharedEngine->ask(*document, request, {}, [](std::string_view) {});
        ASSERT_TRUE(outcome) << outcome.error().message();
        const TurnsTaken& turns = outcome->answer.turns;
        EXPECT_EQ(turns.given, 2);
        EXPECT_LE(turns.tokens, before.tokens);
        EXPECT_LE(outcome->answer.figures.promptTokens + request.maxTokens, window);
        if (turns.taken < 2 || turns.shortened) {
            EXPECT_EQ(turns.limit, TurnsTaken::Limit::Window);
        }
        before = turns;
    }
    EXPECT_EQ(before.taken, 0) << "the question alone still fits";
}

}  // namespace
}  // namespace kvasir
