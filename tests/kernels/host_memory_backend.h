// Lets the tests of kernels/ use host memory with a back end whose memory is elsewhere: every array is copied
// to the device before an operation and back after it, at the same alignment.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "kernels/backend.h"

namespace kvasir::kernels::test {

class HostMemoryBackend final : public Backend {
public:
    explicit HostMemoryBackend(std::unique_ptr<Backend> device) : m_device(std::move(device)) {}

    std::string_view name() const override { return m_device->name(); }
    std::string_view failure() const override { return m_device->failure(); }
    void setStop(std::stop_token stop) override { m_device->setStop(std::move(stop)); }
    void synchronise() override { m_device->synchronise(); }
    std::size_t freeMemory() const override { return m_device->freeMemory(); }
    std::unique_ptr<Buffer> allocate(std::size_t bytes) override { return m_device->allocate(bytes); }
    void copyToDevice(void* to, const void* from, std::size_t bytes) override {
        m_device->copyToDevice(to, from, bytes);
    }
    void copyToHost(void* to, const void* from, std::size_t bytes) override {
        m_device->copyToHost(to, from, bytes);
    }
    bool sharesHostMemory() const override { return m_device->sharesHostMemory(); }
    std::size_t freeHostMemory() const override { return m_device->freeHostMemory(); }
    std::unique_ptr<Buffer> allocateHost(std::size_t bytes) override { return m_device->allocateHost(bytes); }
    CopyId beginCopyToHost(std::span<const CopyBlock> blocks) override {
        return m_device->beginCopyToHost(blocks);
    }
    CopyId beginCopyToDevice(std::span<const CopyBlock> blocks) override {
        return m_device->beginCopyToDevice(blocks);
    }
    bool isCopied(CopyId copy) override { return m_device->isCopied(copy); }
    void waitForCopy(CopyId copy) override { m_device->waitForCopy(copy); }
    std::unique_ptr<Weight> pack(const TensorView& tensor, Activations activations) override {
        return m_device->pack(tensor, activations);
    }
    bool looksUp() const override { return m_device->looksUp(); }
    void lookUp(const Weight& weight, const std::int32_t* rows, std::int64_t n, float scale,
                float* out) override {
        Call call(*m_device);
        m_device->lookUp(weight, rows, n, scale, call.array(out, n * weight.columns()));
    }

    void rmsNorm(const float* x, std::int64_t n, std::int64_t width, const float* weight, float eps,
                 float* out) override {
        Call call(*m_device);
        float* to = call.array(out, n * width);
        m_device->rmsNorm(x == out ? to : call.input(x, n * width), n, width, call.input(weight, width), eps,
                          to);
    }
    void multiply(const float* x, std::int64_t n, std::span<const Product> products) override {
        Call call(*m_device);
        std::vector<Product> moved(products.begin(), products.end());
        for (Product& each : moved) {
            each.bias = call.input(each.bias, each.weight->rows());
            each.y = call.array(each.y, n * each.weight->rows());
        }
        const std::int64_t columns = products.empty() ? 0 : products.front().weight->columns();
        m_device->multiply(call.input(x, n * columns), n, moved);
    }
    void rope(float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize, std::int32_t size,
              RopeStyle style, const double* inverseFrequency, const std::int32_t* positions) override {
        Call call(*m_device);
        m_device->rope(call.array(x, n * heads * headSize), n, heads, headSize, size, style, inverseFrequency,
                       positions);
    }
    void hadamard(float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize) override {
        Call call(*m_device);
        m_device->hadamard(call.array(x, n * heads * headSize), n, heads, headSize);
    }
    void storeKv(const AttentionShape& shape, const float* keys, const float* values, const float* keyOffset,
                 std::int64_t n, const KvRows& rows, std::int64_t row) override {
        Call call(*m_device);
        const std::int64_t count = n * shape.kvHeads * shape.headSize;
        m_device->storeKv(shape, call.input(keys, count), call.input(values, count),
                          call.input(keyOffset, shape.kvHeads * shape.headSize), n, call.rows(shape, rows),
                          row);
    }
    void attention(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                   std::int64_t n, std::span<const KvSpan> spans, float* out) override {
        Call call(*m_device);
        const std::int64_t count = n * shape.heads * shape.headSize;
        m_device->attention(shape, call.input(queries, count), positions, n, call.spans(shape, spans),
                            call.array(out, count));
    }
    void siluMultiply(const float* gate, const float* up, std::int64_t count, float* out) override {
        Call call(*m_device);
        float* to = call.array(out, count);
        m_device->siluMultiply(gate == out ? to : call.input(gate, count), call.input(up, count), count, to);
    }
    void geluMultiply(const float* gate, const float* up, std::int64_t count, float* out) override {
        Call call(*m_device);
        float* to = call.array(out, count);
        m_device->geluMultiply(gate == out ? to : call.input(gate, count), call.input(up, count), count, to);
    }
    void add(float* x, const float* y, std::int64_t count) override {
        Call call(*m_device);
        m_device->add(call.array(x, count), call.input(y, count), count);
    }
    void windowScores(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                      std::int64_t window, std::span<const KvSpan> spans, std::int64_t before,
                      float* s) override {
        Call call(*m_device);
        m_device->windowScores(shape, call.input(queries, window * shape.heads * shape.headSize), positions,
                               window, call.spans(shape, spans), before, call.array(s, shape.heads * before));
    }
    void attentionMass(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                       std::int64_t n, std::span<const std::int32_t> heads, std::span<const KvSpan> spans,
                       std::int64_t before, float* mass) override {
        Call call(*m_device);
        m_device->attentionMass(shape, call.input(queries, n * shape.heads * shape.headSize), positions, n,
                                heads, call.spans(shape, spans), before,
                                call.array(mass, shape.kvHeads * n * before));
    }
    void windowLogSums(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                       std::int64_t window, std::span<const KvSpan> spans, float* logSums) override {
        Call call(*m_device);
        m_device->windowLogSums(shape, call.input(queries, window * shape.heads * shape.headSize), positions,
                                window, call.spans(shape, spans), call.array(logSums, shape.heads * window));
    }
    void windowScoresAgainst(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                             std::int64_t window, std::span<const KvSpan> spans, std::int64_t before,
                             const float* logSums, float* s) override {
        Call call(*m_device);
        m_device->windowScoresAgainst(shape, call.input(queries, window * shape.heads * shape.headSize),
                                      positions, window, call.spans(shape, spans), before,
                                      call.input(logSums, shape.heads * window),
                                      call.array(s, shape.heads * before));
    }
    void rerotateKeys(const AttentionShape& shape, const KvRows& rows, std::int64_t count, std::int32_t size,
                      RopeStyle style, const double* inverseFrequency, const std::int32_t* shifts) override {
        Call call(*m_device);
        m_device->rerotateKeys(shape, call.rows(shape, rows), count, size, style, inverseFrequency, shifts);
    }
    void poolScores(const AttentionShape& shape, const float* s, std::int64_t k, std::int32_t kernel,
                    Pooling pooling, float* c) override {
        Call call(*m_device);
        m_device->poolScores(shape, call.input(s, shape.heads * k), k, kernel, pooling,
                             call.array(c, shape.kvHeads * k));
    }
    void sumRows(const float* rows, std::int64_t r, std::int64_t k, float* out) override {
        Call call(*m_device);
        m_device->sumRows(call.input(rows, r * k), r, k, call.array(out, k));
    }
    void keepLargest(const float* scores, std::int64_t heads, std::int64_t stride, const KeptRows& which,
                     std::int32_t* kept) override {
        Call call(*m_device);
        const std::int64_t all = heads > 0 ? (heads - 1) * stride + which.candidatesEnd : 0;
        m_device->keepLargest(call.input(scores, all), heads, stride, which,
                              call.array(kept, heads * which.size()));
    }
    void fillColumns(float* x, std::int64_t rows, std::int64_t stride, std::int64_t first, std::int64_t last,
                     float value) override {
        Call call(*m_device);
        m_device->fillColumns(call.array(x, rows * stride), rows, stride, first, last, value);
    }
    void gatherRows(const float* x, std::int64_t width, const std::int32_t* rows, std::int64_t count,
                    float* out) override {
        std::int64_t last = 0;
        for (std::int64_t i = 0; i < count; ++i)
            last = std::max<std::int64_t>(last, rows[i] + 1);
        Call call(*m_device);
        m_device->gatherRows(call.input(x, last * width), width, rows, count, call.array(out, count * width));
    }
    void gatherKv(const AttentionShape& shape, std::span<const KvSpan> spans, const std::int32_t* rows,
                  std::int64_t count, const KvRows& to) override {
        Call call(*m_device);
        m_device->gatherKv(shape, call.spans(shape, spans), call.input(rows, shape.kvHeads * count), count,
                           call.rows(shape, to));
    }

private:
    /// The arrays of one operation: copied to the device when they are named, back when it is over.
    class Call {
    public:
        explicit Call(Backend& device) : m_device(device) {}
        ~Call() {
            for (const Array& each : m_arrays) {
                if (each.back != nullptr) m_device.copyToHost(each.back, each.at, each.bytes);
            }
        }
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;

        template <typename T>
        const T* input(const T* host, std::int64_t count) {
            return reinterpret_cast<const T*>(
                place(host, nullptr, static_cast<std::size_t>(count) * sizeof(T)));
        }
        template <typename T>
        T* array(T* host, std::int64_t count) {
            return reinterpret_cast<T*>(place(host, host, static_cast<std::size_t>(count) * sizeof(T)));
        }
        std::vector<KvSpan> spans(const AttentionShape& shape, std::span<const KvSpan> spans) {
            std::vector<KvSpan> moved(spans.begin(), spans.end());
            for (KvSpan& each : moved) {
                const std::int64_t bytes = shape.kvHeads * each.stride * shape.headSize * bytesOf(each.type);
                each.keys = input(each.keys, bytes);
                each.values = input(each.values, bytes);
                each.keyScales = input(each.keyScales, shape.kvHeads * each.stride);
                each.valueScales = input(each.valueScales, shape.kvHeads * each.stride);
            }
            return moved;
        }
        KvRows rows(const AttentionShape& shape, KvRows rows) {
            const std::int64_t bytes = shape.kvHeads * rows.stride * shape.headSize * bytesOf(rows.type);
            rows.keys = array(rows.keys, bytes);
            rows.values = array(rows.values, bytes);
            rows.keyScales = array(rows.keyScales, shape.kvHeads * rows.stride);
            rows.valueScales = array(rows.valueScales, shape.kvHeads * rows.stride);
            return rows;
        }

    private:
        struct Array {
            std::unique_ptr<Buffer> memory;
            std::byte* at;
            void* back;  ///< host; null: input alone
            std::size_t bytes;
        };
        std::byte* place(const void* host, void* back, std::size_t bytes) {
            if (host == nullptr) return nullptr;
            constexpr std::size_t kAlignment = 64;
            const std::size_t offset = reinterpret_cast<std::uintptr_t>(host) % kAlignment;
            Array made{m_device.allocate(bytes + kAlignment), nullptr, back, bytes};
            made.at = made.memory->data() + offset;
            m_device.copyToDevice(made.at, host, bytes);
            m_arrays.push_back(std::move(made));
            return m_arrays.back().at;
        }

        Backend& m_device;
        std::vector<Array> m_arrays;
    };

    std::unique_ptr<Backend> m_device;
};

}  // namespace kvasir::kernels::test
