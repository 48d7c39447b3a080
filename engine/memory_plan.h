// How a document's keys and values are kept, chosen by the memory there is before reading starts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/error.h"
#include "engine/family.h"
#include "kernels/backend.h"

namespace kvasir {

/// A tenth of what is free stays for answers (more where they need it: answer_room.h) and everybody else:
/// what of it a document may take, and how much must be free for a document of `bytes`.
constexpr std::size_t withoutReserve(std::size_t free) {
    return free / 10 * 9;
}
constexpr std::size_t withReserve(std::size_t bytes) {
    return (bytes / 9 + 1) * 10;
}

struct MemoryPlan {
    kernels::KvType type = kernels::KvType::F16;
    bool fullReading = true;  ///< the full reading has room as well
    std::size_t bytes = 0;    ///< what the resident document takes, full reading included where it has room
    std::size_t bytesPerToken = 0;  ///< the same, per token
    std::string sentence;           ///< for the user: what it takes, and what was given up for want of memory
};

/// The first that fits into `budget` bytes: 16-bit K/V of all layers, 8-bit K/V of all layers (see
/// docs/decisions/eight-bit-kv.md), 8-bit K/V of the early stage alone. Errors: OutOfMemory, with the size
/// needed at least.
Result<MemoryPlan> planMemory(const ModelConfig& model, std::int32_t tspLayer, std::int64_t tokens,
                              std::size_t budget);

}  // namespace kvasir
