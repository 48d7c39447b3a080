// CudaBackend: a whole layer of several rows; see layer_one.cpp for one. Rows keep the form that the next
// product reads, and only the hidden state is float32 in memory. Up to kMatvecRows rows: matrix times vectors
// with 8-bit activations. Up to kFewRows: fused tensor core products. More: the library, on matrices that are
// dequantised just before.
#include <algorithm>
#include <array>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/dequantise.h"
#include "kernels/cuda/eight_bits.h"
#include "kernels/cuda/elementwise.h"

namespace kvasir::kernels::cuda {
namespace {

/// As many rows as keep the chip at its full rate while a chunk's activations stay a small part of its
/// memory.
constexpr std::int64_t kChunkRows = 8192;
/// Layers of this many rows take milliseconds: only a few are queued ahead, so that a stop takes effect soon.
constexpr std::int64_t kManyRows = 1024;

}  // namespace

std::int64_t CudaBackend::chunkRows() const {
    return kChunkRows;
}

void CudaBackend::mergedProduct(std::span<const PackedWeight* const> weights, const Rows& x, std::int64_t n,
                                __nv_bfloat16* y) {
    std::int64_t rows = 0;
    for (const PackedWeight* weight : weights)
        rows += weight->rows();
    auto* w = m_context->workspace<__nv_bfloat16>(Slot::Weights, rows * x.stride);
    if (w == nullptr) return;
    std::int64_t row = 0;
    for (const PackedWeight* weight : weights) {
        dequantise(*m_context, weight->planes(), w + row * x.stride);
        row += weight->rows();
    }
    m_blas.multiply({Number::Bfloat, Number::Bfloat, w, x.data, y, rows, n, x.stride, rows, false});
}

bool CudaBackend::layer(const LayerCall& call) {
    const auto as = [](const Weight* weight) { return static_cast<const PackedWeight*>(weight); };
    const LayerWeightsView weights{as(call.query), as(call.key), as(call.value), as(call.output),
                                   as(call.gate),  as(call.up),  as(call.down)};
    if (call.n == 0) {
        const std::int32_t size = call.shape.headSize;
        bool fits = m_context->capability() >= 80 && !call.shape.strict &&
                    (size == 64 || size == 128 || (size == 256 && m_context->sharedLimit() >= 164 * 1024));
        // A bias comes with rotation, after the norm of heads: no family has both.
        fits = fits && (call.queryNorm == nullptr || call.queryBias == nullptr);
        for (const PackedWeight* weight : weights.all())
            fits = fits && !weight->strict() && canFewRows(weight->planes());
        return fits;
    }
    if (idle()) return true;
    if (call.n == 1 && layerOfOne(call, weights)) return true;
    attentionPart(call, weights);
    if (!idle()) feedForwardPart(call, weights);
    if (call.n >= kManyRows) m_context->mark();
    return true;
}

void CudaBackend::addProduct(const LayerCall& call, const PackedWeight& weight, const float* norm,
                             const Rows& x) {
    if (norm == nullptr) {
        const std::array<Target, 1> target{{{&weight, nullptr, call.hidden, call.width}}};
        return product(target, x, call.n, Write::Add);
    }
    auto* y = m_context->workspace<float>(Slot::Projected, call.n * call.width);
    if (y == nullptr) return;
    const std::array<Target, 1> target{{{&weight, nullptr, y, call.width}}};
    product(target, x, call.n, Write::Set);
    cuda::rmsNorm(*m_context, y, call.n, call.width, norm, call.eps, y);
    cuda::add(*m_context, call.hidden, y, call.n * call.width);
}

const __half* CudaBackend::storeRows(const LayerCall& call, QkvRows& qkv, float*& floats) {
    Context& context = *m_context;
    const AttentionShape& shape = call.shape;
    const std::int64_t n = call.n, query = std::int64_t{shape.heads} * shape.headSize;
    const std::int64_t kv = std::int64_t{shape.kvHeads} * shape.headSize;
    auto* half = context.workspace<__half>(Slot::Query, n * query);
    // 8-bit keys are stored transformed, and float32 ones are for tests: both want the queries in float32
    // first.
    const bool eightBits = call.store.type == KvType::Int8, all = call.store.type != KvType::F16;
    floats = all ? context.workspace<float>(Slot::QueryFloats, n * query) : call.queries;
    auto* keys = eightBits ? context.workspace<float>(Slot::KeyValue, 2 * n * kv) : nullptr;
    if (!context.ok()) return nullptr;
    qkv.wanted = all ? n : call.queries != nullptr ? call.queryRows : 0;
    KvRows store = call.store;
    if (eightBits) {
        store = {KvType::F32,
                 reinterpret_cast<std::byte*>(keys),
                 reinterpret_cast<std::byte*>(keys + n * kv),
                 n,
                 nullptr,
                 nullptr};
    }
    rotateAndStore(context, shape, qkv, half, floats, store, eightBits ? 0 : call.storeRow);
    if (eightBits) {
        cuda::hadamard(context, floats, n * shape.heads, shape.headSize);
        cuda::hadamard(context, keys, n * shape.kvHeads, shape.headSize);
        toHalf(context, floats, n * query, half);
        storeEightBits(context, shape, {keys, keys + n * kv, call.keyOffset, 1, n}, n, call.store,
                       call.storeRow);
    }
    if (all && call.queries != nullptr)
        copyFloats(context, floats + (n - call.queryRows) * query, call.queryRows * query, call.queries);
    return half;
}

void CudaBackend::attentionPart(const LayerCall& call, const LayerWeightsView& weights) {
    Context& context = *m_context;
    const AttentionShape& shape = call.shape;
    const std::int64_t n = call.n, query = weights.query->rows(), kv = weights.key->rows(),
                       all = query + 2 * kv;
    const std::array<Target, 1> output{{{weights.output, nullptr, call.hidden, call.width}}};
    const RowForm form = formFor(n, output);
    const std::int32_t heads = shape.heads + 2 * shape.kvHeads;
    const auto normAll = [&](auto* y) {
        if (call.queryNorm != nullptr)
            normHeads(context, y, n, heads, 0, shape.heads, shape.headSize, call.queryNorm, call.eps);
        if (call.keyNorm != nullptr)
            normHeads(context, y, n, heads, shape.heads, shape.kvHeads, shape.headSize, call.keyNorm,
                      call.eps);
    };

    QkvRows qkv;
    qkv.n = n;
    qkv.queryBias = call.queryBias;
    qkv.keyBias = call.keyBias;
    qkv.valueBias = call.valueBias;
    qkv.ropeSize = call.ropeSize;
    qkv.style = call.ropeStyle;
    qkv.table = ropeTableFor(n, call.ropeSize / 2, call.inverseFrequency, call.positions);
    const Rows normed = makeRows(context, Slot::Rows, form, n, call.width);
    formRows(context, call.hidden, n, call.width, call.attentionNorm, call.eps, normed);
    if (form == RowForm::Bfloat) {
        auto* y = context.workspace<__nv_bfloat16>(Slot::Wide, n * all);
        const std::array<const PackedWeight*, 3> merged{weights.query, weights.key, weights.value};
        mergedProduct(merged, normed, n, y);
        if (context.ok()) normAll(y);
        qkv.bfloats = y;
    } else {
        auto* y = context.workspace<float>(Slot::Wide, n * all);
        const std::array<Target, 3> targets{{{weights.query, nullptr, y, all},
                                             {weights.key, nullptr, y + query, all},
                                             {weights.value, nullptr, y + query + kv, all}}};
        product(targets, normed, n, Write::Set);
        if (context.ok()) normAll(y);
        qkv.floats = y;
    }
    const Rows mixed = makeRows(context, Slot::Mixed, form, n, query);
    float* floats = nullptr;
    const __half* half = context.ok() ? storeRows(call, qkv, floats) : nullptr;
    if (half == nullptr) return;
    clearPadding(context, mixed, n, query);
    AttentionCall attention = attentionCall(shape, call.positions, n, call.spans);
    attention.half = half;
    if (canAttend(context, attention)) {
        attend(context, attention, mixed);
    } else {
        attention.floats = floats;
        auto* out = context.workspace<float>(Slot::KeyValue, n * query);
        if (!context.ok()) return;
        attendStrict(context, attention, out);
        formRows(context, out, n, query, nullptr, 0, mixed);
    }
    addProduct(call, *weights.output, call.postAttentionNorm, mixed);
}

void CudaBackend::feedForwardPart(const LayerCall& call, const LayerWeightsView& weights) {
    Context& context = *m_context;
    const std::int64_t n = call.n, width = weights.gate->rows();
    const std::array<Target, 1> down{{{weights.down, nullptr, call.hidden, call.width}}};
    const RowForm form = formFor(n, down);
    const Gate function = call.gelu ? Gate::Gelu : Gate::Silu;
    const Rows normed = makeRows(context, Slot::Rows, form, n, call.width);
    const Rows gated = makeRows(context, Slot::Gated, form, n, width);
    formRows(context, call.hidden, n, call.width, call.feedForwardNorm, call.eps, normed);
    if (!context.ok()) return;
    if (form == RowForm::Bytes && !call.gelu && canGate(weights.gate->planes(), weights.up->planes())) {
        gatedMatvec(context, weights.gate->planes(), weights.up->planes(), normed, n, gated);
    } else if (form == RowForm::Bfloat) {
        auto* y = context.workspace<__nv_bfloat16>(Slot::Wide, n * 2 * width);
        const std::array<const PackedWeight*, 2> merged{weights.gate, weights.up};
        mergedProduct(merged, normed, n, y);
        if (context.ok()) gateRows(context, function, y, n, width, gated);
    } else {
        auto* y = context.workspace<float>(Slot::Wide, n * 2 * width);
        const std::array<Target, 2> targets{
            {{weights.gate, nullptr, y, 2 * width}, {weights.up, nullptr, y + width, 2 * width}}};
        product(targets, normed, n, Write::Set);
        if (context.ok()) gateRows(context, function, y, n, width, gated);
    }
    addProduct(call, *weights.down, call.postFeedForwardNorm, gated);
}

}  // namespace kvasir::kernels::cuda
