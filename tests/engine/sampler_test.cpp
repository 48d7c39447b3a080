// Draws against probabilities computed plainly, bounds, repeatability, and answers that go round in circles.
#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include <gtest/gtest.h>

namespace kvasir {
namespace {

std::vector<float> someLogits(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, 2);
    std::vector<float> logits(count);
    for (float& logit : logits)
        logit = normal(random);
    return logits;
}

/// What the settings allow, straight from their definitions.
std::vector<double> probabilities(const std::vector<float>& logits, const SamplerSettings& settings) {
    std::vector<double> p(logits.size());
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i)
        sum += p[i] = std::exp(static_cast<double>(logits[i]) / settings.temperature);
    double largest = 0;
    for (double& value : p)
        largest = std::max(largest, value /= sum);
    for (double& value : p)
        value = value < settings.minP * largest ? 0 : value;
    sum = 0;
    for (const double value : p)
        sum += value;
    std::vector<std::size_t> order(p.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return p[a] != p[b] ? p[a] > p[b] : a < b; });
    double before = 0;
    for (const std::size_t i : order) {
        const bool in = before < settings.topP * sum;
        before += p[i];
        if (!in) p[i] = 0;
    }
    sum = 0;
    for (const double value : p)
        sum += value;
    for (double& value : p)
        value /= sum;
    return p;
}

TEST(Sampler, IsGreedyByDefault) {
    const std::vector<float> logits = someLogits(500, 1);
    Sampler sampler({});
    EXPECT_TRUE(sampler.isGreedy());
    EXPECT_EQ(sampler.pick(logits), greedy(logits));
    EXPECT_EQ(greedy(std::vector<float>{1, 3, 3, 2}), 1) << "ties go to the lower id";
    EXPECT_EQ(greedy(std::vector<float>{-INFINITY, -2}), 1);
}

TEST(Sampler, DrawsWithTheProbabilitiesOfItsSettings) {
    constexpr int kDraws = 40000;
    const std::vector<float> logits = someLogits(30, 2);
    for (const SamplerSettings& settings :
         {SamplerSettings{.temperature = 1}, SamplerSettings{.temperature = 0.5F, .topP = 0.8F},
          SamplerSettings{.temperature = 2, .minP = 0.2F},
          SamplerSettings{.temperature = 1.3F, .topP = 0.6F, .minP = 0.05F}}) {
        const std::vector<double> expected = probabilities(logits, settings);
        std::vector<int> count(logits.size(), 0);
        Sampler sampler(settings);
        EXPECT_FALSE(sampler.isGreedy());
        for (int i = 0; i < kDraws; ++i)
            ++count[static_cast<std::size_t>(sampler.pick(logits))];
        for (std::size_t i = 0; i < logits.size(); ++i) {
            const double deviation = std::sqrt(expected[i] * (1 - expected[i]) * kDraws);
            EXPECT_NEAR(count[i], expected[i] * kDraws, 5 * deviation + 1e-9) << i;
        }
    }
}

TEST(Sampler, LargeVocabulariesAreCutAtTheSamePlace) {
    // More tokens than are sorted at first, nearly alike: the cut lies far down.
    std::vector<float> logits = someLogits(5000, 3);
    for (float& logit : logits)
        logit *= 0.01F;
    const SamplerSettings settings{.temperature = 1, .topP = 0.5F};
    const std::vector<double> expected = probabilities(logits, settings);
    Sampler sampler(settings);
    for (int i = 0; i < 2000; ++i)
        EXPECT_GT(expected[static_cast<std::size_t>(sampler.pick(logits))], 0);
}

TEST(Sampler, TheSameSeedWritesTheSame) {
    const std::vector<float> logits(1000, 0.0F);
    const auto draws = [&](std::uint64_t seed) {
        Sampler sampler({.temperature = 1, .seed = seed});
        std::vector<TokenId> tokens(6);
        for (TokenId& token : tokens)
            token = sampler.pick(logits);
        return tokens;
    };
    EXPECT_EQ(draws(7), draws(7));
    EXPECT_NE(draws(7), draws(8));
    // From splitmix64's published sequence of seed 0: e220a8397b1dcdaf, 6e789e6aa1b965f4, 06c45d188009454f.
    EXPECT_EQ((std::vector<TokenId>{draws(0)[0], draws(0)[1], draws(0)[2]}),
              (std::vector<TokenId>{883, 431, 26}));
}

TEST(Sampler, PenalisesWhatWasWrittenLately) {
    const std::vector<float> logits{2.0F, 1.9F, -1.0F};
    Sampler sampler({.repeatPenalty = 1.5F});
    EXPECT_FALSE(sampler.isGreedy());
    EXPECT_EQ(sampler.pick(logits), 0);
    sampler.accept(0);
    EXPECT_EQ(sampler.pick(logits), 1);
    sampler.accept(0);
    sampler.accept(1);
    EXPECT_EQ(sampler.pick(logits), 0) << "each token is penalised once";
    for (int i = 0; i < 64; ++i)
        sampler.accept(2);
    EXPECT_EQ(sampler.pick(std::vector<float>{-1.2F, -2.0F, -1.0F}), 0) << "others are forgotten by now";
}

TEST(Sampler, RefusesSettingsOutOfRangeByName) {
    EXPECT_TRUE(SamplerSettings{}.check());
    const auto expectRefused = [](const SamplerSettings& settings, const std::string& name) {
        const Result<void> checked = settings.check();
        ASSERT_FALSE(checked) << name;
        EXPECT_EQ(checked.error().code, ErrorCode::InvalidArgument);
        EXPECT_EQ(checked.error().where, name);
    };
    for (const float bad : {-0.1F, 11.0F, NAN})
        expectRefused({.temperature = bad}, "temperature");
    for (const float bad : {0.0F, 1.1F, NAN})
        expectRefused({.topP = bad}, "top-p");
    for (const float bad : {-0.1F, 1.1F, NAN})
        expectRefused({.minP = bad}, "min-p");
    for (const float bad : {0.0F, 5.0F, NAN})
        expectRefused({.repeatPenalty = bad}, "repeat-penalty");
}

std::vector<TokenId> rounds(std::size_t period, std::size_t count) {
    std::vector<TokenId> tokens{900, 901, 902};
    for (std::size_t i = 0; i < period * count; ++i)
        tokens.push_back(static_cast<TokenId>(i % period));
    return tokens;
}

TEST(FindRepetition, NoticesTheThirdRound) {
    for (const std::size_t period : {6, 7, 20, 96}) {
        EXPECT_EQ(findRepetition(rounds(period, 3)).period, period);
        EXPECT_EQ(findRepetition(rounds(period, 3)).rounds, 3U);
        EXPECT_EQ(findRepetition(rounds(period, 2)).period, 0U);
        std::vector<TokenId> broken = rounds(period, 3);
        broken[3 + period] = 77777;
        EXPECT_EQ(findRepetition(broken).period, 0U);
    }
    EXPECT_EQ(findRepetition(rounds(97, 3)).period, 0U);
}

TEST(FindRepetition, ShortRoundsTakeMore) {
    for (const std::size_t period : {1, 2, 3, 4, 5}) {
        const std::size_t needed = (18 + period - 1) / period;
        EXPECT_EQ(findRepetition(rounds(period, needed)).period, period);
        EXPECT_EQ(findRepetition(rounds(period, needed)).rounds, needed);
        EXPECT_EQ(findRepetition(rounds(period, needed - 1)).period, 0U) << period;
    }
    EXPECT_EQ(findRepetition({}).period, 0U);
}

}  // namespace
}  // namespace kvasir
