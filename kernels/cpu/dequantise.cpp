// dequantiseRow of kernels/backend.h.
#include <cstring>

#include "kernels/backend.h"
#include "kernels/cpu/half.h"
#include "kernels/cpu/quant_blocks.h"

namespace kvasir::kernels {
namespace {

void widenRow(TensorType type, const std::byte* row, std::int64_t columns, float* out) {
    for (std::int64_t i = 0; i < columns; ++i) {
        std::uint16_t bits = 0;
        std::memcpy(&bits, row + 2 * i, sizeof(bits));
        out[i] = type == TensorType::F16 ? halfToFloat(bits) : bfloatToFloat(bits);
    }
}

/// The order of the products is that of the formats' definition, so that the values are exactly theirs.
void expandBlock(const QuantFormat& format, const BlockValues& values, int count, float* out) {
    const float scale = halfToFloat(values.scale);
    const float min = halfToFloat(values.min);
    for (int i = 0; i < count; ++i) {
        const int sub = i / format.sub;
        const float s = format.super ? scale * static_cast<float>(values.scales[sub]) : scale;
        const float value = s * static_cast<float>(values.codes[i] - format.offset());
        if (!format.hasMin) {
            out[i] = value;
            continue;
        }
        out[i] = value - (format.super ? min * static_cast<float>(values.mins[sub]) : min);
    }
}

}  // namespace

void dequantiseRow(const TensorView& tensor, std::int64_t row, float* out) {
    const TensorTypeInfo& type = info(tensor.type);
    const std::int64_t blocks = tensor.columns / type.block;
    const std::byte* at = tensor.data + row * blocks * type.bytes;
    if (tensor.type == TensorType::F32) {
        std::memcpy(out, at, static_cast<std::size_t>(tensor.columns) * sizeof(float));
        return;
    }
    if (!isQuantised(tensor.type)) {
        widenRow(tensor.type, at, tensor.columns, out);
        return;
    }
    const QuantFormat format = quantFormat(tensor.type);
    BlockValues values;
    for (std::int64_t b = 0; b < blocks; ++b) {
        readBlock(tensor.type, at + b * type.bytes, values);
        expandBlock(format, values, static_cast<int>(type.block), out + b * type.block);
    }
}

}  // namespace kvasir::kernels
