#include "kernels/cpu/thread_pool.h"

#include <system_error>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace kvasir::kernels {
namespace {

constexpr std::uint32_t kOpen = 0x80000000U;
/// About 50 microseconds: longer than the engine takes between two operations, too short to be noticed.
constexpr int kSpins = 1500;

void pauseBriefly() {
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
    for (int worker = 1; worker < threads; ++worker) {
        try {
            m_workers.emplace_back([this, worker] { work(worker); });
        } catch (const std::system_error&) {
            break;  // a limit on processes: the same results with fewer threads
        }
    }
}

ThreadPool::~ThreadPool() {
    m_quit.store(true);
    m_round.fetch_add(1);
    m_round.notify_all();
    for (std::thread& worker : m_workers) {
        worker.join();
    }
}

void ThreadPool::runTask(const Task& task) {
    m_next.store(0, std::memory_order_relaxed);
    if (m_workers.empty() || task.tiles <= 1) {
        runTiles(task, 0);
        return;
    }
    m_task = task;
    m_gate.store(kOpen, std::memory_order_release);
    m_round.fetch_add(1);
    m_round.notify_all();
    runTiles(task, 0);
    std::uint32_t inside = m_gate.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
    for (int spin = 0; inside != 0; ++spin) {
        if (spin < kSpins) {
            pauseBriefly();
        } else {
            m_gate.wait(inside);
        }
        inside = m_gate.load(std::memory_order_acquire);
    }
}

void ThreadPool::runTiles(const Task& task, int worker) {
    while (!task.stop->stop_requested()) {
        const std::int64_t tile = m_next.fetch_add(1, std::memory_order_relaxed);
        if (tile >= task.tiles) return;
        task.call(task.context, tile, worker);
    }
}

void ThreadPool::work(int worker) {
    std::uint32_t seen = 0;
    while (true) {
        seen = waitForRound(seen);
        if (m_quit.load()) return;
        join(worker);
    }
}

std::uint32_t ThreadPool::waitForRound(std::uint32_t seen) const {
    for (int spin = 0; spin < kSpins; ++spin) {
        const std::uint32_t round = m_round.load(std::memory_order_acquire);
        if (round != seen) return round;
        pauseBriefly();
    }
    m_round.wait(seen);
    return m_round.load(std::memory_order_acquire);
}

void ThreadPool::join(int worker) {
    std::uint32_t gate = m_gate.load(std::memory_order_relaxed);
    do {
        if ((gate & kOpen) == 0) return;
    } while (!m_gate.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel));
    // Inside: m_task stays as it is until everybody has left.
    runTiles(m_task, worker);
    if (m_gate.fetch_sub(1, std::memory_order_acq_rel) == 1) m_gate.notify_all();
}

}  // namespace kvasir::kernels
