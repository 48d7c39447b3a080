// SHA-256 (FIPS 180-4): for keys that nobody can make collide. For checksums of large data XXH3 is far
// faster.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kvasir {

using Sha256Digest = std::array<std::byte, 32>;

/// A hash being computed. A copy goes on by itself.
class Sha256 {
public:
    void add(std::span<const std::byte> bytes);
    void add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }
    /// The hash of all that was added.
    Sha256Digest digest() const;

private:
    void block(const std::byte* bytes);

    std::array<std::uint32_t, 8> m_state{0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                         0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};
    std::array<std::byte, 64> m_pending{};
    std::uint64_t m_length = 0;  ///< bytes added
};

/// Lower-case hexadecimal.
std::string hexadecimal(std::span<const std::byte> bytes);

}  // namespace kvasir
