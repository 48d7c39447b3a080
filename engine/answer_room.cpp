#include "engine/answer_room.h"

#include "engine/generation.h"
#include "engine/policy.h"
#include "kernels/backend.h"

namespace kvasir {

std::size_t answerBytes(const ModelConfig& model, std::int32_t tspLayer, std::int64_t rows,
                        std::int64_t carried) {
    constexpr std::int64_t kFloat = sizeof(float), kVerified = Generation::kMostVerified;
    const std::int64_t ofLayer = 2 * model.kvHeads * kernels::rowBytes(kernels::KvType::F16, model.headSize),
                       ofHidden = model.width * kFloat, late = model.layers - 1 - tspLayer;
    const std::int64_t kept = kAskedTokens * model.layers * ofLayer + carried * late * ofLayer;
    const std::int64_t scores = rows * (model.heads + model.kvHeads + 2) * kFloat;
    const std::int64_t prefill = (kAskedTokens + carried) * ofHidden + scores;
    // Guesses are checked together: their logits, and what each of them looks at.
    const std::int64_t logits = kVerified * (model.vocabulary + model.width) * kFloat,
                       looks = (rows + kAskedTokens) * kVerified * (model.kvHeads + 1) * kFloat;
    const std::int64_t bytes = kept + std::max(prefill, logits + looks + looks / 8);
    return static_cast<std::size_t>(bytes + bytes / 10);
}

std::size_t answerBytes(const ModelConfig& model, std::int32_t tspLayer, std::int64_t tokens) {
    return answerBytes(model, tspLayer, tokens, std::min(tokens, Policy::shipped(model).maximumCarried));
}

}  // namespace kvasir
