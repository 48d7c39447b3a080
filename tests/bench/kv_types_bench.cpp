// What 8-bit keys and values change: Kullback-Leibler divergence of the next-token distribution against
// 16-bit ones, in nats, over the last positions of prompts. usage: kv_types_bench MODEL
// f32|int8 TOKENS.json...   (arithmetic of activations: 8-bit ones amplify every difference)
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "engine/layer_runner.h"
#include "engine/probe.h"

namespace kvasir {
namespace {

using kernels::KvType;

/// Full context; log probabilities (n, V) of the last n <= kWindowRows positions.
Result<std::vector<double>> logProbabilities(LayerRunner& runner, const std::vector<TokenId>& tokens,
                                             KvType type) {
    const ModelConfig& c = runner.model().config();
    std::vector<LayerCache> caches;
    for (std::int32_t i = 0; i < c.layers; ++i) {
        caches.emplace_back(runner.backend(), runner.model().attentionShape(i), type);
        if (!caches.back().open(static_cast<std::int64_t>(tokens.size()), 0))
            return fail(ErrorCode::OutOfMemory, "There is not enough memory for this prompt.", "", "");
    }
    const auto hidden =
        runner.backend().allocate(static_cast<std::size_t>(kWindowRows * c.width) * sizeof(float));
    const auto length = static_cast<std::int64_t>(tokens.size());
    std::int64_t n = 0;
    for (std::int64_t row = 0; row < length; row += n) {
        // The last chunk is a whole one.
        n = row == 0 && length % kWindowRows != 0 ? length % kWindowRows
                                                  : std::min(kWindowRows, length - row);
        std::vector<std::int32_t> positions(static_cast<std::size_t>(n));
        std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(row));
        if (Result<void> read = runner.embed(tokens.data() + row, n, hidden->as<float>()); !read)
            return tl::unexpected(read.error());
        for (std::int32_t i = 0; i < c.layers; ++i)
            runner.run(i, hidden->as<float>(), positions.data(), n, caches[static_cast<std::size_t>(i)]);
    }
    std::vector<float> logits;
    if (Result<void> done = runner.logits(hidden->as<float>(), n, logits); !done)
        return tl::unexpected(done.error());
    std::vector<double> log(logits.begin(), logits.end());
    for (std::int64_t row = 0; row < n; ++row) {
        const auto begin = log.begin() + row * c.vocabulary, end = begin + c.vocabulary;
        const double peak = *std::max_element(begin, end);
        double sum = 0;
        std::for_each(begin, end, [&](double x) { sum += std::exp(x - peak); });
        std::for_each(begin, end, [&](double& x) { x -= peak + std::log(sum); });
    }
    return log;
}

void compare(const std::vector<double>& p, const std::vector<double>& q, std::int64_t vocabulary,
             const std::string& name, std::size_t tokens) {
    std::vector<double> divergences;
    std::int64_t same = 0;
    const auto rows = static_cast<std::int64_t>(p.size()) / vocabulary;
    for (std::int64_t row = 0; row < rows; ++row) {
        double sum = 0;
        std::int64_t bestP = 0, bestQ = 0;
        for (std::int64_t i = 0; i < vocabulary; ++i) {
            const double a = p[static_cast<std::size_t>(row * vocabulary + i)],
                         b = q[static_cast<std::size_t>(row * vocabulary + i)];
            sum += std::exp(a) * (a - b);
            if (a > p[static_cast<std::size_t>(row * vocabulary + bestP)]) bestP = i;
            if (b > q[static_cast<std::size_t>(row * vocabulary + bestQ)]) bestQ = i;
        }
        divergences.push_back(sum);
        same += bestP == bestQ ? 1 : 0;
    }
    const double mean =
        std::accumulate(divergences.begin(), divergences.end(), 0.0) / static_cast<double>(rows);
    std::printf("%-50s %6zu tokens  last %.2e  mean %.2e  largest %.2e  same first token %lld of %lld\n",
                name.c_str(), tokens, divergences.back(), mean,
                *std::max_element(divergences.begin(), divergences.end()), static_cast<long long>(same),
                static_cast<long long>(rows));
    std::fflush(stdout);
}

Result<void> run(int count, char** arguments) {
    const std::unique_ptr<kernels::Backend> backend = kernels::makeCpuBackend(2);
    const kernels::Activations activations =
        arguments[2] == std::string("f32") ? kernels::Activations::F32 : kernels::Activations::Int8;
    Result<std::unique_ptr<Model>> model = Model::load(arguments[1], *backend, {activations, {}});
    if (!model) return tl::unexpected(model.error());
    Result<std::unique_ptr<LayerRunner>> runner = LayerRunner::create(**model, *backend);
    if (!runner) return tl::unexpected(runner.error());
    for (int i = 3; i < count; ++i) {
        const Result<std::vector<TokenId>> tokens = readTokenFile(arguments[i]);
        if (!tokens) return tl::unexpected(tokens.error());
        const std::string name = std::filesystem::path(arguments[i]).filename().string();
        Result<std::vector<double>> exact = logProbabilities(**runner, *tokens, KvType::F32);
        if (!exact) return tl::unexpected(exact.error());
        const Result<std::vector<double>> half = logProbabilities(**runner, *tokens, KvType::F16);
        if (!half) return tl::unexpected(half.error());
        compare(*exact, *half, (*model)->config().vocabulary, name + ", f16 against f32", tokens->size());
        exact->clear();
        const Result<std::vector<double>> bytes = logProbabilities(**runner, *tokens, KvType::Int8);
        if (!bytes) return tl::unexpected(bytes.error());
        compare(*half, *bytes, (*model)->config().vocabulary, name + ", int8 against f16", tokens->size());
    }
    return {};
}

}  // namespace
}  // namespace kvasir

int main(int count, char** arguments) {
    if (count < 4) {
        std::fprintf(stderr, "usage: kv_types_bench MODEL f32|int8 TOKENS.json...\n");
        return 2;
    }
    const kvasir::Result<void> done = kvasir::run(count, arguments);
    if (!done) std::fprintf(stderr, "%s\n", done.error().message().c_str());
    return done ? 0 : 1;
}
