// A resident document in host memory: where it goes when the device is short of memory, and comes back from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "engine/error.h"
#include "engine/resident_document.h"

namespace kvasir {

/// Pieces of what was read of one document, early and late stage apart, each from the document's beginning
/// on. What is in them stays true while the document reads on. One thread, the engine's. It must go before
/// the back end.
class HostCopy {
public:
    explicit HostCopy(kernels::Backend& backend) : m_backend(backend) {}

    /// Copies what is complete in the document and is not here yet, until it takes `most` bytes or the host
    /// has no more: memory for a piece is got while the one before is copied. Gives whether all of it is
    /// here. A stop ends it after the piece under way (Cancelled). What is here stays. Error besides:
    /// DeviceFailed.
    Result<bool> take(const ResidentDocument& document, std::size_t most, const std::stop_token& stop);
    /// Gives the document the rows that it has not and that are here; it must have been made for the same
    /// tokens. Nothing when it is of another kind (T, type of K/V). `progress` is told the
    /// rows after each stage. A stop ends it early. Errors: OutOfMemory (late rows), DeviceFailed.
    Result<void> give(ResidentDocument& document, const std::stop_token& stop,
                      const ResidentDocument::Progress& progress) const;

    /// Whether all that is complete in the document is here.
    bool holds(const ResidentDocument& document) const;
    /// The contents of a piece; null: it is not here.
    const std::byte* piece(PieceStage stage, std::int64_t index) const;
    std::size_t bytes() const { return m_bytes; }
    void clear();

private:
    std::vector<std::unique_ptr<kernels::Buffer>>& pieces(PieceStage stage) {
        return m_pieces[static_cast<std::size_t>(stage)];
    }
    const std::vector<std::unique_ptr<kernels::Buffer>>& pieces(PieceStage stage) const {
        return m_pieces[static_cast<std::size_t>(stage)];
    }
    Result<void> giveStage(PieceStage stage, ResidentDocument& document, const std::stop_token& stop,
                           const ResidentDocument::Progress& progress, kernels::CopyId& last) const;

    kernels::Backend& m_backend;
    std::array<std::vector<std::unique_ptr<kernels::Buffer>>, 2> m_pieces;
    std::size_t m_bytes = 0;
    std::int32_t m_tspLayer = 0;
    kernels::KvType m_type = kernels::KvType::F16;
};

}  // namespace kvasir
