#include "kernels/cuda/context.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/cuda/elementwise.h"

namespace kvasir::kernels::cuda {
namespace {

constexpr std::size_t kAlignment = 256;
/// Uploads up to this size go through the staging ring.
constexpr std::size_t kLargestStaged = std::size_t{4} << 20;
constexpr int kOldestCapability = 75;

std::size_t aligned(std::size_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::string sentence(cudaError_t error) {
    switch (error) {
        case cudaErrorNoDevice:
            return "There is no NVIDIA GPU, or it is hidden from this program.";
        case cudaErrorInsufficientDriver:
            return "The NVIDIA driver is missing or older than this version of Kvasir needs.";
        case cudaErrorDevicesUnavailable:
            return "The GPU is busy: another program uses it alone.";
        case cudaErrorMemoryAllocation:
            return "The GPU has not enough free memory.";
        case cudaErrorNoKernelImageForDevice:
            return "This GPU is of a kind that this version of Kvasir was not built for.";
        default:
            return std::string("The GPU reports: ") + cudaGetErrorString(error) + ".";
    }
}

}  // namespace

std::unique_ptr<Context> Context::create(std::string& reason) {
    std::unique_ptr<Context> context(new Context());
    if (!context->open(reason)) return nullptr;
    return context;
}

bool Context::open(std::string& reason) {
    const auto tried = [&](cudaError_t error) {
        if (error == cudaSuccess) return true;
        reason = sentence(error);
        (void)cudaGetLastError();  // a failed attempt must not show up in later calls
        return false;
    };
    int count = 0;
    if (!tried(cudaGetDeviceCount(&count))) return false;
    if (count == 0) return tried(cudaErrorNoDevice);
    cudaDeviceProp properties{};
    if (!tried(cudaSetDevice(0)) || !tried(cudaGetDeviceProperties(&properties, 0))) return false;
    m_capability = properties.major * 10 + properties.minor;
    // Intermediate code of an older capability runs here too, but what it left out is not there.
    int compiledFor = 0;
    if (m_capability >= kOldestCapability && !tried(codeCapability(compiledFor))) return false;
    m_capability = std::min(m_capability, compiledFor);
    m_multiprocessors = properties.multiProcessorCount;
    m_sharedLimit = static_cast<int>(properties.sharedMemPerBlockOptin);
    m_deviceName = properties.name;
    if (m_capability < kOldestCapability) {
        reason = "The GPU '" + m_deviceName + "' is too old: compute capability 7.5 is needed.";
        return false;
    }
    // Non-blocking: nothing of ours uses the default stream, and nobody else's work there may hold us up.
    if (!tried(cudaStreamCreateWithFlags(&m_stream, cudaStreamNonBlocking))) return false;
    cudaMemPoolProps pool{};
    pool.allocType = cudaMemAllocationTypePinned;
    pool.location = {.type = cudaMemLocationTypeDevice, .id = 0};
    std::uint64_t keep = std::numeric_limits<std::uint64_t>::max();
    if (!tried(cudaMemPoolCreate(&m_pool, &pool)) ||
        !tried(cudaMemPoolSetAttribute(m_pool, cudaMemPoolAttrReleaseThreshold, &keep))) {
        return false;
    }
    void* pinned = nullptr;
    if (!tried(cudaMallocHost(&pinned, kStaging))) return false;
    m_pinned = static_cast<std::byte*>(pinned);
    m_mirror = static_cast<std::byte*>(allocate(kStaging));
    if (m_mirror == nullptr) return tried(cudaErrorMemoryAllocation);
    m_counters = static_cast<unsigned*>(allocate(kCounters * sizeof(unsigned)));
    if (m_counters == nullptr) return tried(cudaErrorMemoryAllocation);
    if (!tried(cudaMemsetAsync(m_counters, 0, kCounters * sizeof(unsigned), m_stream))) return false;
    for (cudaEvent_t& event : m_halfUsed) {
        if (!tried(cudaEventCreateWithFlags(&event, cudaEventDisableTiming))) return false;
    }
    for (cudaEvent_t& event : m_marks) {
        if (!tried(cudaEventCreateWithFlags(&event, cudaEventDisableTiming))) return false;
    }
    return tried(cudaStreamSynchronize(m_stream));
}

Context::~Context() {
    if (m_stream != nullptr) (void)cudaStreamSynchronize(m_stream);
    for (const Workspace& each : m_workspaces)
        release(each.memory);
    release(m_mirror);
    release(m_counters);
    if (m_pinned != nullptr) (void)cudaFreeHost(m_pinned);
    for (cudaEvent_t event : m_halfUsed)
        (void)cudaEventDestroy(event);
    for (cudaEvent_t event : m_marks)
        (void)cudaEventDestroy(event);
    if (m_stream != nullptr) (void)cudaStreamSynchronize(m_stream);
    if (m_pool != nullptr) (void)cudaMemPoolDestroy(m_pool);
    if (m_stream != nullptr) (void)cudaStreamDestroy(m_stream);
    (void)cudaGetLastError();
}

bool Context::check(cudaError_t error) {
    if (error == cudaSuccess) return true;
    fail(sentence(error));
    return false;
}

void Context::fail(std::string_view what) {
    if (m_failure.empty()) m_failure = what;
}

std::size_t Context::freeMemory() const {
    std::size_t free = 0, all = 0;
    if (cudaMemGetInfo(&free, &all) != cudaSuccess) return 0;
    // The pool grows in steps, as drivers do it today: the last one may not fit any more.
    constexpr std::size_t kStep = std::size_t{32} << 20;
    free -= std::min(free, kStep);
    // What the pool holds and nobody uses is free for us, though not for others.
    std::uint64_t reserved = 0, used = 0;
    (void)cudaMemPoolGetAttribute(m_pool, cudaMemPoolAttrReservedMemCurrent, &reserved);
    (void)cudaMemPoolGetAttribute(m_pool, cudaMemPoolAttrUsedMemCurrent, &used);
    return free + static_cast<std::size_t>(reserved - std::min(used, reserved));
}

void* Context::allocate(std::size_t bytes) {
    if (!ok()) return nullptr;
    const std::size_t size = aligned(std::max<std::size_t>(bytes, 1));
    void* memory = nullptr;
    if (cudaMallocFromPoolAsync(&memory, size, m_pool, m_stream) == cudaSuccess) return memory;
    (void)cudaGetLastError();
    if (shrinkPool() && cudaMallocFromPoolAsync(&memory, size, m_pool, m_stream) == cudaSuccess)
        return memory;
    (void)cudaGetLastError();
    return nullptr;
}

/// What the pool holds unused may be in pieces that are too small: given back, it can be had as one.
bool Context::shrinkPool() {
    return cudaStreamSynchronize(m_stream) == cudaSuccess && cudaMemPoolTrimTo(m_pool, 0) == cudaSuccess;
}

void* Context::allocateLasting(std::size_t bytes) {
    if (!ok()) return nullptr;
    const std::size_t size = std::max<std::size_t>(bytes, 1);
    void* memory = nullptr;
    if (cudaMalloc(&memory, size) == cudaSuccess) return memory;
    (void)cudaGetLastError();
    if (shrinkPool() && cudaMalloc(&memory, size) == cudaSuccess) return memory;
    (void)cudaGetLastError();
    return nullptr;
}

/// What still reads it is waited for: unlike the pool's, this memory knows no stream.
void Context::releaseLasting(void* memory) {
    if (memory == nullptr) return;
    (void)cudaStreamSynchronize(m_stream);
    (void)cudaFree(memory);
    (void)cudaGetLastError();
}

void Context::release(void* memory) {
    if (memory != nullptr) (void)cudaFreeAsync(memory, m_stream);
}

std::size_t Context::missing(const WorkspaceSizes& sizes) const {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i)
        bytes += sizes[i] > m_workspaces[i].bytes ? aligned(sizes[i]) - m_workspaces[i].bytes : 0;
    return bytes;
}

bool Context::reserve(const WorkspaceSizes& sizes) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        Workspace& space = m_workspaces[i];
        if (sizes[i] <= space.bytes) continue;
        release(space.memory);
        space.memory = allocate(sizes[i]);
        space.bytes = space.memory != nullptr ? sizes[i] : 0;
        if (space.memory == nullptr) return false;
    }
    return true;
}

std::byte* Context::workspace(Slot slot, std::size_t bytes) {
    Workspace& space = m_workspaces[static_cast<std::size_t>(slot)];
    if (space.bytes >= bytes && space.memory != nullptr) return static_cast<std::byte*>(space.memory);
    release(space.memory);
    space.memory = allocate(bytes);
    space.bytes = space.memory != nullptr ? bytes : 0;
    if (space.memory == nullptr) fail("The GPU has not enough free memory.");
    return static_cast<std::byte*>(space.memory);
}

std::byte* Context::stage(std::size_t bytes, std::size_t& offset) {
    const std::size_t size = aligned(bytes);
    if (m_staged + size > kHalf) {
        check(cudaEventRecord(m_halfUsed[m_half], m_stream));
        m_half = 1 - m_half;
        check(cudaEventSynchronize(m_halfUsed[m_half]));
        m_staged = 0;
    }
    offset = m_half * kHalf + m_staged;
    m_staged += size;
    return m_pinned + offset;
}

const void* Context::upload(const void* host, std::size_t bytes) {
    if (!ok()) return nullptr;
    if (bytes > kLargestStaged) {
        std::byte* device = workspace(Slot::Spare, bytes);
        if (device != nullptr) copyToDevice(device, host, bytes);
        return device;
    }
    std::size_t offset = 0;
    std::byte* staged = stage(std::max<std::size_t>(bytes, 1), offset);
    std::memcpy(staged, host, bytes);
    check(cudaMemcpyAsync(m_mirror + offset, staged, bytes, cudaMemcpyHostToDevice, m_stream));
    return m_mirror + offset;
}

void Context::copyToDevice(void* to, const void* fromHost, std::size_t bytes) {
    // In pieces through pinned memory: the driver's own way through pageable memory is slower.
    for (std::size_t at = 0; at < bytes && ok(); at += kLargestStaged) {
        const std::size_t size = std::min(kLargestStaged, bytes - at);
        std::size_t offset = 0;
        std::byte* staged = stage(size, offset);
        std::memcpy(staged, static_cast<const std::byte*>(fromHost) + at, size);
        check(cudaMemcpyAsync(static_cast<std::byte*>(to) + at, staged, size, cudaMemcpyHostToDevice,
                              m_stream));
    }
}

void Context::copyToHost(void* toHost, const void* from, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes && ok(); at += kLargestStaged) {
        const std::size_t size = std::min(kLargestStaged, bytes - at);
        std::size_t offset = 0;
        std::byte* staged = stage(size, offset);
        check(cudaMemcpyAsync(staged, static_cast<const std::byte*>(from) + at, size, cudaMemcpyDeviceToHost,
                              m_stream));
        check(cudaStreamSynchronize(m_stream));
        std::memcpy(static_cast<std::byte*>(toHost) + at, staged, size);
    }
}

void Context::synchronise() {
    if (ok()) check(cudaStreamSynchronize(m_stream));
}

void Context::mark() {
    if (!ok()) return;
    check(cudaEventRecord(m_marks[m_nextMark], m_stream));
    m_nextMark = (m_nextMark + 1) % m_marks.size();
    check(cudaEventSynchronize(m_marks[m_nextMark]));  // the oldest
}

}  // namespace kvasir::kernels::cuda
