#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <QtGlobal>

#include "app/store/trace_codec.h"
#include "tests/app/store/store_fixture.h"

namespace kvasir {
namespace {

// As large answers leave them: scores of pooled attention with a heavy tail, runs of carried tokens.
Trace largeTrace(std::uint32_t tokens) {
    std::mt19937 random(7);
    std::lognormal_distribution<float> score(-9, 2);
    Trace trace;
    trace.documentBegin = 20;
    trace.promptTokens = tokens + 60;
    for (std::uint32_t i = 0; i < trace.promptTokens; ++i)
        trace.scores.push_back(score(random));
    for (std::uint32_t i = 0; i < tokens; ++i)
        trace.attention.push_back(score(random));
    for (std::uint32_t at = 0; at + 7 < trace.promptTokens;
         at += 20 + static_cast<std::uint32_t>(random() % 11))
        trace.carried.push_back({at, at + 1 + static_cast<std::uint32_t>(random() % 7)});
    return trace;
}

void expectNear(const std::vector<float>& back, const std::vector<float>& values) {
    ASSERT_EQ(back.size(), values.size());
    const float largest = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const float lowest = largest * std::exp2(-16.0F);
        ASSERT_NEAR(back[i], std::max(values[i], values[i] > 0 ? lowest : 0),
                    0.03F * std::max(values[i], lowest));
    }
}

TEST(TraceCodecTest, A100KTokenTraceStaysUnder300KB) {
    const Trace trace = largeTrace(100000);
    const auto bytes = encodeTrace(trace);
    ASSERT_TRUE(bytes);
    RecordProperty("bytes", static_cast<int>(bytes->size()));
    EXPECT_LT(bytes->size(), 300U * 1000U);
    const auto back = decodeTrace(*bytes);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->carried, trace.carried);
    EXPECT_EQ(back->documentBegin, trace.documentBegin);
    EXPECT_EQ(back->promptTokens, trace.promptTokens);
    expectNear(back->scores, trace.scores);
    expectNear(back->attention, trace.attention);
}

TEST(TraceCodecTest, WhatLayersKeepFitsToo) {
    // 24 layers of 2 heads, half of the positions, in the blocks that the archive makes of so many.
    Trace trace = largeTrace(100000);
    std::mt19937 random(9);
    trace.keptStep = 16;
    trace.notRead = {{40, 2048}, {2048, 4096}, {9000, 9001}};
    trace.kept.resize(24, std::vector<std::vector<TokenRange>>(2));
    for (auto& layer : trace.kept) {
        for (auto& head : layer) {
            for (std::uint32_t at = 0; at < trace.promptTokens; at += 16) {
                if (random() % 2 == 0) continue;
                if (head.empty() || head.back().end != at) head.push_back({at, at});
                head.back().end = std::min(at + 16, trace.promptTokens);
            }
        }
    }
    trace.kept[3].clear();  // keeps everything
    const auto bytes = encodeTrace(trace);
    ASSERT_TRUE(bytes);
    RecordProperty("bytes", static_cast<int>(bytes->size()));
    EXPECT_LT(bytes->size(), 300U * 1000U);
    const auto back = decodeTrace(*bytes);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->kept, trace.kept);
    EXPECT_EQ(back->keptStep, 16U);
    EXPECT_EQ(back->notRead, trace.notRead);
}

TEST(TraceCodecTest, KeepsEdgeValues) {
    Trace trace;
    trace.promptTokens = std::numeric_limits<std::uint32_t>::max();
    trace.carried = {{0, 1}, {trace.promptTokens - 1, trace.promptTokens}};
    trace.scores = {0, std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max()};
    const auto back = decodeTrace(*encodeTrace(trace));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->carried, trace.carried);
    EXPECT_EQ(back->scores[0], 0);
    EXPECT_GT(back->scores[1], 0);
    EXPECT_EQ(back->scores[2], std::numeric_limits<float>::max());
    EXPECT_TRUE(decodeTrace(*encodeTrace({}))->carried.empty());
    Trace zeros;
    zeros.promptTokens = 3;
    zeros.scores = {0, 0, 0};
    EXPECT_EQ(decodeTrace(*encodeTrace(zeros))->scores, zeros.scores);
}

TEST(TraceCodecTest, RefusesWhatIsNoTrace) {
    const auto refused = [](auto change) {
        Trace trace;
        trace.promptTokens = 10;
        trace.carried = {{0, 2}, {4, 6}};
        trace.scores = {1, 2};
        change(trace);
        const auto bytes = encodeTrace(trace);
        return !bytes && bytes.error().code == ErrorCode::InvalidArgument;
    };
    EXPECT_TRUE(refused([](Trace& t) { t.carried[1] = {2, 4}; })) << "touching";
    EXPECT_TRUE(refused([](Trace& t) { t.carried[1] = {1, 4}; })) << "overlapping";
    EXPECT_TRUE(refused([](Trace& t) { t.carried[1] = {5, 5}; })) << "empty";
    EXPECT_TRUE(refused([](Trace& t) { t.carried[1] = {9, 11}; })) << "behind the end";
    EXPECT_TRUE(refused([](Trace& t) { t.scores.resize(11); })) << "too many scores";
    EXPECT_TRUE(refused([](Trace& t) { t.scores[0] = -1; }));
    EXPECT_TRUE(refused([](Trace& t) { t.attention = {std::nanf("")}; }));
    EXPECT_TRUE(refused([](Trace& t) { t.attention = {INFINITY}; }));
    EXPECT_FALSE(encodeRanges({{4, 6}, {5, 7}}));
    EXPECT_FALSE(encodeRanges({{4, 3}}));
}

TEST(TraceCodecTest, DamagedBytesAreSaidToBe) {
    // Qt warns of each.
    const auto before = qInstallMessageHandler([](QtMsgType, const QMessageLogContext&, const QString&) {});
    const std::string good = *encodeTrace(largeTrace(500));
    for (std::size_t size = 0; size < good.size(); size += 7) {
        const auto back = decodeTrace(std::string_view(good).substr(0, size));
        ASSERT_FALSE(back) << size;
        ASSERT_EQ(back.error().code, ErrorCode::Damaged);
    }
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string bytes = good;
        bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
        // qUncompress takes the length in front as a hint only, so a flip there may go unnoticed.
        if (const auto back = decodeTrace(bytes)) {
            ASSERT_TRUE(at >= 1 && at < 5) << at;
            ASSERT_EQ(*encodeTrace(*back), good);
        }
    }
    EXPECT_FALSE(decodeTrace(std::string("\x01\x7f\xff\xff\xff\x78\x9c", 7))) << "a length of 2 GiB";
    EXPECT_FALSE(decodeTrace(*encodeRanges({{1, 2}}))) << "ranges are no trace";
    qInstallMessageHandler(before);
}

class StoreTraceTest : public StoreTest {};

TEST_F(StoreTraceTest, TracesAndTokenMapsComeBack) {
    open();
    const RowId document = addDocument();
    std::vector<ByteRange> map;
    map.reserve(5000);
    for (std::uint32_t i = 0; i < 5000; ++i)
        map.push_back({i * 4, i * 4 + 3 + i % 2});
    Trace trace = largeTrace(5000);
    trace.tokenMap = *m_store->addTokenMap(document, map).get();
    EXPECT_EQ(*m_store->addTokenMap(document, map).get(), trace.tokenMap) << "the same map is kept once";
    map.pop_back();
    EXPECT_NE(*m_store->addTokenMap(document, map).get(), trace.tokenMap);
    EXPECT_EQ(m_store->addTokenMap(document, {{3, 2}}).get().error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(m_store->addTokenMap(999, map).get().error().code, ErrorCode::NotFound);

    Exchange e = sampleExchange(addConversation(document));
    e.id = *m_store->beginExchange(e).get();
    ASSERT_TRUE(m_store->finishExchange(e, {}, {}, trace).get());
    const auto back = *reader()->trace(e.id);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->carried, trace.carried);
    EXPECT_EQ(back->tokenMap, trace.tokenMap);
    EXPECT_EQ(reader()->tokenMap(back->tokenMap)->size(), 5000U);
    trace.tokenMap = 999;
    EXPECT_EQ(m_store->finishExchange(e, {}, {}, trace).get().error().code, ErrorCode::NotFound);
    EXPECT_TRUE(*reader()->trace(e.id)) << "a refused write undoes nothing else";
}

}  // namespace
}  // namespace kvasir
