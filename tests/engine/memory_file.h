// A file that exists in memory alone, for tests that open thousands of them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

namespace kvasir::test {

class MemoryFile {
public:
    MemoryFile() : m_descriptor(memfd_create("kvasir-test", MFD_CLOEXEC)) {
        if (m_descriptor < 0) std::abort();
    }
    explicit MemoryFile(std::string_view content) : MemoryFile() { write(content); }
    ~MemoryFile() { close(m_descriptor); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(m_descriptor); }
    void write(std::string_view content) const {
        if (ftruncate(m_descriptor, 0) != 0) std::abort();
        for (std::size_t done = 0; done < content.size();) {
            const ssize_t count =
                pwrite(m_descriptor, content.data() + done, content.size() - done, static_cast<off_t>(done));
            if (count <= 0) std::abort();
            done += static_cast<std::size_t>(count);
        }
    }

private:
    int m_descriptor;
};

}  // namespace kvasir::test
