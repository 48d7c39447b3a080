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
    kernels::RopeStyle ropeStyle = kernels::RopeStyle::Half;
    std::int32_t ropeSize = 0;             ///< leading components of a head that are rotated
    std::vector<double> inverseFrequency;  ///< (ropeSize / 2), scaling included
    bool queryKeyValueBias = false;
};

/// Reads and checks the configuration. Errors: Unsupported (architecture, rotary scaling, sizes: by name,
/// with what is supported), Damaged (a key that is missing or out of range; names it).
Result<ModelConfig> readConfig(const GgufFile& file);

}  // namespace kvasir
