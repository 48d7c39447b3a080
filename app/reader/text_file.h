// Text files: encoding, and their text in pieces.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "app/reader/file_kind.h"

namespace kvasir::reader {

/// A text file behind a descriptor that stays the caller's. Bytes behind `size` are not looked at, so that a
/// log may grow meanwhile. Not thread-safe.
class TextFile {
public:
    /// nullopt when the bytes are no text (NUL bytes, mostly control characters). Looks at the first 64 MiB.
    static std::optional<TextFile> open(int descriptor, std::uint64_t size);

    struct Piece {
        std::uint64_t nextOffset = 0;
        std::string text;  ///< UTF-8
    };

    /// Text from `offset` (0, or an earlier nextOffset) on: at most kTextChunkBytes of the file. Bytes that
    /// break the encoding become U+FFFD. At the end, nextOffset is the file's size (or where it was cut off
    /// meanwhile) and the text empty.
    Piece read(std::uint64_t offset) const;

    Encoding encoding() const { return m_encoding; }

private:
    TextFile(int descriptor, std::uint64_t size, Encoding encoding, unsigned mark)
        : m_descriptor(descriptor), m_size(size), m_encoding(encoding), m_mark(mark) {}

    int m_descriptor;
    std::uint64_t m_size;
    Encoding m_encoding;
    unsigned m_mark;  ///< bytes of a byte order mark
};

/// Up to `count` bytes at `offset`; fewer at the end of the file or after an error.
std::string readAt(int descriptor, std::uint64_t offset, std::size_t count);

}  // namespace kvasir::reader
