// Weight matrices in the layout that the CPU's kernels read.
//
// 16 neighbouring outputs make a group; vectors run over them, inputs are walked in order. A group is one
// piece of memory, read from its beginning to its end, so that a product with one row streams at the memory's
// speed. Outputs that are missing from the last group are zeros.
//
// Quantised types: a group is its codes, then its scales.
//   codes, per 32 inputs: 4 bits: 256 bytes; 5 bits: 64 more; 6 bits: 128 more; 8 bits: 512 bytes.
//     They unpack to 8 vectors of 64 bytes: vector j holds inputs 4j..4j+3 of each of the 16 outputs.
//     Byte i of piece p (0..3) of the nibbles has vector p in its low and vector p + 4 in its high half; bit
//     j of byte i of the fifth bits is that of vector j; bits 2j, 2j+1 of byte i of the sixth bits' first
//     (second) 64 bytes are those of vector j (4 + j).
//   scales: plain: per 32 inputs, 16 binary16 scales, then 16 minima where the format has them.
//     super: per 256 inputs, 16 binary16 scales [, 16 minima], then per sub-block 16 signed bytes [, then per
//     sub-block 16 for the minima].
// F32, F16, BF16: input by input, 16 elements of the type each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/backend.h"
#include "kernels/cpu/memory.h"
#include "kernels/cpu/quant_blocks.h"

namespace kvasir::kernels {

constexpr int kGroup = 16;        ///< outputs of a group
constexpr int kBlock = 32;        ///< inputs that share an activation's scale
constexpr int kSuperBlock = 256;  ///< inputs of a super format's block

/// Bytes of the codes of a group for 32 inputs.
constexpr std::int64_t codeBytes(const QuantFormat& format) {
    return format.bits == 4 ? 256 : (format.bits == 5 ? 320 : (format.bits == 6 ? 384 : 512));
}

/// Bytes of the scales of a group for `columns` inputs.
constexpr std::int64_t scaleBytes(const QuantFormat& format, std::int64_t columns) {
    const std::int64_t kinds = format.hasMin ? 2 : 1;
    if (!format.super) return columns / kBlock * kinds * kGroup * 2;
    return columns / kSuperBlock * kinds * (kGroup * 2 + kSuperBlock / format.sub * kGroup);
}

/// What kernels see of a packed matrix.
struct PackedMatrix {
    TensorType type = TensorType::F32;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    std::int64_t groups = 0;
    std::int64_t groupBytes = 0;
    std::int64_t scaleOffset = 0;  ///< of the scales in a group
    const std::byte* data = nullptr;

    const std::byte* group(std::int64_t index) const { return data + index * groupBytes; }
};

class PackedWeight : public Weight {
public:
    /// Null when memory is short. `runGroups(groups, body)` calls body(group) for every group, on any
    /// threads.
    template <typename RunGroups>
    static std::unique_ptr<PackedWeight> pack(const TensorView& tensor, Activations activations,
                                              const RunGroups& runGroups) {
        std::unique_ptr<PackedWeight> weight = allocate(tensor, activations);
        if (weight != nullptr) {
            runGroups(weight->m_matrix.groups, [&](std::int64_t group) { weight->fill(tensor, group); });
        }
        return weight;
    }

    std::int64_t rows() const override { return m_matrix.rows; }
    std::int64_t columns() const override { return m_matrix.columns; }
    std::size_t bytes() const override { return m_memory.bytes(); }

    const PackedMatrix& matrix() const { return m_matrix; }
    /// Whether products round activations to 8 bits: asked for, and the weight is quantised.
    bool int8() const { return m_int8; }

private:
    static std::unique_ptr<PackedWeight> allocate(const TensorView& tensor, Activations activations);
    void fill(const TensorView& tensor, std::int64_t group);

    PackedMatrix m_matrix;
    AlignedMemory m_memory;
    bool m_int8 = false;
};

}  // namespace kvasir::kernels
