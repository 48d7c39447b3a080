// Runs of tokens in one batch: the same as one after another, bit for bit; and what confirmation makes of it.
#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "engine/generation.h"
#include "engine/prompt_lookup.h"
#include "tests/engine/generation_fixture.h"

namespace kvasir {
namespace {

class VerifyTest : public test::GenerationTest {
protected:
    struct Written {
        std::vector<TokenId> tokens;
        std::vector<std::vector<float>> logits;     ///< behind each token
        std::vector<std::vector<float>> attention;  ///< of each token
    };

    static std::vector<float> copied(std::span<const float> values) { return {values.begin(), values.end()}; }

    static Written oneByOne(Generation& generation, std::int64_t count) {
        EXPECT_TRUE(generation.prefill({}));
        Written written;
        for (std::int64_t i = 0; i < count; ++i) {
            written.tokens.push_back(greedy(generation.logits()));
            EXPECT_TRUE(generation.accept(written.tokens.back(), {}));
            written.logits.push_back(generation.logits());
            written.attention.push_back(copied(generation.attention()));
        }
        return written;
    }

    Policy compressed() const {
        Policy policy = paper();
        policy.ratePerMille = 250;
        return policy;
    }
};

TEST_P(VerifyTest, ARunIsWhatItsTokensAreOneByOne) {
    const std::vector<TokenId> tokens = prompt(310);
    const Policy policy = compressed();
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 300, policy.tspLayer);
    const Written expected = oneByOne(*generation(*document, tokens, policy, {}, 40), 40);
    for (const std::size_t rows : {1, 2, 3, 5, 7, 8, 16, 31, 32}) {
        SCOPED_TRACE(rows);
        const std::unique_ptr<Generation> made = generation(*document, tokens, policy, {}, 40);
        ASSERT_TRUE(made->prefill({}));
        for (std::size_t at = 0; at < expected.tokens.size();) {
            const auto run =
                std::span(expected.tokens).subspan(at, std::min(rows, expected.tokens.size() - at));
            std::size_t asked = at;
            const Result<Generation::Verified> done =
                made->verify(run,
                             [&](std::span<const float> logits) {
                                 EXPECT_EQ(copied(logits), expected.logits[asked++]);
                                 return greedy(logits);
                             },
                             {});
            ASSERT_TRUE(done);
            ASSERT_EQ(done->standing, static_cast<std::int64_t>(run.size()));
            EXPECT_EQ(done->next, greedy(expected.logits[at + run.size() - 1]));
            for (std::size_t i = 0; i < run.size(); ++i)
                EXPECT_EQ(copied(made->attention(static_cast<std::int64_t>(i))), expected.attention[at + i]);
            at += run.size();
        }
        EXPECT_EQ(made->logits(), expected.logits.back());
        EXPECT_EQ(made->accepted(), 40);
    }
}

TEST_P(VerifyTest, ARunIsTheSameWithEveryKindOfMemory) {
    const std::vector<TokenId> tokens = prompt(210);
    for (const kernels::KvType type : {kernels::KvType::F32, kernels::KvType::Int8}) {
        for (const Policy& policy : {compressed(), Policy::full(model->config())}) {
            SCOPED_TRACE(policy.name + " " + std::to_string(static_cast<int>(type)));
            const std::unique_ptr<ResidentDocument> document = resident(tokens, 200, policy.tspLayer, type);
            const Written expected = oneByOne(*generation(*document, tokens, policy, {}, 24), 24);
            const std::unique_ptr<Generation> made = generation(*document, tokens, policy, {}, 24);
            ASSERT_TRUE(made->prefill({}));
            for (std::size_t at = 0; at < expected.tokens.size(); at += 8) {
                const auto done = made->verify(std::span(expected.tokens).subspan(at, 8), greedy, {});
                ASSERT_TRUE(done);
                ASSERT_EQ(done->standing, 8);
            }
            EXPECT_EQ(made->logits(), expected.logits.back());
        }
    }
}

TEST_P(VerifyTest, WrongGuessesLeaveNothingBehind) {
    const std::vector<TokenId> tokens = prompt(200);
    const Policy policy = compressed();
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 190, policy.tspLayer);
    const Written expected = oneByOne(*generation(*document, tokens, policy, {}, 32), 24);
    const std::unique_ptr<Generation> made = generation(*document, tokens, policy, {}, 32);
    ASSERT_TRUE(made->prefill({}));
    std::size_t at = 0;
    for (const std::size_t right : {1, 4, 2, 7, 1, 3}) {  // then three wrong ones
        std::vector<TokenId> run(expected.tokens.begin() + static_cast<std::ptrdiff_t>(at),
                                 expected.tokens.begin() + static_cast<std::ptrdiff_t>(at + right));
        const TokenId wrong = (expected.tokens[at + right] + 1) % 200;
        run.insert(run.end(), {wrong, wrong, wrong});
        const Result<Generation::Verified> done = made->verify(run, greedy, {});
        ASSERT_TRUE(done);
        EXPECT_EQ(done->standing, static_cast<std::int64_t>(right));
        EXPECT_EQ(done->next, expected.tokens[at + right]);
        at += right;
        EXPECT_EQ(made->logits(), expected.logits[at - 1]);
        EXPECT_EQ(copied(made->attention()), expected.attention[at - 1]);
        EXPECT_EQ(made->accepted(), static_cast<std::int64_t>(at));
    }
    const std::vector<TokenId> forced(expected.tokens.begin() + 18, expected.tokens.begin() + 24);
    ASSERT_EQ(at, 18U);
    ASSERT_TRUE(made->accept(forced, {}));
    EXPECT_EQ(made->logits(), expected.logits[23]);
}

TEST_P(VerifyTest, StopsAndErrorsChangeNothing) {
    const std::vector<TokenId> tokens = prompt(90);
    const Policy policy = compressed();
    const std::unique_ptr<ResidentDocument> document = resident(tokens, 80, policy.tspLayer);
    const Written expected = oneByOne(*generation(*document, tokens, policy, {}, 6), 6);
    const std::unique_ptr<Generation> made = generation(*document, tokens, policy, {}, 6);
    EXPECT_EQ(made->verify(expected.tokens, greedy, {}).error().code, ErrorCode::InvalidArgument);
    ASSERT_TRUE(made->prefill({}));
    std::stop_source stop;
    backend->beforeAttention = [&, layer = 0]() mutable {
        if (++layer == 3) stop.request_stop();
    };
    EXPECT_EQ(made->verify(expected.tokens, greedy, stop.get_token()).error().code, ErrorCode::Cancelled);
    backend->beforeAttention = {};
    EXPECT_EQ(made->accepted(), 0);
    std::vector<TokenId> bad = expected.tokens;
    bad[3] = 1 << 30;
    EXPECT_EQ(made->verify(bad, greedy, {}).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(made->verify({}, greedy, {}).error().code, ErrorCode::InvalidArgument);
    bad = expected.tokens;
    bad.push_back(1);
    EXPECT_EQ(made->verify(bad, greedy, {}).error().code, ErrorCode::TooLarge);
    const Result<Generation::Verified> done = made->verify(expected.tokens, greedy, {});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->standing, 6);
    EXPECT_EQ(made->logits(), expected.logits.back());
}

// Quick answers are drafts: the full reading confirms one if and only if it writes the same by itself, and
// goes on by itself from the first difference.
TEST_P(VerifyTest, ADraftStandsIfAndOnlyIfTheFullReadingWritesIt) {
    constexpr std::int64_t kAnswer = 4;
    const Policy full = Policy::full(model->config());
    int same = 0, different = 0;
    for (unsigned question = 0; question < 200; ++question) {
        SCOPED_TRACE(question);
        const std::vector<TokenId> tokens = prompt(70 + question % 50, question);
        // From half of the tokens to nearly all, in one or two late layers: some drafts stand, some do not.
        Policy quick = Policy::fixedRate(model->config(), 500 + static_cast<std::int32_t>(question) * 5 / 2);
        quick.window = 8;
        quick.tspLayer = question % 2 == 0 ? 3 : 2;
        const std::unique_ptr<ResidentDocument> document =
            resident(tokens, tokens.size() - 9, quick.tspLayer);
        const Written draft = oneByOne(*generation(*document, tokens, quick, {}, kAnswer), kAnswer);
        ASSERT_TRUE(document->readLate(*runner, {}, {}));
        const Written expected = oneByOne(*generation(*document, tokens, full, {}, kAnswer), kAnswer);

        const std::unique_ptr<Generation> check = generation(*document, tokens, full, {}, kAnswer);
        ASSERT_TRUE(check->prefill({}));
        std::vector<TokenId> answer;
        TokenId next = greedy(check->logits());
        if (next == draft.tokens.front()) {
            const Result<Generation::Verified> done = check->verify(draft.tokens, greedy, {});
            ASSERT_TRUE(done);
            answer.assign(draft.tokens.begin(), draft.tokens.begin() + done->standing);
            next = done->next;
        }
        const bool stands = answer.size() == draft.tokens.size();
        EXPECT_EQ(stands, draft.tokens == expected.tokens);
        (stands ? same : different) += 1;
        while (static_cast<std::int64_t>(answer.size()) < kAnswer) {
            answer.push_back(next);
            ASSERT_TRUE(check->accept(next, {}));
            next = greedy(check->logits());
        }
        EXPECT_EQ(answer, expected.tokens);
        EXPECT_EQ(check->logits(), expected.logits.back());
    }
    EXPECT_GT(same, 20);
    EXPECT_GT(different, 20);
}

TEST_P(VerifyTest, SpeculationChangesNoAnswer) {
    for (const bool quick : {true, false}) {
        for (unsigned seed = 0; seed < 10; ++seed) {
            SCOPED_TRACE(seed);
            std::vector<TokenId> tokens = prompt(120, seed);
            // A text that repeats itself, so that there is something to copy.
            std::copy(tokens.begin(), tokens.begin() + 50, tokens.begin() + 55);
            const Policy policy = quick ? compressed() : Policy::full(model->config());
            const std::unique_ptr<ResidentDocument> document = resident(tokens, 110, policy.tspLayer);
            constexpr std::int64_t kAnswer = 48;
            const Written expected = oneByOne(*generation(*document, tokens, policy, {}, kAnswer), kAnswer);
            const std::unique_ptr<Generation> made = generation(*document, tokens, policy, {}, kAnswer);
            ASSERT_TRUE(made->prefill({}));
            PromptLookup lookup(tokens);
            std::vector<TokenId> answer;
            TokenId next = greedy(made->logits());
            while (static_cast<std::int64_t>(answer.size()) < kAnswer) {
                std::vector<TokenId> run{next};
                const auto room = kAnswer - static_cast<std::int64_t>(answer.size()) - 1;
                const std::vector<TokenId> guess = lookup.guess(next, std::min<std::int64_t>(room, 8));
                run.insert(run.end(), guess.begin(), guess.end());
                const Result<Generation::Verified> done = made->verify(run, greedy, {});
                ASSERT_TRUE(done);
                for (std::int64_t i = 0; i < done->standing; ++i)
                    lookup.append(run[static_cast<std::size_t>(i)]);
                answer.insert(answer.end(), run.begin(), run.begin() + done->standing);
                next = done->next;
            }
            EXPECT_EQ(answer, expected.tokens);
            EXPECT_EQ(made->logits(), expected.logits.back());
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Models, VerifyTest, test::generationSettings(), testing::PrintToStringParamName());

std::vector<TokenId> guess(std::vector<TokenId> text, std::int64_t most) {
    const TokenId next = text.back();
    text.pop_back();
    return PromptLookup(std::move(text)).guess(next, most);
}

TEST(PromptLookup, GoesOnAsTheTextDidBefore) {
    using Tokens = std::vector<TokenId>;
    EXPECT_EQ(guess({1, 2, 3, 4, 5, 6, 9, 1, 2, 3}, 3), (Tokens{4, 5, 6}));
    EXPECT_EQ(guess({1, 2, 3, 4, 5, 6, 9, 1, 2, 3}, 9), (Tokens{4, 5, 6, 9, 1, 2, 3}));
    EXPECT_EQ(guess({1, 2, 3, 4, 9, 8, 2, 3}, 5), Tokens{}) << "two tokens say too little";
    EXPECT_EQ(guess({1, 2, 3, 4, 7, 1, 2, 3, 5, 7, 1, 2, 3}, 1), Tokens{5}) << "the longer one: 7 1 2 3";
    EXPECT_EQ(guess({1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3}, 1), Tokens{5}) << "the later one";
    EXPECT_EQ(guess({5, 5, 5, 5}, 4), Tokens{5}) << "a place may reach into the end itself";
    for (const Tokens& text : {Tokens{1}, Tokens{1, 2, 3}, Tokens{1, 2, 3, 4}})
        EXPECT_EQ(guess(text, 4), Tokens{});
    EXPECT_EQ(guess({1, 2, 3, 4, 1, 2, 3}, 0), Tokens{});
}

TEST(PromptLookup, TokensThatWereWrittenCount) {
    PromptLookup lookup({1, 2, 3, 4, 5, 6});
    for (const TokenId token : {9, 2, 3})
        lookup.append(token);
    EXPECT_EQ(lookup.guess(4, 2), (std::vector<TokenId>{5, 6}));
    for (const TokenId token : {4, 5, 7, 2, 3})
        lookup.append(token);
    EXPECT_EQ(lookup.guess(4, 2), (std::vector<TokenId>{5, 7}));
}

TEST(GuessLength, GrowsWithSuccessAndShrinksWithFailure) {
    GuessLength length;
    const std::int64_t first = length.next();
    length.tell(first, first);
    EXPECT_GT(length.next(), first);
    for (int i = 0; i < 10; ++i)
        length.tell(length.next(), length.next());
    const std::int64_t most = length.next();
    EXPECT_LT(most, Generation::kMostVerified) << "the token in hand goes with the guess";
    length.tell(most, 0);
    EXPECT_EQ(length.next(), 1);
    length.tell(0, 0);
    EXPECT_EQ(length.next(), 1) << "no guess, no news";
}

}  // namespace
}  // namespace kvasir
