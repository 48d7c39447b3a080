// Two hundred quick answers: 'same words' is said if and only if the full reading writes the same.
#include <gtest/gtest.h>

#include "app/answer_engine.h"
#include "tests/app/app_support.h"
#include "tests/engine/tiny_model.h"

namespace kvasir {
namespace {

constexpr int kModels = 4, kRates = 5, kQuestions = 10;

TEST(ConfirmationTest, TwoHundredVerdictsAreTrue) {
    const test::ScratchFolder folder;
    int same = 0, other = 0;
    for (int seed = 0; seed < kModels; ++seed) {
        test::TinySizes sizes;
        sizes.layers = 8;
        sizes.window = 4096;
        sizes.type = kernels::TensorType::Q8_0;
        sizes.seed = static_cast<unsigned>(seed);
        const auto file =
            folder.write("tiny" + std::to_string(seed) + ".gguf", test::TinyModel(sizes).bytes());
        const auto engine = AnswerEngine::create(file, 2, {});
        ASSERT_TRUE(engine) << engine.error().message();
        const auto document = (*engine)->prepare(test::textDocument(test::leaseText(12 + 3 * seed)));
        ASSERT_TRUE(document) << document.error().message();
        ASSERT_TRUE((*engine)->readEarly(**document, {}, {}));
        ASSERT_TRUE((*engine)->readLate(**document, {}, {}));
        for (int i = 0; i < kRates * kQuestions; ++i) {
            AskRequest request;
            request.question = "What is the fee of item " + std::to_string(i) + "?";
            request.maxTokens = 24;
            request.policy = Policy::fixedRate((*engine)->model().config(), 100 + 200 * (i % kRates));
            const auto quick = (*engine)->ask(**document, request, {}, [](std::string_view) {});
            ASSERT_TRUE(quick) << quick.error().message();
            const auto confirmed = (*engine)->confirm(**document, request, *quick, {});
            ASSERT_TRUE(confirmed) << confirmed.error().message();
            request.mode = AnswerMode::Full;
            request.speculate = false;
            const auto full = (*engine)->ask(**document, request, {}, [](std::string_view) {});
            ASSERT_TRUE(full) << full.error().message();
            const bool equal = quick->tokens == full->tokens;
            EXPECT_EQ(confirmed->check.verdict == Verdict::SameWords, equal) << seed << " " << i;
            EXPECT_EQ(confirmed->full.tokens, full->tokens) << seed << " " << i;
            (equal ? same : other) += 1;
        }
    }
    EXPECT_EQ(same + other, 200);
    EXPECT_GT(same, 20);
    EXPECT_GT(other, 20);
    RecordProperty("same", same);
}

}  // namespace
}  // namespace kvasir
