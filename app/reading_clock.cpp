#include "app/reading_clock.h"

#include <algorithm>

namespace kvasir {

void ReadingClock::start(std::int64_t done, Clock::time_point now) {
    m_last = now;
    m_done = done;
}

void ReadingClock::advance(std::int64_t done, Clock::time_point now) {
    const double seconds = std::chrono::duration<double>(now - m_last).count();
    const double n = static_cast<double>(done - m_done), p = static_cast<double>(done + m_done) / 2;
    m_nn += n * n;
    m_nnp += n * n * p;
    m_nnpp += n * n * p * p;
    m_ns += n * seconds;
    m_nps += n * p * seconds;
    m_measured += done - m_done;
    m_last = now;
    m_done = done;
}

double ReadingClock::secondsLeft(std::int64_t all) const {
    if (m_measured < 1) return -1;
    const double determinant = m_nn * m_nnpp - m_nnp * m_nnp;
    double constant = m_ns / m_nn, slope = 0;
    if (determinant > 1e-9 * m_nn * m_nnpp) {
        // A negative slope is noise of the first chunks.
        slope = std::max(0.0, (m_nn * m_nps - m_nnp * m_ns) / determinant);
        constant = std::max(0.0, (m_ns - slope * m_nnp) / m_nn);
    }
    const double from = static_cast<double>(m_done), to = static_cast<double>(all);
    return constant * (to - from) + slope * (to * to - from * from) / 2;
}

}  // namespace kvasir
