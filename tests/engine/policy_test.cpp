// The counts that follow from FastKV's settings, and the settings that are refused.
#include "engine/policy.h"

#include <algorithm>
#include <random>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "engine/policy_text.h"

namespace kvasir {
namespace {

PromptLayout prompt(std::int64_t prefix, std::int64_t documentEnd, std::int64_t length) {
    return {prefix, documentEnd, length};
}

ModelConfig model(std::int32_t layers) {
    ModelConfig config;
    config.layers = layers;
    return config;
}

TEST(Policy, TakesSharesInIntegers) {
    Policy policy;
    policy.minimumCarried = 0;
    // In binary fractions the floors of the first two would be 28 and 62.
    for (const auto& [length, perMille, count] :
         {std::tuple{100, 290, 29}, {90, 700, 63}, {1000, 1, 1}, {999, 1, 0}, {1, 999, 0}, {7, 1000, 7}}) {
        policy.ratePerMille = policy.retentionPerMille = perMille;
        EXPECT_EQ(policy.carriedTarget(prompt(0, 0, length)), count) << length << " " << perMille;
        EXPECT_EQ(policy.capacity(prompt(0, 0, length)), count) << length << " " << perMille;
    }
}

TEST(Policy, LongPromptsDoNotOverflow) {
    Policy policy;
    policy.ratePerMille = 999;
    EXPECT_EQ(policy.carriedTarget(prompt(0, 0, 1 << 24)), (std::int64_t{1} << 24) * 999 / 1000);
}

TEST(Policy, CarriesAtLeastTheMinimumButNotMoreThanThereIs) {
    Policy policy;
    policy.ratePerMille = 200;
    policy.minimumCarried = 2048;
    EXPECT_EQ(policy.carriedTarget(prompt(0, 0, 100)), 100);
    EXPECT_EQ(policy.carriedTarget(prompt(0, 0, 2048)), 2048);
    EXPECT_EQ(policy.carriedTarget(prompt(0, 0, 5000)), 2048);
    EXPECT_EQ(policy.carriedTarget(prompt(0, 0, 20000)), 4000);
}

TEST(Policy, WindowIsTheQuestionBetweenItsBounds) {
    Policy policy;
    policy.window = 0;
    EXPECT_EQ(policy.windowRows(prompt(5, 95, 100)), 8);    // a question of 5
    EXPECT_EQ(policy.windowRows(prompt(5, 80, 100)), 20);   // of 20
    EXPECT_EQ(policy.windowRows(prompt(5, 100, 300)), 64);  // of 200
    EXPECT_EQ(policy.windowRows(prompt(0, 2, 3)), 3);       // the prompt is shorter than the least window
    policy.window = 16;
    EXPECT_EQ(policy.windowRows(prompt(5, 95, 100)), 16);
    EXPECT_EQ(policy.windowRows(prompt(0, 1, 10)), 10);
}

TEST(Policy, CandidatesAreTheDocumentOutsideTheWindow) {
    Policy policy;
    policy.window = 8;
    policy.keepPrompt = true;
    const auto range = [&](const PromptLayout& layout) {
        const Policy::Range found = policy.candidates(layout);
        return std::pair{found.first, found.last};
    };
    EXPECT_EQ(range(prompt(10, 80, 100)), std::pair(std::int64_t{10}, std::int64_t{80}));
    EXPECT_EQ(range(prompt(10, 97, 100)), std::pair(std::int64_t{10}, std::int64_t{92}));  // short question
    EXPECT_EQ(range(prompt(95, 97, 100)), std::pair(std::int64_t{92}, std::int64_t{92}));  // all in window
    EXPECT_EQ(range(prompt(2, 4, 5)), std::pair(std::int64_t{0}, std::int64_t{0}));
    EXPECT_EQ(range(prompt(10, 10, 100)), std::pair(std::int64_t{10}, std::int64_t{10}));  // no document
    policy.keepPrompt = false;
    EXPECT_EQ(range(prompt(10, 80, 100)), std::pair(std::int64_t{0}, std::int64_t{92}));
}

TEST(Policy, PresetsFitEveryDepth) {
    for (const std::int32_t layers : {1, 2, 3, 5, 24, 28, 30, 1024}) {
        for (const Policy& policy :
             {Policy::shipped(model(layers)), Policy::paper(model(layers)), Policy::full(model(layers))}) {
            EXPECT_TRUE(policy.check(model(layers))) << policy.name << " of " << layers;
        }
    }
    EXPECT_EQ(Policy::shipped(model(28)).tspLayer, 24);
    EXPECT_EQ(Policy::shipped(model(24)).tspLayer, 21);
    EXPECT_EQ(Policy::paper(model(30)).tspLayer, 14);
    EXPECT_EQ(Policy::paper(model(24)).tspLayer, 11);
    EXPECT_EQ(Policy::full(model(24)).tspLayer, 23);
    EXPECT_EQ(Policy::full(model(24)).carriedTarget(prompt(3, 90, 100)), 100);
}

TEST(Policy, RefusesSettingsOutOfRangeByName) {
    const auto expectRefused = [](const std::string& word, const auto& change) {
        Policy policy = Policy::paper(model(4));
        change(policy);
        const Result<void> checked = policy.check(model(4));
        ASSERT_FALSE(checked) << word;
        EXPECT_EQ(checked.error().code, ErrorCode::InvalidArgument) << word;
        EXPECT_NE(checked.error().where.find(word), std::string::npos) << checked.error().message();
        EXPECT_FALSE(checked.error().advice.empty());
    };
    for (const std::int32_t bad : {-1, 4, 1000000})
        expectRefused("tsp-layer", [&](Policy& policy) { policy.tspLayer = bad; });
    for (const std::int32_t bad : {-5, 0, 1001}) {
        expectRefused("rate", [&](Policy& policy) { policy.ratePerMille = bad; });
        expectRefused("retention", [&](Policy& policy) { policy.retentionPerMille = bad; });
    }
    for (const std::int64_t bad : {-1, 257})
        expectRefused("window", [&](Policy& policy) { policy.window = bad; });
    for (const std::int32_t bad : {-1, 0, 2, 4096, 4097})
        expectRefused("kernel", [&](Policy& policy) { policy.kernel = bad; });
}

TEST(Policy, RefusesBoundsAndPinsThatMakeNoSense) {
    const auto codeOf = [](const auto& change) {
        Policy policy = Policy::shipped(model(4));
        change(policy);
        const Result<void> checked = policy.check(model(4));
        EXPECT_FALSE(checked);
        return checked ? ErrorCode::Internal : checked.error().code;
    };
    EXPECT_EQ(codeOf([](Policy& p) { p.coveragePerMille = 1001; }), ErrorCode::InvalidArgument);
    EXPECT_EQ(codeOf([](Policy& p) { p.minimumCarried = -1; }), ErrorCode::InvalidArgument);
    EXPECT_EQ(codeOf([](Policy& p) { p.maximumCarried = 5; }), ErrorCode::InvalidArgument);
    EXPECT_EQ(codeOf([](Policy& p) { p.pins = {{3, 3}}; }), ErrorCode::InvalidArgument);
    EXPECT_EQ(codeOf([](Policy& p) { p.pins = {{-1, 3}}; }), ErrorCode::InvalidArgument);
    EXPECT_EQ(codeOf([](Policy& p) { p.pins = {{5, 9}, {9, 12}}; }), ErrorCode::InvalidArgument);
    EXPECT_EQ(codeOf([](Policy& p) { p.pins = {{0, Policy::kMostPinned + 1}}; }), ErrorCode::TooLarge);
    Policy good = Policy::fixedLength(model(4), 100);
    good.pins = {{0, 10}, {11, 12}, {400, 500}};
    for (std::int64_t position = -1; position < 510; ++position) {
        const bool pinned =
            (position >= 0 && position < 10) || position == 11 || (position >= 400 && position < 500);
        EXPECT_EQ(good.isPinned(position), pinned) << position;
    }
    EXPECT_TRUE(good.check(model(4)));
    EXPECT_TRUE(good.isPinned(0) && good.isPinned(9) && good.isPinned(11) && good.isPinned(499));
    EXPECT_FALSE(good.isPinned(10) || good.isPinned(12) || good.isPinned(500));
}

TEST(Policy, IsReadFromText) {
    const ModelConfig config = model(24);
    EXPECT_EQ(policyFromText("shipped", config)->name, "shipped");
    EXPECT_EQ(policyFromText("paper", config)->window, 8);
    const Result<Policy> policy = policyFromText(
        "shipped,tsp=19,rate=0.4,retention=0.5,window=16,pool=avg,kernel=5,coverage=0.29,least=7,most=9",
        config);
    ASSERT_TRUE(policy) << policy.error().message();
    EXPECT_EQ(policy->name, "custom");
    EXPECT_EQ(policy->tspLayer, 19);
    EXPECT_EQ(policy->ratePerMille, 400);
    EXPECT_EQ(policy->retentionPerMille, 500);
    EXPECT_EQ(policy->coveragePerMille, 290);
    EXPECT_EQ(policy->window, 16);
    EXPECT_EQ(policy->pooling, kernels::Pooling::Average);
    EXPECT_EQ(policy->kernel, 5);
    EXPECT_EQ(policy->minimumCarried, 7);
    EXPECT_EQ(policy->maximumCarried, 9);
    EXPECT_EQ(policyFromText("shipped,rate=0.1", config)->minimumCarried, 0);
    EXPECT_EQ(policyFromText("shipped,window=8", config)->minimumCarried, 2048);
    for (const char* bad :
         {"", "fast", "shipped,rate", "shipped,rate=", "shipped,rate=2", "shipped,rate=0.2x",
          "shipped,tsp=99", "shipped,size=3", "paper,pool=min", "shipped,kernel=4", "shipped,rate=nan"}) {
        const Result<Policy> refused = policyFromText(bad, config);
        ASSERT_FALSE(refused) << bad;
        EXPECT_EQ(refused.error().code, ErrorCode::InvalidArgument) << bad;
    }
}

TEST(Policy, FixedLengthCarriesTheSameWhateverThePrompt) {
    const Policy policy = Policy::fixedLength(model(4), 300);
    for (const std::int64_t length : {100, 300, 301, 50000})
        EXPECT_EQ(policy.carriedTarget(prompt(0, 0, length)), std::min<std::int64_t>(length, 300));
    EXPECT_EQ(Policy::fixedRate(model(4), 100).carriedTarget(prompt(0, 0, 5000)), 500);
}

TEST(Policy, SaysWhatSettledTheNumber) {
    const std::vector<Policy::Candidate> competing(80);  // of 100: 10 before, 10 behind
    const auto decide = [&](const Policy& policy, std::int64_t pinned = 0) {
        return policy.decide(prompt(10, 90, 100), pinned,
                             std::span(competing).first(competing.size() - static_cast<std::size_t>(pinned)));
    };
    const CarryDecision rate = decide(Policy::fixedRate(model(4), 500));
    EXPECT_EQ(rate.by, CarriedBy::Rate);
    EXPECT_EQ(rate.carried, 50);
    EXPECT_EQ(rate.always, 20);
    EXPECT_EQ(rate.pinned, 0);
    EXPECT_EQ(rate.covered, -1);
    EXPECT_EQ(decide(Policy::fixedLength(model(4), 30)).by, CarriedBy::Minimum);
    EXPECT_EQ(decide(Policy::fixedRate(model(4), 100)).by, CarriedBy::Minimum) << "20 are always carried";
    EXPECT_EQ(decide(Policy::fixedRate(model(4), 100)).carried, 20);
    EXPECT_EQ(decide(Policy::shipped(model(4))).by, CarriedBy::Everything);
    const CarryDecision pinned = decide(Policy::fixedRate(model(4), 500), 7);
    EXPECT_EQ(pinned.carried, 57) << "pins come on top";
    EXPECT_EQ(pinned.always, 20);
    EXPECT_EQ(pinned.pinned, 7);
}

TEST(Policy, AdaptiveCoversItsShareWithTheFewest) {
    std::mt19937 random(5);
    for (int round = 0; round < 300; ++round) {
        std::vector<Policy::Candidate> candidates(1 + random() % 60);
        for (Policy::Candidate& candidate : candidates) {
            candidate.score = static_cast<float>(random() % 12);  // ties, as pooling makes them
            candidate.attention = static_cast<float>(random() % 100) / 64;
            candidate.sink = random() % 10 == 0;
        }
        const auto competing = static_cast<std::int64_t>(candidates.size());
        const PromptLayout layout = prompt(5, 5 + competing, 13 + competing);
        const auto coverage = static_cast<std::int32_t>(1 + random() % 1000);
        const auto least = static_cast<std::int64_t>(random() % 40),
                   most = least + 1 + static_cast<std::int64_t>(random() % 40);
        const CarryDecision decision =
            Policy::adaptive(model(4), coverage, least, most).decide(layout, 0, candidates);

        // The best score first, the lower position first among equals.
        std::vector<std::size_t> order(candidates.size());
        for (std::size_t at = 0; at < order.size(); ++at)
            order[at] = at;
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            const float x = candidates[a].score, y = candidates[b].score;
            return x != y ? x > y : a < b;
        });
        double all = 0;
        for (const std::size_t at : order)
            all += candidates[at].sink ? 0 : candidates[at].attention;
        std::int64_t count = 0;
        for (double held = 0; held < all * coverage / 1000; ++count) {
            const Policy::Candidate& next = candidates[order[static_cast<std::size_t>(count)]];
            held += next.sink ? 0 : next.attention;
        }
        const std::int64_t wanted = std::max(least, std::min(most, 13 + count));
        EXPECT_EQ(decision.carried, std::clamp<std::int64_t>(wanted, 13, 13 + competing));
        EXPECT_EQ(decision.always, 13);
        if (decision.by == CarriedBy::Coverage) {
            EXPECT_GE(decision.covered, coverage / 1000.0 - 1e-9);
        }
        EXPECT_LE(decision.covered, 1.0);
    }
}

}  // namespace
}  // namespace kvasir
