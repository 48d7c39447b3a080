// The CPU back end's workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

namespace kvasir::kernels {

/// Runs numbered tiles on a fixed set of threads. One thread uses it at a time, and works along as worker 0.
///
/// Decoding makes hundreds of short calls per token, so workers look for work for a moment before they sleep;
/// they sleep in between answers. A worker that the system does not let run is not waited for, unless it
/// holds a tile: the others finish the work. Workers inherit the scheduling policy of the thread that makes
/// the pool.
class ThreadPool {
public:
    /// `threads` >= 1, the caller among them. Fewer when the system gives no more.
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int threads() const { return static_cast<int>(m_workers.size()) + 1; }

    /// Calls body(tile, worker) for every tile in [0, tiles), each once, in any order, and returns when all
    /// are done; after a stop request the tiles that have not begun are left out. `body` does not throw.
    template <typename Body>
    void run(std::int64_t tiles, const std::stop_token& stop, const Body& body) {
        const Task task{[](const void* context, std::int64_t tile, int worker) {
                            (*static_cast<const Body*>(context))(tile, worker);
                        },
                        &body, tiles, &stop};
        runTask(task);
    }

private:
    struct Task {
        void (*call)(const void* context, std::int64_t tile, int worker) = nullptr;
        const void* context = nullptr;
        std::int64_t tiles = 0;
        const std::stop_token* stop = nullptr;
    };

    void runTask(const Task& task);
    void runTiles(const Task& task, int worker);
    void work(int worker);
    /// Takes part in the round that is open, if one is.
    void join(int worker);
    std::uint32_t waitForRound(std::uint32_t seen) const;

    Task m_task;                            ///< written while the gate is closed and nobody is inside
    std::atomic<std::int64_t> m_next{0};    ///< the next tile
    std::atomic<std::uint32_t> m_gate{0};   ///< number of workers inside, and kOpen
    std::atomic<std::uint32_t> m_round{0};  ///< counts tasks; workers sleep on it
    std::atomic<bool> m_quit{false};
    std::vector<std::thread> m_workers;
};

}  // namespace kvasir::kernels
