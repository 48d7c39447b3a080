// What a Store and a StoreReader hold. For this folder only.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <SQLiteCpp/Database.h>

#include <QLockFile>

#include "app/store/database.h"
#include "app/store/piece_index.h"
#include "app/store/search_tokenizer.h"
#include "app/store/store.h"
#include "app/store/store_reader.h"
#include "app/store/write_queue.h"

namespace kvasir {

struct Store::Parts {
    std::filesystem::path folder;
    std::unique_ptr<QLockFile> lock;  // outlives the queue, which owns the connection
    std::optional<Error> notice;
    std::atomic<std::int64_t> pieceBytes = 0;
    std::atomic<RowId> lastConversation = 0;  ///< the largest id that was ever given or reserved
    std::unique_ptr<WriteQueue> queue;        // last: its jobs use the rest

    // Work gives a T or throws; the Pending is ready after the commit.
    // `written`, if any, is called before, on the writer's thread.
    template <typename T, typename Work>
    Pending<T> submit(WriteJob::Urgency urgency, WriteJob::Cleanup cleanup, Work work,
                      std::function<void()> written = {}) {
        struct Outcome {
            std::promise<Result<T>> promise;
            Result<T> value{tl::unexpect, Error{}};
        };
        auto outcome = std::make_shared<Outcome>();
        Pending<T> pending = outcome->promise.get_future();
        WriteJob job;
        job.urgency = urgency;
        job.cleanup = cleanup;
        job.work = [outcome, work = std::move(work)](SQLite::Database& database) {
            if constexpr (std::is_void_v<T>) {
                work(database);
                outcome->value = {};
            } else {
                outcome->value = work(database);
            }
        };
        job.done = [outcome, written = std::move(written)](const Result<void>& result) {
            if (!result) outcome->value = tl::unexpected(result.error());
            if (result && written) written();
            outcome->promise.set_value(std::move(outcome->value));
        };
        queue->post(std::move(job));
        return pending;
    }

    template <typename T, typename Work>
    Pending<T> now(Work work) {
        return submit<T>(WriteJob::Urgency::Now, WriteJob::Cleanup::None, std::move(work));
    }

    // Work also names the pieces that are gone: after the commit their files go too.
    template <typename T, typename Work>
    Pending<T> changePieces(WriteJob::Cleanup cleanup, Work work) {
        struct Change {
            PieceNames gone;
            std::int64_t bytes = 0;
        };
        auto change = std::make_shared<Change>();
        return submit<T>(
            WriteJob::Urgency::Now, cleanup,
            [change, work = std::move(work)](SQLite::Database& database) {
                if constexpr (std::is_void_v<T>) {
                    work(database, change->gone);
                    change->bytes = totalOfPieces(database);
                } else {
                    T value = work(database, change->gone);
                    change->bytes = totalOfPieces(database);
                    return value;
                }
            },
            [this, change] {
                removePieceFiles(pieceFolder(), change->gone);
                pieceBytes = change->bytes;
            });
    }
    std::filesystem::path pieceFolder() const { return folder / "resident"; }
};

struct StoreReader::Parts {
    std::filesystem::path folder;
    std::unique_ptr<SQLite::Database> database;  // outlives the tokenizer
    std::unique_ptr<SearchTokenizer> tokenizer;

    /// Runs `work`, which gives a T or throws.
    template <typename T, typename Work>
    Result<T> guarded(Work work) const {
        try {
            return work(*database);
        } catch (...) {
            return tl::unexpected(currentError(folder));
        }
    }
};

}  // namespace kvasir
