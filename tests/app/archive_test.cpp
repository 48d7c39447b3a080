#include "app/archive.h"

#include <numeric>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kvasir {
namespace {

Answer sampleAnswer() {
    Answer answer;
    answer.question = "How much?";
    answer.text = "\"The fee is 107 euros.\" 107 euros.";
    answer.state = AnswerState::Complete;
    answer.mode = AnswerMode::Full;
    answer.answerable = false;
    answer.citations = {{1, 0, 24, 40, 62, 3, 17, "The fee is 107 euros."},
                        {2, 25, 35, 90, 95, 4, 21, "107"}};
    answer.facts = {{"107", 12, 15, CheckedFact::Found::OnCitedPage, 3}};
    answer.missingPages = {5, 9};
    answer.finish = FinishReason::Repetition;
    answer.passages = 4;
    answer.figures = {1200, 300, 12.5, 3000, 41.5, 17};
    answer.askedAt = 1'700'000'000'000;
    return answer;
}

AnswerTrace sampleTrace() {
    AnswerTrace trace;
    trace.policy.name = "custom";
    trace.layers = 24;
    trace.layout.prefix = 10;
    trace.layout.documentEnd = 15;
    trace.layout.length = 20;
    trace.carried = {0, 1, 2, 10, 11, 14, 18, 19};
    trace.scores = {0.5F, 0.25F, 1.0F};
    trace.attention = {0.1F, 0, 0.3F, 0.2F, 0.4F};
    trace.tokens = {{5, 0, 3}, {6, 3, 4}, {7, 4, 9}, {8, 9, 12}, {9, 12, 13}};
    return trace;
}

TEST(Archive, AnswerComesBackAsItWas) {
    const Answer before = sampleAnswer();
    Exchange exchange = toExchange(before, sampleTrace());
    exchange.id = 12;
    const Answer after = toAnswer(exchange, toCitationRecords(before.citations), before.facts);
    EXPECT_EQ(after.id, "A12");
    EXPECT_EQ(after.question, before.question);
    EXPECT_EQ(after.text, before.text);
    EXPECT_EQ(after.state, before.state);
    EXPECT_EQ(after.mode, before.mode);
    EXPECT_EQ(after.answerable, before.answerable);
    EXPECT_EQ(after.missingPages, before.missingPages);
    EXPECT_EQ(after.finish, before.finish);
    EXPECT_EQ(after.passages, before.passages);
    EXPECT_EQ(after.askedAt, before.askedAt);
    EXPECT_EQ(after.figures.carriedTokens, before.figures.carriedTokens);
    EXPECT_EQ(after.figures.firstTokenMs, before.figures.firstTokenMs);
    EXPECT_EQ(after.figures.decodeTokensPerSecond, before.figures.decodeTokensPerSecond);
    ASSERT_EQ(after.citations.size(), before.citations.size());
    for (std::size_t i = 0; i < after.citations.size(); ++i) {
        const Citation &a = after.citations[i], &b = before.citations[i];
        EXPECT_EQ(
            std::tie(a.number, a.sentenceBegin, a.sentenceEnd, a.begin, a.end, a.page, a.line, a.quote),
            std::tie(b.number, b.sentenceBegin, b.sentenceEnd, b.begin, b.end, b.page, b.line, b.quote));
    }
}

TEST(Archive, EveryStateComesBack) {
    for (const AnswerState state : {AnswerState::Writing, AnswerState::Complete, AnswerState::Stopped}) {
        Answer answer = sampleAnswer();
        answer.state = state;
        EXPECT_EQ(toAnswer(toExchange(answer, sampleTrace()), {}, {}).state, state);
    }
    Answer failed = sampleAnswer();
    failed.state = AnswerState::Failed;
    failed.error = Error{ErrorCode::TooLarge, "what", "where", "advice"};
    const Answer back = toAnswer(toExchange(failed, {}), {}, {});
    EXPECT_EQ(back.state, AnswerState::Failed);
    ASSERT_TRUE(back.error);
    EXPECT_EQ(back.error->what, "what");
    Exchange interrupted;
    interrupted.state = ExchangeState::Interrupted;
    EXPECT_EQ(toAnswer(interrupted, {}, {}).state, AnswerState::Stopped);
}

TEST(Archive, TraceComesBackAsItWas) {
    const AnswerTrace before = sampleTrace();
    const Trace record = toTrace(before, 3);
    EXPECT_EQ(record.tokenMap, 3);
    EXPECT_EQ(record.carried, (std::vector<TokenRange>{{0, 3}, {10, 12}, {14, 15}, {18, 20}}));
    const AnswerTrace after = toAnswerTrace(record, toTokenMap(before.tokens));
    EXPECT_EQ(after.carried, before.carried);
    EXPECT_EQ(after.scores, before.scores);
    EXPECT_EQ(after.attention, before.attention);
    EXPECT_EQ(after.layout.prefix, before.layout.prefix);
    EXPECT_EQ(after.layout.documentEnd, before.layout.documentEnd);
    EXPECT_EQ(after.layout.length, before.layout.length);
    ASSERT_EQ(after.tokens.size(), before.tokens.size());
    EXPECT_EQ(after.tokens.back().end, before.tokens.back().end);
}

TEST(Archive, WhatLayersKeepIsExactUnlessThePromptIsLong) {
    AnswerTrace trace = sampleTrace();
    trace.kept = {{{0, 1, 2, 9}, {4, 5}}, {}};
    Trace record = toTrace(trace, 1);
    EXPECT_EQ(record.keptStep, 1U);
    EXPECT_EQ(toAnswerTrace(record, {}).kept, trace.kept);
    trace.notRead = {{4, 9}, {12, 13}};
    EXPECT_EQ(toTrace(trace, 1).notRead, (std::vector<TokenRange>{{4, 9}, {12, 13}}));
    EXPECT_EQ(toAnswerTrace(toTrace(trace, 1), {}).notRead, trace.notRead);
    trace.layout.length = 40000;
    std::vector<std::int32_t> positions(29);
    std::iota(positions.begin(), positions.begin() + 20, 0);  // all of block 0, a quarter of block 1
    std::iota(positions.begin() + 20, positions.end(), 33);   // most of block 2
    trace.kept = {{positions}};
    record = toTrace(trace, 1);
    EXPECT_EQ(record.keptStep, 16U);
    EXPECT_EQ(record.kept[0][0], (std::vector<TokenRange>{{0, 16}, {32, 48}}));
}

TEST(Archive, ChecksComeBackAsTheyWere) {
    AnswerCheck check;
    check.verdict = Verdict::SameFacts;
    check.by = AnswerMode::Quick;
    check.answer = "A9";
    check.sampled = true;
    check.ms = 3;
    check.looked = {{1, 2, 3, 4, 0.5F, "here"}};
    const AnswerCheck back = toAnswerCheck(toCheckRecord(check));
    EXPECT_EQ(back.verdict, check.verdict);
    EXPECT_EQ(back.by, check.by);
    EXPECT_EQ(back.answer, "A9");
    EXPECT_TRUE(back.sampled);
    EXPECT_EQ(back.looked.at(0).quote, "here");
    EXPECT_EQ(toAnswerCheck({}).answer, "");
}

TEST(Archive, AnswerIdsAreStrict) {
    EXPECT_EQ(exchangeOf(answerId(12)), 12);
    for (const char* bad : {"", "A", "12", "a12", "A0", "A-1", "A12x", "A 12", "A99999999999999999999"})
        EXPECT_EQ(exchangeOf(bad), 0) << bad;
}

TEST(Archive, PolicyIsWhole) {
    const nlohmann::json policy = nlohmann::json::parse(policyJson(sampleTrace()));
    for (const char* key :
         {"name", "layers", "tsp_layer", "rate", "minimum_carried", "retention", "window", "pool", "kernel",
          "keep_prompt", "coverage", "maximum_carried", "pins", "decision", "ms", "bytes", "guesses"})
        EXPECT_TRUE(policy.contains(key)) << key;
    EXPECT_EQ(policy["layers"], 24);
}

}  // namespace
}  // namespace kvasir
