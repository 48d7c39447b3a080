// CudaBackend: a whole layer of one row, as decoding has it: the products of few rows around an attention
// that takes all between them into one kernel.
#include <array>

#include "kernels/cuda/attention_one.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/elementwise.h"

namespace kvasir::kernels::cuda {
namespace {

/// Whether the row's key and value are stored as the last of the spans' rows.
bool storesLast(const LayerCall& call) {
    if (call.spans.empty()) return false;
    const KvSpan& last = call.spans.back();
    return last.keys == call.store.keys && last.count == call.storeRow + 1;
}

bool sameType(const LayerCall& call) {
    for (const KvSpan& span : call.spans) {
        if (span.type != call.store.type) return false;
    }
    return true;
}

OneRow rowOf(const LayerCall& call) {
    OneRow row;
    row.queryBias = call.queryBias;
    row.keyBias = call.keyBias;
    row.valueBias = call.valueBias;
    row.queryNorm = call.queryNorm;
    row.keyNorm = call.keyNorm;
    row.eps = call.eps;
    row.ropeSize = call.ropeSize;
    row.style = call.ropeStyle;
    row.transform = call.store.type == KvType::Int8;
    row.keyOffset = call.keyOffset;
    row.stores = true;
    row.store = call.store;
    row.storeRow = call.storeRow;
    row.queries = call.queryRows > 0 ? call.queries : nullptr;
    return row;
}

}  // namespace

bool CudaBackend::layerOfOne(const LayerCall& call, const LayerWeightsView& weights) {
    Context& context = *m_context;
    const AttentionShape& shape = call.shape;
    const KvType type = call.store.type;
    if (!canAttendOne(context, shape, type) || !storesLast(call) || !sameType(call)) return false;
    for (const PackedWeight* weight : weights.all()) {
        if (weight->strict()) return false;
    }
    const Limits limits = m_limits.find(context, shape, call.spans, call.positions, 1);
    const SpanList spans = numberSpans(context, call.spans);
    if (limits.low != nullptr || limits.highHere[0] != spans.keys) return false;

    OneRow row = rowOf(call);
    row.table = ropeTableFor(1, call.ropeSize / 2, call.inverseFrequency, call.positions);
    const std::int64_t query = weights.query->rows(), kv = weights.key->rows();
    auto* qkv = context.workspace<float>(Slot::Wide, query + 2 * kv);
    row.qkv = qkv;
    row.out = context.workspace<float>(Slot::KeyValue, query);
    if (!context.ok()) return true;
    const std::array<Target, 3> targets{{{weights.query, nullptr, qkv, query},
                                         {weights.key, nullptr, qkv + query, kv},
                                         {weights.value, nullptr, qkv + query + kv, kv}}};
    product(targets, bytesOf(call.hidden, call.width, call.attentionNorm, call.eps), 1, Write::Set);
    attendOne(context, shape, type, spans, limits, row);
    addProduct(call, *weights.output, call.postAttentionNorm, bytesOf(row.out, query, nullptr, 0));
    if (context.ok()) feedForwardPart(call, weights);
    return true;
}

Rows CudaBackend::bytesOf(const float* x, std::int64_t columns, const float* norm, float eps) {
    const Rows rows = makeRows(*m_context, Slot::Rows, RowForm::Bytes, 1, columns);
    formRows(*m_context, x, 1, columns, norm, eps, rows);
    return rows;
}

}  // namespace kvasir::kernels::cuda
