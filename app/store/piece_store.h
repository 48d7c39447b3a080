// Kept readings: what was computed for documents, on the disk, so that nothing is read twice.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "app/store/store.h"
#include "engine/error.h"
#include "engine/piece_file.h"
#include "engine/piece_staging.h"

namespace kvasir {

/// Writes pieces on a thread of its own, at most kMostWaiting bytes of them waiting; reads them on the
/// caller's. Everything else is the Store's: the index, the budget's keeping, what goes with a document. Any
/// thread may call any method. An error of writing (NoSpace, ReadOnly, Unreadable) ends the keeping until the
/// budget is set or all is removed; answers do not depend on it.
class PieceStore {
public:
    /// Bytes of pieces that wait to be written.
    static constexpr std::size_t kMostWaiting = std::size_t{96} << 20;

    struct Options {
        std::int64_t budget = 0;                    ///< bytes; 0: nothing is kept
        std::function<void(const Error&)> onError;  ///< keeping ended; on the thread of this
        std::function<void()> onChange;             ///< usedBytes() changed; on the thread of this
    };
    /// `store` must outlive it.
    PieceStore(Store& store, Options options);
    /// Writes what waits.
    ~PieceStore();
    PieceStore(const PieceStore&) = delete;
    PieceStore& operator=(const PieceStore&) = delete;

    /// What the setting (gigabytes, "0" for none; empty: automatic) means: automatic is a tenth of what is
    /// free or already used for this, and at most 10 GB.
    static std::int64_t budgetOf(const std::string& setting, const Store& store);
    static constexpr const char* kBudgetSetting = "keptReadings";

    /// What does not fit any more is removed.
    void setBudget(std::int64_t bytes);
    std::int64_t budget() const;
    std::int64_t usedBytes() const { return m_store.pieceBytes(); }
    /// Removes all pieces. What is being read at the moment is not kept either.
    void removeAll();

    /// A number for one use of one document, larger than all before: its pieces carry it. Those with the
    /// smallest go first, and none makes others go that have the same or a larger one.
    std::int64_t newUse();
    /// Whether the user has not had everything removed since this number was given.
    bool isCurrent(std::int64_t use) const;

    struct Piece {
        PieceKey key{};
        PieceShape shape;
        PieceBlock file;     ///< its beginning is as writePiece wants it: room for the header, the contents
        std::string sha256;  ///< of the document
        std::int64_t use = 0;
    };
    /// Whether `save` takes a piece now.
    bool hasRoom() const;
    /// Whether pieces with this number, of the document with that sha256, are kept as far as is known:
    /// keeping has not ended, there was room for the last of them, and the document was not deleted.
    bool keeps(std::int64_t use, const std::string& sha256) const;
    /// To be written when its turn comes; dropped when such pieces are not kept.
    void save(Piece piece);
    /// Whether a piece is kept, or waits to be written.
    bool has(const PieceKey& key) const;
    /// Called on the thread of this whenever there is room again, and a piece's block is back; empty: nobody.
    /// Does not return while it is called.
    void setListener(std::function<void()> listener);
    /// Waits until nothing is left to be written or removed.
    void flush();

    /// As readPiece. A piece that is damaged or cannot be read is removed.
    Result<std::span<std::byte>> read(const PieceKey& key, const PieceShape& shape,
                                      std::span<std::byte> buffer);
    /// These were read for the document.
    void noteUse(const std::vector<PieceKey>& keys, const std::string& sha256, std::int64_t use);

private:
    void run();
    void write(Piece& piece);
    bool isWanted(std::int64_t use, const std::string& sha256) const;
    void tellListener();
    void end(const Error& error);

    Store& m_store;
    const Options m_options;
    const std::filesystem::path m_folder;

    mutable std::mutex m_mutex;
    std::condition_variable m_wake, m_done;
    std::deque<Piece> m_waiting;
    std::size_t m_waitingBytes = 0;
    std::int64_t m_budget = 0;
    std::int64_t m_lastUse = 0;
    std::int64_t m_endedUse = 0;  ///< uses up to this one are not kept any more
    // Uses up to m_fullUse had no room for so many bytes more.
    std::int64_t m_fullUse = 0, m_fullBytes = 0;
    std::map<std::string, std::int64_t> m_deleted;  ///< by sha256, up to which use: the document was deleted
    std::optional<std::int64_t> m_trimTo;           ///< to be done
    bool m_ended = false;
    bool m_working = true;  ///< first at tidying
    bool m_stop = false;

    std::mutex m_listenerMutex;
    std::function<void()> m_listener;
    std::thread m_thread;  // last: it starts when everything else is there
};

}  // namespace kvasir
