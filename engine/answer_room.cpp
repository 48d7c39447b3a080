#include "engine/answer_room.h"

#include "engine/policy.h"
#include "kernels/backend.h"

namespace kvasir {

std::size_t answerBytes(const ModelConfig& model, std::int32_t tspLayer, std::int64_t rows,
                        std::int64_t carried) {
    constexpr std::int64_t kAsked = 1024;  // tokens of question, passages and answer
    const std::int64_t ofLayer = 2 * model.kvHeads * kernels::rowBytes(kernels::KvType::F16, model.headSize),
                       ofHidden = model.width * std::int64_t{sizeof(float)},
                       ofScores = (model.heads + model.kvHeads + 2) * std::int64_t{sizeof(float)};
    const std::int64_t late = model.layers - 1 - tspLayer;
    const std::int64_t bytes = kAsked * (model.layers * ofLayer + ofHidden) + rows * ofScores +
                               carried * (late * ofLayer + ofHidden);
    return static_cast<std::size_t>(bytes + bytes / 10);
}

std::size_t answerBytes(const ModelConfig& model, std::int32_t tspLayer, std::int64_t tokens) {
    return answerBytes(model, tspLayer, tokens, std::min(tokens, Policy::shipped(model).maximumCarried));
}

}  // namespace kvasir
