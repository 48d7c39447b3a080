// The policy that the options of a question name.
#pragma once

#include <optional>

#include "app/cli/commands.h"
#include "engine/policy.h"

namespace kvasir::cli {

/// Nothing where none of them is given: the shipped one then.
std::optional<Policy> policyOf(const AskArguments& arguments, const ModelConfig& model);

}  // namespace kvasir::cli
