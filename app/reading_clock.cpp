#include "app/reading_clock.h"

#include <algorithm>

namespace kvasir {

double costGrowth(const ModelConfig& model) {
    constexpr double kIntegersFaster = 3;
    const double heads = model.heads, kvHeads = model.kvHeads, size = model.headSize, width = model.width;
    const double attention = 4 * heads * size;  // q.k and p.v
    const double matrices = 2 * width * (2 * (heads + kvHeads) * size + 3.0 * model.feedForward);
    // A layer that slides looks at the same number of tokens wherever it is.
    const double all = model.sliding == 0 ? 1 : model.slidingPeriod > 0 ? 1.0 / model.slidingPeriod : 0;
    return kIntegersFaster * all * attention / matrices;
}

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
    ++m_chunks;
    m_last = now;
    m_done = done;
}

double ReadingClock::secondsLeft(std::int64_t all) const {
    if (m_measured < 1) return -1;
    double constant = m_ns / m_nn, slope = m_growth * constant;
    // The expectation: so many more terms (n^2 * (b - growth * a))^2. Twelve chunks weigh as much.
    constexpr double kExpected = 100;
    const double n2 = m_nn / static_cast<double>(m_chunks), weight = m_growth > 0 ? kExpected * n2 * n2 : 0;
    const double aa = m_nn + weight * m_growth * m_growth, ab = m_nnp - weight * m_growth,
                 bb = m_nnpp + weight;
    const double determinant = aa * bb - ab * ab;
    if (determinant > 1e-9 * aa * bb) {
        // A negative slope is noise of the first chunks.
        slope = std::max(0.0, (aa * m_nps - ab * m_ns) / determinant);
        constant = std::max(0.0, (m_ns - slope * m_nnp) / m_nn);
    }
    const double from = static_cast<double>(m_done), to = static_cast<double>(all);
    return constant * (to - from) + slope * (to * to - from * from) / 2;
}

}  // namespace kvasir
