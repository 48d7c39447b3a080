// The part of a GGUF file before its tensors' data: read into memory and checked. Used by gguf.cpp alone.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "kernels/tensor_type.h"

namespace kvasir {

/// GGUF's numbers for the kinds of metadata values.
enum class GgufKind : std::uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

/// Bytes of one value; 0 for String and Array, whose size the file says.
std::uint64_t ggufKindBytes(GgufKind kind);

/// Where a value lies in GgufHeader::bytes. A string's offset is that of its 64-bit length. An array's is
/// that of its first element, all of one kind.
struct GgufValue {
    GgufKind kind = GgufKind::U8;
    GgufKind element = GgufKind::U8;  ///< arrays only
    std::uint64_t count = 1;
    std::uint64_t offset = 0;
};

struct GgufTensorEntry {
    std::string name;
    kernels::TensorType type = kernels::TensorType::F32;
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0;  ///< in the file
    std::uint64_t bytes = 0;
};

struct GgufHeader {
    std::string bytes;  ///< the file from its start, at least to the end of the tensor descriptions
    std::map<std::string, GgufValue, std::less<>> values;
    std::vector<GgufTensorEntry> tensors;  ///< in the file's order; data within the file, not overlapping
};

/// Reads from an open file of `size` bytes; `name` is for error messages. Errors as GgufFile::open.
Result<GgufHeader> readGgufHeader(int descriptor, std::uint64_t size, const std::string& name);

/// Reads a little-endian number of up to eight bytes.
template <typename T>
T ggufNumber(std::string_view bytes, std::uint64_t offset) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        bits |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i);
    }
    return static_cast<T>(bits);
}

}  // namespace kvasir
