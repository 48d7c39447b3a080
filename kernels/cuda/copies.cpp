#include "kernels/cuda/copies.h"

#include <algorithm>
#include <new>

#include "kernels/cpu/memory.h"

namespace kvasir::kernels::cuda {
namespace {

class PinnedBuffer final : public Buffer {
public:
    PinnedBuffer(void* memory, std::size_t bytes)
        : m_memory(static_cast<std::byte*>(memory)), m_bytes(bytes) {}
    ~PinnedBuffer() override { (void)cudaFreeHost(m_memory); }
    PinnedBuffer(const PinnedBuffer&) = delete;
    PinnedBuffer& operator=(const PinnedBuffer&) = delete;
    std::byte* data() override { return m_memory; }
    const std::byte* data() const override { return m_memory; }
    std::size_t bytes() const override { return m_bytes; }

private:
    std::byte* m_memory;
    std::size_t m_bytes;
};

}  // namespace

std::unique_ptr<Buffer> allocatePinned(std::size_t bytes) {
    if (bytes > availableMemory()) return nullptr;
    void* memory = nullptr;
    if (cudaMallocHost(&memory, std::max<std::size_t>(bytes, 1)) != cudaSuccess) {
        (void)cudaGetLastError();  // no failure of the device
        return nullptr;
    }
    std::unique_ptr<Buffer> buffer(new (std::nothrow) PinnedBuffer(memory, bytes));
    if (buffer == nullptr) (void)cudaFreeHost(memory);
    return buffer;
}

bool Copies::open() {
    const auto event = [](cudaEvent_t& made) {
        return cudaEventCreateWithFlags(&made, cudaEventDisableTiming) == cudaSuccess;
    };
    return cudaStreamCreateWithFlags(&m_toHost, cudaStreamNonBlocking) == cudaSuccess && event(m_computed) &&
           std::all_of(m_done.begin(), m_done.end(), event);
}

Copies::~Copies() {
    if (m_toHost != nullptr) (void)cudaStreamSynchronize(m_toHost);
    for (cudaEvent_t event : m_done) {
        if (event != nullptr) (void)cudaEventDestroy(event);
    }
    if (m_computed != nullptr) (void)cudaEventDestroy(m_computed);
    if (m_toHost != nullptr) (void)cudaStreamDestroy(m_toHost);
}

CopyId Copies::toHost(std::span<const CopyBlock> blocks) {
    if (!m_context.ok()) return 0;
    // The wait is for the event as it was recorded just now; recording it again later does not change that.
    bool begun = m_context.check(cudaEventRecord(m_computed, m_context.stream())) &&
                 m_context.check(cudaStreamWaitEvent(m_toHost, m_computed, 0));
    for (const CopyBlock& block : blocks) {
        begun = begun && m_context.check(cudaMemcpy2DAsync(block.host, block.bytes, block.device,
                                                           std::max(block.stride, block.bytes), block.bytes,
                                                           block.rows, cudaMemcpyDeviceToHost, m_toHost));
    }
    return finish(m_toHost, begun);
}

CopyId Copies::toDevice(std::span<const CopyBlock> blocks) {
    bool begun = m_context.ok();
    for (const CopyBlock& block : blocks) {
        begun = begun && m_context.check(cudaMemcpy2DAsync(block.device, std::max(block.stride, block.bytes),
                                                           block.host, block.bytes, block.bytes, block.rows,
                                                           cudaMemcpyHostToDevice, m_context.stream()));
    }
    return finish(m_context.stream(), begun);
}

CopyId Copies::finish(cudaStream_t stream, bool begun) {
    const CopyId copy = m_last + 1;
    if (begun && copy > kMost) wait(copy - kMost);
    if (!begun || !m_context.check(cudaEventRecord(m_done[copy % kMost], stream))) {
        (void)cudaStreamSynchronize(stream);  // nobody can ask for what was begun of it
        return 0;
    }
    m_last = copy;
    return copy;
}

cudaEvent_t Copies::eventOf(CopyId copy) const {
    return copy == 0 || copy + kMost <= m_last ? nullptr : m_done[copy % kMost];
}

// Also after a failure: short of memory for an operation, the device still copies.
bool Copies::isDone(CopyId copy) {
    cudaEvent_t event = eventOf(copy);
    if (event == nullptr) return true;
    const cudaError_t state = cudaEventQuery(event);
    if (state == cudaErrorNotReady) {
        (void)cudaGetLastError();  // or the next launch would be taken for failed
        return false;
    }
    m_context.check(state);
    return true;
}

void Copies::wait(CopyId copy) {
    cudaEvent_t event = eventOf(copy);
    if (event != nullptr) m_context.check(cudaEventSynchronize(event));
}

}  // namespace kvasir::kernels::cuda
