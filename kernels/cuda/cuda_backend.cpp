#include "kernels/cuda/cuda_backend.h"

#include <algorithm>
#include <new>
#include <utility>

#include "kernels/cuda/attention_one.h"
#include "kernels/cuda/dequantise.h"
#include "kernels/cuda/eight_bits.h"
#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/selection.h"

namespace kvasir::kernels::cuda {
namespace {

class CudaBuffer final : public Buffer {
public:
    using Release = void (Context::*)(void*);
    CudaBuffer(Context& context, void* memory, std::size_t bytes, Release release)
        : m_context(context), m_memory(static_cast<std::byte*>(memory)), m_bytes(bytes), m_release(release) {}
    ~CudaBuffer() override { (m_context.*m_release)(m_memory); }
    CudaBuffer(const CudaBuffer&) = delete;
    CudaBuffer& operator=(const CudaBuffer&) = delete;
    std::byte* data() override { return m_memory; }
    const std::byte* data() const override { return m_memory; }
    std::size_t bytes() const override { return m_bytes; }

private:
    Context& m_context;
    std::byte* m_memory;
    std::size_t m_bytes;
    Release m_release;
};

/// Null where there is no memory.
std::unique_ptr<Buffer> bufferOf(Context& context, void* memory, std::size_t bytes,
                                 CudaBuffer::Release release) {
    if (memory == nullptr) return nullptr;
    std::unique_ptr<Buffer> buffer(new (std::nothrow) CudaBuffer(context, memory, bytes, release));
    if (buffer == nullptr) (context.*release)(memory);
    return buffer;
}

const PackedWeight& packed(const Weight& weight) {
    return static_cast<const PackedWeight&>(weight);
}

}  // namespace

std::unique_ptr<CudaBackend> CudaBackend::create(std::string& reason) {
    std::unique_ptr<Context> context = Context::create(reason);
    if (context == nullptr) return nullptr;
    std::unique_ptr<CudaBackend> backend(new CudaBackend(std::move(context)));
    if (!backend->m_blas.open()) {
        reason = "The GPU's library of matrix products (cuBLASLt) does not start.";
        return nullptr;
    }
    if (!backend->m_copies.open()) {
        reason = "The GPU gives no stream to copy on.";
        return nullptr;
    }
    backend->m_name = "cuda (" + backend->m_context->deviceName() + ")";
    return backend;
}

// ------------------------------------------------------------------------------------------------ memory

std::unique_ptr<Buffer> CudaBackend::allocate(std::size_t bytes) {
    return bufferOf(*m_context, m_context->allocate(bytes), bytes, &Context::release);
}

std::unique_ptr<Buffer> CudaBackend::allocateLasting(std::size_t bytes) {
    return bufferOf(*m_context, m_context->allocateLasting(bytes), bytes, &Context::releaseLasting);
}

void CudaBackend::copyToDevice(void* to, const void* fromHost, std::size_t bytes) {
    m_context->copyToDevice(to, fromHost, bytes);
}

void CudaBackend::copyToHost(void* toHost, const void* from, std::size_t bytes) {
    m_context->copyToHost(toHost, from, bytes);
}

std::unique_ptr<Weight> CudaBackend::pack(const TensorView& tensor, Activations activations) {
    return PackedWeight::pack(*m_context, tensor, activations == Activations::F32);
}

void CudaBackend::lookUp(const Weight& weight, const std::int32_t* rows, std::int64_t n, float scale,
                         float* out) {
    if (idle()) return;
    const std::int32_t* device = m_context->upload(rows, n);
    if (device != nullptr) lookUpRows(*m_context, packed(weight).planes(), device, n, scale, out);
}

// ---------------------------------------------------------------------------------------------- products

RowForm CudaBackend::formFor(std::int64_t n, std::span<const Target> targets) const {
    bool few = n <= kFewRows && m_context->capability() >= 80;
    for (const Target& target : targets) {
        if (target.weight->strict()) return RowForm::Float;
        few = few && canFewRows(target.weight->planes());
    }
    if (n <= kMatvecRows) return RowForm::Bytes;
    // bfloat16 has no tensor cores before sm_80.
    return few ? RowForm::Fragments : m_context->capability() >= 80 ? RowForm::Bfloat : RowForm::Float;
}

void CudaBackend::product(std::span<const Target> targets, const Rows& x, std::int64_t n, Write write) {
    if (x.form == RowForm::Bytes || x.form == RowForm::Fragments) {
        for (std::size_t first = 0; first < targets.size(); first += kMaxTargets) {
            const auto some = targets.subspan(first, std::min(kMaxTargets, targets.size() - first));
            if (x.form == RowForm::Bytes) matvec(*m_context, some, x, n, write);
            if (x.form == RowForm::Fragments) fewRows(*m_context, some, x, n, write);
        }
        return;
    }
    const bool floats = x.form == RowForm::Float;
    for (const Target& target : targets) {
        const Planes& planes = target.weight->planes();
        const std::int64_t elements = planes.rows * x.stride;
        std::byte* w =
            m_context->workspace(Slot::Weights, static_cast<std::size_t>(elements * (floats ? 4 : 2)));
        if (w == nullptr) return;
        if (floats) {
            dequantise(*m_context, planes, reinterpret_cast<float*>(w));
        } else {
            dequantise(*m_context, planes, reinterpret_cast<__nv_bfloat16*>(w));
        }
        const Number number = floats ? Number::Float : Number::Bfloat;
        m_blas.multiply({number, Number::Float, w, x.data, target.y, planes.rows, n, x.stride, target.yStride,
                         write == Write::Add});
        if (target.bias != nullptr)
            addBias(*m_context, target.bias, n, planes.rows, target.yStride, target.y);
    }
}

void CudaBackend::multiply(const float* x, std::int64_t n, std::span<const Product> products) {
    if (n == 0 || products.empty() || idle()) return;
    std::vector<Target> targets;
    for (const Product& each : products) {
        const PackedWeight& weight = packed(*each.weight);
        targets.push_back({&weight, each.bias, each.y, weight.rows()});
    }
    const std::int64_t columns = products.front().weight->columns();
    const RowForm form = formFor(n, targets);
    const Rows rows = makeRows(*m_context, Slot::Rows, form, n, columns);
    formRows(*m_context, x, n, columns, nullptr, 0, rows);
    product(targets, rows, n, Write::Set);
}

// ------------------------------------------------------------------------------------------- rows of x

void CudaBackend::rmsNorm(const float* x, std::int64_t n, std::int64_t width, const float* weight, float eps,
                          float* out) {
    if (!idle()) cuda::rmsNorm(*m_context, x, n, width, weight, eps, out);
}

void CudaBackend::siluMultiply(const float* gate, const float* up, std::int64_t count, float* out) {
    if (!idle()) gateMultiply(*m_context, Gate::Silu, gate, up, count, out);
}

void CudaBackend::geluMultiply(const float* gate, const float* up, std::int64_t count, float* out) {
    if (!idle()) gateMultiply(*m_context, Gate::Gelu, gate, up, count, out);
}

void CudaBackend::add(float* x, const float* y, std::int64_t count) {
    if (!idle()) cuda::add(*m_context, x, y, count);
}

const float2* CudaBackend::ropeTableFor(std::int64_t n, std::int64_t pairs, const double* inverseFrequency,
                                        const std::int32_t* positions) {
    const auto count = static_cast<std::size_t>(n);
    if (m_rope.table != nullptr && m_rope.frequencies.size() == static_cast<std::size_t>(pairs) &&
        m_rope.positions.size() == count &&
        std::equal(m_rope.frequencies.begin(), m_rope.frequencies.end(), inverseFrequency) &&
        std::equal(m_rope.positions.begin(), m_rope.positions.end(), positions)) {
        return m_rope.table;
    }
    m_rope.frequencies.assign(inverseFrequency, inverseFrequency + pairs);
    m_rope.positions.assign(positions, positions + n);
    auto* table = m_context->workspace<float2>(Slot::Rope, std::max<std::int64_t>(n * pairs, 1));
    const double* frequencies = m_context->upload(inverseFrequency, pairs);
    const std::int32_t* where = m_context->upload(positions, n);
    m_rope.table = table;
    if (table != nullptr && where != nullptr) ropeTable(*m_context, n, pairs, frequencies, where, table);
    return table;
}

void CudaBackend::rope(float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize, std::int32_t size,
                       RopeStyle style, const double* inverseFrequency, const std::int32_t* positions) {
    if (n == 0 || idle()) return;
    const float2* table = ropeTableFor(n, size / 2, inverseFrequency, positions);
    if (table != nullptr) cuda::rope(*m_context, x, n, heads, headSize, size, style, table);
}

void CudaBackend::rerotateKeys(const AttentionShape& shape, const KvRows& rows, std::int64_t count,
                               std::int32_t size, RopeStyle style, const double* inverseFrequency,
                               const std::int32_t* shifts) {
    if (count == 0 || idle()) return;
    const float2* table = ropeTableFor(count, size / 2, inverseFrequency, shifts);
    if (table != nullptr) cuda::rerotate(*m_context, shape, rows, count, size, style, table);
}

void CudaBackend::hadamard(float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize) {
    if (!idle()) cuda::hadamard(*m_context, x, n * heads, headSize);
}

void CudaBackend::storeKv(const AttentionShape& shape, const float* keys, const float* values,
                          const float* keyOffset, std::int64_t n, const KvRows& rows, std::int64_t row) {
    if (idle()) return;
    if (rows.type == KvType::Int8) {
        storeEightBits(*m_context, shape, {keys, values, keyOffset, shape.kvHeads, 1}, n, rows, row);
    } else {
        cuda::storeKv(*m_context, shape, keys, values, keyOffset, n, rows, row);
    }
}

// --------------------------------------------------------------------------------------------- attention

AttentionCall CudaBackend::attentionCall(const AttentionShape& shape, const std::int32_t* positions,
                                         std::int64_t n, std::span<const KvSpan> spans) {
    AttentionCall call;
    call.shape = shape;
    call.type = spans.empty() ? KvType::F16 : spans.front().type;
    call.spans = numberSpans(*m_context, spans);
    if (call.type == KvType::Int8) {
        const bool strict = shape.strict || m_context->capability() < 80;
        call.type = strict ? KvType::F32 : KvType::F16;
        call.spans = expandEightBits(*m_context, shape, call.spans, strict);
    }
    call.limits = m_limits.find(*m_context, shape, spans, positions, n);
    call.n = n;
    return call;
}

void CudaBackend::attention(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                            std::int64_t n, std::span<const KvSpan> spans, float* out) {
    if (n == 0 || idle()) return;
    if (n == 1 && attentionOfOne(shape, queries, positions, spans, out)) return;
    AttentionCall call = attentionCall(shape, positions, n, spans);
    call.floats = queries;
    if (!m_context->ok()) return;
    if (!shape.strict) {
        auto* half = m_context->workspace<__half>(Slot::Query, n * shape.heads * shape.headSize);
        call.half = half;
        if (half != nullptr && canAttend(*m_context, call)) {
            toHalf(*m_context, queries, n * shape.heads * shape.headSize, half);
            Rows rows;
            rows.form = RowForm::Float;
            rows.stride = std::int64_t{shape.heads} * shape.headSize;
            rows.data = reinterpret_cast<std::byte*>(out);
            return attend(*m_context, call, rows);
        }
    }
    attendStrict(*m_context, call, out);
}

bool CudaBackend::attentionOfOne(const AttentionShape& shape, const float* queries,
                                 const std::int32_t* positions, std::span<const KvSpan> spans, float* out) {
    const KvType type = spans.empty() ? KvType::F16 : spans.front().type;
    if (!canAttendOne(*m_context, shape, type)) return false;
    const Limits limits = m_limits.find(*m_context, shape, spans, positions, 1);
    if (limits.low != nullptr) return false;
    OneRow row;
    row.qkv = queries;
    row.out = out;
    const SpanList list = numberSpans(*m_context, spans);
    if (m_context->ok()) attendOne(*m_context, shape, type, list, limits, row);
    return true;
}

void CudaBackend::windowScores(const AttentionShape& shape, const float* queries,
                               const std::int32_t* positions, std::int64_t window,
                               std::span<const KvSpan> spans, std::int64_t before, float* s) {
    if (before == 0 || idle()) return;
    if (window == 0) return fill(*m_context, s, shape.heads * before, 0.0F);
    AttentionCall call = attentionCall(shape, positions, window, spans);
    call.floats = queries;
    if (m_context->ok()) cuda::windowScores(*m_context, call, before, s);
}

void CudaBackend::attentionMass(const AttentionShape& shape, const float* queries,
                                const std::int32_t* positions, std::int64_t n,
                                std::span<const std::int32_t> heads, std::span<const KvSpan> spans,
                                std::int64_t before, float* mass) {
    if (n == 0 || before == 0 || idle()) return;
    AttentionCall call = attentionCall(shape, positions, n, spans);
    call.floats = queries;
    if (m_context->ok()) cuda::attentionMass(*m_context, call, heads, before, mass);
}

void CudaBackend::windowLogSums(const AttentionShape& shape, const float* queries,
                                const std::int32_t* positions, std::int64_t window,
                                std::span<const KvSpan> spans, float* logSums) {
    if (window == 0 || idle()) return;
    AttentionCall call = attentionCall(shape, positions, window, spans);
    call.floats = queries;
    if (m_context->ok()) cuda::windowLogSums(*m_context, call, logSums);
}

void CudaBackend::windowScoresAgainst(const AttentionShape& shape, const float* queries,
                                      const std::int32_t* positions, std::int64_t window,
                                      std::span<const KvSpan> spans, std::int64_t before,
                                      const float* logSums, float* s) {
    if (before == 0 || idle()) return;
    if (window == 0) return fill(*m_context, s, shape.heads * before, 0.0F);
    AttentionCall call = attentionCall(shape, positions, window, spans);
    call.floats = queries;
    if (m_context->ok()) cuda::windowScoresAgainst(*m_context, call, before, logSums, s);
}

// ---------------------------------------------------------------------------------------------- selection

void CudaBackend::poolScores(const AttentionShape& shape, const float* s, std::int64_t k, std::int32_t kernel,
                             Pooling pooling, float* c) {
    if (!idle()) cuda::poolScores(*m_context, shape, s, k, kernel, pooling, c);
}

void CudaBackend::sumRows(const float* rows, std::int64_t r, std::int64_t k, float* out) {
    if (!idle()) cuda::sumRows(*m_context, rows, r, k, out);
}

void CudaBackend::keepLargest(const float* scores, std::int64_t heads, std::int64_t stride,
                              const KeptRows& which, std::int32_t* kept) {
    if (!idle()) cuda::keepLargest(*m_context, scores, heads, stride, which, kept);
}

void CudaBackend::fillColumns(float* x, std::int64_t rows, std::int64_t stride, std::int64_t first,
                              std::int64_t last, float value) {
    if (!idle()) cuda::fillColumns(*m_context, x, rows, stride, first, last, value);
}

void CudaBackend::gatherRows(const float* x, std::int64_t width, const std::int32_t* rows, std::int64_t count,
                             float* out) {
    if (count == 0 || idle()) return;
    const std::int32_t* device = m_context->upload(rows, count);
    if (device != nullptr) cuda::gatherRows(*m_context, x, width, device, count, out);
}

void CudaBackend::gatherKv(const AttentionShape& shape, std::span<const KvSpan> spans,
                           const std::int32_t* rows, std::int64_t count, const KvRows& to) {
    if (count > 0 && !idle()) cuda::gatherKv(*m_context, shape, spans, rows, count, to);
}

}  // namespace kvasir::kernels::cuda
