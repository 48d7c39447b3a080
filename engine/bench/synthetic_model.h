// A model file of a named shape with random weights: what speed needs and nothing else. The file is written
// piece by piece; it takes as much disk as a real one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "engine/error.h"

namespace kvasir::bench {

struct SyntheticShape {
    std::string_view name;
    std::int32_t layers, width, feedForward, heads, kvHeads, headSize, vocabulary;
    bool quantised;  ///< the Q4_K_M pattern (Q4_K, and Q6_K where that pattern has it); else BF16
};

inline constexpr SyntheticShape kShapes[] = {
    {"llama-3.1-8b", 32, 4096, 14336, 32, 8, 128, 128256, true},
    {"llama-3.1-8b-bf16", 32, 4096, 14336, 32, 8, 128, 128256, false},
    {"llama-3.2-1b", 16, 2048, 8192, 32, 8, 64, 128256, true},
};

/// Null when there is no such shape.
const SyntheticShape* findShape(std::string_view name);

/// Errors: NoSpace (also a folder that cannot be written to); nothing is left then.
Result<void> writeSyntheticModel(const SyntheticShape& shape, const std::filesystem::path& path);

}  // namespace kvasir::bench
