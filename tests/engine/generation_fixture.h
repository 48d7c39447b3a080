// A tiny model with its back end, and what tests of answers do with them.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "engine/generation.h"
#include "engine/model.h"
#include "tests/engine/scratch_file.h"
#include "tests/engine/tiny_model.h"
#include "tests/engine/watched_backend.h"

namespace kvasir::test {

using kernels::Activations;

struct Setting {
    const char* architecture;
    Activations activations;
};

inline std::ostream& operator<<(std::ostream& out, const Setting& setting) {
    return out << setting.architecture << (setting.activations == Activations::F32 ? "_f32" : "_int8");
}

struct Outcome {
    PrefillTrace trace;
    std::vector<std::vector<float>> logits;
};

class GenerationTest : public testing::TestWithParam<Setting> {
protected:
    void SetUp() override { load(2); }

    void load(int threads) {
        runner.reset();
        model.reset();
        backend = std::make_unique<WatchedBackend>(threads);
        TinySizes sizes;
        sizes.architecture = GetParam().architecture;
        sizes.type = kernels::TensorType::Q8_0;
        file = std::make_unique<ScratchFile>(TinyModel(sizes).bytes());
        Result<std::unique_ptr<Model>> loaded =
            Model::load(file->path(), *backend, {GetParam().activations, {}});
        ASSERT_TRUE(loaded) << loaded.error().message();
        model = std::move(*loaded);
        Result<std::unique_ptr<LayerRunner>> made = LayerRunner::create(*model, *backend);
        ASSERT_TRUE(made);
        runner = std::move(*made);
    }

    std::vector<TokenId> prompt(std::size_t length, unsigned seed = 11) const {
        std::mt19937 random(seed);
        std::vector<TokenId> tokens(length);
        for (TokenId& token : tokens)
            token = static_cast<TokenId>(random() % static_cast<unsigned>(model->config().vocabulary));
        return tokens;
    }

    std::unique_ptr<ResidentDocument> resident(const std::vector<TokenId>& tokens, std::size_t count,
                                               std::int32_t tsp,
                                               kernels::KvType type = kernels::KvType::F16) const {
        Result<std::unique_ptr<ResidentDocument>> made = ResidentDocument::create(
            *model, *backend, {tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(count)}, tsp,
            type);
        EXPECT_TRUE(made);
        EXPECT_TRUE((*made)->readEarly(*runner, {}, {}));
        return std::move(*made);
    }

    std::unique_ptr<Generation> generation(const ResidentDocument& document,
                                           const std::vector<TokenId>& tokens, const Policy& policy,
                                           PromptLayout layout = {}, std::int64_t maxTokens = 8) const {
        layout.length = static_cast<std::int64_t>(tokens.size());
        if (layout.documentEnd == 0) layout.documentEnd = layout.length;
        Generation::Options options;
        options.policy = policy;
        options.maxTokens = maxTokens;
        options.detailed = true;
        options.observed = {{policy.tspLayer, {}}};
        auto made = Generation::create(*runner, document, {tokens.begin() + document.size(), tokens.end()},
                                       layout, options);
        EXPECT_TRUE(made) << made.error().message();
        return std::move(*made);
    }

    static Outcome finish(Generation& generation) {
        Outcome outcome;
        EXPECT_TRUE(generation.prefill({}));
        outcome.trace = generation.trace();
        for (int i = 0; i < 5; ++i) {
            outcome.logits.push_back(generation.logits());
            EXPECT_TRUE(generation.accept(greedy(generation.logits()), {}));
        }
        return outcome;
    }

    static void expectSame(const Outcome& a, const Outcome& b) {
        EXPECT_EQ(a.trace.carried, b.trace.carried);
        EXPECT_EQ(a.trace.kept, b.trace.kept);
        EXPECT_EQ(a.trace.tspScores, b.trace.tspScores);
        EXPECT_EQ(a.logits, b.logits);
    }

    Policy paper(std::int64_t window = 8) const {
        Policy policy = Policy::paper(model->config());
        policy.window = window;
        policy.retentionPerMille = 300;
        return policy;
    }

    std::unique_ptr<WatchedBackend> backend;
    std::unique_ptr<ScratchFile> file;
    std::unique_ptr<Model> model;
    std::unique_ptr<LayerRunner> runner;
};

inline auto generationSettings() {
    return testing::Values(Setting{"llama", Activations::F32}, Setting{"llama", Activations::Int8},
                           Setting{"qwen2", Activations::Int8});
}

}  // namespace kvasir::test
