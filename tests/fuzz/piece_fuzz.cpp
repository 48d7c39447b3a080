// Any bytes as a piece of a resident document. Bits of the first byte: 1 puts the right checksum of the
// contents into the header, 2 the header's own; without them nothing random would come past the checksums.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/piece_file.h"

using namespace kvasir;

namespace {

constexpr std::size_t kContentsSumAt = 96, kHeaderSumAt = 120;

void require(bool condition) {
    if (!condition) std::abort();
}

template <typename T>
void requireRefused(const Result<T>& result) {
    require(!result && result.error().code == ErrorCode::Damaged);
    require(!result.error().what.empty() && !result.error().advice.empty());
}

void putSums(std::vector<std::byte>& file, unsigned choice) {
    if (file.size() < kPieceHeaderBytes) return;
    if ((choice & 1U) != 0) {
        const XXH128_hash_t sum =
            XXH3_128bits(file.data() + kPieceHeaderBytes, file.size() - kPieceHeaderBytes);
        std::memcpy(file.data() + kContentsSumAt, &sum.low64, 8);
        std::memcpy(file.data() + kContentsSumAt + 8, &sum.high64, 8);
    }
    if ((choice & 2U) != 0) {
        const XXH64_hash_t sum = XXH3_64bits(file.data(), kHeaderSumAt);
        std::memcpy(file.data() + kHeaderSumAt, &sum, 8);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
    std::vector<std::byte> file(bytes.begin(), bytes.end());
    putSums(file, data[0]);

    const Result<PieceHeader> header = readPieceHeader(file);
    if (!header) {
        requireRefused(header);
        requireRefused(checkPiece(file, {}, {}));
        return 0;
    }
    const PieceShape& shape = header->shape;
    require(shape.rows >= 1 && shape.rows <= kPieceRows && shape.firstRow >= 0 && shape.layers >= 0);
    const Result<std::span<const std::byte>> contents = checkPiece(file, header->key, shape);
    if (contents) {
        require(contents->size() == shape.bytes() && contents->data() == file.data() + kPieceHeaderBytes);
        unsigned sum = 0;
        for (const std::byte byte : *contents)
            sum += std::to_integer<unsigned>(byte);
        require(sum <= 255 * contents->size());
    } else {
        requireRefused(contents);
    }
    PieceShape other = shape;
    other.firstRow += kPieceRows;
    requireRefused(checkPiece(file, header->key, other));
    PieceKey key = header->key;
    key[31] ^= std::byte{1};
    requireRefused(checkPiece(file, key, shape));
    return 0;
}
