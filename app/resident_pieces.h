// A resident document, or one part of a long one, on its way to the disk and back.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <stop_token>
#include <string>

#include "app/store/piece_store.h"
#include "engine/host_copy.h"
#include "engine/piece_keys.h"
#include "engine/piece_staging.h"
#include "engine/resident_document.h"

namespace kvasir {

/// The pieces of one reading of one document. Copies between device and host run beside what is computed; at
/// most as many pieces are under way as the staging has blocks. Engine thread only. Store, staging and what
/// was named in `moveTo` must outlive it.
class ResidentPieces {
public:
    /// `sha256` of the file that the document was read from: with it the pieces go. `use`: see
    /// PieceStore::newUse.
    ResidentPieces(PieceStore& store, PieceStaging& staging, PieceKeys keys, std::string sha256,
                   std::int64_t use);
    /// Waits for copies that are under way.
    ~ResidentPieces();
    ResidentPieces(const ResidentPieces&) = delete;
    ResidentPieces& operator=(const ResidentPieces&) = delete;

    /// Where the rows are from now on: on the device, or (null) only in `copy`. Copies under way are waited
    /// for. What comes to the device is looked through again: the store may have given up some of it.
    void moveTo(ResidentDocument* document, const HostCopy* copy);

    /// What is kept of it counts as used.
    void noteKept();
    /// Used again, with a later number: what is kept counts as used then, and what had no room is tried
    /// again. Nothing where the user had everything removed since the number before.
    void useAgain(std::int64_t use);

    /// Takes what was kept of the stage, from its first row that is missing up to the first piece that is not
    /// there or damaged: while a piece goes to the device the next one is read and checked. `progress` is
    /// called a few times a second. A stop ends it early; what was taken stays.
    void restore(PieceStage stage, const std::stop_token& stop, const ResidentDocument::Progress& progress);
    /// Rows that came from the disk.
    std::int64_t restoredRows(PieceStage stage) const { return m_restored[index(stage)]; }

    /// Hands pieces that have arrived in host memory to the store, and begins to copy others that are
    /// complete, as far as there is room. Never waits for the device.
    void save();
    /// The same, and waits for what is under way.
    void saveAndWait();
    /// Only waits for what is under way, and hands it over: it holds no blocks that others wait for then.
    void settle() { handOver(true); }
    /// Whether `save` has something to do, and room for it.
    bool canSave() const;
    /// Whether every piece that is complete and may be kept was handed over.
    bool saved() const;
    /// Hands over all of them and waits until they are written, however long the disk takes.
    void finish();
    /// Whether the store has every piece that is complete on the device: it comes back from there.
    bool isKept() const;

private:
    struct Copying {
        PieceStore::Piece piece;
        kernels::CopyId copy = 0;
    };

    static std::size_t index(PieceStage stage) { return static_cast<std::size_t>(stage); }
    std::int64_t rowsOf(PieceStage stage) const;
    /// Whether the next piece of the stage that was not begun is complete, and may be kept.
    bool hasNext(PieceStage stage) const;
    bool begin(PieceStage stage);
    void handOver(bool wait);
    void giveUp();

    PieceStore& m_store;
    PieceStaging& m_staging;
    ResidentDocument* m_document = nullptr;
    const HostCopy* m_copy = nullptr;
    PieceKeys m_keys;
    std::string m_sha256;
    std::int64_t m_use;
    std::array<std::int64_t, 2> m_next{};      ///< by stage: the first piece that was not begun
    std::array<std::int64_t, 2> m_sound{};     ///< by stage: pieces before it were written or read here
    std::array<std::int64_t, 2> m_restored{};  ///< by stage: rows
    std::array<PieceShape, 2> m_first{};       ///< by stage: what its first piece is like
    std::int64_t m_size = 0;
    std::deque<Copying> m_copying;  ///< oldest first
};

}  // namespace kvasir
