#include "engine/layer_runner.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kvasir {

using kernels::Backend;
using kernels::Buffer;

namespace {

const float* floats(const std::unique_ptr<Buffer>& buffer) {
    return buffer != nullptr ? buffer->as<float>() : nullptr;
}

}  // namespace

Result<void> deviceState(const Backend& backend) {
    const std::string failure(backend.failure());
    if (failure.empty()) return {};
    return fail(ErrorCode::DeviceFailed, failure, std::string(backend.name()),
                "Start Kvasir again. It goes on without the GPU when that does not come back.");
}

Result<std::unique_ptr<LayerRunner>> LayerRunner::create(const Model& model, Backend& backend) {
    std::unique_ptr<LayerRunner> runner(new LayerRunner(model, backend));
    const ModelConfig& c = model.config();
    const std::int64_t attention = std::int64_t{c.heads} * c.headSize,
                       kv = std::int64_t{c.kvHeads} * c.headSize;
    runner->m_wholeLayers = runner->backendRunsLayers();
    const tl::unexpected<Error> outOfMemory =
        fail(ErrorCode::OutOfMemory, "There is not enough memory to work in.", model.path().string(),
             "Close other programs, or choose a smaller model.");
    if (runner->m_wholeLayers) runner->m_chunkRows = std::max(kWindowRows, backend.chunkRows());
    const std::size_t most = backend.freeMemory() / 4;
    while (runner->m_chunkRows > kWindowRows && runner->workspaceBytes(kernels::KvType::F16, 0) > most)
        runner->m_chunkRows = std::max(kWindowRows, runner->m_chunkRows / 2);
    if (!runner->reserve(kernels::KvType::F16, 0)) return outOfMemory;
    std::vector<std::pair<std::unique_ptr<Buffer>*, std::int64_t>> scratch{{&runner->m_normed, c.width},
                                                                           {&runner->m_query, attention}};
    if (!runner->m_wholeLayers) {
        scratch.insert(scratch.end(), {{&runner->m_key, kv},
                                       {&runner->m_value, kv},
                                       {&runner->m_mixed, attention},
                                       {&runner->m_projected, c.width},
                                       {&runner->m_gate, c.feedForward},
                                       {&runner->m_up, c.feedForward}});
    }
    for (const auto& [buffer, width] : scratch) {
        *buffer = backend.allocate(static_cast<std::size_t>(kWindowRows * width) * sizeof(float));
        if (*buffer == nullptr) return outOfMemory;
    }
    if (model.embedding() == nullptr)
        runner->m_embedding.resize(static_cast<std::size_t>(runner->m_chunkRows * c.width));
    return runner;
}

Result<void> LayerRunner::embed(const TokenId* tokens, std::int64_t n, float* hidden) {
    if (m_model.embedding() != nullptr) {
        m_backend.lookUp(*m_model.embedding(), tokens, n, m_model.config().embeddingScale, hidden);
        return {};
    }
    if (Result<void> read = m_model.embed(tokens, n, m_embedding.data()); !read) return read;
    m_backend.copyToDevice(hidden, m_embedding.data(),
                           static_cast<std::size_t>(n * m_model.config().width) * sizeof(float));
    return {};
}

kernels::LayerCall LayerRunner::layerCall(std::int32_t layer) const {
    const ModelConfig& c = m_model.config();
    const LayerWeights& w = m_model.layer(layer);
    kernels::LayerCall call;
    call.shape = m_model.attentionShape(layer);
    call.width = c.width;
    call.eps = c.eps;
    call.attentionNorm = floats(w.attentionNorm);
    call.feedForwardNorm = floats(w.feedForwardNorm);
    call.query = w.query.get();
    call.key = w.key.get();
    call.value = w.value.get();
    call.output = w.output.get();
    call.queryBias = floats(w.queryBias);
    call.keyBias = floats(w.keyBias);
    call.valueBias = floats(w.valueBias);
    call.queryNorm = floats(w.queryNorm);
    call.keyNorm = floats(w.keyNorm);
    call.keyOffset = floats(w.keyOffset);
    call.postAttentionNorm = floats(w.postAttentionNorm);
    call.postFeedForwardNorm = floats(w.postFeedForwardNorm);
    call.gelu = c.gate == GateFunction::Gelu;
    call.gate = w.gate.get();
    call.up = w.up.get();
    call.down = w.down.get();
    call.ropeSize = c.ropeSize;
    call.ropeStyle = c.ropeStyle;
    call.inverseFrequency = c.ropeOf(layer).data();
    return call;
}

kernels::LayerCall LayerRunner::largestCall(kernels::KvType type) const {
    kernels::LayerCall call = layerCall(0);
    call.store.type = type;
    return call;
}

std::size_t LayerRunner::workspaceBytes(kernels::KvType type, std::int64_t keys) const {
    return m_backend.workspaceBytes(largestCall(type), m_chunkRows, keys);
}

bool LayerRunner::reserve(kernels::KvType type, std::int64_t keys) {
    return m_backend.reserve(largestCall(type), m_chunkRows, keys);
}

bool LayerRunner::backendRunsLayers() const {
    bool all = true;
    for (std::int32_t i = 0; i < m_model.config().layers && all; ++i)
        all = m_backend.layer(layerCall(i));
    return all;
}

void LayerRunner::run(std::int32_t layer, float* hidden, const std::int32_t* positions, std::int64_t n,
                      LayerCache& cache) {
    if (m_wholeLayers) {
        kernels::LayerCall call = layerCall(layer);
        call.hidden = hidden;
        call.positions = positions;
        call.n = n;
        const LayerCache::Room room = cache.claim(n);
        call.store = room.rows;
        call.storeRow = room.row;
        call.spans = cache.spans();
        m_queryRows = std::min(n, kWindowRows);
        call.queries = m_query->as<float>();
        call.queryRows = m_queryRows;
        m_backend.layer(call);
        return;
    }
    const ModelConfig& c = m_model.config();
    const LayerWeights& w = m_model.layer(layer);
    const double* rope = c.ropeOf(layer).data();
    float* normed = m_normed->as<float>();        // (n, D)
    float* query = m_query->as<float>();          // (n, H, d)
    float* key = m_key->as<float>();              // (n, G, d)
    float* value = m_value->as<float>();          // (n, G, d)
    float* mixed = m_mixed->as<float>();          // (n, H, d)
    float* projected = m_projected->as<float>();  // (n, D)
    float* gate = m_gate->as<float>();            // (n, F)
    float* up = m_up->as<float>();                // (n, F)

    m_queryRows = n;
    norm(w.attentionNorm, hidden, n, c.width, normed);
    const std::array<Backend::Product, 3> qkv{{{w.query.get(), floats(w.queryBias), query},
                                               {w.key.get(), floats(w.keyBias), key},
                                               {w.value.get(), floats(w.valueBias), value}}};
    m_backend.multiply(normed, n, qkv);
    norm(w.queryNorm, query, n * c.heads, c.headSize, query);
    norm(w.keyNorm, key, n * c.kvHeads, c.headSize, key);
    m_backend.rope(query, n, c.heads, c.headSize, c.ropeSize, c.ropeStyle, rope, positions);
    m_backend.rope(key, n, c.kvHeads, c.headSize, c.ropeSize, c.ropeStyle, rope, positions);
    const bool eightBits = cache.type() == kernels::KvType::Int8;
    if (eightBits) {
        m_backend.hadamard(query, n, c.heads, c.headSize);
        m_backend.hadamard(key, n, c.kvHeads, c.headSize);
    }
    cache.append(key, value, eightBits ? floats(w.keyOffset) : nullptr, n);
    m_backend.attention(m_model.attentionShape(layer), query, positions, n, cache.spans(), mixed);
    const std::array<Backend::Product, 1> output{{{w.output.get(), nullptr, projected}}};
    m_backend.multiply(mixed, n, output);
    norm(w.postAttentionNorm, projected, n, c.width, projected);
    m_backend.add(hidden, projected, n * c.width);

    norm(w.feedForwardNorm, hidden, n, c.width, normed);
    const std::array<Backend::Product, 2> gateUp{{{w.gate.get(), nullptr, gate}, {w.up.get(), nullptr, up}}};
    m_backend.multiply(normed, n, gateUp);
    if (c.gate == GateFunction::Silu) m_backend.siluMultiply(gate, up, n * c.feedForward, gate);
    if (c.gate == GateFunction::Gelu) m_backend.geluMultiply(gate, up, n * c.feedForward, gate);
    const std::array<Backend::Product, 1> down{{{w.down.get(), nullptr, projected}}};
    m_backend.multiply(gate, n, down);
    norm(w.postFeedForwardNorm, projected, n, c.width, projected);
    m_backend.add(hidden, projected, n * c.width);
}

/// Leaves out what the family has not.
void LayerRunner::norm(const std::unique_ptr<Buffer>& weight, const float* x, std::int64_t n,
                       std::int64_t width, float* out) {
    if (weight != nullptr) m_backend.rmsNorm(x, n, width, weight->as<float>(), m_model.config().eps, out);
}

const float* LayerRunner::queries(std::int64_t rows) const {
    const ModelConfig& c = m_model.config();
    return m_query->as<float>() + (m_queryRows - rows) * c.heads * c.headSize;
}

Result<void> LayerRunner::logits(const float* hidden, std::int64_t n, std::vector<float>& logits) {
    const ModelConfig& c = m_model.config();
    const auto bytes = static_cast<std::size_t>(n * c.vocabulary) * sizeof(float);
    std::unique_ptr<Buffer> device = m_backend.allocate(bytes);
    if (device == nullptr) {
        return fail(ErrorCode::OutOfMemory, "There is not enough memory to go on writing.",
                    m_model.path().string(), "Close other programs and ask again.");
    }
    m_backend.rmsNorm(hidden, n, c.width, m_model.outputNorm().as<float>(), c.eps, m_normed->as<float>());
    const std::array<Backend::Product, 1> product{{{&m_model.output(), nullptr, device->as<float>()}}};
    m_backend.multiply(m_normed->as<float>(), n, product);
    logits.resize(static_cast<std::size_t>(n * c.vocabulary));
    m_backend.copyToHost(logits.data(), device->data(), bytes);
    return deviceState(m_backend);
}

}  // namespace kvasir
