#include "engine/gguf_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace kvasir {

GgufReader::GgufReader(int descriptor, std::uint64_t size, std::string name)
    : m_descriptor(descriptor), m_size(size), m_name(std::move(name)) {}

bool GgufReader::refused(ErrorCode code, std::string what, std::string_view field, std::uint64_t offset,
                         std::string advice) {
    if (m_error) return false;
    std::string where = m_name + ", byte offset " + std::to_string(offset) + ", field " + std::string(field);
    if (!m_context.empty()) where += " of " + m_context;
    m_error = Error{code, std::move(what), std::move(where), std::move(advice)};
    return false;
}

bool GgufReader::damaged(std::string what, std::string_view field, std::uint64_t offset) {
    return refused(ErrorCode::Damaged, "The model file is damaged: " + std::move(what) + ".", field, offset,
                   "Download the file again.");
}

bool GgufReader::fill(std::uint64_t end, std::string_view field) {
    constexpr std::uint64_t kStep = 4ULL << 20;
    const std::uint64_t limit = std::min(m_size, kMaxHeader);
    if (end > limit) {
        return refused(ErrorCode::TooLarge,
                       "The model file has more than 1 GiB before its tensors' data, which is not supported.",
                       field, m_position, "Choose another model file.");
    }
    std::uint64_t have = m_bytes.size();
    m_bytes.resize(std::min(limit, std::max(end, std::max(have * 2, kStep))));
    while (have < m_bytes.size()) {
        const ssize_t got =
            pread(m_descriptor, m_bytes.data() + have, m_bytes.size() - have, static_cast<off_t>(have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            return refused(ErrorCode::Unreadable,
                           "The model file cannot be read: " + std::string(std::strerror(errno)) + ".", field,
                           have, "Check the disk, or download the file again.");
        }
        if (got == 0) return damaged("it became shorter while it was read", field, have);
        have += static_cast<std::uint64_t>(got);
    }
    return true;
}

bool GgufReader::need(std::uint64_t bytes, std::string_view field) {
    if (m_error) return false;
    if (bytes > left()) {
        return damaged("the file ends at byte " + std::to_string(m_size) + ", where " +
                           std::to_string(bytes) + " bytes were to come",
                       field, m_position);
    }
    return m_position + bytes <= m_bytes.size() || fill(m_position + bytes, field);
}

std::string_view GgufReader::string(std::string_view field, std::uint64_t limit) {
    const std::uint64_t start = m_position;
    const auto length = number<std::uint64_t>(field);
    if (m_error) return {};
    if (length > left()) {
        damaged("a length of " + std::to_string(length) + " bytes is more than the rest of the file", field,
                start);
        return {};
    }
    if (length > limit) {
        refused(ErrorCode::TooLarge,
                "A text in the model file has " + std::to_string(length) + " bytes, which is more than the " +
                    std::to_string(limit) + " that are supported.",
                field, start, "Download the file again, or choose another model file.");
        return {};
    }
    if (!need(length, field)) return {};
    const std::string_view text(m_bytes.data() + m_position, length);
    m_position += length;
    return text;
}

std::string GgufReader::takeBytes() {
    m_bytes.resize(m_position);
    m_bytes.shrink_to_fit();
    return std::move(m_bytes);
}

void GgufReader::skip(std::uint64_t bytes, std::string_view field) {
    if (need(bytes, field)) m_position += bytes;
}

}  // namespace kvasir
