// Rotary frequencies of a model file, with what stretches its window. Used by family.cpp alone.
#pragma once

#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/gguf.h"

namespace kvasir {

struct RopeFrequencies {
    std::vector<double> inverse;  ///< (size / 2): pair i turns by position * inverse[i]
    double magnitude = 1;         ///< rotated queries and keys are multiplied by it (YaRN)
};

/// Reads rope.scaling.* of architecture `arch` and the tensor rope_freqs.weight: none, linear (positions
/// divided by a factor), YaRN (arXiv 2309.00071, with GGUF's defaults of 32 and 1 turns) and Llama 3 (a
/// divisor per pair, from the tensor, or computed from the factors where the file has them instead). Errors:
/// Unsupported (another scaling, by name), Damaged (a value out of range; names its key).
Result<RopeFrequencies> readRopeFrequencies(const GgufFile& file, const std::string& arch, double base,
                                            std::int32_t size);

/// The same without scaling.
std::vector<double> plainRopeFrequencies(double base, std::int32_t size);

}  // namespace kvasir
