#include "engine/memory_plan.h"

#include <algorithm>
#include <array>

#include "engine/resident_document.h"

namespace kvasir {
namespace {

std::string megabytes(std::size_t bytes) {
    return std::to_string((bytes + (std::size_t{1} << 20) - 1) >> 20) + " MB";
}

}  // namespace

Result<MemoryPlan> planMemory(const ModelConfig& model, std::int32_t tspLayer, std::int64_t tokens,
                              std::size_t budget) {
    struct Choice {
        kernels::KvType type;
        bool full;
        const char* remark;
    };
    constexpr std::array kChoices{
        Choice{kernels::KvType::F16, true, ""},
        Choice{kernels::KvType::Int8, true, " Memory is short: keys and values are kept in 8 bits."},
        Choice{kernels::KvType::Int8, false,
               " Memory is short: keys and values are kept in 8 bits, and there will be quick answers only."},
    };
    std::size_t need = 0;
    for (const Choice& choice : kChoices) {
        need = ResidentDocument::bytes(model, tspLayer, choice.type, tokens, choice.full);
        if (need > budget) continue;
        const auto perToken = need / static_cast<std::size_t>(std::max<std::int64_t>(tokens, 1));
        return MemoryPlan{choice.type, choice.full, need, perToken,
                          "The document takes " + megabytes(need) + " of memory, " +
                              std::to_string(perToken) + " bytes for each token." + choice.remark};
    }
    return fail(ErrorCode::OutOfMemory,
                "Reading this document needs " + megabytes(need) + " of memory, and there are " +
                    std::to_string(budget >> 20) + " MB for it.",
                "", "Close other programs, or choose a smaller model.");
}

}  // namespace kvasir
