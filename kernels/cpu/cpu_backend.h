// The CPU back end: kernels/backend.h on threads and the widest instructions the machine has.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/memory.h"
#include "kernels/cpu/thread_pool.h"

namespace kvasir::kernels {

/// Operations are done when they return. Scratch memory grows to what the largest call needs and stays; where
/// it cannot, std::bad_alloc leaves the operation.
class CpuBackend : public Backend {
public:
    CpuBackend(int threads, const KernelTable& kernels);

    std::string_view name() const override { return m_name; }
    void setStop(std::stop_token stop) override { m_stop = std::move(stop); }
    void synchronise() override {}

    std::size_t freeMemory() const override { return availableMemory(); }
    std::unique_ptr<Buffer> allocate(std::size_t bytes) override;
    void copyToDevice(void* to, const void* fromHost, std::size_t bytes) override;
    void copyToHost(void* toHost, const void* from, std::size_t bytes) override;
    bool sharesHostMemory() const override { return true; }
    std::size_t freeHostMemory() const override { return availableMemory(); }
    std::unique_ptr<Buffer> allocateHost(std::size_t bytes) override { return allocate(bytes); }
    CopyId beginCopyToHost(std::span<const CopyBlock> blocks) override;
    CopyId beginCopyToDevice(std::span<const CopyBlock> blocks) override;
    bool isCopied(CopyId) override { return true; }
    void waitForCopy(CopyId) override {}
    std::unique_ptr<Weight> pack(const TensorView& tensor, Activations activations) override;

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
    /// A product cut into tiles.
    struct CutProduct {
        const PackedMatrix* weight = nullptr;
        bool int8 = false;
        const float* bias = nullptr;
        float* y = nullptr;
        std::int64_t groupsPerTile = 1;
        std::int64_t rowsPerTile = 1;
        std::int64_t rowTiles = 1;
        std::int64_t endTile = 0;  ///< tiles of this product and those before
    };
    /// Cosines and sines of one set of positions, (n, size / 2); kept, because every layer asks for the same.
    struct RopeTable {
        std::vector<double> frequencies;
        std::vector<std::int32_t> positions;
        std::vector<float> cosines;
        std::vector<float> sines;
    };
    struct VisibleKeys;
    struct AttentionCall;
    struct WindowCall;

    /// Calls body(first, last) for pieces of [0, count) of at most `piece`.
    template <typename Body>
    void inPieces(std::int64_t count, std::int64_t piece, const Body& body) {
        m_pool.run((count + piece - 1) / piece, m_stop, [&](std::int64_t tile, int) {
            const std::int64_t first = tile * piece;
            body(first, first + piece < count ? first + piece : count);
        });
    }

    ByteRows quantiseRows(const float* x, std::int64_t n, std::int64_t columns);
    std::int64_t cutProducts(std::int64_t n, std::span<const Product> products);
    void runTile(const float* x, const ByteRows& rows, std::int64_t n, std::int64_t tile, std::byte* scratch);
    void updateRopeTable(std::int64_t n, std::int64_t pairs, const double* inverseFrequency,
                         const std::int32_t* positions);
    void attendWide(const AttentionCall& call);
    void attendNarrow(const AttentionCall& call);
    void windowTotals(const WindowCall& window);
    void windowSums(const WindowCall& window, std::int64_t before, float* s);
    /// Grows every worker's scratch.
    void reserveScratch(std::size_t bytes);

    const KernelTable& m_kernels;
    ThreadPool m_pool;
    std::string m_name;
    std::stop_token m_stop;
    std::vector<AlignedMemory> m_scratch;  ///< per worker
    AlignedMemory m_byteRows;
    AlignedMemory m_states;
    std::vector<CutProduct> m_products;
    RopeTable m_rope;
};

}  // namespace kvasir::kernels
