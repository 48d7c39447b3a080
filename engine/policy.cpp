#include "engine/policy.h"

#include <algorithm>
#include <numeric>

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
    // 0.87 L, rounded; one layer at least is late
    const std::int32_t usual = std::clamp((model.layers * 87 + 50) / 100, 0, std::max(model.layers - 2, 0));
    policy.tspLayer =
        model.calibratedTspLayer >= 0 ? model.calibratedTspLayer : model.nearestFullLayer(usual);
    policy.coveragePerMille = 950;
    policy.minimumCarried = 2048;
    policy.maximumCarried = 8192;
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

Policy Policy::fixedRate(const ModelConfig& model, std::int32_t perMille) {
    Policy policy = shipped(model);
    policy.name = "fixed";
    policy.ratePerMille = perMille;
    policy.coveragePerMille = 0;
    policy.minimumCarried = policy.maximumCarried = 0;
    return policy;
}

Policy Policy::fixedLength(const ModelConfig& model, std::int64_t tokens) {
    Policy policy = shipped(model);
    policy.name = "fixed";
    policy.ratePerMille = policy.coveragePerMille = 0;
    policy.minimumCarried = tokens;
    policy.maximumCarried = 0;
    return policy;
}

Policy Policy::adaptive(const ModelConfig& model, std::int32_t coveragePerMille, std::int64_t least,
                        std::int64_t most) {
    Policy policy = shipped(model);
    policy.name = "adaptive";
    policy.coveragePerMille = coveragePerMille;
    policy.minimumCarried = least;
    policy.maximumCarried = most;
    return policy;
}

namespace {

Result<void> checkPins(const std::vector<Policy::Range>& pins) {
    std::int64_t end = -1, tokens = 0;
    for (const Policy::Range& pin : pins) {
        if (pin.first <= end || pin.last <= pin.first) {
            return fail(ErrorCode::InvalidArgument, "The pinned ranges are out of order.",
                        "pin " + std::to_string(pin.first), "Give each range once, in ascending order.");
        }
        end = pin.last;
        tokens += pin.last - pin.first;
    }
    if (tokens > Policy::kMostPinned) {
        return fail(ErrorCode::TooLarge,
                    std::to_string(tokens) + " tokens are pinned; at most " +
                        std::to_string(Policy::kMostPinned) + " can be.",
                    "", "Remove some pins and ask again.");
    }
    return {};
}

}  // namespace

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
    const std::int32_t leastRate = minimumCarried > 0 ? 0 : 1;  // else nothing would be carried
    if (ratePerMille < leastRate || ratePerMille > 1000) {
        return wrong("The share that is carried is out of range.", "rate", "0.001..1");
    }
    if (coveragePerMille < 0 || coveragePerMille > 1000) {
        return wrong("The share of attention that is covered is out of range.", "coverage", "0.001..1");
    }
    if (minimumCarried < 0 || maximumCarried < 0 || (maximumCarried > 0 && maximumCarried < minimumCarried)) {
        return wrong("The bounds of what is carried are out of range.", "carried", "0 or more, least first");
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
    return checkPins(pins);
}

std::int64_t Policy::windowRows(const PromptLayout& prompt) const {
    const std::int64_t asked = prompt.length - std::max(prompt.documentEnd, prompt.asked);
    const std::int64_t wanted = window > 0 ? window : std::clamp(asked, kMinWindow, kMaxWindow);
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

bool Policy::isPinned(std::int64_t position) const {
    const auto pin = std::ranges::partition_point(pins, [&](const Range& p) { return p.last <= position; });
    return pin != pins.end() && pin->first <= position;
}

bool Policy::carriesAll(const PromptLayout& prompt) const {
    if (coveragePerMille > 0) return minimumCarried >= prompt.length;
    return carriedTarget(prompt) >= prompt.length;
}

std::int64_t Policy::capacity(const PromptLayout& prompt) const {
    return share(prompt.length, retentionPerMille);
}

namespace {

/// Share of attention that the best 0, 1, 2 ... candidates hold. Ties go to the lower position, as when the
/// tokens are chosen; sinks hold nothing.
std::vector<double> heldByBest(std::span<const Policy::Candidate> candidates) {
    std::vector<std::size_t> order(candidates.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const float x = candidates[a].score, y = candidates[b].score;
        return x != y ? x > y : a < b;
    });
    std::vector<double> held(candidates.size() + 1, 0.0);
    for (std::size_t i = 0; i < order.size(); ++i) {
        const Policy::Candidate& next = candidates[order[i]];
        held[i + 1] = held[i] + (next.sink ? 0.0 : static_cast<double>(next.attention));
    }
    return held;
}

}  // namespace

CarryDecision Policy::decide(const PromptLayout& prompt, std::int64_t pinned,
                             std::span<const Candidate> candidates) const {
    const auto competing = static_cast<std::int64_t>(candidates.size());
    CarryDecision decision;
    decision.pinned = pinned;
    decision.always = prompt.length - pinned - competing;
    std::int64_t wanted = carriedTarget(prompt);
    decision.by = wanted > share(prompt.length, ratePerMille) ? CarriedBy::Minimum : CarriedBy::Rate;
    std::vector<double> held;
    if (coveragePerMille > 0) {
        held = heldByBest(candidates);
        const double enough = held.back() * coveragePerMille / 1000;
        wanted = decision.always + (std::lower_bound(held.begin(), held.end(), enough) - held.begin());
        decision.by = CarriedBy::Coverage;
        if (maximumCarried > 0 && wanted > maximumCarried) {
            wanted = maximumCarried;
            decision.by = CarriedBy::Maximum;
        }
        if (wanted < minimumCarried) {
            wanted = minimumCarried;
            decision.by = CarriedBy::Minimum;
        }
    }
    // Pins come on top: they take no place from those that compete.
    const std::int64_t chosen = std::clamp<std::int64_t>(wanted - decision.always, 0, competing);
    if (wanted < decision.always) decision.by = CarriedBy::Minimum;
    if (chosen == competing) decision.by = CarriedBy::Everything;
    decision.carried = decision.always + pinned + chosen;
    if (!held.empty())
        decision.covered = held.back() > 0 ? held[static_cast<std::size_t>(chosen)] / held.back() : 1;
    return decision;
}

}  // namespace kvasir
