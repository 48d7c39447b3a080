// A file's bytes in memory, read-only, that stay readable whatever happens to the file.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "engine/error.h"

namespace kvasir {

/// An ordinary file, opened and mapped. Pages that can no longer be read (the file was shortened, the disk
/// fails) are replaced by zeros instead of ending the program with SIGBUS; intact() tells. For that, the
/// first mapping installs a handler for SIGBUS which passes on every signal that is not about a mapping. Any
/// number of threads may read.
class GgufMapping {
public:
    /// At most 64 at a time. Errors: NotFound, Unreadable, Empty, OutOfMemory.
    static Result<std::unique_ptr<GgufMapping>> open(const std::filesystem::path& path);
    ~GgufMapping();
    GgufMapping(const GgufMapping&) = delete;
    GgufMapping& operator=(const GgufMapping&) = delete;

    std::span<const std::byte> data() const { return {m_data, m_size}; }
    int descriptor() const { return m_descriptor; }
    bool intact() const;

private:
    struct Guard;
    GgufMapping() = default;
    Result<void> map(const std::filesystem::path& path);

    int m_descriptor = -1;
    const std::byte* m_data = nullptr;
    std::size_t m_size = 0;
    Guard* m_guard = nullptr;  ///< one of a fixed table, which the signal handler reads
};

}  // namespace kvasir
