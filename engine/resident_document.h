// A prompt's beginning (constant prefix and document), computed once and kept: what no question changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/error.h"
#include "engine/layer_cache.h"
#include "engine/layer_runner.h"
#include "engine/piece_file.h"

namespace kvasir {

/// After the early stage: K/V of layers 0..T and the hidden states that leave T, of every token. After the
/// full reading: K/V of all layers. Reading goes on where it stopped. The engine thread reads and answers
/// from it; `earlyRows` and `lateRows` may be asked by any thread.
class ResidentDocument {
public:
    /// Device memory that `tokens` tokens take: early stage alone, or with the full reading.
    static std::size_t bytes(const ModelConfig& model, std::int32_t tspLayer, kernels::KvType type,
                             std::int64_t tokens, bool full);

    /// Nothing is computed yet; no tokens is a document too. It never takes more than `budget` bytes (see
    /// planMemory). Errors: InvalidArgument (an id outside the vocabulary, T outside the model), TooLarge
    /// (longer than the model's window), OutOfMemory. Model and back end must outlive it.
    static Result<std::unique_ptr<ResidentDocument>> create(
        const Model& model, kernels::Backend& backend, std::vector<TokenId> tokens, std::int32_t tspLayer,
        kernels::KvType type, std::size_t budget = std::numeric_limits<std::size_t>::max());

    /// Rows of documents that the early stage has read, in a row: a document of its own, as if its tokens
    /// stood at positions 0, 1, 2, ... (but for what each of them saw when it was read). Keys are rotated to
    /// the new positions; one that keeps its position keeps its bits. F32 and F16 only.
    struct Piece {
        const ResidentDocument* from = nullptr;
        std::vector<std::int32_t> rows;  ///< ascending, read
    };
    /// Errors: InvalidArgument (pieces of different kinds, rows that were not read), OutOfMemory.
    static Result<std::unique_ptr<ResidentDocument>> gather(const Model& model, kernels::Backend& backend,
                                                            std::span<const Piece> pieces);

    ~ResidentDocument();
    ResidentDocument(const ResidentDocument&) = delete;
    ResidentDocument& operator=(const ResidentDocument&) = delete;

    /// Rows done and rows in all; called after each chunk on the engine thread.
    using Progress = std::function<void(std::int64_t done, std::int64_t all)>;
    /// Called between layers while reading goes on, on the engine thread: for what runs beside it.
    void setMeanwhile(std::function<void()> meanwhile) { m_meanwhile = std::move(meanwhile); }

    /// Layers 0..T over every token that is left. Cancelled: what is complete stays and the next call goes
    /// on.
    Result<void> readEarly(LayerRunner& runner, const std::stop_token& stop, const Progress& progress);
    /// Layers T+1..L-1 over every token that is left; the early stage must be done. OutOfMemory (also: beyond
    /// the budget): quick answers work on.
    Result<void> readLate(LayerRunner& runner, const std::stop_token& stop, const Progress& progress);

    /// What the piece that begins at `firstRow` holds: up to kPieceRows rows.
    PieceShape pieceShape(PieceStage stage, std::int64_t firstRow) const;
    /// Whether all rows of the stage's piece are read. False for one behind the last, and where the stage has
    /// nothing to keep (T is the last layer).
    bool isComplete(PieceStage stage, std::int64_t piece) const;
    /// The piece's rows, which must have been read, to host memory (shape.bytes()). DeviceFailed.
    Result<void> copyPiece(const PieceShape& shape, std::byte* to) const;
    /// Begins that copy, to memory of Backend::allocateHost: see Backend::beginCopyToHost. Reading goes on
    /// beside it: rows that were read do not change any more. The document waits for its copies when it goes.
    Result<kernels::CopyId> beginCopyPiece(const PieceShape& shape, std::byte* to) const;
    /// Takes the piece's contents for rows that were read: `shape` must be that of the first row that is
    /// missing in its stage, and early rows come before late ones. OutOfMemory and DeviceFailed leave the
    /// document as it was; InvalidArgument (another piece).
    Result<void> takePiece(const PieceShape& shape, const std::byte* from);
    /// Begins that copy, from memory of Backend::allocateHost: see Backend::beginCopyToDevice. The rows count
    /// as read at once: whatever is computed from them waits by itself. A device that fails says so later
    /// (deviceState).
    Result<kernels::CopyId> beginTakePiece(const PieceShape& shape, std::byte* from);

    const std::vector<TokenId>& tokens() const { return m_tokens; }
    std::int64_t size() const { return static_cast<std::int64_t>(m_tokens.size()); }
    std::int32_t tspLayer() const { return m_tspLayer; }
    kernels::KvType kvType() const { return m_type; }
    std::int64_t earlyRows() const { return m_earlyRows; }  ///< tokens that the early stage has read
    std::int64_t lateRows() const { return m_lateRows; }    ///< tokens that the late stage has read
    bool earlyDone() const { return m_earlyRows == size(); }
    bool fullDone() const { return earlyDone() && m_lateRows == size(); }

    /// The first `rows` entries of a layer that has read them.
    kernels::KvSpan span(std::int32_t layer, std::int64_t rows) const;
    /// (size, D) device, rows [0, earlyRows) valid: hidden states leaving T.
    const float* hidden() const { return m_early->as<float>(); }
    std::size_t bytes() const;
    /// What it takes with the full reading.
    std::size_t fullBytes() const { return m_fullBytes; }

private:
    explicit ResidentDocument(kernels::Backend& backend) : m_backend(backend) {}
    [[nodiscard]] bool openLate();
    void openIn(std::byte* memory, std::int32_t firstLayer, std::int32_t lastLayer);
    std::int32_t firstLayer(PieceStage stage) const {
        return stage == PieceStage::Early ? 0 : m_tspLayer + 1;
    }
    std::int32_t lastLayer(PieceStage stage) const {
        return stage == PieceStage::Early ? m_tspLayer : m_layers - 1;
    }
    /// Forgets the stage's rows from `row` on.
    void drop(PieceStage stage, std::int64_t row);
    std::vector<kernels::CopyBlock> blocksOf(const PieceShape& shape, std::byte* host) const;
    Result<void> readChunk(LayerRunner& runner, std::int32_t firstLayer, std::int32_t lastLayer,
                           float* hidden, std::int64_t row, std::int64_t n, const std::stop_token& stop);

    kernels::Backend& m_backend;
    std::vector<TokenId> m_tokens;
    std::int32_t m_tspLayer = 0;
    std::int32_t m_layers = 0;
    std::int64_t m_width = 0;
    std::int32_t m_kvHeads = 0, m_headSize = 0;
    std::size_t m_fullBytes = 0;
    std::size_t m_budget = 0;
    kernels::KvType m_type = kernels::KvType::F16;
    /// One piece of memory for each stage: hidden states that leave T, then layers 0..T; layers behind T.
    std::unique_ptr<kernels::Buffer> m_early, m_late;
    std::vector<LayerCache> m_caches;  ///< one per layer, in these; the late ones are opened by readLate
    std::atomic<std::int64_t> m_earlyRows = 0, m_lateRows = 0;
    std::function<void()> m_meanwhile;
    mutable kernels::CopyId m_lastCopy = 0;  ///< to the host
};

}  // namespace kvasir
