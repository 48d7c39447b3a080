#include "kernels/cpu/thread_pool.h"

#include <atomic>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>

namespace kvasir::kernels {
namespace {

TEST(ThreadPool, runsEveryTileOnce) {
    for (const int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        EXPECT_EQ(pool.threads(), threads);
        for (const std::int64_t tiles : {0, 1, 2, 7, 1000}) {
            std::vector<std::atomic<int>> runs(static_cast<std::size_t>(tiles));
            pool.run(tiles, {}, [&](std::int64_t tile, int worker) {
                EXPECT_LT(worker, threads);
                ++runs[static_cast<std::size_t>(tile)];
            });
            for (const auto& count : runs)
                EXPECT_EQ(count, 1);
        }
    }
}

TEST(ThreadPool, manyShortRounds) {
    ThreadPool pool(4);
    std::int64_t expected = 0;
    std::atomic<std::int64_t> sum{0};
    for (std::int64_t round = 0; round < 20000; ++round) {
        const std::int64_t tiles = round % 9;
        pool.run(tiles, {}, [&](std::int64_t tile, int) { sum += tile + round; });
        expected += tiles * (tiles - 1) / 2 + tiles * round;
        ASSERT_EQ(sum, expected);
    }
}

TEST(ThreadPool, wakesSleepingWorkers) {
    ThreadPool pool(2);
    for (int round = 0; round < 5; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // longer than workers look for work
        std::atomic<int> inside{0};
        std::atomic<bool> met{false};
        pool.run(2, {}, [&](std::int64_t, int) {
            // Each tile waits for the other: only two threads at once can end this.
            ++inside;
            const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
            while (inside < 2 && std::chrono::steady_clock::now() < end)
                std::this_thread::yield();
            if (inside == 2) met = true;
        });
        EXPECT_TRUE(met);
    }
}

TEST(ThreadPool, aStopRequestLeavesTheRestOut) {
    ThreadPool pool(3);
    std::stop_source stop;
    std::atomic<std::int64_t> runs{0};
    pool.run(1000000, stop.get_token(), [&](std::int64_t tile, int) {
        if (tile == 10) stop.request_stop();
        ++runs;
    });
    EXPECT_GE(runs, 11);
    EXPECT_LT(runs, 1000000);
    pool.run(5, stop.get_token(), [&](std::int64_t, int) { ADD_FAILURE(); });
}

}  // namespace
}  // namespace kvasir::kernels
