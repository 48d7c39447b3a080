// One GPU: its stream, memory pool, staging for small transfers, workspaces, and the first failure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <cuda_runtime.h>

namespace kvasir::kernels::cuda {

/// Memory that operations use between one another; each slot grows to what its largest user needs and stays.
enum class Slot : std::uint8_t {
    Weights,      ///< dequantised matrices of one product
    Rows,         ///< activations as a product reads them
    Mixed,        ///< what attention gives to the output product
    Wide,         ///< gate and up, or query, key and value
    Gated,        ///< input of the down product
    Query,        ///< queries after RoPE, 16 bit
    KeyValue,     ///< keys and values in float32 before they are stored
    Expanded,     ///< 8-bit keys and values as floats
    Partial,      ///< attention states of splits, partial scores
    Rope,         ///< cosines and sines
    Limits,       ///< which keys each row sees
    Library,      ///< cuBLASLt's own
    Projected,    ///< what a part of a layer adds, before its norm
    QueryFloats,  ///< queries after RoPE, float32
    Spare,
    Count
};

/// One thread at a time. Every call may fail; the first failure is kept, and what follows does nothing.
class Context {
public:
    /// Null with a sentence in `reason` when there is no usable GPU.
    static std::unique_ptr<Context> create(std::string& reason);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    cudaStream_t stream() const { return m_stream; }
    int multiprocessors() const { return m_multiprocessors; }
    int capability() const { return m_capability; }  ///< 90 for 9.0
    /// Counters on the device that are 0 between kernels.
    static constexpr int kCounters = 256;
    unsigned* counters() const { return m_counters; }
    int sharedLimit() const { return m_sharedLimit; }  ///< bytes of shared memory a block may have
    const std::string& deviceName() const { return m_deviceName; }

    bool ok() const { return m_failure.empty(); }
    std::string_view failure() const { return m_failure; }
    /// Keeps the first problem. Returns whether `error` is success.
    bool check(cudaError_t error);
    void fail(std::string_view what);

    // ---------------------------------------------------------------------------------------------- memory
    std::size_t freeMemory() const;
    /// Null when memory is short: no failure.
    void* allocate(std::size_t bytes);
    void release(void* memory);
    /// The same outside the pool.
    void* allocateLasting(std::size_t bytes);
    void releaseLasting(void* memory);
    /// Bytes that workspaces of these sizes take beyond those there are; takes them, false: memory is short.
    using WorkspaceSizes = std::array<std::size_t, static_cast<std::size_t>(Slot::Count)>;
    std::size_t missing(const WorkspaceSizes& sizes) const;
    [[nodiscard]] bool reserve(const WorkspaceSizes& sizes);
    /// At least `bytes` of the slot; what it held is lost when it grows. Null after a failure (out of
    /// memory).
    std::byte* workspace(Slot slot, std::size_t bytes);
    template <typename T>
    T* workspace(Slot slot, std::int64_t count) {
        return reinterpret_cast<T*>(workspace(slot, static_cast<std::size_t>(count) * sizeof(T)));
    }

    // ------------------------------------------------------------------------------------------- transfers
    /// A copy on the device, for kernels that are launched before the next few uploads. Null after a failure.
    const void* upload(const void* host, std::size_t bytes);
    template <typename T>
    const T* upload(const T* host, std::int64_t count) {
        return static_cast<const T*>(
            upload(static_cast<const void*>(host), static_cast<std::size_t>(count) * sizeof(T)));
    }
    void copyToDevice(void* to, const void* fromHost, std::size_t bytes);
    void copyToHost(void* toHost, const void* from, std::size_t bytes);
    void synchronise();
    /// Waits until all but the last few marks are reached: long queues would delay a stop.
    void mark();

private:
    Context() = default;
    bool open(std::string& reason);
    bool shrinkPool();
    std::byte* stage(std::size_t bytes, std::size_t& offset);

    static constexpr std::size_t kStaging = std::size_t{32} << 20;
    static constexpr std::size_t kHalf = kStaging / 2;

    cudaStream_t m_stream = nullptr;
    cudaMemPool_t m_pool = nullptr;
    int m_multiprocessors = 0;
    int m_capability = 0;
    int m_sharedLimit = 0;
    std::string m_deviceName;
    std::string m_failure;
    struct Workspace {
        void* memory = nullptr;
        std::size_t bytes = 0;
    };
    std::array<Workspace, static_cast<std::size_t>(Slot::Count)> m_workspaces;
    unsigned* m_counters = nullptr;
    std::byte* m_pinned = nullptr;  ///< host, kStaging
    std::byte* m_mirror = nullptr;  ///< device, kStaging: what was uploaded lies where it was staged
    std::size_t m_half = 0;         ///< of the ring, being filled
    std::size_t m_staged = 0;       ///< next free byte in it
    std::array<cudaEvent_t, 2> m_halfUsed{};  ///< when each half's copies are done
    std::array<cudaEvent_t, 3> m_marks{};
    std::size_t m_nextMark = 0;
};

}  // namespace kvasir::kernels::cuda
