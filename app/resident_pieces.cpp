#include "app/resident_pieces.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace kvasir {
namespace {

constexpr std::array kStages{PieceStage::Early, PieceStage::Late};
constexpr std::chrono::milliseconds kProgressEvery{100};

/// A block whose contents go up; it must stay as it is until they have arrived.
struct Rising {
    PieceBlock block;
    kernels::CopyId copy = 0;
};

}  // namespace

ResidentPieces::ResidentPieces(PieceStore& store, PieceStaging& staging, PieceKeys keys, std::string sha256,
                               std::int64_t use)
    : m_store(store), m_staging(staging), m_keys(std::move(keys)), m_sha256(std::move(sha256)), m_use(use) {}

ResidentPieces::~ResidentPieces() {
    handOver(true);
}

void ResidentPieces::moveTo(ResidentDocument* document, const HostCopy* copy) {
    handOver(true);
    m_document = document;
    m_copy = copy;
    if (document == nullptr) return;
    m_next = {};
    m_size = document->size();
    for (const PieceStage stage : kStages)
        m_first[index(stage)] = document->pieceShape(stage, 0);
}

void ResidentPieces::useAgain(std::int64_t use) {
    if (use <= m_use || !m_store.isCurrent(m_use)) return;
    m_use = use;
    m_next = {};
    noteKept();
}

void ResidentPieces::noteKept() {
    std::vector<PieceKey> kept;
    for (const PieceStage stage : kStages) {
        // From the beginning on: what stands behind a gap is of no use.
        for (std::int64_t i = 0; i < m_keys.count() && m_store.has(m_keys.key(stage, i)); ++i)
            kept.push_back(m_keys.key(stage, i));
    }
    m_store.noteUse(kept, m_sha256, m_use);
}

std::int64_t ResidentPieces::rowsOf(PieceStage stage) const {
    return stage == PieceStage::Early ? m_document->earlyRows() : m_document->lateRows();
}

void ResidentPieces::restore(PieceStage stage, const std::stop_token& stop,
                             const ResidentDocument::Progress& progress) {
    std::vector<PieceKey> taken;
    auto shown = std::chrono::steady_clock::now();
    std::array<Rising, 2> rising;
    std::size_t turn = 0;
    while (!stop.stop_requested() && rowsOf(stage) < m_document->size()) {
        const std::int64_t row = rowsOf(stage), piece = row / kPieceRows;
        const PieceShape shape = m_document->pieceShape(stage, row);
        // A GPU reads in other steps: a stopped reading may end within a piece.
        if (row % kPieceRows != 0) break;
        Rising& next = rising[turn++ % rising.size()];
        m_staging.backend().waitForCopy(std::exchange(next.copy, 0));
        if (!next.block) next.block = m_staging.waitFor(stop);
        if (!next.block) break;
        const PieceKey& key = m_keys.key(stage, piece);
        Result<std::span<std::byte>> contents = std::span<std::byte>();
        if (shape.bytes() > 0)  // T may be the last layer
            contents = m_store.read(key, shape, next.block.first(m_staging.blockBytes()));
        std::int64_t& sound = m_sound[index(stage)];
        sound = contents ? std::max(sound, piece + 1) : std::min(sound, piece);
        if (!contents) break;
        const Result<kernels::CopyId> copy = m_document->beginTakePiece(shape, contents->data());
        if (!copy) break;
        next.copy = *copy;
        taken.push_back(key);
        m_restored[index(stage)] += shape.rows;
        if (m_next[index(stage)] == piece) ++m_next[index(stage)];
        const auto now = std::chrono::steady_clock::now();
        if (!progress || now - shown < kProgressEvery) continue;
        shown = now;
        progress(rowsOf(stage), m_document->size());
    }
    for (const Rising& each : rising)
        m_staging.backend().waitForCopy(each.copy);
    m_store.noteUse(taken, m_sha256, m_use);
}

bool ResidentPieces::hasNext(PieceStage stage) const {
    const std::int64_t next = m_next[index(stage)];
    if (next >= m_keys.count() || !m_store.keeps(m_use, m_sha256)) return false;
    if (m_document != nullptr && m_document->isComplete(stage, next)) return true;
    return m_copy != nullptr && m_copy->piece(stage, next) != nullptr;
}

void ResidentPieces::save() {
    handOver(false);
    for (const PieceStage stage : kStages) {
        while (hasNext(stage)) {
            std::int64_t& next = m_next[index(stage)];
            if (next < m_sound[index(stage)] && m_store.has(m_keys.key(stage, next))) {
                ++next;
                continue;
            }
            if (!m_store.hasRoom()) return;
            if (!begin(stage)) return;
        }
    }
}

void ResidentPieces::saveAndWait() {
    save();
    handOver(true);
}

void ResidentPieces::finish() {
    saveAndWait();
    while (!saved()) {
        m_store.flush();
        saveAndWait();
    }
    m_store.flush();
}

bool ResidentPieces::begin(PieceStage stage) {
    std::int64_t& next = m_next[index(stage)];
    Copying copying;
    PieceStore::Piece& piece = copying.piece;
    piece.key = m_keys.key(stage, next);
    piece.shape = m_first[index(stage)];
    piece.shape.firstRow = next * kPieceRows;
    piece.shape.rows = std::min(kPieceRows, m_size - piece.shape.firstRow);
    piece.sha256 = m_sha256;
    piece.use = m_use;
    const std::size_t bytes = piece.shape.bytes();
    piece.file = m_staging.take();
    if (!piece.file || kPieceHeaderBytes + bytes > m_staging.blockBytes()) {
        if (piece.file || !m_staging.exists()) giveUp();
        return false;
    }
    std::byte* to = piece.file.first(kPieceHeaderBytes + bytes).data() + kPieceHeaderBytes;
    if (m_document != nullptr && m_document->isComplete(stage, next)) {
        const Result<kernels::CopyId> copy = m_document->beginCopyPiece(piece.shape, to);
        if (!copy) {
            giveUp();
            return false;
        }
        copying.copy = *copy;
    } else {
        std::memcpy(to, m_copy->piece(stage, next), bytes);
    }
    m_copying.push_back(std::move(copying));
    ++next;
    m_sound[index(stage)] = std::max(m_sound[index(stage)], next);
    handOver(false);
    return true;
}

/// Short of memory, or without the device: not kept.
void ResidentPieces::giveUp() {
    m_next.fill(m_keys.count());
}

void ResidentPieces::handOver(bool wait) {
    kernels::Backend& backend = m_staging.backend();
    while (!m_copying.empty() && (wait || backend.isCopied(m_copying.front().copy))) {
        if (wait) backend.waitForCopy(m_copying.front().copy);
        // What a failed device has copied is nothing.
        if (backend.failure().empty()) m_store.save(std::move(m_copying.front().piece));
        m_copying.pop_front();
    }
}

bool ResidentPieces::canSave() const {
    return !m_copying.empty() ||
           (m_store.hasRoom() && m_staging.hasFree() &&
            std::ranges::any_of(kStages, [&](PieceStage stage) { return hasNext(stage); }));
}

bool ResidentPieces::isKept() const {
    if (!m_copying.empty() || m_document == nullptr) return false;
    for (const PieceStage stage : kStages) {
        for (std::int64_t i = 0; m_document->isComplete(stage, i); ++i) {
            if (!m_store.has(m_keys.key(stage, i))) return false;
        }
    }
    return true;
}

bool ResidentPieces::saved() const {
    return m_copying.empty() &&
           std::ranges::none_of(kStages, [&](PieceStage stage) { return hasNext(stage); });
}

}  // namespace kvasir
