// The writer's thread and its queue.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <SQLiteCpp/Database.h>

#include "engine/error.h"

namespace kvasir {

struct WriteJob {
    enum class Urgency : std::uint8_t {
        Now,   ///< commit at once
        Soon,  ///< wait up to the commit delay for other writes
    };
    enum class Cleanup : std::uint8_t {
        None,
        Log,  ///< what was deleted must not stay readable in the write-ahead log
        All,  ///< give the space back as well
    };

    std::function<void(SQLite::Database&)> work;  ///< may throw
    std::function<void(const Result<void>&)>
        done;  ///< after the commit, on the writer's thread; may be empty
    Urgency urgency = Urgency::Now;
    Cleanup cleanup = Cleanup::None;
    /// A job that is still queued under the same key (not 0) is replaced, in its place in the queue.
    std::int64_t key = 0;
    std::chrono::steady_clock::time_point postedAt{};
};

/// Runs jobs in the order of posting, many in one transaction, each within a savepoint of its own. Owns the
/// connection. A job's failure undoes that job; a failure of the disk undoes and fails the whole transaction.
class WriteQueue {
public:
    WriteQueue(std::unique_ptr<SQLite::Database> database, std::filesystem::path folder,
               std::chrono::milliseconds delay, std::function<void(const Error&)> onError);
    /// Runs what is queued.
    ~WriteQueue();
    WriteQueue(const WriteQueue&) = delete;
    WriteQueue& operator=(const WriteQueue&) = delete;

    /// Any thread.
    void post(WriteJob job);
    /// Waits until everything posted before is on the disk; the first error since the last flush.
    Result<void> flush();

private:
    void run();
    void commit(std::vector<WriteJob>& jobs);
    void runJobs(const std::vector<WriteJob>& jobs, std::vector<Result<void>>& outcomes);
    Result<void> runOne(const WriteJob& job);
    void clean(const std::vector<WriteJob>& jobs);
    void finish(const std::vector<WriteJob>& jobs, const std::vector<Result<void>>& outcomes);

    std::unique_ptr<SQLite::Database> m_database;  // used by the thread only
    const std::filesystem::path m_folder;
    const std::chrono::milliseconds m_delay;
    const std::function<void(const Error&)> m_onError;

    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::vector<WriteJob> m_jobs;
    Result<void> m_sinceFlush;
    bool m_hurry = false;
    bool m_stop = false;
    std::thread m_thread;  // last: it starts when everything else is there
};

}  // namespace kvasir
