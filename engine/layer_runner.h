// The forward pass: one transformer layer over some rows. The same code runs the early stage, the late stage
// and decoding.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/error.h"
#include "engine/layer_cache.h"
#include "engine/model.h"
#include "kernels/backend.h"

namespace kvasir {

/// Rows whose queries and logits can be had: the observation window's, and the least a chunk may be.
constexpr std::int64_t kWindowRows = 256;

/// What became of the device: an error once it has stopped working, for calls that have waited for its
/// results.
Result<void> deviceState(const kernels::Backend& backend);

/// Holds the scratch memory of a layer. One thread at a time. Model and back end must outlive it.
class LayerRunner {
public:
    /// Takes all memory that layers work in, the back end's workspaces too, and makes the chunks smaller
    /// where they would take more than a quarter of what is free: so what is free afterwards is there for
    /// documents. OutOfMemory when it does not fit.
    static Result<std::unique_ptr<LayerRunner>> create(const Model& model, kernels::Backend& backend);

    /// Rows that one call of `run` takes at most; readers of long prompts work in chunks of it.
    std::int64_t chunkRows() const { return m_chunkRows; }

    /// Embeddings of n <= chunkRows() tokens -> hidden (n, D), device. Errors: those of Model::embed.
    Result<void> embed(const TokenId* tokens, std::int64_t n, float* hidden);

    /// hidden (n, D) device, in place: what enters `layer` becomes what leaves it. `positions` host (n),
    /// ascending. The rows' K/V are appended to the cache's open run, where attention reads them as they are
    /// stored.
    void run(std::int32_t layer, float* hidden, const std::int32_t* positions, std::int64_t n,
             LayerCache& cache);

    /// Queries of the last `rows` rows of the last `run`, as its cache's keys are stored (after RoPE), (rows,
    /// H, d), device; valid until the next one. rows <= kWindowRows.
    const float* queries(std::int64_t rows) const;

    /// hidden (n, D) leaving the last layer -> logits (n, V), host, to `logits`. n <= kWindowRows. Errors:
    /// OutOfMemory, and those of deviceState; `logits` is then meaningless.
    Result<void> logits(const float* hidden, std::int64_t n, std::vector<float>& logits);

    /// What layers over keys and values of this type work in, beyond what was taken by `create`, behind
    /// `keys` rows; and taking it. False: there is not that much.
    std::size_t workspaceBytes(kernels::KvType type, std::int64_t keys) const;
    [[nodiscard]] bool reserve(kernels::KvType type, std::int64_t keys);

    const Model& model() const { return m_model; }
    kernels::Backend& backend() const { return m_backend; }

private:
    LayerRunner(const Model& model, kernels::Backend& backend) : m_model(model), m_backend(backend) {}
    kernels::LayerCall layerCall(std::int32_t layer) const;
    bool backendRunsLayers() const;
    kernels::LayerCall largestCall(kernels::KvType type) const;
    void norm(const std::unique_ptr<kernels::Buffer>& weight, const float* x, std::int64_t n,
              std::int64_t width, float* out);

    const Model& m_model;
    kernels::Backend& m_backend;
    bool m_wholeLayers = false;  ///< the back end runs each layer in one call
    std::int64_t m_chunkRows = kWindowRows;
    std::int64_t m_queryRows = 0;    ///< rows of the last run that m_query holds
    std::vector<float> m_embedding;  ///< host, (m_chunkRows, D); empty where the back end looks up
    std::unique_ptr<kernels::Buffer> m_normed, m_query, m_key, m_value, m_mixed, m_projected, m_gate, m_up;
};

}  // namespace kvasir
