// How long a reading will still take, from what it took so far.
#pragma once

#include <chrono>
#include <cstdint>

namespace kvasir {

/// A token costs a constant (the matrices) and something that grows with its position (attention): fitted to
/// what was measured by least squares, so the estimate holds although later pages take longer. One thread.
class ReadingClock {
public:
    using Clock = std::chrono::steady_clock;

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
    std::int64_t m_measured = 0;
};

}  // namespace kvasir
