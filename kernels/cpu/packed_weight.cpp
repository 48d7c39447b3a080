#include "kernels/cpu/packed_weight.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace kvasir::kernels {
namespace {

/// Adds the code of input `k` (of 32) of output `lane` to the zeroed codes of a block.
void putCode(const QuantFormat& format, std::byte* block, int lane, int k, unsigned code) {
    const int vector = k / 4;
    const int byte = lane * 4 + k % 4;
    const auto add = [block](int at, unsigned bits) { block[at] |= static_cast<std::byte>(bits); };
    if (format.bits == 8) {
        add(vector * 64 + byte, code);
        return;
    }
    add(vector % 4 * 64 + byte, (code & 0x0FU) << (vector / 4 * 4));
    if (format.bits == 5) add(256 + byte, (code >> 4) << vector);
    if (format.bits == 6) add(256 + vector / 4 * 64 + byte, (code >> 4) << (vector % 4 * 2));
}

void putHalf(std::byte* at, int lane, std::uint16_t half) {
    std::memcpy(at + 2 * lane, &half, sizeof(half));
}

void putScales(const QuantFormat& format, std::byte* scales, std::int64_t block, int lane,
               const BlockValues& values) {
    const int kinds = format.hasMin ? 2 : 1;
    if (!format.super) {
        std::byte* at = scales + block * kinds * kGroup * 2;
        putHalf(at, lane, values.scale);
        if (format.hasMin) putHalf(at + kGroup * 2, lane, values.min);
        return;
    }
    std::byte* at = scales + block * scaleBytes(format, kSuperBlock);
    const int subBlocks = kSuperBlock / format.sub;
    std::byte* factors = at + kinds * kGroup * 2;
    putHalf(at, lane, values.scale);
    if (format.hasMin) putHalf(at + kGroup * 2, lane, values.min);
    for (int i = 0; i < subBlocks; ++i) {
        factors[i * kGroup + lane] = static_cast<std::byte>(values.scales[i]);
        if (format.hasMin) {
            factors[(subBlocks + i) * kGroup + lane] = static_cast<std::byte>(values.mins[i]);
        }
    }
}

void fillQuantised(const TensorView& tensor, const PackedMatrix& matrix, std::int64_t row, int lane,
                   std::byte* group) {
    const TensorTypeInfo& type = info(tensor.type);
    const QuantFormat format = quantFormat(tensor.type);
    const std::int64_t blocks = tensor.columns / type.block;
    const std::byte* from = tensor.data + row * blocks * type.bytes;
    BlockValues values;
    for (std::int64_t b = 0; b < blocks; ++b) {
        readBlock(tensor.type, from + b * type.bytes, values);
        for (int i = 0; i < type.block; ++i) {
            std::byte* block = group + (b * type.block + i) / kBlock * codeBytes(format);
            putCode(format, block, lane, i % kBlock, values.codes[i]);
        }
        putScales(format, group + matrix.scaleOffset, b, lane, values);
    }
}

void fillFloats(const TensorView& tensor, std::int64_t row, int lane, std::byte* group) {
    const std::int64_t size = info(tensor.type).bytes;
    const std::byte* from = tensor.data + row * tensor.columns * size;
    for (std::int64_t k = 0; k < tensor.columns; ++k) {
        std::memcpy(group + (k * kGroup + lane) * size, from + k * size, static_cast<std::size_t>(size));
    }
}

}  // namespace

std::unique_ptr<PackedWeight> PackedWeight::allocate(const TensorView& tensor, Activations activations) {
    constexpr std::int64_t kLine = 64;
    const QuantFormat format = quantFormat(tensor.type);
    const bool quantised = isQuantised(tensor.type);
    std::unique_ptr<PackedWeight> weight(new (std::nothrow) PackedWeight);
    if (weight == nullptr) return nullptr;
    PackedMatrix& matrix = weight->m_matrix;
    matrix.type = tensor.type;
    matrix.rows = tensor.rows;
    matrix.columns = tensor.columns;
    matrix.groups = (tensor.rows + kGroup - 1) / kGroup;
    matrix.scaleOffset = quantised ? tensor.columns / kBlock * codeBytes(format) : 0;
    const std::int64_t bytes = quantised ? matrix.scaleOffset + scaleBytes(format, tensor.columns)
                                         : tensor.columns * kGroup * info(tensor.type).bytes;
    matrix.groupBytes = (bytes + kLine - 1) / kLine * kLine;
    weight->m_memory =
        AlignedMemory::tryAllocate(static_cast<std::size_t>(matrix.groups * matrix.groupBytes));
    if (weight->m_memory.data() == nullptr) return nullptr;
    matrix.data = weight->m_memory.data();
    weight->m_int8 = quantised && activations == Activations::Int8;
    return weight;
}

void PackedWeight::fill(const TensorView& tensor, std::int64_t group) {
    std::byte* to = m_memory.data() + group * m_matrix.groupBytes;
    std::memset(to, 0, static_cast<std::size_t>(m_matrix.groupBytes));
    const std::int64_t first = group * kGroup;
    const auto lanes = static_cast<int>(std::min<std::int64_t>(kGroup, tensor.rows - first));
    for (int lane = 0; lane < lanes; ++lane) {
        if (isQuantised(tensor.type)) {
            fillQuantised(tensor, m_matrix, first + lane, lane, to);
        } else {
            fillFloats(tensor, first + lane, lane, to);
        }
    }
}

}  // namespace kvasir::kernels
