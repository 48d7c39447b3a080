// Writing activations in the forms of rows.h.
#pragma once

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/rows.h"

namespace kvasir::kernels::cuda {

/// Columns [column, column + 8) of a row of floats, zeros behind `width`.
__device__ __forceinline__ void loadEight(const float* row, std::int64_t column, std::int64_t width,
                                          float (&v)[8]) {
    const float* at = row + column;
    if (column + 8 <= width && reinterpret_cast<std::uintptr_t>(at) % 16 == 0) {
        const float4 a = reinterpret_cast<const float4*>(at)[0], b = reinterpret_cast<const float4*>(at)[1];
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
        return;
    }
#pragma unroll
    for (int i = 0; i < 8; ++i)
        v[i] = column + i < width ? at[i] : 0.0F;
}

__device__ __forceinline__ void loadEight(const __nv_bfloat16* row, std::int64_t column, std::int64_t,
                                          float (&v)[8]) {
    const uint4 packed = *reinterpret_cast<const uint4*>(row + column);
    const std::uint32_t words[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        v[2 * i] = __uint_as_float(words[i] << 16);
        v[2 * i + 1] = __uint_as_float(words[i] & 0xFFFF0000U);
    }
}

/// The other way: columns [column, column + 8) of a row, column a multiple of 8. For Bytes the four lanes of
/// a unit must call together.
__device__ __forceinline__ void storeEight(const Rows& rows, std::int64_t row, std::int64_t column,
                                           const float (&v)[8]) {
    if (rows.form == RowForm::Bytes) {
        const unsigned lane = threadIdx.x % kWarp, mates = 0xFU << (lane & ~3U);
        float largest = 0;
#pragma unroll
        for (int i = 0; i < 8; ++i)
            largest = fmaxf(largest, fabsf(v[i]));
        largest = fmaxf(largest, __shfl_xor_sync(mates, largest, 1));
        largest = fmaxf(largest, __shfl_xor_sync(mates, largest, 2));
        // Below it the inverse is no float32.
        const bool zero = largest < 1e-35F;
        const float inverse = zero ? 0.0F : 127.0F / largest;
        std::uint32_t packed[2] = {};
        int sum = 0;
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            const int code = __float2int_rn(v[i] * inverse);
            packed[i / 4] |= (static_cast<std::uint32_t>(code) & 255U) << (8 * (i % 4));
            sum += code;
        }
        const int half = sum + __shfl_xor_sync(mates, sum, 1);
        const int other = __shfl_xor_sync(mates, half, 2);
        const std::int64_t place = column % 32 / 16 * (rows.stride / 2) + column / 32 * 16 + column % 16;
        *reinterpret_cast<uint2*>(rows.codes + row * rows.stride + place) = {packed[0], packed[1]};
        if (lane % 4 == 0) {
            const float scale = zero ? 0.0F : largest / 127.0F;
            rows.units[(row * rows.stride + column) / 32] = {scale, scale * static_cast<float>(half),
                                                             scale * static_cast<float>(other), 0};
        }
        auto* floats = reinterpret_cast<float4*>(rows.floats + row * rows.stride + column);
        floats[0] = {v[0], v[1], v[2], v[3]};
        floats[1] = {v[4], v[5], v[6], v[7]};
        return;
    }
    if (rows.form == RowForm::Float) {
        auto* floats = reinterpret_cast<float4*>(rows.data) + (row * rows.stride + column) / 4;
        floats[0] = {v[0], v[1], v[2], v[3]};
        floats[1] = {v[4], v[5], v[6], v[7]};
        return;
    }
    const uint4 packed = {packBfloat(v[0], v[1]), packBfloat(v[2], v[3]), packBfloat(v[4], v[5]),
                          packBfloat(v[6], v[7])};
    std::int64_t at = (row * rows.stride + column) / 8;
    if (rows.form == RowForm::Fragments) {
        // Lane (row % 8, unit of 32 columns within 128) of a warp reads these eight for two instructions.
        const std::int64_t step = column / 128, lane = row % 8 * 4 + column % 128 / 32;
        at = ((step * rows.tiles + row / 8) * 4 + column % 32 / 8) * 32 + lane;
    }
    reinterpret_cast<uint4*>(rows.data)[at] = packed;
}

}  // namespace kvasir::kernels::cuda
