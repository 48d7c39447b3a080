#include "kernels/cpu/memory.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <new>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace kvasir::kernels {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

/// Linux promises memory that it does not have and kills the program when it is used; so ask first.
std::size_t availableMemory() {
    std::size_t bytes = std::numeric_limits<std::size_t>::max();
#ifdef __linux__
    std::FILE* file = std::fopen("/proc/meminfo", "r");
    if (file == nullptr) return bytes;
    char line[128];
    while (std::fgets(line, sizeof(line), file) != nullptr) {
        unsigned long long kib = 0;
        if (std::sscanf(line, "MemAvailable: %llu kB", &kib) == 1) {
            bytes = static_cast<std::size_t>(kib) * 1024;
            break;
        }
    }
    std::fclose(file);
#endif
    return bytes;
}

AlignedMemory::~AlignedMemory() {
    std::free(m_data);
}

AlignedMemory::AlignedMemory(AlignedMemory&& other) noexcept
    : m_data(std::exchange(other.m_data, nullptr)), m_bytes(std::exchange(other.m_bytes, 0)) {}

AlignedMemory& AlignedMemory::operator=(AlignedMemory&& other) noexcept {
    std::swap(m_data, other.m_data);
    std::swap(m_bytes, other.m_bytes);
    return *this;
}

AlignedMemory AlignedMemory::tryAllocate(std::size_t bytes) noexcept {
    AlignedMemory memory;
    const bool large = bytes >= kHugePage;
    const std::size_t alignment = large ? kHugePage : kCacheLine;
    if (bytes > std::numeric_limits<std::size_t>::max() / 2) return memory;
    if (large && bytes > availableMemory()) return memory;
    // A piece without bytes still gets an address, so that it differs from a failure.
    void* data = nullptr;
    if (posix_memalign(&data, alignment, bytes == 0 ? kCacheLine : bytes) != 0) return memory;
    memory.m_data = static_cast<std::byte*>(data);
    memory.m_bytes = bytes;
#ifdef __linux__
    // Only a hint: walking through weights in small pages costs a tenth of the bandwidth. The rest, less than
    // a huge page, stays in small ones: a document's K/V are many pieces, and each would waste half a huge
    // page.
    if (large) static_cast<void>(madvise(memory.m_data, bytes / kHugePage * kHugePage, MADV_HUGEPAGE));
#endif
    return memory;
}

void AlignedMemory::reserve(std::size_t bytes) {
    if (m_data != nullptr && bytes <= m_bytes) return;
    *this = AlignedMemory{};
    *this = tryAllocate(bytes);
    if (m_data == nullptr) throw std::bad_alloc();
}

}  // namespace kvasir::kernels
