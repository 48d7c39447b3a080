// Reads numbers and strings of a file one after the other; the first failure sticks. Used by gguf_header.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/error.h"
#include "engine/gguf_header.h"

namespace kvasir {

/// Every read checks that the bytes exist. After a failure every read fails and error() says why; the values
/// read then are zero.
class GgufReader {
public:
    static constexpr std::uint64_t kMaxHeader = 1ULL << 30;

    GgufReader(int descriptor, std::uint64_t size, std::string name);

    /// What is being read, for messages: "metadata key 'general.name'".
    void setContext(std::string context) { m_context = std::move(context); }

    template <typename T>
    T number(std::string_view field) {
        if (!need(sizeof(T), field)) return T{};
        const T value = ggufNumber<T>(m_bytes, m_position);
        m_position += sizeof(T);
        return value;
    }
    /// A 64-bit length and as many bytes. The view lasts until the next read.
    std::string_view string(std::string_view field, std::uint64_t limit);
    void skip(std::uint64_t bytes, std::string_view field);

    /// Makes sure that `bytes` more can be read.
    bool need(std::uint64_t bytes, std::string_view field);
    std::string_view bytes() const { return m_bytes; }
    std::uint64_t position() const { return m_position; }
    std::uint64_t size() const { return m_size; }
    std::uint64_t left() const { return m_size - m_position; }

    /// Records a failure about `field` at byte `offset`; the first one counts. Returns false.
    bool damaged(std::string what, std::string_view field, std::uint64_t offset);
    bool refused(ErrorCode code, std::string what, std::string_view field, std::uint64_t offset,
                 std::string advice);
    bool failed() const { return m_error.has_value(); }
    const Error& error() const { return *m_error; }
    /// What was read, without what was fetched ahead.
    std::string takeBytes();

private:
    bool fill(std::uint64_t end, std::string_view field);

    int m_descriptor;
    std::uint64_t m_size;
    std::string m_name;
    std::string m_context;
    std::string m_bytes;
    std::uint64_t m_position = 0;
    std::optional<Error> m_error;
};

}  // namespace kvasir
