#include "engine/sha256.h"

#include <cstdint>

namespace kvasir {

void Sha256::add(std::span<const std::byte> bytes) {
    SHA256Update(&m_context, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

Sha256Digest Sha256::digest() const {
    SHA2_CTX rest = m_context;
    Sha256Digest digest;
    SHA256Final(reinterpret_cast<std::uint8_t*>(digest.data()), &rest);
    return digest;
}

std::string hexadecimal(std::span<const std::byte> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (const std::byte byte : bytes) {
        text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
        text += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
    }
    return text;
}

}  // namespace kvasir
