// The counts that follow from FastKV's settings, and the settings that are refused.
#include "engine/policy.h"

#include <string>
#include <tuple>

#include <gtest/gtest.h>

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
    EXPECT_EQ(Policy::shipped(model(28)).tspLayer, 20);
    EXPECT_EQ(Policy::shipped(model(24)).tspLayer, 17);
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

}  // namespace
}  // namespace kvasir
