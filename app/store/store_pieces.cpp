// Kept readings: the index of their pieces. The files are written and read by PieceStore.
#include "app/store/piece_index.h"
#include "app/store/store.h"
#include "app/store/store_parts.h"

namespace kvasir {

std::filesystem::path Store::pieceFolder() const {
    return m_parts->pieceFolder();
}

std::int64_t Store::pieceBytes() const {
    return m_parts->pieceBytes;
}

Pending<void> Store::tidyPieces() {
    return m_parts->changePieces<void>(
        WriteJob::Cleanup::None, [folder = pieceFolder()](SQLite::Database& database, PieceNames& gone) {
            gone = kvasir::tidyPieces(database, folder);
        });
}

Pending<PieceEntry> Store::addPiece(PieceRecord piece, std::int64_t budget) {
    return m_parts->changePieces<PieceEntry>(
        WriteJob::Cleanup::None,
        [piece = std::move(piece), budget](SQLite::Database& database, PieceNames& gone) {
            const PieceEntry entry = kvasir::addPiece(database, piece, budget, gone);
            if (entry != PieceEntry::Kept) {
                kvasir::removePiece(database, piece.key);
                gone.push_back(piece.key);
            }
            return entry;
        });
}

Pending<void> Store::usePieces(std::vector<std::string> keys, std::string sha256, std::int64_t usedAt) {
    return m_parts->submit<void>(
        WriteJob::Urgency::Soon, WriteJob::Cleanup::None,
        [keys = std::move(keys), sha256 = std::move(sha256), usedAt](SQLite::Database& database) {
            kvasir::usePieces(database, keys, sha256, usedAt);
        });
}

Pending<void> Store::removePiece(std::string key) {
    return m_parts->changePieces<void>(WriteJob::Cleanup::None,
                                       [key = std::move(key)](SQLite::Database& database, PieceNames& gone) {
                                           kvasir::removePiece(database, key);
                                           gone.push_back(key);
                                       });
}

Pending<void> Store::trimPieces(std::int64_t budget) {
    return m_parts->changePieces<void>(WriteJob::Cleanup::None,
                                       [budget](SQLite::Database& database, PieceNames& gone) {
                                           gone = kvasir::trimPieces(database, budget);
                                       });
}

}  // namespace kvasir
