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
