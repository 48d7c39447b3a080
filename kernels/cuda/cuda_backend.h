// The CUDA back end: kernels/backend.h on one GPU.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/memory.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/blas.h"
#include "kernels/cuda/context.h"
#include "kernels/cuda/copies.h"
#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/packed_weight.h"
#include "kernels/cuda/products.h"
#include "kernels/cuda/rows.h"

namespace kvasir::kernels::cuda {

/// Operations are queued on one stream. Weights packed for F32 activations are multiplied in float32
/// (strict), all others with 8-bit activations (few rows) or in bfloat16, sums in float32.
class CudaBackend final : public Backend {
public:
    /// Null with a sentence in `reason` when there is no usable GPU.
    static std::unique_ptr<CudaBackend> create(std::string& reason);

    std::string_view name() const override { return m_name; }
    std::string_view failure() const override { return m_context->failure(); }
    std::int64_t chunkRows() const override;
    void setStop(std::stop_token stop) override { m_stop = std::move(stop); }
    void synchronise() override { m_context->synchronise(); }

    std::size_t freeMemory() const override { return m_context->freeMemory(); }
    std::unique_ptr<Buffer> allocate(std::size_t bytes) override;
    std::unique_ptr<Buffer> allocateLasting(std::size_t bytes) override;
    void copyToDevice(void* to, const void* fromHost, std::size_t bytes) override;
    void copyToHost(void* toHost, const void* from, std::size_t bytes) override;
    bool sharesHostMemory() const override { return false; }
    std::size_t freeHostMemory() const override { return availableMemory(); }
    std::unique_ptr<Buffer> allocateHost(std::size_t bytes) override { return allocatePinned(bytes); }
    CopyId beginCopyToHost(std::span<const CopyBlock> blocks) override { return m_copies.toHost(blocks); }
    CopyId beginCopyToDevice(std::span<const CopyBlock> blocks) override { return m_copies.toDevice(blocks); }
    bool isCopied(CopyId copy) override { return m_copies.isDone(copy); }
    void waitForCopy(CopyId copy) override { m_copies.wait(copy); }
    std::size_t workspaceBytes(const LayerCall& layer, std::int64_t n, std::int64_t keys) override;
    bool reserve(const LayerCall& layer, std::int64_t n, std::int64_t keys) override;
    std::unique_ptr<Weight> pack(const TensorView& tensor, Activations activations) override;
    bool looksUp() const override { return true; }
    void lookUp(const Weight& weight, const std::int32_t* rows, std::int64_t n, float scale,
                float* out) override;

    bool layer(const LayerCall& call) override;
    void rmsNorm(const float* x, std::int64_t n, std::int64_t width, const float* weight, float eps,
                 float* out) override;
    void multiply(const float* x, std::int64_t n, std::span<const Product> products) override;
    void rope(float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize, std::int32_t size,
              RopeStyle style, const double* inverseFrequency, const std::int32_t* positions) override;
    void hadamard(float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize) override;
    void storeKv(const AttentionShape& shape, const float* keys, const float* values, const float* keyOffset,
                 std::int64_t n, const KvRows& rows, std::int64_t row) override;
    void attention(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                   std::int64_t n, std::span<const KvSpan> spans, float* out) override;
    void siluMultiply(const float* gate, const float* up, std::int64_t count, float* out) override;
    void geluMultiply(const float* gate, const float* up, std::int64_t count, float* out) override;
    void add(float* x, const float* y, std::int64_t count) override;

    void windowScores(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                      std::int64_t window, std::span<const KvSpan> spans, std::int64_t before,
                      float* s) override;
    void attentionMass(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                       std::int64_t n, std::span<const std::int32_t> heads, std::span<const KvSpan> spans,
                       std::int64_t before, float* mass) override;
    void windowLogSums(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                       std::int64_t window, std::span<const KvSpan> spans, float* logSums) override;
    void windowScoresAgainst(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                             std::int64_t window, std::span<const KvSpan> spans, std::int64_t before,
                             const float* logSums, float* s) override;
    void rerotateKeys(const AttentionShape& shape, const KvRows& rows, std::int64_t count, std::int32_t size,
                      RopeStyle style, const double* inverseFrequency, const std::int32_t* shifts) override;
    void poolScores(const AttentionShape& shape, const float* s, std::int64_t k, std::int32_t kernel,
                    Pooling pooling, float* c) override;
    void sumRows(const float* rows, std::int64_t r, std::int64_t k, float* out) override;
    void keepLargest(const float* scores, std::int64_t heads, std::int64_t stride, const KeptRows& which,
                     std::int32_t* kept) override;
    void fillColumns(float* x, std::int64_t rows, std::int64_t stride, std::int64_t first, std::int64_t last,
                     float value) override;
    void gatherRows(const float* x, std::int64_t width, const std::int32_t* rows, std::int64_t count,
                    float* out) override;
    void gatherKv(const AttentionShape& shape, std::span<const KvSpan> spans, const std::int32_t* rows,
                  std::int64_t count, const KvRows& to) override;

private:
    explicit CudaBackend(std::unique_ptr<Context> context)
        : m_context(std::move(context)), m_blas(*m_context), m_copies(*m_context) {}

    /// Nothing more is to be done: stopped, or failed.
    bool idle() const { return m_stop.stop_requested() || !m_context->ok(); }
    Context::WorkspaceSizes workspaceSizes(const LayerCall& layer, std::int64_t n, std::int64_t keys);
    /// The form of x that suits n rows of these matrices.
    RowForm formFor(std::int64_t n, std::span<const Target> targets) const;
    /// Products of rows in one form; with several targets and Bfloat or Float rows, one after another.
    void product(std::span<const Target> targets, const Rows& x, std::int64_t n, Write write);
    /// One library product of matrices that lie side by side in its output; bfloat16 throughout.
    void mergedProduct(std::span<const PackedWeight* const> weights, const Rows& x, std::int64_t n,
                       __nv_bfloat16* y);
    const float2* ropeTableFor(std::int64_t n, std::int64_t pairs, const double* inverseFrequency,
                               const std::int32_t* positions);
    /// False: attendOne does not take it, and nothing was done.
    bool attentionOfOne(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                        std::span<const KvSpan> spans, float* out);
    AttentionCall attentionCall(const AttentionShape& shape, const std::int32_t* positions, std::int64_t n,
                                std::span<const KvSpan> spans);

    struct LayerWeightsView {
        const PackedWeight *query, *key, *value, *output, *gate, *up, *down;
        std::array<const PackedWeight*, 7> all() const { return {query, key, value, output, gate, up, down}; }
    };
    /// A layer of one row in fewer kernels; false: not these shapes, and nothing was done.
    bool layerOfOne(const LayerCall& call, const LayerWeightsView& weights);
    void attentionPart(const LayerCall& call, const LayerWeightsView& weights);
    /// Rotation, norms of heads, storing: what lies between the query, key and value products and attention.
    /// Returns the queries (n, H, d); null after a failure. `floats` receives them in float32 where attention
    /// needs that.
    const __half* storeRows(const LayerCall& call, QkvRows& qkv, float*& floats);
    /// hidden += x times the matrix, normed first where `norm` is not null.
    void addProduct(const LayerCall& call, const PackedWeight& weight, const float* norm, const Rows& x);
    /// One row in form Bytes, normed first where `norm` is not null; the next rows in Slot::Rows overwrite
    /// it.
    Rows bytesOf(const float* x, std::int64_t columns, const float* norm, float eps);
    void feedForwardPart(const LayerCall& call, const LayerWeightsView& weights);

    std::unique_ptr<Context> m_context;  // first: everything below lives in its memory
    Blas m_blas;
    Copies m_copies;
    std::string m_name;
    std::stop_token m_stop;
    /// Cosines and sines of one set of positions; kept, because every layer asks for the same.
    struct RopeTable {
        std::vector<double> frequencies;
        std::vector<std::int32_t> positions;
        const float2* table = nullptr;
    };
    RopeTable m_rope;
    LimitFinder m_limits;
};

}  // namespace kvasir::kernels::cuda
