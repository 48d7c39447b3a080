// Resident documents, full reading, stops and errors, on models of random weights.
#include "engine/generation.h"

#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "engine/model.h"
#include "tests/engine/scratch_file.h"
#include "tests/engine/tiny_model.h"
#include "tests/engine/watched_backend.h"

namespace kvasir {
namespace {

using kernels::Activations;

struct Setting {
    const char* architecture;
    Activations activations;
};

std::ostream& operator<<(std::ostream& out, const Setting& setting) {
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
        backend = std::make_unique<test::WatchedBackend>(threads);
        test::TinySizes sizes;
        sizes.architecture = GetParam().architecture;
        sizes.type = kernels::TensorType::Q8_0;
        file = std::make_unique<test::ScratchFile>(test::TinyModel(sizes).bytes());
        Result<std::unique_ptr<Model>> loaded =
            Model::load(file->path(), *backend, {GetParam().activations, {}});
        ASSERT_TRUE(loaded) << loaded.error().message();
        model = std::move(*loaded);
        Result<std::unique_ptr<LayerRunner>> made = LayerRunner::create(*model, *backend);
        ASSERT_TRUE(made);
        runner = std::move(*made);
    }

    std::vector<TokenId> prompt(std::size_t length) const {
        std::mt19937 random(11);
        std::vector<TokenId> tokens(length);
        for (TokenId& token : tokens)
            token = static_cast<TokenId>(random() % static_cast<unsigned>(model->config().vocabulary));
        return tokens;
    }

    std::unique_ptr<ResidentDocument> resident(const std::vector<TokenId>& tokens, std::size_t count,
                                               std::int32_t tsp) const {
        Result<std::unique_ptr<ResidentDocument>> made = ResidentDocument::create(
            *model, *backend, {tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(count)}, tsp,
            kernels::KvType::F16);
        EXPECT_TRUE(made);
        EXPECT_TRUE((*made)->readEarly(*runner, {}, {}));
        return std::move(*made);
    }

    std::unique_ptr<Generation> generation(const ResidentDocument& document,
                                           const std::vector<TokenId>& tokens, const Policy& policy,
                                           PromptLayout layout = {}) const {
        layout.length = static_cast<std::int64_t>(tokens.size());
        if (layout.documentEnd == 0) layout.documentEnd = layout.length;
        Generation::Options options;
        options.policy = policy;
        options.maxTokens = 8;
        options.detailed = true;
        options.observed = {policy.tspLayer};
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

    std::unique_ptr<test::WatchedBackend> backend;
    std::unique_ptr<test::ScratchFile> file;
    std::unique_ptr<Model> model;
    std::unique_ptr<LayerRunner> runner;
};

TEST_P(GenerationTest, AResidentDocumentGivesTheBitsOfOnePass) {
    const std::vector<TokenId> tokens = prompt(333);
    const Policy policy = paper();
    const std::unique_ptr<ResidentDocument> none = resident(tokens, 0, policy.tspLayer);
    const Outcome onePass = finish(*generation(*none, tokens, policy));
    for (const std::size_t count : {1, 64, 255, 256, 257, 300, 325, 326, 332}) {
        SCOPED_TRACE(count);
        const std::unique_ptr<ResidentDocument> document = resident(tokens, count, policy.tspLayer);
        expectSame(onePass, finish(*generation(*document, tokens, policy)));
    }
    for (const int threads : {1, 3}) {
        SCOPED_TRACE(threads);
        load(threads);
        const std::unique_ptr<ResidentDocument> document = resident(tokens, 200, policy.tspLayer);
        expectSame(onePass, finish(*generation(*document, tokens, policy)));
    }
}

TEST_P(GenerationTest, ReadingGoesOnWhereItWasStopped) {
    const std::vector<TokenId> tokens = prompt(700);
    const Policy policy = paper();
    const Outcome whole = finish(*generation(*resident(tokens, 690, policy.tspLayer), tokens, policy));
    Result<std::unique_ptr<ResidentDocument>> document = ResidentDocument::create(
        *model, *backend, {tokens.begin(), tokens.begin() + 690}, policy.tspLayer, kernels::KvType::F16);
    ASSERT_TRUE(document);
    for (int layer : {1, 4, 7}) {  // stops in the first, second and third chunk
        std::stop_source stop;
        backend->beforeAttention = [&] {
            if (--layer == 0) stop.request_stop();
        };
        const Result<void> read = (*document)->readEarly(*runner, stop.get_token(), {});
        backend->beforeAttention = {};
        if (read) break;
        EXPECT_EQ(read.error().code, ErrorCode::Cancelled);
    }
    ASSERT_TRUE((*document)->readEarly(*runner, {}, {}));
    EXPECT_TRUE((*document)->earlyDone());
    expectSame(whole, finish(*generation(**document, tokens, policy)));
}

TEST_P(GenerationTest, AFullReadingGivesTheBitsOfFullContext) {
    const std::vector<TokenId> tokens = prompt(301);
    const Policy full = Policy::full(model->config());
    const Outcome onePass = finish(*generation(*resident(tokens, 0, full.tspLayer), tokens, full));
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 290, 2);
    expectSame(onePass, finish(*generation(*document, tokens, full)));  // late stage not read: computed here
    ASSERT_TRUE(document->readLate(*runner, {}, {}));
    EXPECT_TRUE(document->fullDone());
    const std::unique_ptr<Generation> after = generation(*document, tokens, full);
    expectSame(onePass, finish(*after));
    EXPECT_EQ(after->trace().reused, 290);
}

TEST_P(GenerationTest, APolicyOfAnotherLayerDoesNotUseTheResidentStates) {
    const std::vector<TokenId> tokens = prompt(150);
    const Policy policy = paper();
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 140, policy.tspLayer + 1);
    const Outcome onePass = finish(*generation(*resident(tokens, 0, policy.tspLayer), tokens, policy));
    expectSame(onePass, finish(*generation(*document, tokens, policy)));
}

TEST_P(GenerationTest, WhatIsNotDocumentIsAlwaysCarried) {
    const std::vector<TokenId> tokens = prompt(400);
    Policy policy = Policy::shipped(model->config());
    policy.minimumCarried = 60;
    policy.ratePerMille = 100;
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 380, policy.tspLayer);
    const std::unique_ptr<Generation> made = generation(*document, tokens, policy, {12, 380, 0});
    const Outcome outcome = finish(*made);
    EXPECT_EQ(outcome.trace.carried.size(), 60U);
    for (std::int32_t position = 0; position < 12; ++position)
        EXPECT_EQ(outcome.trace.carried[static_cast<std::size_t>(position)], position);
    for (std::int32_t i = 1; i <= 20; ++i)
        EXPECT_EQ(outcome.trace.carried[static_cast<std::size_t>(60 - i)], 400 - i);
    ASSERT_EQ(made->attention().size(), 380U);
    EXPECT_GE(*std::min_element(made->attention().begin(), made->attention().end()), 0.0F);
    const float sum = std::accumulate(made->attention().begin(), made->attention().end(), 0.0F);
    EXPECT_GT(sum, 0.0F);
    EXPECT_LE(sum, static_cast<float>(model->config().heads) * 1.001F);
}

TEST_P(GenerationTest, AStoppedTokenMayBeAcceptedAgain) {
    const std::vector<TokenId> tokens = prompt(90);
    const Policy policy = paper();
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 80, policy.tspLayer);
    const Outcome expected = finish(*generation(*document, tokens, policy));
    const std::unique_ptr<Generation> made = generation(*document, tokens, policy);
    std::stop_source stopped;
    stopped.request_stop();
    EXPECT_EQ(made->prefill(stopped.get_token()).error().code, ErrorCode::Cancelled);
    ASSERT_TRUE(made->prefill({}));
    Outcome outcome{made->trace(), {}};
    for (int i = 0; i < 5; ++i) {
        outcome.logits.push_back(made->logits());
        std::stop_source stop;
        backend->beforeAttention = [&, layer = 0]() mutable {
            if (++layer == 3) stop.request_stop();
        };
        const TokenId token = greedy(made->logits());
        EXPECT_EQ(made->accept(token, stop.get_token()).error().code, ErrorCode::Cancelled);
        backend->beforeAttention = {};
        ASSERT_TRUE(made->accept(token, {}));
    }
    expectSame(expected, outcome);
}

TEST_P(GenerationTest, RefusesWhatDoesNotFit) {
    const std::vector<TokenId> tokens = prompt(50);
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 40, 1);
    Generation::Options options;
    options.policy = paper();
    options.policy.tspLayer = 1;
    options.maxTokens = 4;
    const auto create = [&](std::vector<TokenId> question, PromptLayout layout) {
        return Generation::create(*runner, *document, std::move(question), layout, options);
    };
    EXPECT_EQ(create({5, 6}, {0, 40, 43}).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(create({5, 1 << 30}, {0, 40, 42}).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(create({5, 6}, {41, 40, 42}).error().code, ErrorCode::InvalidArgument);
    options.maxTokens = model->config().window;
    EXPECT_EQ(create({5, 6}, {0, 40, 42}).error().code, ErrorCode::TooLarge);
    options.maxTokens = 4;
    options.policy.kernel = 4;
    EXPECT_EQ(create({5, 6}, {0, 40, 42}).error().code, ErrorCode::InvalidArgument);
    options.policy.kernel = 7;
    const auto made = create({5, 6}, {0, 40, 42});
    ASSERT_TRUE(made);
    EXPECT_EQ((*made)->accept(1, {}).error().code, ErrorCode::InvalidArgument) << "before the prefill";
    backend->allocationsLeft = 3;
    EXPECT_EQ((*made)->prefill({}).error().code, ErrorCode::OutOfMemory);
    backend->allocationsLeft = 1 << 30;
    ASSERT_TRUE((*made)->prefill({}));
    EXPECT_EQ((*made)->accept(-1, {}).error().code, ErrorCode::InvalidArgument);
    for (int i = 0; i < 4; ++i)
        ASSERT_TRUE((*made)->accept(1, {}));
    EXPECT_EQ((*made)->accept(1, {}).error().code, ErrorCode::TooLarge);
    backend->free = 1000;
    EXPECT_EQ(ResidentDocument::create(*model, *backend, tokens, 1, kernels::KvType::F16).error().code,
              ErrorCode::OutOfMemory);
}

INSTANTIATE_TEST_SUITE_P(Models, GenerationTest,
                         testing::Values(Setting{"llama", Activations::F32},
                                         Setting{"llama", Activations::Int8},
                                         Setting{"qwen2", Activations::Int8}),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace kvasir
