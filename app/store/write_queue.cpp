#include "app/store/write_queue.h"

#include <algorithm>
#include <future>
#include <utility>

#include <SQLiteCpp/Savepoint.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include "app/store/database.h"

namespace kvasir {

WriteQueue::WriteQueue(std::unique_ptr<SQLite::Database> database, std::filesystem::path folder,
                       std::chrono::milliseconds delay, std::function<void(const Error&)> onError)
    : m_database(std::move(database)),
      m_folder(std::move(folder)),
      m_delay(delay),
      m_onError(std::move(onError)),
      m_thread([this] { run(); }) {}

WriteQueue::~WriteQueue() {
    {
        const std::lock_guard lock(m_mutex);
        m_stop = true;
    }
    m_wake.notify_one();
    m_thread.join();
}

void WriteQueue::post(WriteJob job) {
    {
        const std::lock_guard lock(m_mutex);
        const auto queued = std::find_if(m_jobs.begin(), m_jobs.end(), [&](const WriteJob& other) {
            return job.key != 0 && other.key == job.key;
        });
        if (queued != m_jobs.end()) {
            queued->work = std::move(job.work);
            return;
        }
        job.postedAt = std::chrono::steady_clock::now();
        m_hurry = m_hurry || job.urgency == WriteJob::Urgency::Now;
        m_jobs.push_back(std::move(job));
    }
    m_wake.notify_one();
}

Result<void> WriteQueue::flush() {
    const auto reached = std::make_shared<std::promise<void>>();
    WriteJob marker;
    marker.work = [](SQLite::Database&) {};
    marker.done = [reached](const Result<void>&) { reached->set_value(); };
    post(std::move(marker));
    reached->get_future().wait();
    const std::lock_guard lock(m_mutex);
    return std::exchange(m_sinceFlush, {});
}

void WriteQueue::run() {
    std::unique_lock lock(m_mutex);
    for (;;) {
        m_wake.wait(lock, [&] { return m_stop || !m_jobs.empty(); });
        if (m_jobs.empty()) return;
        m_wake.wait_until(lock, m_jobs.front().postedAt + m_delay, [&] { return m_stop || m_hurry; });
        std::vector<WriteJob> jobs = std::exchange(m_jobs, {});
        m_hurry = false;
        lock.unlock();
        commit(jobs);
        lock.lock();
    }
}

void WriteQueue::commit(std::vector<WriteJob>& jobs) {
    std::vector<Result<void>> outcomes(jobs.size());
    try {
        SQLite::Transaction transaction(*m_database, SQLite::TransactionBehavior::IMMEDIATE);
        runJobs(jobs, outcomes);
        transaction.commit();
    } catch (...) {
        const Error error = currentError(m_folder);
        std::fill(outcomes.begin(), outcomes.end(), tl::unexpected(error));
    }
    clean(jobs);
    finish(jobs, outcomes);
}

void WriteQueue::runJobs(const std::vector<WriteJob>& jobs, std::vector<Result<void>>& outcomes) {
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        outcomes[i] = runOne(jobs[i]);
        if (outcomes[i]) continue;
        const ErrorCode code = outcomes[i].error().code;
        const bool ofTheJob = code == ErrorCode::NotFound || code == ErrorCode::InvalidArgument ||
                              code == ErrorCode::TooLarge || code == ErrorCode::Internal;
        if (!ofTheJob) throw StoreFailure(outcomes[i].error());
    }
}

Result<void> WriteQueue::runOne(const WriteJob& job) {
    try {
        SQLite::Savepoint savepoint(*m_database, "job");
        job.work(*m_database);
        savepoint.release();
        return {};
    } catch (...) {
        return tl::unexpected(currentError(m_folder));
    }
}

void WriteQueue::clean(const std::vector<WriteJob>& jobs) {
    auto needed = WriteJob::Cleanup::None;
    for (const WriteJob& job : jobs)
        needed = std::max(needed, job.cleanup);
    if (needed == WriteJob::Cleanup::None) return;
    // Best effort: a reader that is still looking keeps the log until the next time.
    if (needed == WriteJob::Cleanup::All) m_database->tryExec("VACUUM");
    m_database->tryExec("PRAGMA wal_checkpoint(TRUNCATE)");
}

void WriteQueue::finish(const std::vector<WriteJob>& jobs, const std::vector<Result<void>>& outcomes) {
    std::string reported;
    for (const Result<void>& outcome : outcomes) {
        if (outcome || outcome.error().message() == reported) continue;
        reported = outcome.error().message();
        {
            const std::lock_guard lock(m_mutex);
            if (m_sinceFlush) m_sinceFlush = outcome;
        }
        if (m_onError) m_onError(outcome.error());
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (jobs[i].done) jobs[i].done(outcomes[i]);
    }
}

}  // namespace kvasir
