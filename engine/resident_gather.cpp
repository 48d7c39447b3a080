// A resident document made of rows of others.
#include <algorithm>
#include <functional>

#include "engine/answer_errors.h"
#include "engine/resident_document.h"

namespace kvasir {

using kernels::KvRows;
using kernels::KvType;

namespace {

/// The same memory from row `row` of every head on.
KvRows fromRow(const KvRows& rows, std::int64_t row, std::int64_t headSize) {
    KvRows moved = rows;
    const std::int64_t bytes = row * headSize * kernels::bytesOf(rows.type);
    moved.keys += bytes;
    moved.values += bytes;
    return moved;
}

bool fits(const ResidentDocument::Piece& piece, const ResidentDocument& first) {
    if (piece.from->tspLayer() != first.tspLayer() || piece.from->kvType() != first.kvType()) return false;
    const auto& rows = piece.rows;
    const bool ascends = std::adjacent_find(rows.begin(), rows.end(), std::greater_equal<>()) == rows.end();
    return ascends && (rows.empty() || (rows.front() >= 0 && rows.back() < piece.from->earlyRows()));
}

}  // namespace

Result<std::unique_ptr<ResidentDocument>> ResidentDocument::gather(const Model& model,
                                                                   kernels::Backend& backend,
                                                                   std::span<const Piece> pieces) {
    const bool sound =
        !pieces.empty() && pieces.front().from->kvType() != KvType::Int8 &&
        std::ranges::all_of(pieces, [&](const Piece& piece) { return fits(piece, *pieces.front().from); });
    if (!sound) {
        return fail(ErrorCode::InvalidArgument, "The parts of the document do not fit together.", "",
                    "Read the document again.");
    }
    std::vector<TokenId> tokens;
    std::vector<std::int32_t> shifts;
    for (const Piece& piece : pieces) {
        for (const std::int32_t row : piece.rows) {
            shifts.push_back(static_cast<std::int32_t>(tokens.size()) - row);
            tokens.push_back(piece.from->tokens()[static_cast<std::size_t>(row)]);
        }
    }
    const ModelConfig& c = model.config();
    const ResidentDocument& first = *pieces.front().from;
    Result<std::unique_ptr<ResidentDocument>> made =
        create(model, backend, std::move(tokens), first.m_tspLayer, first.m_type);
    if (!made) return made;
    ResidentDocument& document = **made;
    const std::int64_t size = document.size();
    std::vector<std::int32_t> numbers;  // of each piece's rows, the same for every head
    for (const Piece& piece : pieces) {
        for (std::int32_t g = 0; g < c.kvHeads; ++g)
            numbers.insert(numbers.end(), piece.rows.begin(), piece.rows.end());
    }
    const std::size_t bytes = numbers.size() * sizeof(std::int32_t);
    const std::unique_ptr<kernels::Buffer> rows = backend.allocate(std::max<std::size_t>(bytes, 1));
    if (rows == nullptr) return answerOutOfMemory();
    backend.copyToDevice(rows->data(), numbers.data(), bytes);
    std::int64_t row = 0;
    for (const Piece& piece : pieces) {
        const auto count = static_cast<std::int64_t>(piece.rows.size());
        backend.gatherRows(piece.from->hidden(), c.width, piece.rows.data(), count,
                           document.m_early->as<float>() + row * c.width);
        row += count;
    }
    for (std::int32_t layer = 0; layer <= document.m_tspLayer; ++layer) {
        const kernels::AttentionShape shape = model.attentionShape(layer);
        const LayerCache::Room room = document.m_caches[static_cast<std::size_t>(layer)].claim(size);
        row = 0;
        for (const Piece& piece : pieces) {
            const auto count = static_cast<std::int64_t>(piece.rows.size());
            const kernels::KvSpan span = piece.from->span(layer, piece.from->earlyRows());
            backend.gatherKv(shape, {&span, 1}, rows->as<std::int32_t>() + row * c.kvHeads, count,
                             fromRow(room.rows, row, c.headSize));
            row += count;
        }
        backend.rerotateKeys(shape, room.rows, size, c.ropeSize, c.ropeStyle, c.ropeOf(layer).data(),
                             shifts.data());
    }
    backend.synchronise();
    if (Result<void> state = deviceState(backend); !state) return tl::unexpected(state.error());
    document.m_earlyRows = size;
    return made;
}

}  // namespace kvasir
