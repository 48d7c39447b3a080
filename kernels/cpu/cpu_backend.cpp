#include "kernels/cpu/cpu_backend.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <utility>

#include "kernels/cpu/half.h"
#include "kernels/cpu/packed_weight.h"

namespace kvasir::kernels {
namespace {

/// Elements that one thread takes at a time in simple operations: a few microseconds of work.
constexpr std::int64_t kPiece = 16384;
/// Bytes of weights that one thread takes at a time when there are few rows.
constexpr std::int64_t kDirectBytes = 65536;
/// A tile of rows is a multiple of every register tile's height.
constexpr std::int64_t kRowUnit = 12;

class CpuBuffer : public Buffer {
public:
    explicit CpuBuffer(AlignedMemory memory) : m_memory(std::move(memory)) {}
    std::byte* data() override { return m_memory.data(); }
    const std::byte* data() const override { return m_memory.data(); }
    std::size_t bytes() const override { return m_memory.bytes(); }

private:
    AlignedMemory m_memory;
};

std::int64_t ceilDivide(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}

std::int64_t rowsPerPiece(std::int64_t width) {
    return std::max<std::int64_t>(1, kPiece / std::max<std::int64_t>(1, width));
}

void transformBlock(float* x, std::int64_t size, float factor) {
    for (std::int64_t half = 1; half < size; half *= 2) {
        for (std::int64_t from = 0; from < size; from += 2 * half) {
            for (std::int64_t i = from; i < from + half; ++i) {
                const float a = x[i];
                const float b = x[i + half];
                x[i] = a + b;
                x[i + half] = a - b;
            }
        }
    }
    for (std::int64_t i = 0; i < size; ++i)
        x[i] *= factor;
}

}  // namespace

CpuBackend::CpuBackend(int threads, const KernelTable& kernels)
    : m_kernels(kernels), m_pool(threads), m_name("cpu (" + std::string(kernels.name) + ")") {
    m_scratch.resize(static_cast<std::size_t>(m_pool.threads()));
}

std::unique_ptr<Buffer> CpuBackend::allocate(std::size_t bytes) {
    AlignedMemory memory = AlignedMemory::tryAllocate(bytes);
    if (memory.data() == nullptr) return nullptr;
    return std::unique_ptr<Buffer>(new (std::nothrow) CpuBuffer(std::move(memory)));
}

void CpuBackend::copyToDevice(void* to, const void* fromHost, std::size_t bytes) {
    std::memcpy(to, fromHost, bytes);
}

void CpuBackend::copyToHost(void* toHost, const void* from, std::size_t bytes) {
    std::memcpy(toHost, from, bytes);
}

CopyId CpuBackend::beginCopyToHost(std::span<const CopyBlock> blocks) {
    for (const CopyBlock& block : blocks) {
        for (std::size_t row = 0; row < block.rows; ++row)
            std::memcpy(block.host + row * block.bytes, block.device + row * block.stride, block.bytes);
    }
    return 0;
}

CopyId CpuBackend::beginCopyToDevice(std::span<const CopyBlock> blocks) {
    for (const CopyBlock& block : blocks) {
        for (std::size_t row = 0; row < block.rows; ++row)
            std::memcpy(block.device + row * block.stride, block.host + row * block.bytes, block.bytes);
    }
    return 0;
}

std::unique_ptr<Weight> CpuBackend::pack(const TensorView& tensor, Activations activations) {
    // Without the stop token: half a weight would be a wrong one.
    return PackedWeight::pack(tensor, activations, [this](std::int64_t groups, const auto& body) {
        m_pool.run(groups, std::stop_token{}, [&](std::int64_t group, int) { body(group); });
    });
}

void CpuBackend::reserveScratch(std::size_t bytes) {
    for (AlignedMemory& memory : m_scratch) {
        memory.reserve(bytes);
    }
}

// ---------------------------------------------------------------------------------------------- products

ByteRows CpuBackend::quantiseRows(const float* x, std::int64_t n, std::int64_t columns) {
    // The odd cache line keeps rows of a power of two from falling on each other in the cache.
    const std::int64_t rowBytes =
        columns + columns / kBlock * static_cast<std::int64_t>(sizeof(ActivationBlock));
    const std::int64_t stride = ceilDivide(rowBytes, 128) * 128 + 64;
    m_byteRows.reserve(static_cast<std::size_t>(n * stride));
    inPieces(n, rowsPerPiece(columns), [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t r = first; r < last; ++r) {
            m_kernels.quantiseRow(x + r * columns, columns, m_byteRows.data() + r * stride);
        }
    });
    return {m_byteRows.data(), stride};
}

std::int64_t CpuBackend::cutProducts(std::int64_t n, std::span<const Product> products) {
    std::int64_t tiles = 0;
    m_products.clear();
    for (const Product& product : products) {
        const auto& weight = static_cast<const PackedWeight&>(*product.weight);
        CutProduct cut{&weight.matrix(), weight.int8(), product.bias, product.y};
        if (n <= kDirectRows && cut.int8) {
            cut.rowsPerTile = n;
            cut.groupsPerTile = std::max<std::int64_t>(1, kDirectBytes / cut.weight->groupBytes);
        } else {
            const std::int64_t chunks = ceilDivide(n, kTileRows);
            cut.rowsPerTile = ceilDivide(ceilDivide(n, chunks), kRowUnit) * kRowUnit;
            cut.groupsPerTile = cut.int8 ? 2 : kPanelGroups;
        }
        cut.rowTiles = ceilDivide(n, cut.rowsPerTile);
        tiles += cut.rowTiles * ceilDivide(cut.weight->groups, cut.groupsPerTile);
        cut.endTile = tiles;
        m_products.push_back(cut);
    }
    return tiles;
}

void CpuBackend::runTile(const float* x, const ByteRows& rows, std::int64_t n, std::int64_t tile,
                         std::byte* scratch) {
    std::size_t index = 0;
    while (tile >= m_products[index].endTile)
        ++index;
    const CutProduct& cut = m_products[index];
    const std::int64_t inProduct = tile - (index == 0 ? 0 : m_products[index - 1].endTile);
    const std::int64_t row = inProduct % cut.rowTiles * cut.rowsPerTile;
    const std::int64_t group = inProduct / cut.rowTiles * cut.groupsPerTile;
    ProductTile out{.weight = cut.weight,
                    .firstGroup = group,
                    .groups = std::min(cut.groupsPerTile, cut.weight->groups - group),
                    .rows = std::min(cut.rowsPerTile, n - row),
                    .bias = cut.bias,
                    .y = cut.y + row * cut.weight->rows};
    if (cut.int8) {
        m_kernels.multiplyBytes(out, {rows.data + row * rows.stride, rows.stride}, scratch);
    } else {
        m_kernels.multiplyFloats(out, x + row * cut.weight->columns, scratch);
    }
}

void CpuBackend::multiply(const float* x, std::int64_t n, std::span<const Product> products) {
    if (n == 0 || products.empty()) return;
    const std::int64_t columns = products.front().weight->columns();
    const std::int64_t tiles = cutProducts(n, products);
    const bool int8 = std::any_of(m_products.begin(), m_products.end(), [](const auto& p) { return p.int8; });
    const ByteRows rows = int8 ? quantiseRows(x, n, columns) : ByteRows{};
    reserveScratch(kProductScratch);
    m_pool.run(tiles, m_stop, [&](std::int64_t tile, int worker) {
        runTile(x, rows, n, tile, m_scratch[static_cast<std::size_t>(worker)].data());
    });
}

// ------------------------------------------------------------------------------------------- rows of x

void CpuBackend::rmsNorm(const float* x, std::int64_t n, std::int64_t width, const float* weight, float eps,
                         float* out) {
    inPieces(n, rowsPerPiece(width), [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t r = first; r < last; ++r) {
            m_kernels.rmsNormRow(x + r * width, width, weight, eps, out + r * width);
        }
    });
}

void CpuBackend::siluMultiply(const float* gate, const float* up, std::int64_t count, float* out) {
    inPieces(count, kPiece, [&](std::int64_t first, std::int64_t last) {
        m_kernels.siluMultiply(gate + first, up + first, last - first, out + first);
    });
}

void CpuBackend::geluMultiply(const float* gate, const float* up, std::int64_t count, float* out) {
    inPieces(count, kPiece, [&](std::int64_t first, std::int64_t last) {
        m_kernels.geluMultiply(gate + first, up + first, last - first, out + first);
    });
}

void CpuBackend::add(float* x, const float* y, std::int64_t count) {
    inPieces(count, kPiece, [&](std::int64_t first, std::int64_t last) {
        m_kernels.add(x + first, y + first, last - first);
    });
}

void CpuBackend::updateRopeTable(std::int64_t n, std::int64_t pairs, const double* inverseFrequency,
                                 const std::int32_t* positions) {
    const bool same = std::equal(m_rope.frequencies.begin(), m_rope.frequencies.end(), inverseFrequency,
                                 inverseFrequency + pairs) &&
                      std::equal(m_rope.positions.begin(), m_rope.positions.end(), positions, positions + n);
    if (same) return;
    m_rope.frequencies.assign(inverseFrequency, inverseFrequency + pairs);
    m_rope.positions.assign(positions, positions + n);
    m_rope.cosines.resize(static_cast<std::size_t>(n * pairs));
    m_rope.sines.resize(static_cast<std::size_t>(n * pairs));
    // Not stopped: the table outlives the call.
    m_pool.run(n, std::stop_token{}, [&](std::int64_t r, int) {
        for (std::int64_t i = 0; i < pairs; ++i) {
            const double angle = positions[r] * inverseFrequency[i];
            m_rope.cosines[r * pairs + i] = static_cast<float>(std::cos(angle));
            m_rope.sines[r * pairs + i] = static_cast<float>(std::sin(angle));
        }
    });
}

void CpuBackend::rope(float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize, std::int32_t size,
                      RopeStyle style, const double* inverseFrequency, const std::int32_t* positions) {
    const std::int64_t pairs = size / 2;
    updateRopeTable(n, pairs, inverseFrequency, positions);
    const std::int64_t step = style == RopeStyle::Interleaved ? 2 : 1;
    const std::int64_t partner = style == RopeStyle::Interleaved ? 1 : pairs;
    const std::int64_t width = std::int64_t{heads} * headSize;
    inPieces(n, rowsPerPiece(width), [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t r = first; r < last; ++r) {
            const float* cosines = m_rope.cosines.data() + r * pairs;
            const float* sines = m_rope.sines.data() + r * pairs;
            for (std::int64_t h = 0; h < heads; ++h) {
                float* head = x + r * width + h * headSize;
                for (std::int64_t i = 0; i < pairs; ++i) {
                    float& a = head[i * step];
                    float& b = head[i * step + partner];
                    const float rotated = a * cosines[i] - b * sines[i];
                    b = a * sines[i] + b * cosines[i];
                    a = rotated;
                }
            }
        }
    });
}

void CpuBackend::hadamard(float* x, std::int64_t n, std::int32_t heads, std::int32_t headSize) {
    const std::int64_t size = headSize & -headSize;
    const auto factor = static_cast<float>(1 / std::sqrt(static_cast<double>(size)));
    inPieces(n * heads * (headSize / size), rowsPerPiece(size), [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i)
            transformBlock(x + i * size, size, factor);
    });
}

void CpuBackend::storeKv(const AttentionShape& shape, const float* keys, const float* values,
                         const float* keyOffset, std::int64_t n, const KvRows& rows, std::int64_t row) {
    const std::int64_t size = shape.headSize;
    const std::int64_t width = shape.kvHeads * size;
    const std::int64_t bytes = size * bytesOf(rows.type);
    const auto store = [&](const float* from, std::byte* data, float* scales, std::int64_t at) {
        switch (rows.type) {
            case KvType::F32:
                std::memcpy(data + at * bytes, from, static_cast<std::size_t>(bytes));
                break;
            case KvType::F16:
                m_kernels.toHalf(from, size, data + at * bytes);
                break;
            case KvType::Int8:
                scales[at] = m_kernels.toCodes(from, size, data + at * bytes);
                break;
        }
    };
    inPieces(n, rowsPerPiece(width), [&](std::int64_t first, std::int64_t last) {
        std::vector<float> shifted(static_cast<std::size_t>(size));
        for (std::int64_t r = first; r < last; ++r) {
            for (std::int64_t g = 0; g < shape.kvHeads; ++g) {
                const float* key = keys + r * width + g * size;
                if (keyOffset != nullptr) {
                    std::transform(key, key + size, keyOffset + g * size, shifted.begin(), std::minus<>());
                    key = shifted.data();
                }
                const std::int64_t at = g * rows.stride + row + r;
                store(key, rows.keys, rows.keyScales, at);
                store(values + r * width + g * size, rows.values, rows.valueScales, at);
            }
        }
    });
}

void CpuBackend::rerotateKeys(const AttentionShape& shape, const KvRows& rows, std::int64_t count,
                              std::int32_t size, RopeStyle style, const double* inverseFrequency,
                              const std::int32_t* shifts) {
    assert(rows.type != KvType::Int8);
    const std::int64_t pairs = size / 2;
    updateRopeTable(count, pairs, inverseFrequency, shifts);
    const std::int64_t step = style == RopeStyle::Interleaved ? 2 : 1;
    const std::int64_t partner = style == RopeStyle::Interleaved ? 1 : pairs;
    const auto rotate = [&](auto* head, std::int64_t r, auto&& read, auto&& write) {
        for (std::int64_t i = 0; i < pairs; ++i) {
            const float cosine = m_rope.cosines[r * pairs + i], sine = m_rope.sines[r * pairs + i];
            const float a = read(head[i * step]), b = read(head[i * step + partner]);
            head[i * step] = write(a * cosine - b * sine);
            head[i * step + partner] = write(a * sine + b * cosine);
        }
    };
    const auto same = [](float x) { return x; };
    inPieces(
        count, rowsPerPiece(std::int64_t{shape.kvHeads} * size), [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t r = first; r < last; ++r) {
                for (std::int64_t g = 0; g < shape.kvHeads; ++g) {
                    const std::int64_t at = (g * rows.stride + r) * shape.headSize;
                    if (rows.type == KvType::F16) {
                        rotate(reinterpret_cast<std::uint16_t*>(rows.keys) + at, r, halfToFloat, floatToHalf);
                    } else {
                        rotate(reinterpret_cast<float*>(rows.keys) + at, r, same, same);
                    }
                }
            }
        });
}

void CpuBackend::gatherRows(const float* x, std::int64_t width, const std::int32_t* rows, std::int64_t count,
                            float* out) {
    inPieces(count, rowsPerPiece(width), [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) {
            std::memcpy(out + i * width, x + rows[i] * width,
                        static_cast<std::size_t>(width) * sizeof(float));
        }
    });
}

std::unique_ptr<Backend> makeCpuBackend(int threads) {
    return std::make_unique<CpuBackend>(threads, chooseKernels(std::getenv("KVASIR_CPU")));
}

}  // namespace kvasir::kernels
