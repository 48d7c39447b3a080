// CudaBackend: how much memory the operations of a layer take between one another, so that it is known, and
// taken, before anything is computed. The sizes are those that layer.cpp, rows.h and attention.cu ask for;
// `gpu_check bench` compares them with what is used.
#include <algorithm>

#include "kernels/cuda/cuda_backend.h"

namespace kvasir::kernels::cuda {
namespace {

/// Columns of activations and dequantised weights are padded so.
std::int64_t padded(std::int64_t columns) {
    return (columns + 127) / 128 * 128;
}

/// Vectors of a tile of attention, at most.
constexpr std::int64_t kMostVectors = 192;

}  // namespace

Context::WorkspaceSizes CudaBackend::workspaceSizes(const LayerCall& layer, std::int64_t n,
                                                    std::int64_t keys) {
    Context::WorkspaceSizes sizes{};
    const auto need = [&](Slot slot, std::int64_t bytes) {
        std::size_t& size = sizes[static_cast<std::size_t>(slot)];
        size = std::max(size, static_cast<std::size_t>(bytes));
    };
    LayerCall asking = layer;
    asking.n = 0;
    // Whole layers merge matrices and work in 16 bits; else one matrix at a time, in float32.
    const bool whole = this->layer(asking);
    const std::int64_t element = whole ? 2 : 4, width = layer.width, query = layer.query->rows(),
                       kv = layer.key->rows(), inner = layer.gate->rows();
    const std::int64_t qkv = whole ? query + 2 * kv : std::max(query, kv), gates = whole ? 2 * inner : inner;
    need(Slot::Weights, element * std::max({qkv * padded(width), width * padded(query), gates * padded(width),
                                            width * padded(inner)}));
    need(Slot::Rows, element * n * (whole ? padded(width) : padded(std::max({width, query, inner}))));
    need(Slot::Library, static_cast<std::int64_t>(kLibraryBytes));
    need(Slot::Query, 2 * n * query);
    const std::int64_t states = std::int64_t{layer.shape.headSize + 2} * 4;
    need(Slot::Partial, 2 * m_context->multiprocessors() * kMostVectors * states);
    // Before Hopper the states of all rows go through memory.
    if (m_context->capability() < 90) need(Slot::Partial, n * layer.shape.heads * states);
    if (layer.store.type == KvType::Int8) {
        need(Slot::QueryFloats, 4 * n * query);
        need(Slot::KeyValue, 2 * 4 * n * kv);
        need(Slot::Expanded, 2 * (layer.shape.strict ? 4 : 2) * (keys + n) * kv);
    }
    if (!whole) return sizes;
    need(Slot::Mixed, element * n * padded(query));
    need(Slot::Wide, element * n * std::max(qkv, gates));
    need(Slot::Gated, element * n * padded(inner));
    if (layer.postAttentionNorm != nullptr) need(Slot::Projected, 4 * n * width);
    return sizes;
}

std::size_t CudaBackend::workspaceBytes(const LayerCall& layer, std::int64_t n, std::int64_t keys) {
    return m_context->missing(workspaceSizes(layer, n, keys));
}

bool CudaBackend::reserve(const LayerCall& layer, std::int64_t n, std::int64_t keys) {
    return m_context->reserve(workspaceSizes(layer, n, keys));
}

}  // namespace kvasir::kernels::cuda
