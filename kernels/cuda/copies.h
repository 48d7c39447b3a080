// Copies between host and device that run beside the operations.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <cuda_runtime.h>

#include "kernels/backend.h"
#include "kernels/cuda/context.h"

namespace kvasir::kernels::cuda {

/// Copies to the host have a stream of their own: an event of the compute stream says when they may begin, so
/// that the compute stream never waits for them. Copies to the device are queued on the compute stream
/// itself: their memory may just have been freed and given out again there, and whatever is queued afterwards
/// reads it. One thread at a time. Each copy is known by an event of a ring; beginning more than the ring
/// holds waits for the oldest.
class Copies {
public:
    explicit Copies(Context& context) : m_context(context) {}
    ~Copies();
    Copies(const Copies&) = delete;
    Copies& operator=(const Copies&) = delete;

    bool open();  ///< false: no stream or events, the device is not usable
    CopyId toHost(std::span<const CopyBlock> blocks);
    CopyId toDevice(std::span<const CopyBlock> blocks);
    bool isDone(CopyId copy);
    void wait(CopyId copy);

private:
    static constexpr CopyId kMost = 64;
    /// Marks the end of what was queued; where that failed, waits for what was queued before.
    CopyId finish(cudaStream_t stream, bool begun);
    /// Null when the copy is done because a later one has taken its event.
    cudaEvent_t eventOf(CopyId copy) const;

    Context& m_context;
    cudaStream_t m_toHost = nullptr;
    cudaEvent_t m_computed = nullptr;
    std::array<cudaEvent_t, kMost> m_done{};
    CopyId m_last = 0;
};

/// Pinned host memory; null when there is not that much.
std::unique_ptr<Buffer> allocatePinned(std::size_t bytes);

}  // namespace kvasir::kernels::cuda
