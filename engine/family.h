// Model families: what a GGUF architecture means for the forward pass. A new family is added in family.cpp
// alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/gguf.h"
#include "kernels/backend.h"

namespace kvasir {

/// What a layer multiplies the feed-forward's gate with.
enum class GateFunction : std::uint8_t { Silu, Gelu };

/// Sizes and choices of one model. Symbols as in kernels/backend.h.
struct ModelConfig {
    std::string architecture;  ///< GGUF's general.architecture
    std::string name;          ///< general.name, or the file's name
    std::int32_t layers = 0;   ///< L
    std::int32_t heads = 0;    ///< H
    std::int32_t kvHeads = 0;  ///< G
    std::int32_t headSize = 0;
    std::int32_t width = 0;        ///< D
    std::int32_t feedForward = 0;  ///< F
    std::int64_t vocabulary = 0;   ///< V
    std::int32_t window = 0;       ///< longest prompt and answer together, in tokens
    float eps = 0;
    float embeddingScale = 1;  ///< on embeddings before the first layer
    float attentionScale = 0;  ///< on q.k
    GateFunction gate = GateFunction::Silu;

    kernels::RopeStyle ropeStyle = kernels::RopeStyle::Half;
    std::int32_t ropeSize = 0;                  ///< leading components of a head that are rotated
    std::vector<double> inverseFrequency;       ///< (ropeSize / 2), scaling included
    std::vector<double> localInverseFrequency;  ///< the same for sliding layers

    std::int32_t sliding =
        0;  ///< positions within reach in a sliding layer, the own one included; 0: none slides
    std::int32_t slidingPeriod = 0;  ///< every so-many-th layer attends to everything; 0: none does

    // Tensors that a family has beside the common ones.
    bool queryKeyValueBias = false;
    bool queryKeyNorm = false;  ///< RMS norm of each head of queries and keys, before rotation
    bool postNorms = false;     ///< RMS norm of what attention and feed-forward add

    /// T of the shipped policy where the model was calibrated; -1: by rule.
    std::int32_t calibratedTspLayer = -1;

    /// Positions within reach in `layer`, the own one included; 0: all earlier ones.
    std::int32_t reach(std::int32_t layer) const {
        return slidingPeriod > 0 && (layer + 1) % slidingPeriod == 0 ? 0 : sliding;
    }
    const std::vector<double>& ropeOf(std::int32_t layer) const {
        return reach(layer) == 0 ? inverseFrequency : localInverseFrequency;
    }
    /// One head's vector (headSize), in place: what it becomes by rotation, averaged over positions [0,
    /// count).
    void averageRotation(float* head, std::int64_t count) const;
    /// The layer nearest to `layer` that attends to everything, the lower one of two; the last layer where
    /// none does.
    std::int32_t nearestFullLayer(std::int32_t layer) const;
};

/// Reads and checks the configuration. Errors: Unsupported (architecture, rotary scaling, sizes: by name,
/// with what is supported), Damaged (a key that is missing or out of range; names it).
Result<ModelConfig> readConfig(const GgufFile& file);

}  // namespace kvasir
