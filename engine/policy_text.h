// Policies written as text: how command line and evaluation name settings.
#pragma once

#include <string_view>

#include "engine/policy.h"

namespace kvasir {

/// `NAME[,KEY=VALUE]...`. NAME is shipped, paper or full: where the settings start from; keys change them:
/// tsp (layer, 0-based), rate, retention, coverage (shares, 0 to 1), least, most (tokens carried), window
/// (tokens), pool (max or avg), kernel (positions). A policy with changes is named "custom". With a
/// `rate` there is no coverage and no least number unless they are given as well: who names a share means
/// that share. Errors: InvalidArgument (an unknown name or key, a value that cannot be read), and those of
/// Policy::check.
Result<Policy> policyFromText(std::string_view text, const ModelConfig& model);

}  // namespace kvasir
