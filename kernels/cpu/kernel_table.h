// What an instruction set implements: one table of functions each. Sources compiled for an instruction set
// include nothing that has inline functions in common with other sources, beyond the structs here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/packed_weight.h"

namespace kvasir::kernels {

/// Of 32 activations: x = scale * q, and what minima and offsets of weights are multiplied by.
struct ActivationBlock {
    float scale;
    float sum;                  ///< scale * sum of q
    float halfSums[2];          ///< the same for the first and last 16
    std::int32_t minusSum;      ///< -(sum of q)
    std::int32_t minusHalf[2];  ///< the same for the first and last 16
    std::int32_t unused;
};

/// Rows of activations in 8 bits. A row is its q, `columns` bytes, then columns / 32 ActivationBlock.
struct ByteRows {
    const std::byte* data = nullptr;
    std::int64_t stride = 0;  ///< bytes from row to row
};

/// One product's part: rows [0, rows) of x and groups [firstGroup, firstGroup + groups) of the weight.
struct ProductTile {
    const PackedMatrix* weight = nullptr;
    std::int64_t firstGroup = 0;
    std::int64_t groups = 0;
    std::int64_t rows = 0;
    const float* bias = nullptr;  ///< of the whole weight, or null
    float* y = nullptr;           ///< the tile's first row; whole rows of weight->rows
};

/// Rows of a tile are at most this many (a multiple of every register tile), groups at most kPanelGroups.
constexpr std::int64_t kTileRows = 192;
constexpr std::int64_t kPanelGroups = 4;
/// Up to this many rows read packed weights directly; more unpack them once into a panel.
constexpr std::int64_t kDirectRows = 4;
/// Scratch for a product, per worker, bytes.
constexpr std::int64_t kProductScratch =
    (64 * kGroup * kPanelGroups + kTileRows * kGroup * kPanelGroups) * 4 + 4096;

constexpr std::int64_t kKeyTile = 64;     ///< keys that attention takes at a time
constexpr std::int64_t kKeySplit = 1024;  ///< keys whose partial results are merged in order

/// Attention of a block of query vectors (query row, head within the group) of one key/value head.
/// Vector v = row * headsPerGroup + head; ranges are per row.
struct AttentionBlock {
    const KvSpan* spans = nullptr;
    std::int64_t spanCount = 0;
    std::int64_t kvHead = 0;
    std::int64_t headSize = 0;
    std::int64_t paddedSize = 0;  ///< headSize rounded up to 16
    std::int64_t headsPerGroup = 0;
    std::int64_t rows = 0;
    const float* queries = nullptr;  ///< of the block's first row and head
    std::int64_t queryStride = 0;    ///< from row to row
    float scale = 0;
    const std::int64_t* low = nullptr;  ///< per row: keys [low, high) are visible; both ascend
    const std::int64_t* high = nullptr;

    std::int64_t vectors() const { return rows * headsPerGroup; }
};

/// Where softmax stands for each query vector: values (vectors, paddedSize) not yet divided, largest score,
/// sum of exponentials. `sum` 0: nothing visible so far.
struct AttentionState {
    float* values = nullptr;
    float* largest = nullptr;
    float* sum = nullptr;
};

/// Scratch of attention, per worker.
struct AttentionScratch {
    float* queries = nullptr;  ///< (vectors, paddedSize), scaled; filled by loadQueries
    float* keys = nullptr;     ///< (paddedSize, kKeyTile)
    float* values = nullptr;   ///< (kKeyTile, paddedSize)
    float* scores = nullptr;   ///< (vectors, kKeyTile)
};

struct KernelTable {
    const char* name = nullptr;

    /// x (columns, a multiple of 32) to one row of ByteRows.
    void (*quantiseRow)(const float* x, std::int64_t columns, std::byte* row);
    /// y = x times weight^T + bias for a tile, x in 8 bits.
    void (*multiplyBytes)(const ProductTile& tile, const ByteRows& x, std::byte* scratch);
    /// The same with float32 x (rows, weight.columns) and any weight.
    void (*multiplyFloats)(const ProductTile& tile, const float* x, std::byte* scratch);

    void (*rmsNormRow)(const float* x, std::int64_t width, const float* weight, float eps, float* out);
    void (*siluMultiply)(const float* gate, const float* up, std::int64_t count, float* out);
    void (*geluMultiply)(const float* gate, const float* up, std::int64_t count, float* out);
    void (*add)(float* x, const float* y, std::int64_t count);
    void (*toHalf)(const float* x, std::int64_t count, std::byte* out);
    /// x (count) to codes (count); returns their scale.
    float (*toCodes)(const float* x, std::int64_t count, std::byte* codes);

    void (*loadQueries)(const AttentionBlock& block, float* queries);
    /// Attention over the keys [split * kKeySplit, ...) into an empty state (it is set).
    void (*attendSplit)(const AttentionBlock& block, std::int64_t split, const AttentionScratch& scratch,
                        const AttentionState& state);
    /// total = total merged with the next split's state.
    void (*mergeStates)(std::int64_t vectors, std::int64_t paddedSize, const AttentionState& next,
                        const AttentionState& total);
    /// Largest score and sum of exponentials over one split; no values.
    void (*windowSplit)(const AttentionBlock& block, std::int64_t split, const AttentionScratch& scratch,
                        const AttentionState& state);
    /// Probabilities of one split's keys below `before`, summed over rows, to s[head * before + key]; s is
    /// the block's first head's.
    void (*windowSums)(const AttentionBlock& block, std::int64_t split, const AttentionScratch& scratch,
                       const AttentionState& total, std::int64_t before, float* s);
    /// The same by row, summed over the block's heads, to s[row * before + key]. Heads whose total is 0 are
    /// left out; of keys that no row sees nothing is written.
    void (*rowMass)(const AttentionBlock& block, std::int64_t split, const AttentionScratch& scratch,
                    const AttentionState& total, std::int64_t before, float* s);
};

const KernelTable& portableKernels();
#ifdef KVASIR_X86
const KernelTable& avx2Kernels();
const KernelTable& avx512Kernels();
#endif

/// The widest table this machine runs, or a narrower one by name ("portable", "avx2", "avx512"); names that
/// are unknown or that the machine cannot run are passed over. Empty: the widest.
const KernelTable& chooseKernels(const char* name);

}  // namespace kvasir::kernels
