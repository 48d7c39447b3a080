// What a back end offers the engine: device memory, weights in its own layout, and the operations of a
// transformer layer and of FastKV. One implementation per device (cpu/, later cuda/) behind this one header.
//
// Conventions for every operation:
// - Pointers are memory of the back end (`Backend::allocate`), row-major, unless the parameter says 'host'.
// - Shapes: n rows (tokens), D width of the hidden state, H query heads, G key/value heads, d head size,
//   W rows of the observation window, C kept entries. Positions are 0-based indices into the prompt.
// - Arguments are checked by the engine; a back end asserts them and no user input can break them.
// - Row-invariance: what is computed for a row has the same bits whatever the number of rows in the call, the
// split of
//   K/V into spans, and the number of threads. (A CUDA back end states its margin instead.)
// - Operations are queued in order; results are visible to the host after `copyToHost` or `synchronise`.
// - A stop request (`setStop`) makes operations return early, per tile; their results are then meaningless,
// so the
//   caller asks its stop token after each layer and throws the results away.
//
// Threads: a Backend is used by one thread at a time. Weights are immutable and may be shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "kernels/tensor_type.h"

namespace kvasir::kernels {

/// Arithmetic of matrix products: F32 is the strict path for tests; Int8 rounds activations to 8 bit in
/// blocks of 32.
enum class Activations : std::uint8_t { F32, Int8 };

/// Storage of keys and values. Int8: a row of one head is d codes from -127 to 127 and one float32 scale
/// beside them, element = scale * code, scale = largest magnitude / 127; a row of zeros has scale 0.
enum class KvType : std::uint8_t { F32, F16, Int8 };

/// Bytes of one element, scales not counted.
constexpr std::int64_t bytesOf(KvType type) {
    return type == KvType::F32 ? 4 : type == KvType::F16 ? 2 : 1;
}

/// Bytes of one row of keys, or of values, of one head: its scale included.
constexpr std::int64_t rowBytes(KvType type, std::int64_t headSize) {
    return headSize * bytesOf(type) + (type == KvType::Int8 ? 4 : 0);
}

enum class Pooling : std::uint8_t { Max, Average };

/// A weight matrix as it lies in a model file: `rows` outputs times `columns` inputs. Host memory, not owned.
struct TensorView {
    TensorType type = TensorType::F32;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    const std::byte* data = nullptr;
};

/// A weight matrix in a back end's layout. Immutable.
class Weight {
public:
    virtual ~Weight() = default;
    virtual std::int64_t rows() const = 0;
    virtual std::int64_t columns() const = 0;
    /// Memory it takes on the device.
    virtual std::size_t bytes() const = 0;
};

/// Device memory, 64-byte aligned at least; owned, move-only.
class Buffer {
public:
    virtual ~Buffer() = default;
    virtual std::byte* data() = 0;
    virtual const std::byte* data() const = 0;
    virtual std::size_t bytes() const = 0;

    template <typename T>
    T* as() {
        return reinterpret_cast<T*>(data());
    }
    template <typename T>
    const T* as() const {
        return reinterpret_cast<const T*>(data());
    }
};

/// Names a copy that was begun, until it is done; 0: a copy that is done.
using CopyId = std::uint64_t;

/// What a copy between host and device moves: `rows` rows of `bytes`, on the device `stride` bytes from one
/// to the next, on the host one behind another.
struct CopyBlock {
    std::byte* device = nullptr;
    std::byte* host = nullptr;
    std::size_t bytes = 0;
    std::size_t rows = 1;
    std::size_t stride = 0;
};

/// A run of keys (after RoPE) and values of one layer, as attention reads it: [G][stride][d], the first
/// `count` rows of every head valid. Positions ascend within a head.
struct KvSpan {
    KvType type = KvType::F16;
    const std::byte* keys = nullptr;
    const std::byte* values = nullptr;
    std::int64_t stride = 0;                  ///< rows from one head to the next
    std::int64_t count = 0;                   ///< valid rows per head
    const std::int32_t* positions = nullptr;  ///< host, [G][stride]; null: row r has position `first` + r
    std::int32_t first = 0;
    const float* keyScales = nullptr;    ///< [G][stride]; Int8 only
    const float* valueScales = nullptr;  ///< likewise
};

/// The same run, to be written to.
struct KvRows {
    KvType type = KvType::F16;
    std::byte* keys = nullptr;
    std::byte* values = nullptr;
    std::int64_t stride = 0;
    float* keyScales = nullptr;  ///< [G][stride]; Int8 only
    float* valueScales = nullptr;
};

struct AttentionShape {
    std::int32_t heads = 0;    ///< H, a multiple of kvHeads
    std::int32_t kvHeads = 0;  ///< G; head h reads key/value head h / (H / G)
    std::int32_t headSize = 0;
    float scale = 0;           ///< on q.k, usually 1 / sqrt(d)
    std::int32_t sliding = 0;  ///< positions within reach, the own one included; 0: all earlier ones
    /// Products in float32 throughout; otherwise a back end may round queries and probabilities to 16 bits.
    bool strict = false;
};

enum class RopeStyle : std::uint8_t { Interleaved, Half };  ///< pairs (2i, 2i+1), or (i, i + size/2)

/// A whole transformer layer in one call: what enters it becomes what leaves it.
struct LayerCall {
    AttentionShape shape;
    std::int64_t width = 0;  ///< D
    float eps = 0;
    const float* attentionNorm = nullptr;    ///< (D)
    const float* feedForwardNorm = nullptr;  ///< (D)
    const Weight *query = nullptr, *key = nullptr, *value = nullptr, *output = nullptr;
    const float *queryBias = nullptr, *keyBias = nullptr, *valueBias = nullptr;  ///< null: none
    const float *queryNorm = nullptr, *keyNorm = nullptr;  ///< (d), of every head before RoPE; null: none
    const float* keyOffset = nullptr;                      ///< as storeKv has it; for 8-bit keys alone
    const float* postAttentionNorm = nullptr;              ///< (D), of what attention adds; null: none
    const float* postFeedForwardNorm = nullptr;            ///< likewise
    bool gelu = false;                                     ///< the gate's function: GELU in place of SiLU
    const Weight *gate = nullptr, *up = nullptr, *down = nullptr;
    std::int32_t ropeSize = 0;
    RopeStyle ropeStyle = RopeStyle::Half;
    const double* inverseFrequency = nullptr;  ///< host, (ropeSize / 2)

    float* hidden = nullptr;                  ///< (n, D)
    const std::int32_t* positions = nullptr;  ///< host, (n), ascending
    std::int64_t n = 0;
    KvRows store;                   ///< where the rows' K/V go
    std::int64_t storeRow = 0;      ///< from this row on
    std::span<const KvSpan> spans;  ///< what attention reads, the stored rows among it
    float* queries = nullptr;       ///< (queryRows, H, d): receives the last rows' queries, as the keys are
                                    ///< stored; or null
    std::int64_t queryRows = 0;     ///< <= n
};

/// What is kept of a head's rows: all of [first, candidates) and [candidatesEnd, end), and of [candidates,
/// candidatesEnd) the `count` with the largest scores.
struct KeptRows {
    std::int64_t first = 0, candidates = 0, candidatesEnd = 0, end = 0;
    std::int64_t count = 0;

    constexpr std::int64_t size() const { return candidates - first + count + end - candidatesEnd; }
};

class Backend {
public:
    virtual ~Backend() = default;

    virtual std::string_view name() const = 0;  ///< "cpu (avx512-vnni)", for logs and the speed page
    /// Why the device stopped working ("out of memory", "the device was lost"), empty while it works. What
    /// was computed since is meaningless. Asked after `copyToHost` and `synchronise`.
    virtual std::string_view failure() const { return {}; }
    /// Rows at a time that suit `layer` when long prompts are read.
    virtual std::int64_t chunkRows() const { return 256; }
    virtual void setStop(std::stop_token stop) = 0;
    virtual void synchronise() = 0;

    // ------------------------------------------------------------------------------------------------ memory
    /// Bytes that new allocations may take before the device runs short; other programs may change it.
    virtual std::size_t freeMemory() const = 0;
    /// Null when the device has not that much memory left.
    [[nodiscard]] virtual std::unique_ptr<Buffer> allocate(std::size_t bytes) = 0;
    /// The same for what is large and stays for long, such as a document: where `allocate` takes from a pool,
    /// this lies outside it, so that documents that come and go leave no holes in it. Slower to get, and
    /// giving it back waits for the device.
    [[nodiscard]] virtual std::unique_ptr<Buffer> allocateLasting(std::size_t bytes) {
        return allocate(bytes);
    }
    virtual void copyToDevice(void* to, const void* fromHost, std::size_t bytes) = 0;
    virtual void copyToHost(void* toHost, const void* from, std::size_t bytes) = 0;

    // ------------------------------------------------------------------------------------ copies beside
    // operations
    /// Whether the device's memory is the host's: moving something from one to the other then gains nothing.
    virtual bool sharesHostMemory() const = 0;
    /// Bytes that `allocateHost` may take before the host runs short; other programs may change it.
    virtual std::size_t freeHostMemory() const = 0;
    /// Host memory that the device copies to and from at full speed (pinned, where it has memory of its own),
    /// 64-byte aligned at least. Null when the host has not that much left. It must go before the back end,
    /// and stay as it is while a copy is under way.
    [[nodiscard]] virtual std::unique_ptr<Buffer> allocateHost(std::size_t bytes) = 0;
    /// Begins a copy to memory of `allocateHost`. It starts when what is queued so far is done, and runs
    /// beside what is queued afterwards. Until it is done the device's side must neither change nor go, and
    /// the host's side is meaningless. Such copies are done in the order in which they were begun.
    virtual CopyId beginCopyToHost(std::span<const CopyBlock> blocks) = 0;
    /// Begins a copy from memory of `allocateHost`: queued in order with the operations, so that those that
    /// are queued afterwards find it done. The caller does not wait; the host's side must stay as it is until
    /// it is done.
    virtual CopyId beginCopyToDevice(std::span<const CopyBlock> blocks) = 0;
    /// Whether the copy is done. True also after a failure: what was copied is meaningless then.
    virtual bool isCopied(CopyId copy) = 0;
    virtual void waitForCopy(CopyId copy) = 0;

    // ------------------------------------------------------------------------------------------------
    // workspaces
    /// Bytes that operations take between one another, beside what the engine allocates and beyond what they
    /// have taken already: for layers like this one of at most `n` rows at a time, behind at most `keys` rows
    /// of K/V stored as `layer.store.type`.
    virtual std::size_t workspaceBytes(const LayerCall& /*layer*/, std::int64_t /*n*/,
                                       std::int64_t /*keys*/) {
        return 0;
    }
    /// Takes them beforehand, so that what fits is known before anything is computed. False: there is not
    /// that much memory; the back end works on.
    [[nodiscard]] virtual bool reserve(const LayerCall& /*layer*/, std::int64_t /*n*/,
                                       std::int64_t /*keys*/) {
        return true;
    }

    /// Brings a matrix into the back end's layout for the given arithmetic. Null when memory is short.
    [[nodiscard]] virtual std::unique_ptr<Weight> pack(const TensorView& tensor, Activations activations) = 0;

    /// Whether `lookUp` exists: embeddings then are packed too; otherwise the host reads them from the file.
    virtual bool looksUp() const { return false; }
    /// Rows of a packed matrix as float32, times `scale`: out (n, columns); `rows` host, each within the
    /// matrix.
    virtual void lookUp(const Weight&, const std::int32_t* /*rows*/, std::int64_t /*n*/, float /*scale*/,
                        float* /*out*/) {}

    // ------------------------------------------------------------------------------------------------ layer
    /// A layer in one call, where the back end has it in faster form than the operations below make it:
    /// their float32 results between one another cost a GPU more than the arithmetic. False: it has not (for
    /// these weights or shapes), and nothing was done; a call with n = 0 asks just that.
    virtual bool layer(const LayerCall&) { return false; }

    /// x (n, D) -> out (n, D): x / sqrt(mean(x^2) + eps) * weight. `weight` (D). out may be x.
    virtual void rmsNorm(const float* x, std::int64_t n, std::int64_t width, const float* weight, float eps,
                         float* out) = 0;

    /// One matrix of a product: y (n, weight.rows) = x (n, weight.columns) times weight^T, plus bias
    /// (weight.rows).
    struct Product {
        const Weight* weight = nullptr;
        const float* bias = nullptr;  ///< null: none
        float* y = nullptr;
    };
    /// Several matrices times the same x (n, columns): activations are rounded once.
    virtual void multiply(const float* x, std::int64_t n, std::span<const Product> products) = 0;

    /// Rotary embedding in place. x (n, heads, d); the first `size` components of a head are rotated by
    /// position * inverseFrequency[i]; `inverseFrequency` host, (size / 2); `positions` host, (n).
    virtual void rope(float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize, std::int32_t size,
                      RopeStyle style, const double* inverseFrequency, const std::int32_t* positions) = 0;

    /// In place, each head of x (n, heads, d): the orthonormal Walsh-Hadamard transform, natural order, of
    /// every block of the largest power of two that divides d. It keeps q.k when both are transformed, and
    /// spreads a single large component over its block; 8-bit keys are stored so
    /// (docs/decisions/eight-bit-kv.md).
    virtual void hadamard(float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize) = 0;

    /// keys, values (n, G, d) float32 -> rows [row, row + n) of every head, in the cache's type. `keyOffset`
    /// (G, d) or null is subtracted from every key first (docs/decisions/eight-bit-kv.md): it must be the
    /// same for all rows that a query sees; softmax then does not notice it, because it changes all scores of
    /// a query by the same.
    virtual void storeKv(const AttentionShape& shape, const float* keys, const float* values,
                         const float* keyOffset, std::int64_t n, const KvRows& rows, std::int64_t row) = 0;

    /// Causal attention by original position. queries (n, H, d) after RoPE, `positions` host (n), ascending;
    /// the spans one after another hold every key a query may see (its own among them) -> out (n, H, d).
    /// A query with no visible key gets zeros. Softmax in float32, online over tiles of keys aligned to row
    /// numbers.
    virtual void attention(const AttentionShape& shape, const float* queries, const std::int32_t* positions,
                           std::int64_t n, std::span<const KvSpan> spans, float* out) = 0;

    /// gate / (1 + e^-gate) * up; out may be gate.
    virtual void siluMultiply(const float* gate, const float* up, std::int64_t count, float* out) = 0;
    /// GELU in its tanh form: gate / 2 * (1 + tanh(sqrt(2 / pi) * (gate + 0.044715 gate^3))) * up; out may be
    /// gate.
    virtual void geluMultiply(const float* gate, const float* up, std::int64_t count, float* out) = 0;
    virtual void add(float* x, const float* y, std::int64_t count) = 0;  ///< x += y

    // ------------------------------------------------------------------------------------------------ FastKV
    /// Step 2 of design 'FastKV, exactly': s (H, before) = attention probabilities of the first `before` rows
    /// of the spans, summed over the W queries in ascending order. Each row's softmax runs over all keys it
    /// may see. queries (W, H, d), `positions` host (W).
    virtual void windowScores(const AttentionShape& shape, const float* queries,
                              const std::int32_t* positions, std::int64_t window,
                              std::span<const KvSpan> spans, std::int64_t before, float* s) = 0;

    /// What each of n queries looks at, by itself: mass (G, n, before) = attention probabilities of the first
    /// `before` rows of the spans, each softmax over all keys the query may see, summed over those heads of
    /// the group that are among `heads` (host, any order; empty: all), in ascending order. queries (n, H, d),
    /// `positions` host (n). Positions ascend.
    virtual void attentionMass(const AttentionShape& shape, const float* queries,
                               const std::int32_t* positions, std::int64_t n,
                               std::span<const std::int32_t> heads, std::span<const KvSpan> spans,
                               std::int64_t before, float* mass) = 0;

    /// Step 3: s (H, k) -> c (G, k): pooled over positions (width `kernel`, odd; beyond the ends -inf for
    /// Max, 0 for Average whose divisor is always `kernel`), then summed over the heads of a group in
    /// ascending order.
    virtual void poolScores(const AttentionShape& shape, const float* s, std::int64_t k, std::int32_t kernel,
                            Pooling pooling, float* c) = 0;

    /// rows (r, k) -> out (k): sums over rows in ascending order.
    virtual void sumRows(const float* rows, std::int64_t r, std::int64_t k, float* out) = 0;

    /// For each of `heads` rows of scores, `stride` elements apart: the numbers of the kept elements,
    /// ascending, to kept (heads, which.size()). Of equal scores the lower number is kept.
    virtual void keepLargest(const float* scores, std::int64_t heads, std::int64_t stride,
                             const KeptRows& which, std::int32_t* kept) = 0;

    /// Elements [first, last) of each of `rows` rows of x, `stride` elements apart, become `value`.
    virtual void fillColumns(float* x, std::int64_t rows, std::int64_t stride, std::int64_t first,
                             std::int64_t last, float value) = 0;

    /// x (., width) -> out (count, width): out[i] = x[rows[i]]; `rows` host.
    virtual void gatherRows(const float* x, std::int64_t width, const std::int32_t* rows, std::int64_t count,
                            float* out) = 0;

    /// For segments that are read apart and compared: log-sum-exp of each of the W queries' scores over all
    /// keys it sees -> logSums (H, W); -infinity where it sees none.
    virtual void windowLogSums(const AttentionShape& shape, const float* queries,
                               const std::int32_t* positions, std::int64_t window,
                               std::span<const KvSpan> spans, float* logSums) = 0;
    /// windowScores with given log-sum-exps, logSums (H, W), in place of the spans' own: a score counts
    /// exp(score - logSum), 0 where the logSum is -infinity.
    virtual void windowScoresAgainst(const AttentionShape& shape, const float* queries,
                                     const std::int32_t* positions, std::int64_t window,
                                     std::span<const KvSpan> spans, std::int64_t before, const float* logSums,
                                     float* s) = 0;

    /// Moves stored keys to other positions: rows [0, count) of every head are rotated by shifts[i] *
    /// inverseFrequency[j] more, as `rope` rotates; a shift of 0 changes no bit. F32 and F16 only: 8-bit keys
    /// are stored transformed. `shifts` host, (count).
    virtual void rerotateKeys(const AttentionShape& shape, const KvRows& rows, std::int64_t count,
                              std::int32_t size, RopeStyle style, const double* inverseFrequency,
                              const std::int32_t* shifts) = 0;

    /// Copies rows of K/V: for each head g and i < count, row rows[g * count + i] of the spans (numbered
    /// through all spans) to row i of `to`. rows (G, count). The type stays the spans', and codes and scales
    /// are copied as they are.
    virtual void gatherKv(const AttentionShape& shape, std::span<const KvSpan> spans,
                          const std::int32_t* rows, std::int64_t count, const KvRows& to) = 0;
};

/// The CPU back end. The widest instruction set the machine has is chosen when it is made;
/// KVASIR_CPU=portable|avx2| avx512 asks for a narrower one. `threads` >= 1 workers, the caller among them.
std::unique_ptr<Backend> makeCpuBackend(int threads);

/// Which device to compute on.
enum class Device : std::uint8_t { Automatic, Cpu, Cuda };

struct BackendChoice {
    std::unique_ptr<Backend> backend;  ///< null only when Cuda was asked for and cannot be had
    /// Why it is not the GPU, a sentence. Empty when it is, for Cpu, and with Automatic where nobody would
    /// expect one: no module or no driver.
    std::string note;
};

/// The one place that chooses. Automatic takes the GPU where its module, driver and device are there, else
/// the processor. `threads` as for makeCpuBackend. A GPU back end's `name` begins with "cuda".
BackendChoice chooseBackend(Device device, int threads);

/// Writes `count` elements of a row of the tensor, as float32, beginning at column 0 of `row`. Host memory;
/// used for embeddings. `out` (columns).
void dequantiseRow(const TensorView& tensor, std::int64_t row, float* out);

}  // namespace kvasir::kernels
