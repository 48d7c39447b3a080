#include "engine/host_copy.h"

#include <algorithm>
#include <utility>

namespace kvasir {
namespace {

constexpr std::array kStages{PieceStage::Early, PieceStage::Late};

}  // namespace

Result<bool> HostCopy::take(const ResidentDocument& document, std::size_t most, const std::stop_token& stop) {
    if (document.tspLayer() != m_tspLayer || document.kvType() != m_type) clear();
    m_tspLayer = document.tspLayer();
    m_type = document.kvType();
    kernels::CopyId last = 0;
    Result<bool> all = true;
    for (const PieceStage stage : kStages) {
        while (all && *all && document.isComplete(stage, std::ssize(pieces(stage)))) {
            if (stop.stop_requested()) {
                all = fail(ErrorCode::Cancelled, "Making room for a document was stopped.", "",
                           "It is done when there is nothing more urgent.");
                break;
            }
            const PieceShape shape = document.pieceShape(stage, std::ssize(pieces(stage)) * kPieceRows);
            std::unique_ptr<kernels::Buffer> piece =
                m_bytes + shape.bytes() <= most ? m_backend.allocateHost(shape.bytes()) : nullptr;
            if (piece == nullptr) {
                all = false;
                break;
            }
            const Result<kernels::CopyId> copy = document.beginCopyPiece(shape, piece->data());
            if (!copy) {
                all = tl::unexpected(copy.error());
                break;
            }
            last = std::max(last, *copy);
            m_bytes += shape.bytes();
            pieces(stage).push_back(std::move(piece));
        }
    }
    m_backend.waitForCopy(last);
    if (Result<void> state = deviceState(m_backend); !state) {
        clear();
        return tl::unexpected(state.error());
    }
    return all;
}

Result<void> HostCopy::give(ResidentDocument& document, const std::stop_token& stop,
                            const ResidentDocument::Progress& progress) const {
    if (document.tspLayer() != m_tspLayer || document.kvType() != m_type) return {};
    kernels::CopyId last = 0;
    Result<void> given;
    for (const PieceStage stage : kStages) {
        if (given) given = giveStage(stage, document, stop, progress, last);
    }
    m_backend.waitForCopy(last);
    if (Result<void> state = deviceState(m_backend); !state) return state;
    return given;
}

Result<void> HostCopy::giveStage(PieceStage stage, ResidentDocument& document, const std::stop_token& stop,
                                 const ResidentDocument::Progress& progress, kernels::CopyId& last) const {
    const auto row = [&] { return stage == PieceStage::Early ? document.earlyRows() : document.lateRows(); };
    const std::int64_t first = row();
    while (!stop.stop_requested() && row() < document.size() && row() % kPieceRows == 0 &&
           row() / kPieceRows < std::ssize(pieces(stage))) {
        kernels::Buffer& piece = *pieces(stage)[static_cast<std::size_t>(row() / kPieceRows)];
        const Result<kernels::CopyId> copy =
            document.beginTakePiece(document.pieceShape(stage, row()), piece.data());
        if (!copy) return tl::unexpected(copy.error());
        last = std::max(last, *copy);
    }
    if (progress && row() > first) progress(row(), document.size());
    return {};
}

bool HostCopy::holds(const ResidentDocument& document) const {
    return document.tspLayer() == m_tspLayer && document.kvType() == m_type &&
           std::ranges::none_of(kStages, [&](PieceStage stage) {
               return document.isComplete(stage, std::ssize(pieces(stage)));
           });
}

const std::byte* HostCopy::piece(PieceStage stage, std::int64_t index) const {
    return index < std::ssize(pieces(stage)) ? pieces(stage)[static_cast<std::size_t>(index)]->data()
                                             : nullptr;
}

void HostCopy::clear() {
    for (auto& pieces : m_pieces)
        pieces.clear();
    m_bytes = 0;
}

}  // namespace kvasir
