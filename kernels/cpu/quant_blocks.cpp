#include "kernels/cpu/quant_blocks.h"

#include <cstring>

namespace kvasir::kernels {
namespace {

using Raw = const std::uint8_t*;

std::uint16_t half(Raw at) {
    return static_cast<std::uint16_t>(at[0] | (at[1] << 8));
}

/// The low and the high nibbles of 16 bytes: inputs 0..15 and 16..31.
void readNibbles32(Raw at, std::uint8_t* codes) {
    for (int i = 0; i < 16; ++i) {
        codes[i] = at[i] & 0x0FU;
        codes[i + 16] = static_cast<std::uint8_t>(at[i] >> 4);
    }
}

/// Bit i of 4 bytes is the fifth bit of input i.
void addFifthBits32(Raw at, std::uint8_t* codes) {
    for (int i = 0; i < 32; ++i) {
        const unsigned bit = (at[i / 8] >> (i % 8)) & 1U;
        codes[i] = static_cast<std::uint8_t>(codes[i] | (bit << 4));
    }
}

/// Eight 6-bit scales and eight 6-bit minima in 12 bytes (Q4_K, Q5_K).
void readScales6(Raw at, BlockValues& out) {
    for (int i = 0; i < 4; ++i) {
        out.scales[i] = static_cast<std::int8_t>(at[i] & 63U);
        out.mins[i] = static_cast<std::int8_t>(at[i + 4] & 63U);
        out.scales[i + 4] = static_cast<std::int8_t>((at[i + 8] & 0x0FU) | ((at[i] >> 6) << 4));
        out.mins[i + 4] = static_cast<std::int8_t>((at[i + 8] >> 4) | ((at[i + 4] >> 6) << 4));
    }
}

/// 128 bytes of nibbles: each 32 bytes hold 32 inputs in the low and the next 32 in the high nibbles.
void readNibbles256(Raw at, BlockValues& out) {
    for (int i = 0; i < 128; ++i) {
        const int to = i / 32 * 64 + i % 32;
        out.codes[to] = at[i] & 0x0FU;
        out.codes[to + 32] = static_cast<std::uint8_t>(at[i] >> 4);
    }
}

/// 64 bytes of 2-bit codes: each 32 bytes hold 4 times 32 inputs.
void readPairs256(Raw at, BlockValues& out) {
    for (int i = 0; i < 256; ++i) {
        const int byte = i / 128 * 32 + i % 32;
        const int shift = i % 128 / 32 * 2;
        out.codes[i] = static_cast<std::uint8_t>((at[byte] >> shift) & 3U);
    }
}

void readQ2K(Raw at, BlockValues& out) {
    readPairs256(at + 16, out);
    for (int i = 0; i < 16; ++i) {
        out.scales[i] = static_cast<std::int8_t>(at[i] & 0x0FU);
        out.mins[i] = static_cast<std::int8_t>(at[i] >> 4);
    }
    out.scale = half(at + 80);
    out.min = half(at + 82);
}

void readQ3K(Raw at, BlockValues& out) {
    readPairs256(at + 32, out);
    for (int i = 0; i < 256; ++i) {
        const unsigned high = (at[i % 32] >> (i / 32)) & 1U;
        out.codes[i] = static_cast<std::uint8_t>(out.codes[i] | (high << 2));
    }
    const Raw packed = at + 96;
    for (int i = 0; i < 16; ++i) {
        const unsigned low = i < 8 ? packed[i] & 0x0FU : packed[i - 8] >> 4;
        const unsigned high = (packed[8 + i % 4] >> (i / 4 * 2)) & 3U;
        out.scales[i] = static_cast<std::int8_t>(static_cast<int>(low | (high << 4)) - 32);
    }
    out.scale = half(at + 108);
}

void readQ5K(Raw at, BlockValues& out) {
    readNibbles256(at + 48, out);
    for (int i = 0; i < 256; ++i) {
        const unsigned high = (at[16 + i % 32] >> (i / 32)) & 1U;
        out.codes[i] = static_cast<std::uint8_t>(out.codes[i] | (high << 4));
    }
}

void readQ6K(Raw at, BlockValues& out) {
    for (int i = 0; i < 256; ++i) {
        const int part = i / 128;
        const int in = i % 128;
        const unsigned nibbles = at[part * 64 + in % 64];
        const unsigned low = in < 64 ? nibbles & 0x0FU : nibbles >> 4;
        const unsigned high = (at[128 + part * 32 + in % 32] >> (in / 32 * 2)) & 3U;
        out.codes[i] = static_cast<std::uint8_t>(low | (high << 4));
    }
    std::memcpy(out.scales.data(), at + 192, 16);
    out.scale = half(at + 208);
}

}  // namespace

void readBlock(TensorType type, const std::byte* block, BlockValues& out) {
    const Raw at = reinterpret_cast<Raw>(block);
    constexpr std::uint16_t kSign = 0x8000U;  // minima are subtracted; the _1 types store them to be added
    out.scale = half(at);
    switch (type) {
        case TensorType::Q4_0:
            readNibbles32(at + 2, out.codes.data());
            break;
        case TensorType::Q4_1:
            readNibbles32(at + 4, out.codes.data());
            out.min = half(at + 2) ^ kSign;
            break;
        case TensorType::Q5_0:
            readNibbles32(at + 6, out.codes.data());
            addFifthBits32(at + 2, out.codes.data());
            break;
        case TensorType::Q5_1:
            readNibbles32(at + 8, out.codes.data());
            addFifthBits32(at + 4, out.codes.data());
            out.min = half(at + 2) ^ kSign;
            break;
        case TensorType::Q8_0:
            for (int i = 0; i < 32; ++i) {
                out.codes[i] = at[2 + i] ^ 0x80U;
            }
            break;
        case TensorType::Q2_K:
            readQ2K(at, out);
            break;
        case TensorType::Q3_K:
            readQ3K(at, out);
            break;
        case TensorType::Q4_K:
        case TensorType::Q5_K:
            out.min = half(at + 2);
            readScales6(at + 4, out);
            if (type == TensorType::Q4_K) readNibbles256(at + 16, out);
            if (type == TensorType::Q5_K) readQ5K(at, out);
            break;
        case TensorType::Q6_K:
            readQ6K(at, out);
            break;
        case TensorType::F32:
        case TensorType::F16:
        case TensorType::BF16:
            break;
    }
}

}  // namespace kvasir::kernels
