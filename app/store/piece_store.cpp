#include "app/store/piece_store.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

namespace kvasir {

namespace fs = std::filesystem;

namespace {

std::size_t fileBytes(const PieceStore::Piece& piece) {
    return kPieceHeaderBytes + piece.shape.bytes();
}

}  // namespace

PieceStore::PieceStore(Store& store, Options options)
    : m_store(store),
      m_options(std::move(options)),
      m_folder(store.pieceFolder()),
      m_budget(m_options.budget),
      m_thread([this] { run(); }) {}

PieceStore::~PieceStore() {
    {
        const std::lock_guard lock(m_mutex);
        m_stop = true;
    }
    m_wake.notify_one();
    m_thread.join();
}

std::int64_t PieceStore::budgetOf(const std::string& setting, const Store& store) {
    constexpr std::int64_t kGigabyte = 1'000'000'000, kMostByItself = 10 * kGigabyte;
    std::int64_t gigabytes = 0;
    const auto read = std::from_chars(setting.data(), setting.data() + setting.size(), gigabytes);
    if (!setting.empty() && read.ec == std::errc() && gigabytes >= 0 && gigabytes < 1'000'000)
        return gigabytes * kGigabyte;
    std::error_code failed;
    const fs::space_info space = fs::space(store.pieceFolder().parent_path(), failed);
    if (failed) return 0;
    const auto there = static_cast<std::int64_t>(std::min<std::uintmax_t>(space.available, INT64_MAX / 2));
    return std::min(kMostByItself, (there + store.pieceBytes()) / 10);
}

void PieceStore::setBudget(std::int64_t bytes) {
    {
        const std::lock_guard lock(m_mutex);
        m_budget = bytes;
        m_ended = false;
        m_fullUse = 0;
        m_trimTo = bytes;
    }
    m_wake.notify_one();
}

std::int64_t PieceStore::budget() const {
    const std::lock_guard lock(m_mutex);
    return m_budget;
}

void PieceStore::removeAll() {
    {
        const std::lock_guard lock(m_mutex);
        m_endedUse = m_lastUse;
        m_ended = false;
        m_fullUse = 0;
        m_trimTo = 0;
    }
    m_wake.notify_one();
}

std::int64_t PieceStore::newUse() {
    const std::int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                                 std::chrono::system_clock::now().time_since_epoch())
                                 .count();
    const std::lock_guard lock(m_mutex);
    m_lastUse = std::max(now, m_lastUse + 1);
    return m_lastUse;
}

bool PieceStore::isCurrent(std::int64_t use) const {
    const std::lock_guard lock(m_mutex);
    return use > m_endedUse;
}

bool PieceStore::hasRoom() const {
    const std::lock_guard lock(m_mutex);
    return m_waitingBytes < kMostWaiting;
}

bool PieceStore::keeps(std::int64_t use, const std::string& sha256) const {
    const std::lock_guard lock(m_mutex);
    return isWanted(use, sha256);
}

/// With the lock held.
bool PieceStore::isWanted(std::int64_t use, const std::string& sha256) const {
    if (m_ended || m_budget <= 0 || use <= m_endedUse) return false;
    const auto deleted = m_deleted.find(sha256);
    if (deleted != m_deleted.end() && use <= deleted->second) return false;
    // What had no room has it when others went meanwhile.
    return use > m_fullUse || m_store.pieceBytes() + m_fullBytes <= m_budget;
}

void PieceStore::save(Piece piece) {
    {
        const std::lock_guard lock(m_mutex);
        if (!isWanted(piece.use, piece.sha256)) return;
        m_waitingBytes += fileBytes(piece);
        m_waiting.push_back(std::move(piece));
    }
    m_wake.notify_one();
}

bool PieceStore::has(const PieceKey& key) const {
    {
        const std::lock_guard lock(m_mutex);
        if (std::ranges::any_of(m_waiting, [&](const Piece& piece) { return piece.key == key; })) return true;
    }
    std::error_code failed;
    return fs::exists(m_folder / hexadecimal(key), failed);
}

void PieceStore::setListener(std::function<void()> listener) {
    const std::lock_guard lock(m_listenerMutex);
    m_listener = std::move(listener);
}

void PieceStore::flush() {
    std::unique_lock lock(m_mutex);
    m_done.wait(lock, [&] { return m_waiting.empty() && !m_trimTo && !m_working; });
}

Result<std::span<std::byte>> PieceStore::read(const PieceKey& key, const PieceShape& shape,
                                              std::span<std::byte> buffer) {
    const std::string name = hexadecimal(key);
    Result<std::span<std::byte>> contents = readPiece(m_folder / name, key, shape, buffer);
    const bool unusable = !contents && contents.error().code != ErrorCode::NotFound;
    // Waited for: what is read in its place may be written under the same name.
    if (unusable && contents.error().code != ErrorCode::InvalidArgument)
        static_cast<void>(m_store.removePiece(name).get());
    return contents;
}

void PieceStore::noteUse(const std::vector<PieceKey>& keys, const std::string& sha256, std::int64_t use) {
    std::vector<std::string> names;
    names.reserve(keys.size());
    for (const PieceKey& key : keys)
        names.push_back(hexadecimal(key));
    if (!names.empty()) m_store.usePieces(std::move(names), sha256, use);
}

// ---------------------------------------------------------------------------------------------------- thread
void PieceStore::run() {
    static_cast<void>(m_store.tidyPieces().get());  // a failure is reported by the store
    if (m_options.onChange) m_options.onChange();
    std::unique_lock lock(m_mutex);
    for (;;) {
        m_working = false;
        m_done.notify_all();
        m_wake.wait(lock, [&] { return m_stop || m_trimTo || !m_waiting.empty(); });
        m_working = true;
        if (const std::optional<std::int64_t> trim = std::exchange(m_trimTo, std::nullopt)) {
            lock.unlock();
            static_cast<void>(m_store.trimPieces(*trim).get());
            if (m_options.onChange) m_options.onChange();
            lock.lock();
        } else if (!m_waiting.empty()) {
            Piece& piece = m_waiting.front();  // it waits until it is there
            lock.unlock();
            write(piece);
            piece.file = {};  // whoever is told must find it
            lock.lock();
            m_waitingBytes -= fileBytes(piece);
            m_waiting.pop_front();
            lock.unlock();
            tellListener();
            lock.lock();
        } else {
            return;
        }
    }
}

void PieceStore::tellListener() {
    const std::lock_guard lock(m_listenerMutex);
    if (m_listener) m_listener();
}

void PieceStore::write(Piece& piece) {
    std::int64_t budget = 0;
    {
        const std::lock_guard lock(m_mutex);
        if (!isWanted(piece.use, piece.sha256)) return;
        budget = m_budget;
    }
    std::error_code failed;
    if (fs::create_directory(m_folder, failed)) fs::permissions(m_folder, fs::perms::owner_all, failed);
    PieceRecord record;
    record.key = hexadecimal(piece.key);
    record.sha256 = piece.sha256;
    record.late = piece.shape.stage == PieceStage::Late;
    record.firstRow = piece.shape.firstRow;
    record.bytes = static_cast<std::int64_t>(fileBytes(piece));
    record.usedAt = piece.use;
    if (const Result<void> written =
            writePiece(m_folder / record.key, piece.key, piece.shape, piece.file.first(fileBytes(piece)));
        !written) {
        end(written.error());
        return;
    }
    const std::int64_t bytes = record.bytes;
    const Result<PieceEntry> entry = m_store.addPiece(std::move(record), budget).get();
    if (!entry) {  // reported by the store; the file without a row goes at the next start
        const std::lock_guard lock(m_mutex);
        m_ended = true;
        return;
    }
    if (*entry != PieceEntry::Kept) {
        const std::lock_guard lock(m_mutex);
        if (*entry == PieceEntry::NoDocument) {
            std::int64_t& deleted = m_deleted[piece.sha256];
            deleted = std::max(deleted, piece.use);
        } else {
            m_fullUse = std::max(m_fullUse, piece.use);
            m_fullBytes = bytes;
        }
    }
    if (m_options.onChange) m_options.onChange();
}

void PieceStore::end(const Error& error) {
    {
        const std::lock_guard lock(m_mutex);
        m_ended = true;
    }
    if (m_options.onError) m_options.onError(error);
}

}  // namespace kvasir
