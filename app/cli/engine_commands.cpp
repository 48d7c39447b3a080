// Commands that need the engine alone: probe, tokenize, models.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <thread>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/model_catalogue.h"
#include "engine/gguf.h"
#include "engine/probe.h"
#include "engine/tokenizer.h"

namespace kvasir::cli {
namespace {

std::int32_t perMille(double share) {
    return static_cast<std::int32_t>(std::lround(share * 1000));
}

Error invalid(const std::string& what, const std::string& advice) {
    return {ErrorCode::InvalidArgument, what, "", advice};
}

std::optional<kernels::KvType> kvTypeNamed(const std::string& name) {
    if (name == "f32") return kernels::KvType::F32;
    if (name == "f16") return kernels::KvType::F16;
    if (name == "int8") return kernels::KvType::Int8;
    return std::nullopt;
}

}  // namespace

int probe(const ProbeArguments& arguments) {
    if (arguments.device != "cpu" && arguments.device != "cuda")
        return failed(invalid("--device must be cpu or cuda.", "Choose one of them."), false);
    if (arguments.activations != "f32" && arguments.activations != "int8") {
        return failed(invalid("--activations must be f32 or int8.", "Choose one of them."), false);
    }
    const std::optional<kernels::KvType> kvType = kvTypeNamed(arguments.kv);
    if (!arguments.kv.empty() && !kvType)
        return failed(invalid("--kv must be f32, f16 or int8.", "Choose one of them."), false);
    if (arguments.pool != "max" && arguments.pool != "avg") {
        return failed(invalid("--pool must be max or avg.", "Choose one of them."), false);
    }
    const Result<std::filesystem::path> model = findModel(arguments.model);
    if (!model) return failed(model.error(), false);
    Result<std::vector<TokenId>> tokens = readTokenFile(arguments.tokens);
    if (!tokens) return failed(tokens.error(), false);

    ProbeRequest request;
    request.model = *model;
    request.tokens = std::move(*tokens);
    request.decode = arguments.decode;
    request.resident = arguments.resident;
    request.activations =
        arguments.activations == "f32" ? kernels::Activations::F32 : kernels::Activations::Int8;
    request.kvType = kvType;
    request.tspLayer = arguments.tspLayer;
    request.policy.name = "custom";
    request.policy.ratePerMille = perMille(arguments.rate);
    request.policy.retentionPerMille = perMille(arguments.retention);
    request.policy.window = arguments.window;
    request.policy.pooling = arguments.pool == "max" ? kernels::Pooling::Max : kernels::Pooling::Average;
    request.policy.kernel = arguments.kernel;
    request.policy.keepPrompt = false;
    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    const kernels::BackendChoice choice =
        kernels::chooseBackend(arguments.device == "cuda" ? kernels::Device::Cuda : kernels::Device::Cpu,
                               arguments.threads > 0 ? arguments.threads : cores);
    if (choice.backend == nullptr)
        return failed({ErrorCode::Unsupported, choice.note, "", "Use --device cpu."}, false);
    const Result<std::string> result = kvasir::probe(request, *choice.backend);
    if (!result) return failed(result.error(), false);
    if (arguments.out.empty()) {
        std::cout << *result << '\n';
        return 0;
    }
    std::ofstream file(arguments.out);
    file << *result << '\n';
    file.close();
    if (!file) {
        return failed({ErrorCode::Unreadable, "The result cannot be written.", arguments.out,
                       "Check the path and the free space."},
                      false);
    }
    return 0;
}

int tokenize(const TokenizeArguments& arguments) {
    const Result<std::filesystem::path> path = findModel(arguments.model);
    if (!path) return failed(path.error(), false);
    const Result<std::unique_ptr<GgufFile>> file = GgufFile::open(*path);
    if (!file) return failed(file.error(), false);
    const Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::load(**file);
    if (!tokenizer) return failed(tokenizer.error(), false);
    std::string line;
    for (std::int64_t number = 1; std::getline(std::cin, line); ++number) {
        std::string text = line;
        if (arguments.jsonLines) {
            const Json json = Json::parse(line, nullptr, false);
            if (!json.is_string()) {
                return failed(invalid("Line " + std::to_string(number) + " is no JSON string.",
                                      "Give one string a line."),
                              false);
            }
            text = json.get<std::string>();
        }
        print({{"tokens", (*tokenizer)->ids(text, arguments.special ? Specials::Control : Specials::Plain)}});
    }
    return 0;
}

int models(bool json) {
    const std::vector<CatalogueModel> list = modelCatalogue(modelFolder());
    Json rows = Json::array();
    for (const CatalogueModel& model : list) {
        rows.push_back({{"name", model.name},
                        {"title", model.title},
                        {"bytes", model.bytes},
                        {"licence", model.licence},
                        {"window", model.window},
                        {"installed", model.installed},
                        {"path", model.path.string()},
                        {"page", model.page}});
        if (!json) {
            std::printf("%-20s %6.2f GB  %-12s %-14s %s\n", model.name.c_str(),
                        static_cast<double>(model.bytes) / 1e9, model.licence.c_str(),
                        model.installed ? "installed" : "not installed", model.title.c_str());
        }
    }
    if (json) print({{"folder", modelFolder().string()}, {"models", rows}});
    return 0;
}

}  // namespace kvasir::cli
