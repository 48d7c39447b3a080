// What a model read of a document, or of one part of a long one, wherever it lies: on the device, in host
// memory, on the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>

#include "app/resident_memory.h"
#include "app/resident_pieces.h"
#include "engine/error.h"
#include "engine/host_copy.h"
#include "engine/layer_runner.h"
#include "engine/resident_document.h"

namespace kvasir {

/// A reading that moves. What is on the device belongs to somebody else (ReadDocument, SegmentedDocument),
/// who outlives its moves; copy and pieces belong to this. Engine thread only. The model's back end must
/// outlive it. See docs/decisions/leaving-the-device.md.
class Reading {
public:
    /// `onDevice`: null while nothing is there.
    explicit Reading(std::unique_ptr<ResidentDocument>& onDevice) : m_onDevice(onDevice) {}
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

    std::uint64_t used = 0;          ///< when; larger is later: see ResidentMemory
    std::size_t rank = 0;            ///< among those used at the same time: the larger leaves first
    std::unique_ptr<HostCopy> copy;  ///< what of it is in host memory; null: it never leaves the device
    std::unique_ptr<ResidentPieces> pieces;  ///< null: nothing of it is kept on the disk
    ResidentMemory::Place place;

    std::size_t deviceBytes() const { return m_onDevice != nullptr ? m_onDevice->bytes() : 0; }
    std::size_t hostBytes() const { return copy != nullptr ? copy->bytes() : 0; }
    /// Whether it comes back from the disk, as far as it is read.
    bool isKept() const { return pieces != nullptr && pieces->isKept(); }
    /// Rows of the first reading, which are tokens, that came from the disk.
    std::int64_t restoredTokens() const {
        return pieces != nullptr ? pieces->restoredRows(PieceStage::Early) : 0;
    }

    /// It was given memory of the device: what will be complete there is kept, beside reading.
    void enter();
    /// Takes what is in host memory, then what is on the disk of the first reading, and when that is whole
    /// and `full` is wanted, of the full one. What is in neither is left to be read. `progress` counts the
    /// rows of the one that is being restored.
    void restore(bool full, const std::stop_token& stop, const ResidentDocument::Progress& progress);
    /// First reading and full reading; see ResidentDocument. What they complete is kept; no copy is under way
    /// afterwards.
    Result<void> readEarly(LayerRunner& runner, const std::stop_token& stop,
                           const ResidentDocument::Progress& progress);
    Result<void> readLate(LayerRunner& runner, const std::stop_token& stop,
                          const ResidentDocument::Progress& progress);
    /// Leaves the device, for at most `hostBytes` of host memory where there is a number. Errors: those of
    /// HostCopy::take; it stays then.
    Result<void> leave(std::optional<std::size_t> hostBytes, const std::stop_token& stop);

private:
    ResidentDocument::Progress keeping(const ResidentDocument::Progress& progress);

    std::unique_ptr<ResidentDocument>& m_onDevice;
};

}  // namespace kvasir
