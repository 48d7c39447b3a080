// GGUF model files: metadata and tensors, memory-mapped and checked. Format: ggml/docs/gguf.md, versions 2
// and 3.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "kernels/tensor_type.h"

namespace kvasir {

/// One tensor. `shape` in GGUF's order: shape[0] is the contiguous dimension (a matrix's inputs).
struct GgufTensor {
    std::string name;
    kernels::TensorType type = kernels::TensorType::F32;
    std::vector<std::int64_t> shape;
    std::span<const std::byte> data;  ///< in the mapping; exactly the bytes that type and shape ask for
};

/// An open model file. Everything in it was checked when it was opened: counts, offsets, sizes, types,
/// alignment and strings lie within the file and within stated limits, names are unique. Immutable; any
/// number of threads may read. The mapping lives as long as the object, and so do the views it hands out.
///
/// Limits: 65,536 tensors with 1 to 4 dimensions and names up to 64 bytes; 65,536 metadata keys up to 65,535
/// bytes; strings up to 16 MiB; arrays 4 deep; 1 GiB up to the tensors' data; alignment a power of two, 8
/// bytes to 1 MiB.
///
/// A file that changes while it is open never stops the program. Metadata and tensor descriptions are a copy.
/// Tensor data are mapped: what a shortened file (or a failing disk) no longer holds reads as zeros, and
/// intact() is false from then on. A file that is replaced by renaming another over it stays as it was.
class GgufFile {
public:
    /// Errors: NotFound, Unreadable, Empty, Damaged (names the field and the byte offset), Unsupported (a
    /// version, a tensor type: by name; a file that is not GGUF), TooLarge (a stated limit), OutOfMemory.
    static Result<std::unique_ptr<GgufFile>> open(const std::filesystem::path& path);
    ~GgufFile();
    GgufFile(const GgufFile&) = delete;
    GgufFile& operator=(const GgufFile&) = delete;

    const std::filesystem::path& path() const;
    std::uint64_t bytes() const;
    /// False once data could not be read or the file is shorter than it was: results computed from it are
    /// worthless. Ask after reading weights.
    bool intact() const;
    /// XXH3-128 of all bytes, in hexadecimal: another file has another one. Reads the whole file. Error:
    /// Damaged (it is no longer what it was when it was opened).
    Result<std::string> fingerprint() const;

    // Metadata by key. Empty when the key is missing or its value is of another kind; integers of every width
    // count as integers when the value fits, floats as floats.
    std::optional<std::int64_t> integer(std::string_view key) const;
    std::optional<double> number(std::string_view key) const;  ///< a float, or an integer
    std::optional<bool> boolean(std::string_view key) const;
    std::optional<std::string_view> string(std::string_view key) const;
    std::vector<std::string_view> strings(std::string_view key) const;  ///< an array of strings
    std::vector<std::int64_t> integers(std::string_view key) const;     ///< an array of integers of any width
    std::vector<float> floats(std::string_view key) const;              ///< an array of float32
    bool has(std::string_view key) const;

    std::span<const GgufTensor> tensors() const;
    const GgufTensor* tensor(std::string_view name) const;  ///< null when missing

private:
    struct Impl;
    explicit GgufFile(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

}  // namespace kvasir
