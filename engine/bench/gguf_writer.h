// Writes GGUF files: models of random weights to measure with, and small files for tests, damaged ones among
// them.
#pragma once

#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/tensor_type.h"

namespace kvasir::bench {

/// Little-endian bytes of a number.
template <typename T>
std::string littleEndian(T value) {
    std::string bytes;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFF);
    }
    return bytes;
}

/// How byte-level vocabularies write a byte: those that are no letters as code points from 0x100 on.
inline std::string writtenByte(int byte) {
    const auto shown = [](int b) { return (b > 0x20 && b < 0x7F) || (b > 0xA0 && b != 0xAD); };
    int code = byte;
    if (!shown(byte)) {
        code = 0x100;
        for (int b = 0; b < byte; ++b)
            code += shown(b) ? 0 : 1;
    }
    if (code < 0x80) return std::string(1, static_cast<char>(code));
    return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

inline std::string ggufString(std::string_view text) {
    return littleEndian(std::uint64_t{text.size()}) + std::string(text);
}

/// Metadata and tensors in the order of the calls; nothing is checked, so that
/// tests can write nonsense.
class GgufWriter {
public:
    GgufWriter& string(std::string_view key, std::string_view value) {
        return add(key, 8, ggufString(value));
    }
    GgufWriter& u32(std::string_view key, std::uint32_t value) { return add(key, 4, littleEndian(value)); }
    GgufWriter& u64(std::string_view key, std::uint64_t value) { return add(key, 10, littleEndian(value)); }
    GgufWriter& i32(std::string_view key, std::int32_t value) { return add(key, 5, littleEndian(value)); }
    GgufWriter& f32(std::string_view key, float value) {
        return add(key, 6, littleEndian(std::bit_cast<std::uint32_t>(value)));
    }
    GgufWriter& boolean(std::string_view key, bool value) {
        return add(key, 7, std::string(1, value ? '\1' : '\0'));
    }
    GgufWriter& strings(std::string_view key, const std::vector<std::string>& values) {
        std::string bytes = arrayStart(8, values.size());
        for (const std::string& value : values)
            bytes += ggufString(value);
        return add(key, 9, bytes);
    }
    GgufWriter& i32s(std::string_view key, const std::vector<std::int32_t>& values) {
        std::string bytes = arrayStart(5, values.size());
        for (const std::int32_t value : values)
            bytes += littleEndian(value);
        return add(key, 9, bytes);
    }
    GgufWriter& f32s(std::string_view key, const std::vector<float>& values) {
        std::string bytes = arrayStart(6, values.size());
        for (const float value : values)
            bytes += littleEndian(std::bit_cast<std::uint32_t>(value));
        return add(key, 9, bytes);
    }
    /// A value of GGUF's kind number `kind` with these bytes.
    GgufWriter& add(std::string_view key, std::uint32_t kind, std::string_view bytes) {
        m_values += ggufString(key) + littleEndian(kind) + std::string(bytes);
        ++m_valueCount;
        return *this;
    }
    static std::string arrayStart(std::uint32_t kind, std::uint64_t count) {
        return littleEndian(kind) + littleEndian(count);
    }

    /// A tensor; its data begin at the next multiple of 32.
    GgufWriter& tensor(std::string_view name, kernels::TensorType type,
                       const std::vector<std::int64_t>& shape, std::string_view data) {
        constexpr std::uint32_t kNumbers[] = {0, 1, 30, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14};
        m_data.resize((m_data.size() + 31) / 32 * 32);
        describe(name, kNumbers[static_cast<std::size_t>(type)], shape, m_data.size());
        m_data += data;
        return *this;
    }
    GgufWriter& tensor(std::string_view name, const std::vector<std::int64_t>& shape,
                       std::span<const float> data) {
        const std::string bytes(reinterpret_cast<const char*>(data.data()), data.size_bytes());
        return tensor(name, kernels::TensorType::F32, shape, bytes);
    }
    /// A tensor's description alone, with any type number and offset.
    GgufWriter& describe(std::string_view name, std::uint32_t type, const std::vector<std::int64_t>& shape,
                         std::uint64_t offset) {
        m_tensors += ggufString(name) + littleEndian(static_cast<std::uint32_t>(shape.size()));
        for (const std::int64_t length : shape)
            m_tensors += littleEndian(length);
        m_tensors += littleEndian(type) + littleEndian(offset);
        ++m_tensorCount;
        return *this;
    }

    std::string bytes(std::uint32_t version = 3) const {
        std::string file = "GGUF" + littleEndian(version) + littleEndian(m_tensorCount) +
                           littleEndian(m_valueCount) + m_values + m_tensors;
        if (m_data.empty()) return file;
        file.resize((file.size() + 31) / 32 * 32);
        return file + m_data;
    }
    void write(const std::filesystem::path& path) const {
        const std::string content = bytes();
        std::ofstream(path, std::ios::binary)
            .write(content.data(), static_cast<std::streamsize>(content.size()));
    }

private:
    std::string m_values, m_tensors, m_data;
    std::uint64_t m_valueCount = 0, m_tensorCount = 0;
};

}  // namespace kvasir::bench
