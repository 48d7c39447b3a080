// Model file's blocks to planes. One thread a unit; the file's bytes lie in device memory.
#include <algorithm>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/packed_weight.h"
#include "kernels/cuda/unpack.cuh"

namespace kvasir::kernels::cuda {
namespace {

constexpr int kThreads = 256;
/// Bytes of the file that are brought to the device at a time.
constexpr std::int64_t kPieceBytes = std::int64_t{64} << 20;

struct Writable {
    std::uint8_t* codes;
    std::uint8_t* high;
    std::uint8_t* scales;
    __half2* super;
};

/// Code of element i of a block, as readBlock of kernels/cpu has it.
template <TensorType T>
__device__ unsigned codeOf(const std::uint8_t* block, int i) {
    if constexpr (T == TensorType::Q4_0 || T == TensorType::Q4_1) {
        const std::uint8_t byte = block[(T == TensorType::Q4_0 ? 2 : 4) + i % 16];
        return i < 16 ? byte & 15U : byte >> 4U;
    } else if constexpr (T == TensorType::Q5_0 || T == TensorType::Q5_1) {
        constexpr int kStart = T == TensorType::Q5_0 ? 2 : 4;
        const std::uint8_t byte = block[kStart + 4 + i % 16];
        const unsigned fifth = (block[kStart + i / 8] >> (i % 8)) & 1U;
        return (i < 16 ? byte & 15U : byte >> 4U) | (fifth << 4);
    } else if constexpr (T == TensorType::Q8_0) {
        return block[2 + i];
    } else if constexpr (T == TensorType::Q2_K || T == TensorType::Q3_K) {
        constexpr int kStart = T == TensorType::Q2_K ? 16 : 32;
        unsigned code = (block[kStart + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3U;
        if constexpr (T == TensorType::Q3_K) code |= ((block[i % 32] >> (i / 32)) & 1U) << 2;
        return code;
    } else if constexpr (T == TensorType::Q4_K || T == TensorType::Q5_K) {
        constexpr int kStart = T == TensorType::Q4_K ? 16 : 48;
        const std::uint8_t byte = block[kStart + i / 64 * 32 + i % 32];
        unsigned code = i % 64 < 32 ? byte & 15U : byte >> 4U;
        if constexpr (T == TensorType::Q5_K) code |= ((block[16 + i % 32] >> (i / 32)) & 1U) << 4;
        return code;
    } else {
        const int part = i / 128, in = i % 128;
        const std::uint8_t byte = block[part * 64 + in % 64];
        const unsigned high = (block[128 + part * 32 + in % 32] >> (in / 32 * 2)) & 3U;
        return (in < 64 ? byte & 15U : byte >> 4U) | (high << 4);
    }
}

/// Six-bit scale (or minimum) number i of Q4_K and Q5_K.
__device__ unsigned sixBits(const std::uint8_t* at, int i, bool minimum) {
    if (i < 4) return at[minimum ? i + 4 : i] & 63U;
    const unsigned low = minimum ? at[i + 4] >> 4U : at[i + 4] & 15U;
    return low | ((at[minimum ? i : i - 4] >> 6U) << 4U);
}

__device__ std::uint8_t scaleQ3(const std::uint8_t* packed, int i) {
    const unsigned low = i < 8 ? packed[i] & 15U : packed[i - 8] >> 4U;
    const unsigned high = (packed[8 + i % 4] >> (i / 4 * 2)) & 3U;
    return static_cast<std::uint8_t>(static_cast<int>(low | (high << 4U)) - 32);
}

/// Scales of unit `part` of a block.
template <TensorType T>
__device__ void writeScales(const std::uint8_t* block, int part, std::uint8_t* to) {
    if constexpr (T == TensorType::Q4_0 || T == TensorType::Q5_0 || T == TensorType::Q8_0) {
        to[0] = block[0];
        to[1] = block[1];
    } else if constexpr (T == TensorType::Q4_1 || T == TensorType::Q5_1) {
        for (int i = 0; i < 4; ++i)
            to[i] = block[i];
        to[3] ^= 0x80U;  // the file's minimum is added, ours subtracted
    } else if constexpr (T == TensorType::Q4_K || T == TensorType::Q5_K) {
        to[0] = static_cast<std::uint8_t>(sixBits(block + 4, part, false));
        to[1] = static_cast<std::uint8_t>(sixBits(block + 4, part, true));
    } else if constexpr (T == TensorType::Q6_K) {
        to[0] = block[192 + 2 * part];
        to[1] = block[193 + 2 * part];
    } else if constexpr (T == TensorType::Q2_K) {
        to[0] = block[2 * part] & 15U;
        to[1] = block[2 * part + 1] & 15U;
        to[2] = block[2 * part] >> 4U;
        to[3] = block[2 * part + 1] >> 4U;
    } else {
        to[0] = scaleQ3(block + 96, 2 * part);
        to[1] = scaleQ3(block + 96, 2 * part + 1);
    }
}

template <TensorType T>
__device__ __half2 superScale(const std::uint8_t* block) {
    constexpr int kAt = T == TensorType::Q2_K   ? 80
                        : T == TensorType::Q3_K ? 108
                        : T == TensorType::Q6_K ? 208
                                                : 0;
    const auto half = [&](int at) {
        return __ushort_as_half(static_cast<unsigned short>(block[at] | (block[at + 1] << 8)));
    };
    if constexpr (kFormat<T>.hasMin) return __halves2half2(half(kAt), half(kAt + 2));
    return __halves2half2(half(kAt), __float2half(0.0F));
}

/// Units [first, first + count) of a matrix; `file` holds their blocks.
template <TensorType T>
__global__ void packKernel(const std::uint8_t* file, std::int64_t first, std::int64_t count, int blockBytes,
                           Writable to) {
    constexpr QuantFormat f = kFormat<T>;
    constexpr int kUnitsPerBlock = f.super ? 8 : 1;
    waitForPrevious();
    const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (index >= count) return;
    const std::uint8_t* block = file + index / kUnitsPerBlock * blockBytes;
    const int part = static_cast<int>(index % kUnitsPerBlock);
    const std::int64_t unit = first + index;
    std::uint32_t words[8] = {};
    std::uint32_t high[2] = {};
    for (int e = 0; e < kUnit; ++e) {
        const unsigned code = codeOf<T>(block, part * kUnit + e);
        if constexpr (f.bits == 8) {
            words[e / 4] |= code << (8 * (e % 4));
        } else {
            words[e / 8] |= (code & 15U) << (8 * (e % 4) + (e % 8 < 4 ? 0 : 4));
        }
        const int w = e / 4, j = e % 4;
        if constexpr (f.bits == 5) high[0] |= (code >> 4U) << (8 * j + w);
        if constexpr (f.bits == 6) high[w / 4] |= (code >> 4U) << (8 * j + 2 * (w % 4));
    }
    auto* codes = reinterpret_cast<std::uint32_t*>(to.codes + unit * codeBytes(f));
    for (int i = 0; i < codeBytes(f) / 4; ++i)
        codes[i] = words[i];
    auto* highs = reinterpret_cast<std::uint32_t*>(to.high + unit * highBytes(f));
    for (int i = 0; i < highBytes(f) / 4; ++i)
        highs[i] = high[i];
    writeScales<T>(block, part, to.scales + unit * scaleBytes(f));
    if constexpr (f.super) {
        if (part == 0) to.super[unit / 8] = superScale<T>(block);
    }
}

}  // namespace

std::unique_ptr<PackedWeight> PackedWeight::pack(Context& context, const TensorView& tensor, bool strict) {
    std::unique_ptr<PackedWeight> weight(new PackedWeight(context));
    const TensorTypeInfo& form = info(tensor.type);
    const std::int64_t elements = tensor.rows * tensor.columns;
    const std::int64_t fileBytes = elements / form.block * form.bytes;
    weight->m_strict = strict;
    Planes& planes = weight->m_planes;
    planes.type = tensor.type;
    planes.rows = tensor.rows;
    planes.columns = tensor.columns;
    if (!isQuantised(tensor.type)) {
        weight->m_bytes = static_cast<std::size_t>(fileBytes);
        weight->m_memory = context.allocate(weight->m_bytes);
        if (weight->m_memory == nullptr) return nullptr;
        context.copyToDevice(weight->m_memory, tensor.data, weight->m_bytes);
        planes.codes = static_cast<const std::uint8_t*>(weight->m_memory);
        return weight;
    }
    const QuantFormat format = quantFormat(tensor.type);
    const std::int64_t units = elements / kUnit;
    planes.units = tensor.columns / kUnit;
    const std::int64_t highAt = roundUp(units * codeBytes(format), 256);
    const std::int64_t scalesAt = highAt + roundUp(units * highBytes(format), 256);
    const std::int64_t superAt = scalesAt + roundUp(units * scaleBytes(format), 256);
    weight->m_bytes = static_cast<std::size_t>(superAt + (format.super ? units / 8 * 4 : 0));
    weight->m_memory = context.allocate(weight->m_bytes);
    const std::int64_t piece = kPieceBytes / form.bytes;  // blocks
    void* staging = context.allocate(static_cast<std::size_t>(std::min(fileBytes, piece * form.bytes)));
    if (weight->m_memory == nullptr || staging == nullptr) {
        context.release(staging);
        return nullptr;
    }
    auto* memory = static_cast<std::uint8_t*>(weight->m_memory);
    planes.codes = memory;
    planes.high = memory + highAt;
    planes.scales = memory + scalesAt;
    planes.super = reinterpret_cast<const __half2*>(memory + superAt);
    const Writable to{memory, memory + highAt, memory + scalesAt,
                      reinterpret_cast<__half2*>(memory + superAt)};
    const std::int64_t blocks = elements / form.block, perBlock = form.block / kUnit;
    for (std::int64_t block = 0; block < blocks; block += piece) {
        const std::int64_t count = std::min(piece, blocks - block);
        context.copyToDevice(staging, tensor.data + block * form.bytes,
                             static_cast<std::size_t>(count * form.bytes));
        forQuantised(tensor.type, [&](auto type) {
            launch(context, packKernel<decltype(type)::value>, gridFor(count * perBlock, kThreads), kThreads,
                   0, static_cast<const std::uint8_t*>(staging), block * perBlock, count * perBlock,
                   static_cast<int>(form.bytes), to);
        });
    }
    context.release(staging);
    return weight;
}

PackedWeight::~PackedWeight() {
    m_context.release(m_memory);
}

}  // namespace kvasir::kernels::cuda
