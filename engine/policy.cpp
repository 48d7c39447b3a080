#include "engine/policy.h"

#include <algorithm>

namespace kvasir {
namespace {

constexpr std::int64_t kMinWindow = 8, kMaxWindow = 64;

std::int64_t share(std::int64_t count, std::int32_t perMille) {
    return count * perMille / 1000;
}

}  // namespace

Policy Policy::shipped(const ModelConfig& model) {
    Policy policy;
    policy.name = "shipped";
    policy.tspLayer =
        model.nearestFullLayer(std::min((model.layers * 7 + 5) / 10, model.layers - 1));  // 0.7 L, rounded
    policy.ratePerMille = 200;
    policy.minimumCarried = 2048;
    return policy;
}

Policy Policy::paper(const ModelConfig& model) {
    Policy policy;
    policy.name = "paper";
    policy.tspLayer = model.nearestFullLayer(std::max(0, model.layers / 2 - 1));
    policy.ratePerMille = 200;
    policy.retentionPerMille = 100;
    policy.window = 8;
    policy.keepPrompt = false;
    return policy;
}

Policy Policy::full(const ModelConfig& model) {
    Policy policy;
    policy.name = "full";
    policy.tspLayer = model.layers - 1;
    policy.ratePerMille = 1000;
    policy.window = 1;
    return policy;
}

Result<void> Policy::check(const ModelConfig& model) const {
    const auto wrong = [](const std::string& what, const std::string& where, const std::string& range) {
        return fail(ErrorCode::InvalidArgument, what, where, "Choose a value in " + range + ".");
    };
    if (tspLayer < 0 || tspLayer >= model.layers) {
        return wrong("The TSP layer is outside the model.", "tsp-layer " + std::to_string(tspLayer),
                     "0.." + std::to_string(model.layers - 1));
    }
    if (model.reach(tspLayer) != 0 && tspLayer != model.layers - 1) {
        return fail(ErrorCode::InvalidArgument,
                    "The TSP layer sees a part of the document only: its attention slides.",
                    "tsp-layer " + std::to_string(tspLayer),
                    "Choose a layer that attends to everything, for example " +
                        std::to_string(model.nearestFullLayer(tspLayer)) + ".");
    }
    if (ratePerMille < 1 || ratePerMille > 1000) {
        return wrong("The share that is carried is out of range.", "rate", "0.001..1");
    }
    if (retentionPerMille < 1 || retentionPerMille > 1000) {
        return wrong("The share that is kept is out of range.", "retention", "0.001..1");
    }
    if (window < 0 || window > 256)
        return wrong("The observation window is out of range.", "window", "0..256");
    if (kernel < 1 || kernel > 4095 || kernel % 2 == 0) {
        return wrong("The pooling width must be odd.", "kernel " + std::to_string(kernel),
                     "1, 3, 5 ... 4095");
    }
    return {};
}

std::int64_t Policy::windowRows(const PromptLayout& prompt) const {
    const std::int64_t wanted =
        window > 0 ? window : std::clamp(prompt.length - prompt.documentEnd, kMinWindow, kMaxWindow);
    return std::min(wanted, prompt.length);
}

Policy::Range Policy::candidates(const PromptLayout& prompt) const {
    const std::int64_t scored = prompt.length - windowRows(prompt);
    const std::int64_t first = keepPrompt ? prompt.prefix : 0;
    const std::int64_t last = keepPrompt ? std::min(prompt.documentEnd, scored) : scored;
    return {std::min(first, last), last};
}

std::int64_t Policy::carriedTarget(const PromptLayout& prompt) const {
    return std::max(share(prompt.length, ratePerMille), std::min(minimumCarried, prompt.length));
}

std::int64_t Policy::capacity(const PromptLayout& prompt) const {
    return share(prompt.length, retentionPerMille);
}

}  // namespace kvasir
