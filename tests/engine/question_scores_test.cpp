#include "engine/question_scores.h"

#include "tests/engine/generation_fixture.h"

namespace kvasir {

using kernels::KvType;

namespace {

class QuestionScoresTest : public test::GenerationTest {
protected:
    static constexpr std::size_t kDocument = 120, kQuestion = 20;

    std::vector<TokenId> tokens;
    std::span<const TokenId> question;
    std::unique_ptr<ResidentDocument> document;
    Policy policy;

    void SetUp() override {
        GenerationTest::SetUp();
        tokens = prompt(kDocument + kQuestion);
        question = std::span(tokens).subspan(kDocument);
        policy = paper();
        document = resident(tokens, kDocument, policy.tspLayer);
    }
};

// Where Generation is tested against a plain reference, the same scores come from it.
TEST_P(QuestionScoresTest, AreThoseOfAnAnswer) {
    for (const KvType type : {KvType::F32, KvType::F16, KvType::Int8}) {
        document = resident(tokens, kDocument, policy.tspLayer, type);
        const auto answer = generation(*document, tokens, policy);
        ASSERT_TRUE(answer->prefill({}));
        const std::vector<float>& expected = answer->trace().tspScores;
        const auto scores = questionScores(*runner, *document, question, policy, policy.tspLayer, {});
        ASSERT_TRUE(scores) << scores.error().message();
        ASSERT_EQ(scores->size(), kDocument);
        ASSERT_GT(expected.size(), kDocument);
        // The pooling of the last ones reaches into the question there.
        const auto alone = kDocument - static_cast<std::size_t>(policy.kernel) / 2;
        for (std::size_t i = 0; i < alone; ++i)
            ASSERT_NEAR((*scores)[i], expected[i], 1e-5 * expected[i] + 1e-7) << "token " << i;
    }
}

TEST_P(QuestionScoresTest, ChangeNothing) {
    const auto scores = questionScores(*runner, *document, question, policy, policy.tspLayer, {});
    ASSERT_TRUE(scores);
    EXPECT_EQ(*questionScores(*runner, *document, question, policy, policy.tspLayer, {}), *scores);
    const auto untouched = resident(tokens, kDocument, policy.tspLayer);
    expectSame(finish(*generation(*document, tokens, policy)),
               finish(*generation(*untouched, tokens, policy)));
}

TEST_P(QuestionScoresTest, BadInputIsRefused) {
    const auto refused = [&](std::span<const TokenId> asked, const ResidentDocument& behind) {
        const auto scores = questionScores(*runner, behind, asked, policy, policy.tspLayer, {});
        return scores ? ErrorCode::Internal : scores.error().code;
    };
    EXPECT_EQ(refused({}, *document), ErrorCode::InvalidArgument);
    const std::vector<TokenId> unknown{static_cast<TokenId>(model->config().vocabulary)}, negative{-1};
    EXPECT_EQ(refused(unknown, *document), ErrorCode::InvalidArgument);
    EXPECT_EQ(refused(negative, *document), ErrorCode::InvalidArgument);
    const std::vector<TokenId> tooLong(static_cast<std::size_t>(model->config().window) - kDocument + 1, 1);
    EXPECT_EQ(refused(tooLong, *document), ErrorCode::TooLarge);
    const auto unread = ResidentDocument::create(
        *model, *backend, {tokens.begin(), tokens.begin() + kDocument}, policy.tspLayer, KvType::F16);
    ASSERT_TRUE(unread);
    EXPECT_EQ(refused(question, **unread), ErrorCode::InvalidArgument);
}

TEST_P(QuestionScoresTest, StopsAndSaysWhenMemoryEnds) {
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(
        questionScores(*runner, *document, question, policy, policy.tspLayer, stop.get_token()).error().code,
        ErrorCode::Cancelled);
    int left = 0;
    for (;; ++left) {
        backend->allocationsLeft = left;
        const auto scores = questionScores(*runner, *document, question, policy, policy.tspLayer, {});
        if (scores) break;
        ASSERT_EQ(scores.error().code, ErrorCode::OutOfMemory) << left;
    }
    EXPECT_GT(left, 6);
}

INSTANTIATE_TEST_SUITE_P(Models, QuestionScoresTest, test::generationSettings(),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace kvasir
