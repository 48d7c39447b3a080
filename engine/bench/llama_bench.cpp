#include "engine/bench/llama_bench.h"

#include <nlohmann/json.hpp>

namespace kvasir::bench {
namespace {

using Json = nlohmann::json;

tl::unexpected<Error> unknownOutput(const std::string& where) {
    return fail(ErrorCode::Damaged, "What llama-bench printed is not what is expected of it.", where,
                "Use a version whose `-o json` has n_prompt, n_gen, n_depth and samples_ns.");
}

bool readCount(const Json& entry, const char* key, std::int64_t& to) {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_number_integer()) return false;
    to = found->get<std::int64_t>();
    return to >= 0;
}

}  // namespace

Result<std::vector<PeerResult>> parseLlamaBench(std::string_view json) {
    const Json list = Json::parse(json, nullptr, false);
    if (!list.is_array() || list.empty()) return unknownOutput("no list");
    std::vector<PeerResult> results;
    for (const Json& entry : list) {
        if (!entry.is_object()) return unknownOutput("entry " + std::to_string(results.size()));
        PeerResult result;
        if (!readCount(entry, "n_prompt", result.prompt)) return unknownOutput("n_prompt");
        if (!readCount(entry, "n_gen", result.generated)) return unknownOutput("n_gen");
        if (!readCount(entry, "n_depth", result.depth)) return unknownOutput("n_depth");
        const auto samples = entry.find("samples_ns");
        if (samples == entry.end() || !samples->is_array() || samples->empty())
            return unknownOutput("samples_ns");
        for (const Json& sample : *samples) {
            if (!sample.is_number() || sample.get<double>() <= 0) return unknownOutput("samples_ns");
            result.milliseconds.push_back(sample.get<double>() / 1e6);
        }
        results.push_back(std::move(result));
    }
    return results;
}

std::vector<std::vector<std::string>> llamaBenchArguments(const PeerQuestion& question) {
    const std::vector<std::string> common{"-m",   question.model.string(),
                                          "-t",   std::to_string(question.threads),
                                          "-ngl", question.gpu ? "99" : "0",
                                          "-r",   "1",
                                          "-o",   "json"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), common.begin(), common.end());
        return more;
    };
    return {with({"-p", std::to_string(question.length), "-n", "0"}),
            with({"-p", std::to_string(question.question), "-n", std::to_string(question.written), "-d",
                  std::to_string(question.length - question.question)})};
}

void addPeerSamples(const PeerQuestion& question, const std::vector<PeerResult>& results, Samples& samples) {
    const auto add = [&](std::string_view quantity, double value) {
        samples[std::string(quantity)].push_back(value);
    };
    for (const PeerResult& result : results) {
        for (const double time : result.milliseconds) {
            if (result.generated > 0 && result.prompt == 0 && result.depth > 0)
                add(quantity::kDecodeFull, static_cast<double>(result.generated) / time * 1e3);
            if (result.generated > 0 || result.prompt == 0) continue;
            if (result.depth == 0 && result.prompt == question.length) add(quantity::kFullPrefill, time);
            if (result.depth > 0 && result.prompt == question.question) add(quantity::kAfterFull, time);
        }
    }
}

}  // namespace kvasir::bench
