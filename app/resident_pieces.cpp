#include "app/resident_pieces.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

namespace kvasir {
namespace {

constexpr std::array kStages{PieceStage::Early, PieceStage::Late};
constexpr std::chrono::milliseconds kProgressEvery{100};

}  // namespace

ResidentPieces::ResidentPieces(PieceStore& store, ResidentDocument& document, PieceKeys keys,
                               std::string sha256)
    : m_store(store),
      m_document(document),
      m_keys(std::move(keys)),
      m_sha256(std::move(sha256)),
      m_use(store.newUse()) {}

std::int64_t ResidentPieces::rowsOf(PieceStage stage) const {
    return stage == PieceStage::Early ? m_document.earlyRows() : m_document.lateRows();
}

void ResidentPieces::restore(PieceStage stage, const std::stop_token& stop,
                             const ResidentDocument::Progress& progress) {
    std::vector<PieceKey> taken;
    auto shown = std::chrono::steady_clock::now();
    while (!stop.stop_requested() && rowsOf(stage) < m_document.size()) {
        const std::int64_t row = rowsOf(stage), piece = row / kPieceRows;
        const PieceShape shape = m_document.pieceShape(stage, row);
        // A GPU reads in other steps: a stopped reading may end within a piece.
        if (row % kPieceRows != 0) break;
        const PieceKey& key = m_keys.key(stage, piece);
        Result<std::span<const std::byte>> contents = std::span<const std::byte>();
        if (shape.bytes() > 0) contents = m_store.read(key, shape, m_buffer);  // T may be the last layer
        if (!contents || !m_document.takePiece(shape, contents->data())) break;
        taken.push_back(key);
        m_restored[index(stage)] += shape.rows;
        if (m_next[index(stage)] == piece) ++m_next[index(stage)];
        const auto now = std::chrono::steady_clock::now();
        if (!progress || now - shown < kProgressEvery) continue;
        shown = now;
        progress(rowsOf(stage), m_document.size());
    }
    m_buffer = {};
    m_store.noteUse(taken, m_sha256, m_use);
}

bool ResidentPieces::complete(PieceStage stage, std::int64_t piece) const {
    if (piece >= m_keys.count()) return false;
    const PieceShape shape = m_document.pieceShape(stage, piece * kPieceRows);
    return shape.bytes() > 0 && shape.firstRow + shape.rows <= rowsOf(stage);
}

void ResidentPieces::save() {
    for (const PieceStage stage : kStages) {
        while (complete(stage, m_next[index(stage)])) {
            if (!m_store.hasRoom()) return;
            if (saveOne(stage)) continue;
            m_next.fill(m_keys.count());  // short of memory, or without the device: not kept
            return;
        }
    }
}

bool ResidentPieces::saveOne(PieceStage stage) {
    std::int64_t& next = m_next[index(stage)];
    PieceStore::Piece piece;
    piece.key = m_keys.key(stage, next);
    piece.shape = m_document.pieceShape(stage, next * kPieceRows);
    piece.sha256 = m_sha256;
    piece.use = m_use;
    try {
        piece.file.resize(kPieceHeaderBytes + piece.shape.bytes());
    } catch (const std::bad_alloc&) {
        return false;
    }
    if (!m_document.copyPiece(piece.shape, piece.file.data() + kPieceHeaderBytes)) return false;
    m_store.save(std::move(piece));
    ++next;
    return true;
}

bool ResidentPieces::saved() const {
    return std::none_of(kStages.begin(), kStages.end(),
                        [&](PieceStage stage) { return complete(stage, m_next[index(stage)]); });
}

}  // namespace kvasir
