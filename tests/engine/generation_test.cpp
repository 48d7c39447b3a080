// Resident documents, full reading, stops and errors, on models of random weights.
#include "engine/generation.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/engine/generation_fixture.h"

namespace kvasir {
namespace {

using test::GenerationTest;
using test::Outcome;

TEST_P(GenerationTest, AResidentDocumentGivesTheBitsOfOnePass) {
    const std::vector<TokenId> tokens = prompt(333);
    const Policy policy = paper();
    std::unique_ptr<ResidentDocument> none = resident(tokens, 0, policy.tspLayer);
    const Outcome onePass = finish(*generation(*none, tokens, policy));
    none.reset();  // `load` replaces the back end, which must outlive it
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
    Policy policy = Policy::fixedRate(model->config(), 100);
    policy.minimumCarried = 60;
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

/// Coverage is not measured where nothing competes.
TEST_P(GenerationTest, AdaptivePoliciesCarryShortPromptsWhole) {
    const std::vector<TokenId> tokens = prompt(100);
    Generation::Options options;  // no details: then nothing is scored
    options.policy = Policy::shipped(model->config());
    options.policy.tspLayer = paper().tspLayer;
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 80, options.policy.tspLayer);
    for (const std::vector<Policy::Range>& pins : {std::vector<Policy::Range>(), {{20, 40}}}) {
        options.policy.pins = pins;
        auto made = Generation::create(*runner, *document, {tokens.begin() + 80, tokens.end()}, {12, 80, 100},
                                       options);
        ASSERT_TRUE(made) << made.error().message();
        ASSERT_TRUE((*made)->prefill({}));
        EXPECT_EQ((*made)->trace().decision.by, CarriedBy::Everything);
        EXPECT_EQ((*made)->trace().decision.pinned, 0) << "carried anyway";
        EXPECT_EQ((*made)->trace().carried.size(), 100U);
    }
}

TEST_P(GenerationTest, PinsAreCarriedAndKeptOnTopOfEverything) {
    const std::vector<TokenId> tokens = prompt(400);
    Policy policy = paper();
    policy.keepPrompt = true;
    const PromptLayout layout{12, 380, 0};
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 380, policy.tspLayer);
    const Outcome plain = finish(*generation(*document, tokens, policy, layout));
    policy.pins = {{5, 20}, {100, 131}, {375, 385}};
    const std::unique_ptr<Generation> made = generation(*document, tokens, policy, layout);
    const Outcome pinned = finish(*made);
    // Of the pinned, those that would have to compete: [12, 20), [100, 131) and [375, 380).
    const CarryDecision& decision = pinned.trace.decision;
    EXPECT_EQ(decision.pinned, 8 + 31 + 5);
    EXPECT_EQ(decision.always, 12 + 20);
    EXPECT_EQ(decision.carried, plain.trace.decision.carried + decision.pinned);
    EXPECT_EQ(static_cast<std::int64_t>(pinned.trace.carried.size()), decision.carried);

    // Plainly: all that is not document, all pins, then the best scores, the lower position first.
    std::vector<std::int32_t> rivals, expected;
    for (std::int32_t position = 0; position < 400; ++position) {
        const bool rival = position >= 12 && position < 380 && !policy.isPinned(position);
        (rival ? rivals : expected).push_back(position);
    }
    std::sort(rivals.begin(), rivals.end(), [&](std::int32_t a, std::int32_t b) {
        const float x = pinned.trace.tspScores[static_cast<std::size_t>(a)],
                    y = pinned.trace.tspScores[static_cast<std::size_t>(b)];
        return x != y ? x > y : a < b;
    });
    const auto chosen = static_cast<std::ptrdiff_t>(400 * 200 / 1000 - 32);
    expected.insert(expected.end(), rivals.begin(), rivals.begin() + chosen);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(pinned.trace.carried, expected);
    for (const auto& layer : pinned.trace.kept) {
        for (const auto& head : layer) {
            for (const Policy::Range& pin : policy.pins) {
                for (auto position = static_cast<std::int32_t>(pin.first); position < pin.last; ++position)
                    EXPECT_TRUE(std::binary_search(head.begin(), head.end(), position)) << position;
            }
        }
    }
    // Whatever the policy: the fewest it can carry, the fewest it can keep.
    for (Policy other : {Policy::fixedLength(model->config(), 1), Policy::fixedRate(model->config(), 1),
                         Policy::adaptive(model->config(), 1, 1, 8), Policy::paper(model->config())}) {
        other.tspLayer = policy.tspLayer;
        other.retentionPerMille = 1;
        other.pins = policy.pins;
        const Outcome outcome = finish(*generation(*document, tokens, other, layout));
        const auto holdsPins = [&](const std::vector<std::int32_t>& positions) {
            std::int64_t held = 0;
            for (const std::int32_t position : positions)
                held += other.isPinned(position) ? 1 : 0;
            return held == 15 + 31 + 10;
        };
        EXPECT_TRUE(holdsPins(outcome.trace.carried)) << other.name;
        for (const auto& layer : outcome.trace.kept) {
            for (const auto& head : layer)
                EXPECT_TRUE(holdsPins(head)) << other.name;
        }
        EXPECT_LT(outcome.trace.carried.size(), 380U) << other.name << ": most is left out";
    }
    policy.pins = {{390, 401}};
    Generation::Options options;
    options.policy = policy;
    EXPECT_EQ(
        Generation::create(*runner, *document, {tokens.begin() + 380, tokens.end()}, {12, 380, 400}, options)
            .error()
            .code,
        ErrorCode::InvalidArgument);
}

TEST_P(GenerationTest, TheAdaptivePolicyCarriesUntilItsShareIsCovered) {
    const std::vector<TokenId> tokens = prompt(500);
    const PromptLayout layout{10, 480, 0};
    Policy policy = Policy::adaptive(model->config(), 800, 40, 450);
    policy.window = 20;
    policy.kernel = 1;  // unpooled: t is the attention itself
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 480, policy.tspLayer);
    const Outcome outcome = finish(*generation(*document, tokens, policy, layout));
    const CarryDecision& decision = outcome.trace.decision;
    ASSERT_EQ(decision.by, CarriedBy::Coverage);
    EXPECT_EQ(static_cast<std::int64_t>(outcome.trace.carried.size()), decision.carried);
    const std::vector<float>& t = outcome.trace.tspScores;
    const double all = std::accumulate(t.begin() + 10, t.end(), 0.0);
    double held = 0, least = 1e9;
    for (const std::int32_t position : outcome.trace.carried) {
        if (position < 10 || position >= 480) continue;
        held += t[static_cast<std::size_t>(position)];
        least = std::min<double>(least, t[static_cast<std::size_t>(position)]);
    }
    EXPECT_NEAR(decision.covered, held / all, 1e-5);
    EXPECT_GE(held / all, 0.8 - 1e-5);
    EXPECT_LT((held - least) / all, 0.8 + 1e-5) << "one less would not be enough";
    policy.maximumCarried = 60;
    const Outcome bounded = finish(*generation(*document, tokens, policy, layout));
    EXPECT_EQ(bounded.trace.decision.by, CarriedBy::Maximum);
    EXPECT_EQ(bounded.trace.carried.size(), 60U);
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

TEST_P(GenerationTest, ObservesTheHeadsThatAreNamed) {
    const std::vector<TokenId> tokens = prompt(200);
    const Policy policy = Policy::fixedRate(model->config(), 300);
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 180, policy.tspLayer);
    const auto attention = [&](const std::vector<ObservedLayer>& observed, const HeadObserver& onHeads) {
        Generation::Options options;
        options.policy = policy;
        options.observed = observed;
        options.onHeads = onHeads;
        auto made = Generation::create(*runner, *document, {tokens.begin() + 180, tokens.end()},
                                       {12, 180, 200}, options);
        EXPECT_TRUE(made) << made.error().message();
        EXPECT_TRUE((*made)->prefill({}));
        EXPECT_TRUE((*made)->accept(tokens[3], {}));
        const std::span<const float> sum = (*made)->attention();
        return std::vector<float>(sum.begin(), sum.end());
    };
    const std::int32_t layer = policy.tspLayer, last = model->config().layers - 1;
    std::vector<std::vector<float>> byHead;  // of the token that was accepted
    std::size_t calls = 0;
    const HeadObserver keep = [&](std::int32_t l, std::span<const float> heads) {
        ++calls;
        if (l != layer) return;
        byHead.clear();
        for (std::int32_t h = 0; h < model->config().heads; ++h)
            byHead.emplace_back(heads.begin() + h * 180, heads.begin() + (h + 1) * 180);
    };
    EXPECT_TRUE(attention({}, keep).empty());
    EXPECT_EQ(calls, 2U * static_cast<std::size_t>(model->config().layers));
    const auto sumOf = [&](const std::vector<std::int32_t>& heads) {
        std::vector<float> sum(180, 0.0F);
        for (const std::int32_t h : heads) {
            for (std::size_t i = 0; i < sum.size(); ++i)
                sum[i] += byHead[static_cast<std::size_t>(h)][i];
        }
        return sum;
    };
    const auto expectNear = [](const std::vector<float>& a, const std::vector<float>& b) {
        ASSERT_EQ(a.size(), b.size());
        for (std::size_t i = 0; i < a.size(); ++i)
            EXPECT_NEAR(a[i], b[i], 1e-5) << i;
    };
    expectNear(attention({{layer, {0, 2}}}, {}), sumOf({0, 2}));
    std::vector<std::int32_t> all(static_cast<std::size_t>(model->config().heads));
    std::iota(all.begin(), all.end(), 0);
    expectNear(attention({{layer, {}}}, {}), sumOf(all));
    EXPECT_NE(attention({{layer, {0}}, {last, {1}}}, {}), attention({{layer, {0}}}, {}));
}

TEST_P(GenerationTest, ObservesTheBeginningOfTheQuestionToo) {
    const std::vector<TokenId> tokens = prompt(200);
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 150, 0);
    const auto attention = [&](std::int64_t ofQuestion) {
        Generation::Options options;
        options.policy = Policy::full(model->config());
        options.observed = {{model->config().layers - 1, {}}};
        options.observedOfQuestion = ofQuestion;
        auto made = Generation::create(*runner, *document, {tokens.begin() + 150, tokens.end()},
                                       {12, 150, 200}, options);
        if (!made) {
            EXPECT_EQ(made.error().code, ErrorCode::InvalidArgument);
            return std::vector<float>();
        }
        EXPECT_TRUE((*made)->prefill({}));
        EXPECT_TRUE((*made)->accept(tokens[3], {}));
        const std::span<const float> sum = (*made)->attention();
        return std::vector<float>(sum.begin(), sum.end());
    };
    const std::vector<float> less = attention(0), more = attention(30);
    ASSERT_EQ(less.size(), 150U);
    ASSERT_EQ(more.size(), 180U);
    EXPECT_TRUE(std::equal(less.begin(), less.end(), more.begin()));
    EXPECT_GT(std::accumulate(more.begin() + 150, more.end(), 0.0F), 0.0F);
    EXPECT_EQ(attention(51).size(), 0U) << "there are 50";
    EXPECT_EQ(attention(-1).size(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Models, GenerationTest, test::generationSettings(),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace kvasir
