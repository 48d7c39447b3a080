#include "engine/probe.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include <nlohmann/json.hpp>

#include "engine/generation.h"
#include "engine/model.h"

namespace kvasir {
namespace {

using Json = nlohmann::ordered_json;

/// Seven significant digits, as the reference writes.
double rounded(double value) {
    if (value == 0 || !std::isfinite(value)) return value;
    std::ostringstream text;
    text.precision(7);
    text << value;
    return std::stod(text.str());
}

Json numbers(const std::vector<float>& values) {
    Json list = Json::array();
    for (const float value : values)
        list.push_back(rounded(value));
    return list;
}

Json describeLogits(const std::vector<float>& logits) {
    std::vector<TokenId> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const auto better = [&](TokenId a, TokenId b) {
        const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
        return x != y ? x > y : a < b;
    };
    const std::size_t count = std::min<std::size_t>(20, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), better);
    Json top = Json::array();
    for (std::size_t i = 0; i < count; ++i) {
        top.push_back({order[i], static_cast<double>(logits[static_cast<std::size_t>(order[i])])});
    }
    const double peak = logits[static_cast<std::size_t>(order[0])], size = static_cast<double>(logits.size());
    double sum = 0, exponentials = 0, squares = 0;
    for (const float value : logits) {
        sum += value;
        exponentials += std::exp(value - peak);
    }
    const double mean = sum / size;
    for (const float value : logits)
        squares += (value - mean) * (value - mean);
    return {{"top", top},
            {"logsumexp", peak + std::log(exponentials)},
            {"mean", mean},
            {"std", std::sqrt(squares / size)}};
}

/// Best logit minus second best.
double margin(const std::vector<float>& logits) {
    float best = -INFINITY, second = -INFINITY;
    for (const float value : logits) {
        second = std::max(second, std::min(best, value));
        best = std::max(best, value);
    }
    return static_cast<double>(best) - static_cast<double>(second);
}

struct Run {
    Json result;  ///< logits, greedy, margins
    PrefillTrace trace;
};

Result<Run> answer(LayerRunner& runner, const ProbeRequest& request, const Policy& policy,
                   std::int64_t resident) {
    Result<std::unique_ptr<ResidentDocument>> document = ResidentDocument::create(
        runner.model(), runner.backend(), {request.tokens.begin(), request.tokens.begin() + resident},
        policy.tspLayer,
        request.kvType.value_or(runner.model().activations() == kernels::Activations::F32
                                    ? kernels::KvType::F32
                                    : kernels::KvType::F16));
    if (!document) return tl::unexpected(document.error());
    if (Result<void> read = (*document)->readEarly(runner, {}, {}); !read)
        return tl::unexpected(read.error());

    const auto length = static_cast<std::int64_t>(request.tokens.size());
    Generation::Options options;
    options.policy = policy;
    options.maxTokens = request.decode;
    options.detailed = true;
    Result<std::unique_ptr<Generation>> generation =
        Generation::create(runner, **document, {request.tokens.begin() + resident, request.tokens.end()},
                           {0, length, length}, options);
    if (!generation) return tl::unexpected(generation.error());
    if (Result<void> done = (*generation)->prefill({}); !done) return tl::unexpected(done.error());
    Json greedyTokens = Json::array(), margins = Json::array();
    const Json logits = describeLogits((*generation)->logits());
    for (std::int64_t i = 0; i < request.decode; ++i) {
        const TokenId token = greedy((*generation)->logits());
        greedyTokens.push_back(token);
        margins.push_back(rounded(margin((*generation)->logits())));
        if (i + 1 == request.decode) break;
        if (Result<void> done = (*generation)->accept(token, {}); !done) return tl::unexpected(done.error());
    }
    return Run{{{"logits", logits}, {"greedy", greedyTokens}, {"margins", margins}}, (*generation)->trace()};
}

Json lastHidden(const PrefillTrace& trace) {
    Json list = Json::array();
    for (const std::vector<float>& row : trace.lastHidden) {
        double squares = 0;
        for (const float value : row)
            squares += static_cast<double>(value) * value;
        Json entry = {rounded(std::sqrt(squares / static_cast<double>(row.size())))};
        for (std::size_t i = 0; i < 3; ++i)
            entry.push_back(rounded(row[i]));
        list.push_back(entry);
    }
    return list;
}

void addSelection(Json& result, const PrefillTrace& trace) {
    result["carried"] = trace.carried;
    result["tsp_scores"] = numbers(trace.tspScores);
    result["tsp_pooled"] = Json::array();
    for (const std::vector<float>& row : trace.tspPooled)
        result["tsp_pooled"].push_back(numbers(row));
    result["kept"] = trace.kept;
    result["cutoffs"] = Json::array();
    for (const auto& layer : trace.cutoffs) {
        Json heads = Json::array();
        for (const auto& cutoff : layer) {
            heads.push_back(cutoff ? Json{rounded(cutoff->smallestKept), rounded(cutoff->largestDropped)}
                                   : Json(nullptr));
        }
        result["cutoffs"].push_back(heads);
    }
}

}  // namespace

Result<std::string> probe(const ProbeRequest& request, kernels::Backend& backend) {
    Result<std::unique_ptr<Model>> model = Model::load(request.model, backend, {request.activations, {}});
    if (!model) return tl::unexpected(model.error());
    Result<std::unique_ptr<LayerRunner>> runner = LayerRunner::create(**model, backend);
    if (!runner) return tl::unexpected(runner.error());
    return probe(**runner, request);
}

Result<std::string> probe(LayerRunner& runner, const ProbeRequest& request) {
    const ModelConfig& config = runner.model().config();
    Policy policy = request.policy;
    policy.tspLayer = request.tspLayer.value_or(Policy::paper(config).tspLayer);
    if (Result<void> checked = policy.check(config); !checked) return tl::unexpected(checked.error());
    if (request.tokens.empty() || request.resident < 0 ||
        request.resident > static_cast<std::int64_t>(request.tokens.size()) || request.decode < 1) {
        return fail(
            ErrorCode::InvalidArgument,
            "There must be at least one token, as many resident ones as there are, and one to decode.", "",
            "Check --tokens, --resident and --decode.");
    }
    Result<Run> full = answer(runner, request, Policy::full(config), 0);
    if (!full) return tl::unexpected(full.error());
    full->result["last_hidden"] = lastHidden(full->trace);
    Result<Run> fast = answer(runner, request, policy, request.resident);
    if (!fast) return tl::unexpected(fast.error());
    addSelection(fast->result, fast->trace);

    const Json json = {
        {"arch", config.architecture},
        {"policy",
         {{"tsp_layer", policy.tspLayer},
          {"rate", policy.ratePerMille / 1000.0},
          {"retention", policy.retentionPerMille / 1000.0},
          {"window", policy.window},
          {"pool", policy.pooling == kernels::Pooling::Max ? "max" : "avg"},
          {"kernel", policy.kernel}}},
        {"resident_tokens", request.resident},
        {"tokens", request.tokens},
        {"full", full->result},
        {"fastkv", fast->result},
        {"device", std::string(runner.backend().name())},
    };
    return json.dump();
}

Result<std::vector<TokenId>> readTokenFile(const std::filesystem::path& path) {
    std::ifstream file(path);
    if (!file) {
        return fail(ErrorCode::NotFound, "The token file cannot be read.", path.string(), "Check the path.");
    }
    const Json json = Json::parse(file, nullptr, false);
    const Json* list = json.is_object() && json.contains("tokens") ? &json["tokens"] : &json;
    const bool valid = list->is_array() && std::all_of(list->begin(), list->end(), [](const Json& value) {
                           return value.is_number_integer() && value.get<std::int64_t>() >= 0 &&
                                  value.get<std::int64_t>() <= INT32_MAX;
                       });
    if (!valid) {
        return fail(ErrorCode::Damaged,
                    "The token file is neither a JSON list of token ids nor an object with 'tokens'.",
                    path.string(), "See docs/cli.md for the format.");
    }
    return list->get<std::vector<TokenId>>();
}

}  // namespace kvasir
