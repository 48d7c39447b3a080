#include "app/reading_clock.h"

#include <gtest/gtest.h>

namespace kvasir {
namespace {

using Seconds = std::chrono::duration<double>;

/// A reading in which the token at position p takes a + b * p seconds.
struct Cost {
    double a = 0, b = 0;
    double until(double p) const { return a * p + b * p * p / 2; }
};

ReadingClock::Clock::time_point at(double seconds) {
    return ReadingClock::Clock::time_point() +
           std::chrono::duration_cast<ReadingClock::Clock::duration>(Seconds(seconds));
}

class Estimate : public testing::TestWithParam<Cost> {};

TEST_P(Estimate, IsRightAfterATenth) {
    constexpr std::int64_t kAll = 30000, kChunk = 256;
    ReadingClock clock;
    clock.start(0, at(0));
    EXPECT_LT(clock.secondsLeft(kAll), 0) << "nothing is known before the first chunk";
    for (std::int64_t done = kChunk; done < kAll; done += kChunk) {
        // Every other chunk is 5 % slow.
        const double noise = (done / kChunk) % 2 == 0 ? 1.05 : 1.0;
        const double before = GetParam().until(static_cast<double>(done - kChunk));
        clock.start(done - kChunk, at(before));
        clock.advance(done, at(before + noise * (GetParam().until(static_cast<double>(done)) - before)));
        if (done < kAll / 10) continue;
        const double left = GetParam().until(kAll) - GetParam().until(static_cast<double>(done));
        EXPECT_NEAR(clock.secondsLeft(kAll), left, 0.2 * left) << done;
    }
    EXPECT_NEAR(clock.secondsLeft(kAll), 0, GetParam().until(kAll) / 50);
}

INSTANTIATE_TEST_SUITE_P(Costs, Estimate,
                         testing::Values(Cost{0.01, 0}, Cost{0.002, 1e-6}, Cost{0.0001, 1e-6},
                                         Cost{0, 1e-6}));

// Two chunks of a short document, the first one slowed down by what happens only once: reading the model's
// file. With what is expected of the model the rest is known all the same.
TEST(ReadingClock, ExpectsLaterTokensToTakeLonger) {
    constexpr std::int64_t kAll = 8192, kChunk = 1024;
    const Cost cost{1e-3, 1e-3 / 2600};
    const auto leftAfter = [&](ReadingClock clock, std::int64_t chunks, double growth) {
        for (std::int64_t i = 0; i < chunks; ++i) {
            const double first = i == 0 ? 1.2 : 1.0;
            const double before = cost.until(static_cast<double>(i * kChunk));
            clock.start(i * kChunk, at(before));
            clock.advance((i + 1) * kChunk,
                          at(before + first * (cost.until(static_cast<double>((i + 1) * kChunk)) - before)));
        }
        const double left = cost.until(kAll) - cost.until(static_cast<double>(chunks * kChunk));
        EXPECT_EQ(std::abs(clock.secondsLeft(kAll) / left - 1) < 0.2, growth > 0)
            << chunks << " chunks: " << clock.secondsLeft(kAll) << " for " << left;
    };
    for (const std::int64_t chunks : {1, 2}) {
        leftAfter(ReadingClock(1.0 / 2600), chunks, 1.0 / 2600);
        leftAfter(ReadingClock(1.0 / 3500), chunks, 1.0 / 3500);
        leftAfter(ReadingClock(), chunks, 0);
    }
}

TEST(ReadingClock, CostGrowsWithTheLayersThatAttendToEverything) {
    ModelConfig model;
    model.heads = 14;
    model.kvHeads = 2;
    model.headSize = 64;
    model.width = 896;
    model.feedForward = 4864;
    const double all = costGrowth(model);
    EXPECT_NEAR(1 / all, 2768, 50);
    model.sliding = 512;
    EXPECT_EQ(costGrowth(model), 0);
    model.slidingPeriod = 6;
    EXPECT_DOUBLE_EQ(costGrowth(model), all / 6);
}

TEST(ReadingClock, TimeBetweenReadingsDoesNotCount) {
    ReadingClock clock;
    clock.start(0, at(0));
    clock.advance(100, at(1));
    clock.start(100, at(1000));  // a question was answered meanwhile
    clock.advance(200, at(1001));
    EXPECT_NEAR(clock.secondsLeft(1000), 8, 0.1);
}

}  // namespace
}  // namespace kvasir
