// What another thread did, noted under a lock; waits for it are bounded.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "tests/patience.h"

namespace kvasir::test {

class Noted {
protected:
    template <typename Work>
    void note(Work work) {
        const std::lock_guard lock(m_mutex);
        work();
        m_changed.notify_all();
    }
    template <typename Condition>
    bool wait(Condition condition, std::chrono::seconds limit = std::chrono::seconds(300) * kPatience) {
        std::unique_lock lock(m_mutex);
        return m_changed.wait_for(lock, limit, condition);
    }

    std::mutex m_mutex;
    std::condition_variable m_changed;
};

}  // namespace kvasir::test
