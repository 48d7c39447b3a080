// How long a reading will still take, from what it took so far.
#pragma once

#include <chrono>
#include <cstdint>

#include "engine/family.h"

namespace kvasir {

/// What a token's attention to one earlier token costs beside all that does not depend on its position, by
/// operations; on a processor, where the matrices' small integers are about three times as fast.
double costGrowth(const ModelConfig& model);

/// A token costs a constant a (the matrices) and something that grows with its position (attention), b for
/// each: fitted to what was measured by least squares, so the estimate holds although later pages take
/// longer. The first few chunks say little about b: `growth` is what b/a is expected to be, and counts as
/// much as a dozen of them. One thread.
class ReadingClock {
public:
    using Clock = std::chrono::steady_clock;

    ReadingClock() = default;  ///< expects nothing
    explicit ReadingClock(double growth) : m_growth(growth) {}

    /// `done` tokens are read at the moment.
    void start(std::int64_t done, Clock::time_point now = Clock::now());
    void advance(std::int64_t done, Clock::time_point now = Clock::now());
    /// Seconds for the tokens [done, all); < 0 while too little was measured.
    double secondsLeft(std::int64_t all) const;

private:
    Clock::time_point m_last;
    std::int64_t m_done = 0;
    // Sums over chunks of n tokens around position p that took s seconds: s = n * (a + b * p).
    double m_nn = 0, m_nnp = 0, m_nnpp = 0, m_ns = 0, m_nps = 0;
    std::int64_t m_measured = 0, m_chunks = 0;
    double m_growth = 0;
};

}  // namespace kvasir
