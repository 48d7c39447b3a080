// The engine alone on token ids: full context and FastKV on one prompt, as a JSON object for comparison with
// a reference. Keys are those of tests/fixtures/reference (see its README).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/layer_runner.h"
#include "engine/policy.h"
#include "engine/tokenizer.h"
#include "kernels/backend.h"

namespace kvasir {

struct ProbeRequest {
    std::filesystem::path model;
    std::vector<TokenId> tokens;
    Policy policy;
    std::optional<std::int32_t> tspLayer;  ///< the policy's T; empty: the paper's choice for the model
    std::int64_t decode = 16;              ///< answer tokens; an end token does not stop them
    std::int64_t resident = 0;             ///< tokens of the prompt computed beforehand
    kernels::Activations activations = kernels::Activations::Int8;
    std::optional<kernels::KvType> kvType;  ///< empty: F32 with F32 activations, else F16
};

/// The JSON text, one line. Errors: those of Model, ResidentDocument and Generation.
Result<std::string> probe(const ProbeRequest& request, kernels::Backend& backend);
/// The same with a model that is loaded already: the request's `model` and `activations` do not count.
Result<std::string> probe(LayerRunner& runner, const ProbeRequest& request);

/// Token ids from a file: a JSON list, or an object with `tokens`. Errors: NotFound, Damaged.
Result<std::vector<TokenId>> readTokenFile(const std::filesystem::path& path);

}  // namespace kvasir
