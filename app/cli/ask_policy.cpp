#include "app/cli/ask_policy.h"

#include <cmath>
#include <cstdint>

namespace kvasir::cli {
namespace {

constexpr std::int64_t kLeastCovering = 512, kMostCovering = 8192;  // tokens

std::int32_t perMille(double share) {
    return static_cast<std::int32_t>(std::lround(share * 1000));
}

}  // namespace

std::optional<Policy> policyOf(const AskArguments& arguments, const ModelConfig& model) {
    std::optional<Policy> policy;
    if (arguments.rate) policy = Policy::fixedRate(model, perMille(*arguments.rate));
    if (arguments.carried) policy = Policy::fixedLength(model, *arguments.carried);
    if (arguments.coverage)
        policy = Policy::adaptive(model, perMille(*arguments.coverage), kLeastCovering, kMostCovering);
    if (arguments.retention) {
        if (!policy) policy = Policy::shipped(model);
        policy->retentionPerMille = perMille(*arguments.retention);
        policy->name = "custom";
    }
    return policy;
}

}  // namespace kvasir::cli
