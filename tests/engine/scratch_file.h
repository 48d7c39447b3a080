// A file of a test that is gone afterwards.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

namespace kvasir::test {

/// A new file in a folder of its own in the system's temporary folder.
class ScratchFile {
public:
    explicit ScratchFile(std::string_view content = {}, std::string_view name = "model.gguf") {
        std::string folder = (std::filesystem::temp_directory_path() / "kvasir-test-XXXXXX").string();
        if (mkdtemp(folder.data()) == nullptr) std::abort();
        m_folder = folder;
        m_path = m_folder / name;
        write(content);
    }
    ~ScratchFile() {
        std::error_code ignored;
        std::filesystem::remove_all(m_folder, ignored);
    }
    ScratchFile(const ScratchFile&) = delete;
    ScratchFile& operator=(const ScratchFile&) = delete;

    const std::filesystem::path& path() const { return m_path; }
    void write(std::string_view content) const {
        std::ofstream(m_path, std::ios::binary)
            .write(content.data(), static_cast<std::streamsize>(content.size()));
    }

private:
    std::filesystem::path m_folder, m_path;
};

}  // namespace kvasir::test
