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

/// Rows that one call of LayerRunner::run takes at most; readers of long prompts work in chunks of it.
constexpr std::int64_t kChunkRows = 256;

/// Holds the scratch memory of a layer. One thread at a time. Model and back end must outlive it.
class LayerRunner {
public:
    /// OutOfMemory when the scratch memory (kChunkRows rows) does not fit.
    static Result<std::unique_ptr<LayerRunner>> create(const Model& model, kernels::Backend& backend);

    /// Embeddings of n <= kChunkRows tokens -> hidden (n, D), device. Errors: those of Model::embed.
    Result<void> embed(const TokenId* tokens, std::int64_t n, float* hidden);

    /// hidden (n, D) device, in place: what enters `layer` becomes what leaves it. `positions` host (n),
    /// ascending. The rows' K/V are appended to the cache's open run, where attention reads them as they are
    /// stored.
    void run(std::int32_t layer, float* hidden, const std::int32_t* positions, std::int64_t n,
             LayerCache& cache);

    /// Queries of the last `run` as its cache's keys are stored (after RoPE), (n, H, d), device; valid until
    /// the next one.
    const float* queries() const { return m_query->as<float>(); }

    /// hidden (n, D) leaving the last layer -> logits (n, V), host. n <= kChunkRows.
    Result<std::vector<float>> logits(const float* hidden, std::int64_t n);

    const Model& model() const { return m_model; }
    kernels::Backend& backend() const { return m_backend; }

private:
    LayerRunner(const Model& model, kernels::Backend& backend) : m_model(model), m_backend(backend) {}
    void norm(const std::unique_ptr<kernels::Buffer>& weight, const float* x, std::int64_t n,
              std::int64_t width, float* out);

    const Model& m_model;
    kernels::Backend& m_backend;
    std::vector<float> m_embedding;  ///< host, (kChunkRows, D)
    std::unique_ptr<kernels::Buffer> m_normed, m_query, m_key, m_value, m_mixed, m_projected, m_gate, m_up;
};

}  // namespace kvasir
