#include "engine/resident_document.h"

#include <algorithm>
#include <numeric>

namespace kvasir {

using kernels::Backend;
using kernels::KvType;

namespace {

std::size_t hiddenBytes(std::int64_t tokens, std::int64_t width) {
    return alignedBytes(static_cast<std::size_t>(std::max<std::int64_t>(tokens, 1) * width) * sizeof(float));
}

tl::unexpected<Error> noRoomForLate() {
    return fail(ErrorCode::OutOfMemory, "Not enough memory for full reading. Quick answers work.", "",
                "Close other programs, or choose a smaller model.");
}

}  // namespace

std::size_t ResidentDocument::bytes(const ModelConfig& model, std::int32_t tspLayer, KvType type,
                                    std::int64_t tokens, bool full) {
    const auto layers = static_cast<std::size_t>(full ? model.layers : tspLayer + 1);
    kernels::AttentionShape shape;
    shape.kvHeads = model.kvHeads;
    shape.headSize = model.headSize;
    return hiddenBytes(tokens, model.width) + layers * LayerCache::runBytes(shape, type, tokens);
}

Result<std::unique_ptr<ResidentDocument>> ResidentDocument::create(const Model& model, Backend& backend,
                                                                   std::vector<TokenId> tokens,
                                                                   std::int32_t tspLayer, KvType type,
                                                                   std::size_t budget) {
    const ModelConfig& c = model.config();
    const auto size = static_cast<std::int64_t>(tokens.size());
    const bool known =
        std::all_of(tokens.begin(), tokens.end(), [&](TokenId id) { return id >= 0 && id < c.vocabulary; });
    if (tspLayer < 0 || tspLayer >= c.layers || !known) {
        return fail(ErrorCode::InvalidArgument, "The document's tokens do not belong to this model.",
                    model.path().string(), "Read the document again with this model.");
    }
    if (size > c.window) {
        return fail(ErrorCode::TooLarge,
                    "The document is " + std::to_string(size) +
                        " tokens long, and the model's window holds " + std::to_string(c.window) + ".",
                    "", "Ask about a part of it, or choose a model with a longer window.");
    }
    const std::size_t need = bytes(c, tspLayer, type, size, false);
    const tl::unexpected<Error> outOfMemory =
        fail(ErrorCode::OutOfMemory,
             "Reading this document needs " + std::to_string(need >> 20) + " MB of memory.", "",
             "Close other programs, or choose a smaller model.");
    if (need > std::min(budget, backend.freeMemory())) return outOfMemory;

    std::unique_ptr<ResidentDocument> document(new ResidentDocument(backend));
    document->m_tokens = std::move(tokens);
    document->m_tspLayer = tspLayer;
    document->m_layers = c.layers;
    document->m_width = c.width;
    document->m_kvHeads = c.kvHeads;
    document->m_headSize = c.headSize;
    document->m_type = type;
    document->m_fullBytes = bytes(c, tspLayer, type, size, true);
    document->m_budget = budget;
    for (std::int32_t i = 0; i < c.layers; ++i)
        document->m_caches.emplace_back(backend, model.attentionShape(i), type);
    document->m_early = backend.allocateLasting(need);
    if (document->m_early == nullptr) return outOfMemory;
    document->openIn(document->m_early->data() + hiddenBytes(size, c.width), 0, tspLayer);
    return document;
}

/// The layers' runs, one behind another.
void ResidentDocument::openIn(std::byte* memory, std::int32_t firstLayer, std::int32_t lastLayer) {
    for (std::int32_t i = firstLayer; i <= lastLayer; ++i) {
        LayerCache& cache = m_caches[static_cast<std::size_t>(i)];
        cache.openIn(memory, size());
        memory += cache.bytes();
    }
}

Result<void> ResidentDocument::readChunk(LayerRunner& runner, std::int32_t firstLayer, std::int32_t lastLayer,
                                         float* hidden, std::int64_t row, std::int64_t n,
                                         const std::stop_token& stop) {
    std::vector<std::int32_t> positions(static_cast<std::size_t>(n));
    std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(row));
    for (std::int32_t i = firstLayer; i <= lastLayer; ++i) {
        if (stop.stop_requested()) break;
        runner.run(i, hidden, positions.data(), n, m_caches[static_cast<std::size_t>(i)]);
        if (m_meanwhile) m_meanwhile();
    }
    runner.backend().synchronise();
    Result<void> state = deviceState(runner.backend());
    if (state && !stop.stop_requested()) return {};
    for (std::int32_t i = firstLayer; i <= lastLayer; ++i)
        m_caches[static_cast<std::size_t>(i)].truncate(row);
    if (!state) return state;
    return fail(ErrorCode::Cancelled, "Reading was stopped.", "",
                "Continue it when you like: what was read is kept.");
}

Result<void> ResidentDocument::readEarly(LayerRunner& runner, const std::stop_token& stop,
                                         const Progress& progress) {
    runner.backend().setStop(stop);
    while (!earlyDone()) {
        const std::int64_t row = m_earlyRows, n = std::min(runner.chunkRows(), size() - row);
        float* hidden = m_early->as<float>() + row * m_width;
        if (Result<void> done = runner.embed(m_tokens.data() + row, n, hidden); !done) return done;
        if (Result<void> done = readChunk(runner, 0, m_tspLayer, hidden, row, n, stop); !done) return done;
        m_earlyRows = row + n;
        if (progress) progress(m_earlyRows, size());
    }
    return {};
}

/// Memory for the late layers, within the budget; nothing to do when they have it.
bool ResidentDocument::openLate() {
    if (m_fullBytes > m_budget || m_fullBytes - std::min(bytes(), m_fullBytes) > m_backend.freeMemory())
        return false;
    const std::size_t bytes = m_fullBytes - m_early->bytes();
    if (m_late != nullptr || bytes == 0) return true;
    m_late = m_backend.allocateLasting(bytes);
    if (m_late == nullptr) return false;
    openIn(m_late->data(), m_tspLayer + 1, m_layers - 1);
    return true;
}

Result<void> ResidentDocument::readLate(LayerRunner& runner, const std::stop_token& stop,
                                        const Progress& progress) {
    Backend& backend = runner.backend();
    backend.setStop(stop);
    std::unique_ptr<kernels::Buffer> work = backend.allocate(
        static_cast<std::size_t>(std::min(runner.chunkRows(), std::max<std::int64_t>(size(), 1)) * m_width) *
        sizeof(float));
    if (work == nullptr || !openLate()) return noRoomForLate();
    while (m_lateRows < m_earlyRows) {
        const std::int64_t row = m_lateRows, n = std::min(runner.chunkRows(), m_earlyRows - row);
        std::vector<std::int32_t> rows(static_cast<std::size_t>(n));
        std::iota(rows.begin(), rows.end(), static_cast<std::int32_t>(row));
        // A copy: quick answers need the hidden states that leave T again.
        backend.gatherRows(hidden(), m_width, rows.data(), n, work->as<float>());
        if (Result<void> done =
                readChunk(runner, m_tspLayer + 1, m_layers - 1, work->as<float>(), row, n, stop);
            !done) {
            return done;
        }
        m_lateRows = row + n;
        if (progress) progress(m_lateRows, size());
    }
    return {};
}

PieceShape ResidentDocument::pieceShape(PieceStage stage, std::int64_t firstRow) const {
    return {.stage = stage,
            .type = m_type,
            .firstRow = firstRow,
            .rows = std::min(kPieceRows, size() - firstRow),
            .layers = lastLayer(stage) - firstLayer(stage) + 1,
            .kvHeads = m_kvHeads,
            .headSize = m_headSize,
            .width = stage == PieceStage::Early ? static_cast<std::int32_t>(m_width) : 0};
}

bool ResidentDocument::isComplete(PieceStage stage, std::int64_t piece) const {
    if (piece * kPieceRows >= size()) return false;
    const PieceShape shape = pieceShape(stage, piece * kPieceRows);
    const std::int64_t done = stage == PieceStage::Early ? m_earlyRows : m_lateRows;
    return shape.bytes() > 0 && shape.firstRow + shape.rows <= done;
}

std::vector<kernels::CopyBlock> ResidentDocument::blocksOf(const PieceShape& shape, std::byte* host) const {
    std::vector<kernels::CopyBlock> blocks;
    if (shape.width > 0) {
        const auto rowBytes = static_cast<std::size_t>(m_width) * sizeof(float);
        const std::size_t bytes = static_cast<std::size_t>(shape.rows) * rowBytes;
        blocks.push_back({.device = m_early->data() + static_cast<std::size_t>(shape.firstRow) * rowBytes,
                          .host = host,
                          .bytes = bytes});
        host += bytes;
    }
    for (std::int32_t i = firstLayer(shape.stage); i <= lastLayer(shape.stage); ++i)
        m_caches[static_cast<std::size_t>(i)].addBlocks(shape.firstRow, shape.rows, host, blocks);
    return blocks;
}

Result<kernels::CopyId> ResidentDocument::beginCopyPiece(const PieceShape& shape, std::byte* to) const {
    const std::int64_t done = shape.stage == PieceStage::Early ? m_earlyRows : m_lateRows;
    if (shape.firstRow < 0 || shape.rows < 1 || shape.firstRow + shape.rows > done ||
        shape != pieceShape(shape.stage, shape.firstRow)) {
        return fail(ErrorCode::InvalidArgument, "These rows of the document were not read.", "",
                    "Please report this with the steps that led here.");
    }
    const kernels::CopyId copy = m_backend.beginCopyToHost(blocksOf(shape, to));
    if (Result<void> state = deviceState(m_backend); !state) return tl::unexpected(state.error());
    m_lastCopy = std::max(m_lastCopy, copy);
    return copy;
}

Result<void> ResidentDocument::copyPiece(const PieceShape& shape, std::byte* to) const {
    const Result<kernels::CopyId> copy = beginCopyPiece(shape, to);
    if (!copy) return tl::unexpected(copy.error());
    m_backend.waitForCopy(*copy);
    return deviceState(m_backend);
}

Result<kernels::CopyId> ResidentDocument::beginTakePiece(const PieceShape& shape, std::byte* from) {
    const bool early = shape.stage == PieceStage::Early;
    std::atomic<std::int64_t>& rows = early ? m_earlyRows : m_lateRows;
    const std::int64_t first = rows, end = early ? size() : m_earlyRows.load();
    if (shape.rows < 1 || shape.firstRow != first || first + shape.rows > end ||
        shape != pieceShape(shape.stage, first)) {
        return fail(ErrorCode::InvalidArgument, "This piece does not continue what is read.", "",
                    "Please report this with the steps that led here.");
    }
    if (!early && !openLate()) return noRoomForLate();
    for (std::int32_t i = firstLayer(shape.stage); i <= lastLayer(shape.stage); ++i)
        m_caches[static_cast<std::size_t>(i)].claim(shape.rows);
    const kernels::CopyId copy = m_backend.beginCopyToDevice(blocksOf(shape, from));
    if (Result<void> state = deviceState(m_backend); !state) {
        drop(shape.stage, first);
        return tl::unexpected(state.error());
    }
    rows = first + shape.rows;
    return copy;
}

Result<void> ResidentDocument::takePiece(const PieceShape& shape, const std::byte* from) {
    // It is read alone.
    const Result<kernels::CopyId> copy = beginTakePiece(shape, const_cast<std::byte*>(from));
    if (!copy) return tl::unexpected(copy.error());
    m_backend.waitForCopy(*copy);
    Result<void> state = deviceState(m_backend);
    if (!state) {
        drop(shape.stage, shape.firstRow);
        (shape.stage == PieceStage::Early ? m_earlyRows : m_lateRows) = shape.firstRow;
    }
    return state;
}

void ResidentDocument::drop(PieceStage stage, std::int64_t row) {
    for (std::int32_t i = firstLayer(stage); i <= lastLayer(stage); ++i)
        m_caches[static_cast<std::size_t>(i)].truncate(row);
}

ResidentDocument::~ResidentDocument() {
    m_backend.waitForCopy(m_lastCopy);
}

kernels::KvSpan ResidentDocument::span(std::int32_t layer, std::int64_t rows) const {
    kernels::KvSpan span = m_caches[static_cast<std::size_t>(layer)].spans().front();
    span.count = rows;
    return span;
}

std::size_t ResidentDocument::bytes() const {
    return m_early->bytes() + (m_late != nullptr ? m_late->bytes() : 0);
}

}  // namespace kvasir
