// Host memory for weights, caches and scratch.
#pragma once

#include <cstddef>

namespace kvasir::kernels {

/// Memory aligned to 64 bytes (large pieces to huge pages, where the system has them), owned, move-only.
class AlignedMemory {
public:
    AlignedMemory() = default;
    ~AlignedMemory();
    AlignedMemory(AlignedMemory&& other) noexcept;
    AlignedMemory& operator=(AlignedMemory&& other) noexcept;
    AlignedMemory(const AlignedMemory&) = delete;
    AlignedMemory& operator=(const AlignedMemory&) = delete;

    /// Empty (data() is null) when the system has not that much memory left; never throws. Not cleared.
    static AlignedMemory tryAllocate(std::size_t bytes) noexcept;
    /// Grows to at least `bytes`; the contents are lost. Throws std::bad_alloc.
    void reserve(std::size_t bytes);

    std::byte* data() const { return m_data; }
    std::size_t bytes() const { return m_bytes; }

private:
    std::byte* m_data = nullptr;
    std::size_t m_bytes = 0;
};

/// What the system could give without swapping; the largest number where it does not say.
std::size_t availableMemory();

}  // namespace kvasir::kernels
