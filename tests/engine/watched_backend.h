// A back end that passes everything on, and lets a test run short of memory or step in at a chosen moment. It
// can be a device with memory of its own, whose copies take their time.
#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/backend.h"

namespace kvasir::test {

class WatchedBackend final : public kernels::Backend {
public:
    explicit WatchedBackend(int threads) : m_cpu(kernels::makeCpuBackend(threads)) {}

    std::size_t free = std::numeric_limits<std::size_t>::max();  ///< what freeMemory() says at most
    int allocationsLeft = std::numeric_limits<int>::max();       ///< the next one after them fails
    /// Memory of its own, of so many bytes; what `allocate` gives is taken from it. Set before anything is
    /// allocated.
    std::optional<std::size_t> own;
    std::size_t hostFree = std::numeric_limits<std::size_t>::max();  ///< what freeHostMemory() says at most
    /// Copies to the host are done when they are waited for, or when they were asked for this often: what
    /// they copy must still be there then.
    int asksPerCopy = 0;
    std::size_t mostTaken = 0;              ///< of `own`, since it was last set
    int lasting = 0;                        ///< calls of allocateLasting
    std::atomic<bool> lost = false;         ///< the device stops working
    std::function<void()> beforePack;       ///< called before each matrix is packed
    std::function<void()> beforeAttention;  ///< called before each layer's attention

    std::string_view name() const override { return m_cpu->name(); }
    std::string_view failure() const override { return lost ? "The device was lost." : ""; }
    void setStop(std::stop_token stop) override { m_cpu->setStop(std::move(stop)); }
    void synchronise() override { m_cpu->synchronise(); }
    std::size_t freeMemory() const override {
        const std::size_t left = own ? *own - std::min(*own, m_taken->load()) : m_cpu->freeMemory();
        return std::min(free, left);
    }
    std::unique_ptr<kernels::Buffer> allocate(std::size_t bytes) override {
        if (lost || allocationsLeft-- <= 0 || (own && bytes > freeMemory())) return nullptr;
        std::unique_ptr<kernels::Buffer> made = m_cpu->allocate(bytes);
        if (made == nullptr || !own) return made;
        std::unique_ptr<kernels::Buffer> counted = std::make_unique<Counted>(std::move(made), m_taken);
        mostTaken = std::max(mostTaken, m_taken->load());
        return counted;
    }
    std::unique_ptr<kernels::Buffer> allocateLasting(std::size_t bytes) override {
        ++lasting;
        return allocate(bytes);
    }
    bool sharesHostMemory() const override { return !own; }
    std::size_t freeHostMemory() const override {
        const std::size_t left = hostFree - std::min(hostFree, m_hostTaken->load());
        return std::min(left, m_cpu->freeHostMemory());
    }
    std::unique_ptr<kernels::Buffer> allocateHost(std::size_t bytes) override {
        if (bytes > freeHostMemory()) return nullptr;
        std::unique_ptr<kernels::Buffer> made = m_cpu->allocateHost(bytes);
        if (made == nullptr) return made;
        return std::make_unique<Counted>(std::move(made), m_hostTaken);
    }
    kernels::CopyId beginCopyToHost(std::span<const kernels::CopyBlock> blocks) override {
        if (asksPerCopy == 0) return m_cpu->beginCopyToHost(blocks);
        m_late.push_back({{blocks.begin(), blocks.end()}, asksPerCopy});
        return ++m_begun;
    }
    kernels::CopyId beginCopyToDevice(std::span<const kernels::CopyBlock> blocks) override {
        return m_cpu->beginCopyToDevice(blocks);
    }
    bool isCopied(kernels::CopyId copy) override {
        if (copy <= m_begun - m_late.size()) return true;
        if (--m_late.front().asks > 0) return false;
        waitForCopy(m_begun - m_late.size() + 1);
        return copy <= m_begun - m_late.size();
    }
    void waitForCopy(kernels::CopyId copy) override {
        while (copy > m_begun - m_late.size()) {
            m_cpu->beginCopyToHost(m_late.front().blocks);
            m_late.pop_front();
        }
    }
    void copyToDevice(void* to, const void* fromHost, std::size_t bytes) override {
        m_cpu->copyToDevice(to, fromHost, bytes);
    }
    void copyToHost(void* toHost, const void* from, std::size_t bytes) override {
        m_cpu->copyToHost(toHost, from, bytes);
    }
    std::unique_ptr<kernels::Weight> pack(const kernels::TensorView& tensor,
                                          kernels::Activations activations) override {
        if (beforePack) beforePack();
        return allocationsLeft-- > 0 ? m_cpu->pack(tensor, activations) : nullptr;
    }
    void rmsNorm(const float* x, std::int64_t n, std::int64_t width, const float* weight, float eps,
                 float* out) override {
        m_cpu->rmsNorm(x, n, width, weight, eps, out);
    }
    void multiply(const float* x, std::int64_t n, std::span<const Product> products) override {
        m_cpu->multiply(x, n, products);
    }
    void rope(float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize, std::int32_t size,
              kernels::RopeStyle style, const double* inverseFrequency,
              const std::int32_t* positions) override {
        m_cpu->rope(x, n, heads, headSize, size, style, inverseFrequency, positions);
    }
    void hadamard(float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize) override {
        m_cpu->hadamard(x, n, heads, headSize);
    }
    void storeKv(const kernels::AttentionShape& shape, const float* keys, const float* values,
                 const float* keyOffset, std::int64_t n, const kernels::KvRows& rows,
                 std::int64_t row) override {
        m_cpu->storeKv(shape, keys, values, keyOffset, n, rows, row);
    }
    void attention(const kernels::AttentionShape& shape, const float* queries, const std::int32_t* positions,
                   std::int64_t n, std::span<const kernels::KvSpan> spans, float* out) override {
        if (beforeAttention) beforeAttention();
        m_cpu->attention(shape, queries, positions, n, spans, out);
    }
    void siluMultiply(const float* gate, const float* up, std::int64_t count, float* out) override {
        m_cpu->siluMultiply(gate, up, count, out);
    }
    void geluMultiply(const float* gate, const float* up, std::int64_t count, float* out) override {
        m_cpu->geluMultiply(gate, up, count, out);
    }
    void add(float* x, const float* y, std::int64_t count) override { m_cpu->add(x, y, count); }
    void windowScores(const kernels::AttentionShape& shape, const float* queries,
                      const std::int32_t* positions, std::int64_t window,
                      std::span<const kernels::KvSpan> spans, std::int64_t before, float* s) override {
        m_cpu->windowScores(shape, queries, positions, window, spans, before, s);
    }
    void attentionMass(const kernels::AttentionShape& shape, const float* queries,
                       const std::int32_t* positions, std::int64_t n, std::span<const std::int32_t> heads,
                       std::span<const kernels::KvSpan> spans, std::int64_t before, float* mass) override {
        m_cpu->attentionMass(shape, queries, positions, n, heads, spans, before, mass);
    }
    void windowLogSums(const kernels::AttentionShape& shape, const float* queries,
                       const std::int32_t* positions, std::int64_t window,
                       std::span<const kernels::KvSpan> spans, float* logSums) override {
        m_cpu->windowLogSums(shape, queries, positions, window, spans, logSums);
    }
    void windowScoresAgainst(const kernels::AttentionShape& shape, const float* queries,
                             const std::int32_t* positions, std::int64_t window,
                             std::span<const kernels::KvSpan> spans, std::int64_t before,
                             const float* logSums, float* s) override {
        m_cpu->windowScoresAgainst(shape, queries, positions, window, spans, before, logSums, s);
    }
    void rerotateKeys(const kernels::AttentionShape& shape, const kernels::KvRows& rows, std::int64_t count,
                      std::int32_t size, kernels::RopeStyle style, const double* inverseFrequency,
                      const std::int32_t* shifts) override {
        m_cpu->rerotateKeys(shape, rows, count, size, style, inverseFrequency, shifts);
    }
    void poolScores(const kernels::AttentionShape& shape, const float* s, std::int64_t k, std::int32_t kernel,
                    kernels::Pooling pooling, float* c) override {
        m_cpu->poolScores(shape, s, k, kernel, pooling, c);
    }
    void sumRows(const float* rows, std::int64_t r, std::int64_t k, float* out) override {
        m_cpu->sumRows(rows, r, k, out);
    }
    void keepLargest(const float* scores, std::int64_t heads, std::int64_t stride,
                     const kernels::KeptRows& which, std::int32_t* kept) override {
        m_cpu->keepLargest(scores, heads, stride, which, kept);
    }
    void fillColumns(float* x, std::int64_t rows, std::int64_t stride, std::int64_t first, std::int64_t last,
                     float value) override {
        m_cpu->fillColumns(x, rows, stride, first, last, value);
    }
    void gatherRows(const float* x, std::int64_t width, const std::int32_t* rows, std::int64_t count,
                    float* out) override {
        m_cpu->gatherRows(x, width, rows, count, out);
    }
    void gatherKv(const kernels::AttentionShape& shape, std::span<const kernels::KvSpan> spans,
                  const std::int32_t* rows, std::int64_t count, const kernels::KvRows& to) override {
        m_cpu->gatherKv(shape, spans, rows, count, to);
    }

private:
    struct Counted final : kernels::Buffer {
        Counted(std::unique_ptr<kernels::Buffer> held, std::shared_ptr<std::atomic<std::size_t>> sum)
            : memory(std::move(held)), taken(std::move(sum)) {
            taken->fetch_add(memory->bytes());
        }
        ~Counted() override { taken->fetch_sub(memory->bytes()); }
        Counted(const Counted&) = delete;
        Counted& operator=(const Counted&) = delete;
        std::byte* data() override { return memory->data(); }
        const std::byte* data() const override { return memory->data(); }
        std::size_t bytes() const override { return memory->bytes(); }
        std::unique_ptr<kernels::Buffer> memory;
        std::shared_ptr<std::atomic<std::size_t>> taken;
    };
    struct Late {
        std::vector<kernels::CopyBlock> blocks;
        int asks;
    };

    std::unique_ptr<kernels::Backend> m_cpu;
    std::shared_ptr<std::atomic<std::size_t>> m_taken = std::make_shared<std::atomic<std::size_t>>(0),
                                              m_hostTaken = std::make_shared<std::atomic<std::size_t>>(0);
    std::deque<Late> m_late;  ///< begun and not done, oldest first
    kernels::CopyId m_begun = 0;
};

}  // namespace kvasir::test
