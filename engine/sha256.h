// SHA-256, by Debian's libmd: for keys that nobody can make collide. For checksums of large data XXH3 is far
// faster.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <sha2.h>

namespace kvasir {

using Sha256Digest = std::array<std::byte, 32>;

/// A hash being computed. A copy goes on by itself.
class Sha256 {
public:
    Sha256() { SHA256Init(&m_context); }
    void add(std::span<const std::byte> bytes);
    void add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }
    /// The hash of all that was added.
    Sha256Digest digest() const;

private:
    SHA2_CTX m_context;
};

/// Lower-case hexadecimal.
std::string hexadecimal(std::span<const std::byte> bytes);

}  // namespace kvasir
