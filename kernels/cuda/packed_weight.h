// Quantised weights in device memory. Codes, their high bits and their scales lie in planes of their own, so
// that a warp reads each in whole cache lines. A unit is 32 neighbouring inputs of an output:
//   value = scale * code - offset, with one (scale, offset) per unit or per half of it.
#pragma once

#include <cstdint>
#include <memory>

#include <cuda_fp16.h>

#include "kernels/backend.h"
#include "kernels/cpu/quant_blocks.h"
#include "kernels/cuda/context.h"

namespace kvasir::kernels::cuda {

constexpr int kUnit = 32;

/// Planes of one matrix, as kernels get it. Row-major over (rows, units).
struct Planes {
    TensorType type = TensorType::F32;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    std::int64_t units = 0;  ///< columns / 32; quantised types only
    const std::uint8_t* codes =
        nullptr;                         ///< 16 bytes a unit (32 for Q8_0); the rows themselves (plain types)
    const std::uint8_t* high = nullptr;  ///< bits above the fourth: 4 bytes a unit, 8 for 6-bit codes
    const std::uint8_t* scales = nullptr;  ///< of a unit; see unpack.cuh
    const __half2* super = nullptr;        ///< (d, dmin) per 256 inputs, super formats only
};

/// Bytes per unit of the planes.
constexpr int codeBytes(QuantFormat format) {
    return format.bits == 8 ? 32 : 16;
}
constexpr int highBytes(QuantFormat format) {
    return format.bits == 5 ? 4 : format.bits == 6 ? 8 : 0;
}
constexpr int scaleBytes(QuantFormat format) {
    const int perPart = format.super ? 1 : 2;
    return perPart * (format.hasMin ? 2 : 1) * (kUnit / format.sub);
}

class PackedWeight final : public Weight {
public:
    /// Null when memory is short.
    static std::unique_ptr<PackedWeight> pack(Context& context, const TensorView& tensor, bool strict);
    ~PackedWeight() override;
    PackedWeight(const PackedWeight&) = delete;
    PackedWeight& operator=(const PackedWeight&) = delete;

    std::int64_t rows() const override { return m_planes.rows; }
    std::int64_t columns() const override { return m_planes.columns; }
    std::size_t bytes() const override { return m_bytes; }
    const Planes& planes() const { return m_planes; }
    bool strict() const { return m_strict; }  ///< its products are computed in float32

private:
    explicit PackedWeight(Context& context) : m_context(context) {}

    Context& m_context;
    Planes m_planes;
    void* m_memory = nullptr;
    std::size_t m_bytes = 0;
    bool m_strict = false;
};

}  // namespace kvasir::kernels::cuda
