// A resident document on its way to the disk and back.
#pragma once

#include <array>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "app/store/piece_store.h"
#include "engine/piece_keys.h"
#include "engine/resident_document.h"

namespace kvasir {

/// The pieces of one reading of one document. Engine thread only. Store and document must outlive it.
class ResidentPieces {
public:
    /// `sha256` of the file that the document was read from: with it the pieces go.
    ResidentPieces(PieceStore& store, ResidentDocument& document, PieceKeys keys, std::string sha256);

    /// Takes what was kept of the stage, from its first row that is missing up to the first piece that is not
    /// there or damaged. `progress` is called a few times a second. A stop ends it early; what was taken
    /// stays.
    void restore(PieceStage stage, const std::stop_token& stop, const ResidentDocument::Progress& progress);
    /// Rows that came from the disk.
    std::int64_t restoredRows(PieceStage stage) const { return m_restored[index(stage)]; }

    /// Hands the pieces that are complete, and were not yet handed over, to the store, as far as it has room.
    void save();
    /// Whether every piece that is complete was handed over.
    bool saved() const;

private:
    static std::size_t index(PieceStage stage) { return static_cast<std::size_t>(stage); }
    std::int64_t rowsOf(PieceStage stage) const;
    bool complete(PieceStage stage, std::int64_t piece) const;
    bool saveOne(PieceStage stage);

    PieceStore& m_store;
    ResidentDocument& m_document;
    PieceKeys m_keys;
    std::string m_sha256;
    std::int64_t m_use;
    std::array<std::int64_t, 2> m_next{};      ///< by stage: the first piece that was not handed over
    std::array<std::int64_t, 2> m_restored{};  ///< by stage: rows
    std::vector<std::byte> m_buffer;
};

}  // namespace kvasir
