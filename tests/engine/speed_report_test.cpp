// What llama-bench prints, rows, ratios and the table of measured speeds.
#include "engine/bench/speed_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/bench/llama_bench.h"

namespace kvasir::bench {
namespace {

constexpr const char* kOutput = R"([
  {"build_commit": "abc", "n_threads": 2, "n_prompt": 2048, "n_gen": 0, "n_depth": 0, "avg_ns": 4000000000,
   "samples_ns": [ 4000000000, 4200000000 ], "samples_ts": [ 512.0, 487.6 ]},
  {"n_prompt": 40, "n_gen": 0, "n_depth": 2008, "avg_ns": 120000000, "samples_ns": [ 120000000 ]},
  {"n_prompt": 0, "n_gen": 48, "n_depth": 2008, "avg_ns": 800000000, "samples_ns": [ 800000000 ]}
])";

PeerQuestion question() {
    return {"/models/a.gguf", 2048, 40, 48, 2, false};
}

TEST(LlamaBench, outputBecomesSamples) {
    const auto results = parseLlamaBench(kOutput);
    ASSERT_TRUE(results) << results.error().message();
    ASSERT_EQ(results->size(), 3);
    EXPECT_EQ((*results)[0].prompt, 2048);
    EXPECT_THAT((*results)[0].milliseconds, testing::ElementsAre(4000.0, 4200.0));
    Samples samples;
    addPeerSamples(question(), *results, samples);
    EXPECT_THAT(samples[std::string(quantity::kFullPrefill)], testing::ElementsAre(4000.0, 4200.0));
    EXPECT_THAT(samples[std::string(quantity::kAfterFull)], testing::ElementsAre(120.0));
    EXPECT_THAT(samples[std::string(quantity::kDecodeFull)], testing::ElementsAre(60.0));
    EXPECT_EQ(samples.size(), 3);
}

TEST(LlamaBench, otherOutputIsRefused) {
    for (const char* text :
         {"", "error: no model", "{}", "[]", "[1]", R"([{"n_prompt": 1, "n_gen": 0, "n_depth": 0}])",
          R"([{"n_prompt": 1, "n_gen": 0, "n_depth": 0, "samples_ns": []}])",
          R"([{"n_prompt": 1, "n_gen": 0, "n_depth": 0, "samples_ns": ["1"]}])",
          R"([{"n_prompt": 1, "n_gen": 0, "n_depth": 0, "samples_ns": [0]}])",
          R"([{"n_prompt": "1", "n_gen": 0, "n_depth": 0, "samples_ns": [1]}])",
          R"([{"n_prompt": 1, "n_gen": -1, "n_depth": 0, "samples_ns": [1]}])",
          R"([{"n_prompt": 1, "n_gen": 0, "samples_ns": [1]}])"}) {
        const auto results = parseLlamaBench(text);
        ASSERT_FALSE(results) << text;
        EXPECT_EQ(results.error().code, ErrorCode::Damaged);
        EXPECT_FALSE(results.error().where.empty());
    }
}

TEST(LlamaBench, isAskedColdAndBehindAHeldPrefix) {
    const auto calls = llamaBenchArguments(question());
    ASSERT_EQ(calls.size(), 2);
    EXPECT_THAT(calls[0], testing::ElementsAre("-m", "/models/a.gguf", "-t", "2", "-ngl", "0", "-r", "1",
                                               "-o", "json", "-p", "2048", "-n", "0"));
    EXPECT_THAT(calls[1], testing::ElementsAre("-m", "/models/a.gguf", "-t", "2", "-ngl", "0", "-r", "1",
                                               "-o", "json", "-p", "40", "-n", "48", "-d", "2008"));
}

TEST(Spread, medianOfEvenAndOddCounts) {
    EXPECT_EQ(spreadOf({3}).median, 3);
    EXPECT_EQ(spreadOf({4, 1}).median, 2.5);
    const Spread spread = spreadOf({9, 1, 5});
    EXPECT_EQ(spread.median, 5);
    EXPECT_EQ(spread.least, 1);
    EXPECT_EQ(spread.most, 9);
}

std::vector<Measured> measured() {
    return {{"a",
             std::string(kOurs),
             2048,
             {{"full_prefill", {2000, 2000}},
              {"cold_quick", {1000}},
              {"resident_quick", {100}},
              {"after_full", {50}},
              {"decode_full", {30}},
              {"decode_10", {60}}}},
            {"a", "slow", 2048, {{"full_prefill", {8000}}, {"after_full", {400}}, {"decode_full", {10}}}},
            {"a", "fast", 2048, {{"full_prefill", {4000}}, {"after_full", {100}}, {"decode_full", {20}}}},
            {"a", "fast", 4096, {{"full_prefill", {1}}}}};
}

TEST(SpeedReport, ratiosAreOursOverTheFastestPeer) {
    const auto ratios = ratiosOf(measured());
    EXPECT_EQ(ratios["dense"]["a"]["2048"], 2.0);
    EXPECT_EQ(ratios["cold_quick"]["a"]["2048"], 4.0);
    EXPECT_EQ(ratios["resident_quick"]["a"]["2048"], 40.0);
    EXPECT_EQ(ratios["after_full"]["a"]["2048"], 80.0);
    EXPECT_EQ(ratios["warm"]["a"]["2048"], 2.0);
    EXPECT_EQ(ratios["decode_full"]["a"]["2048"], 1.5);
    EXPECT_EQ(ratios["decode_10"]["a"]["2048"], 3.0);
    EXPECT_EQ(ratios.size(), 7);
}

TEST(SpeedReport, withoutPeersThereAreNoRatios) {
    const auto ratios = ratiosOf({measured().front()});
    EXPECT_EQ(ratios.size(), 7);
    for (const auto& ratio : ratios)
        EXPECT_TRUE(ratio.empty());
}

TEST(SpeedReport, aRowForEachQuantity) {
    const auto rows = rowsOf(measured());
    ASSERT_EQ(rows.size(), 13);
    EXPECT_EQ(rows[0]["model"], "a");
    EXPECT_EQ(rows[0]["program"], "kvasir");
    EXPECT_EQ(rows[0]["length"], 2048);
    EXPECT_EQ(rows[0]["quantity"], "full_prefill");
    EXPECT_EQ(rows[0]["unit"], "ms");
    EXPECT_EQ(rows[0]["median"], 2000.0);
    EXPECT_EQ(rows[0]["samples"], 2);
    EXPECT_EQ(rows[4]["unit"], "tokens/s");
}

TEST(SpeedReport, theTableHoldsPeersBesideUs) {
    const std::string table = tableOf(measured());
    EXPECT_THAT(table, testing::HasSubstr("a, 2048 tokens\n"));
    EXPECT_THAT(table,
                testing::HasSubstr("full prefill                           kvasir          2000.00 ms"));
    EXPECT_THAT(table, testing::HasSubstr("reads 1024 tokens/s"));
    EXPECT_THAT(table, testing::HasSubstr("fast            4000.00 ms"));
    EXPECT_THAT(
        table, testing::HasSubstr("writing, 10 % K/V                      kvasir            60.00 tokens/s"));
    EXPECT_THAT(table, testing::HasSubstr("dense 2.00, cold_quick 4.00"));
    EXPECT_THAT(table, testing::Not(testing::HasSubstr("4096")));
}

}  // namespace
}  // namespace kvasir::bench
