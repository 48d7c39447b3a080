#include "app/eval/evaluation.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "app/eval/generators.h"
#include "tests/app/engine_fixture.h"

namespace kvasir::eval {
namespace {

class EvaluationTest : public test::EngineFixture {
protected:
    std::vector<Setting> settings(const std::vector<std::string>& texts) {
        std::vector<Setting> result;
        for (const std::string& text : texts) {
            auto setting = settingFromText(text, sharedEngine->model().config());
            EXPECT_TRUE(setting) << setting.error().message();
            result.push_back(std::move(*setting));
        }
        return result;
    }
};

TEST_F(EvaluationTest, ComparesEverySettingWithFullContext) {
    const auto generated = generate("needles", {500, 3, 1});
    ASSERT_TRUE(generated);
    // The full reading need not come first, and T may differ.
    const std::vector<Setting> asked = settings(
        {"shipped,rate=1", "shipped,rate=0.05", "full", "paper", "random,rate=0.2", "look,tokens=200"});
    Evaluation evaluation(*sharedEngine, asked, [](const std::string&, double) {});
    const std::string& text = generated->document->text;
    const auto find = [&](const std::string&, std::span<const Turn>) {
        return std::vector<ByteRange>{
            {0, static_cast<std::uint32_t>(std::min<std::size_t>(400, text.size()))}};
    };
    const auto done = evaluation.ask(generated->document, generated->questions, find, {});
    ASSERT_TRUE(done) << done.error().message();
    ASSERT_EQ(evaluation.rows().size(), 18U);
    for (std::size_t i = 0; i < evaluation.rows().size(); ++i) {
        const Row& row = evaluation.rows()[i];
        EXPECT_EQ(row.setting, &asked[i % 6]);
        EXPECT_EQ(row.question, &generated->questions[i / 6]);
        EXPECT_EQ(row.verdict.has_value(), i % 6 != 2);
        EXPECT_EQ(row.answer.passages > 0, i % 6 == 5);
    }
    const std::vector<Summary> table = summarise(evaluation.rows(), asked);
    ASSERT_EQ(table.size(), 6U);
    EXPECT_EQ(table[0].sameWords, 3) << "carrying everything is full context";
    EXPECT_NEAR(table[0].firstDivergence, 0, 1e-6);
    EXPECT_DOUBLE_EQ(table[0].f1Full, 1);
    EXPECT_DOUBLE_EQ(table[0].carriedShare, 1);
    EXPECT_GT(table[1].firstDivergence, 0);
    EXPECT_LT(table[1].carriedShare, 0.5);
    EXPECT_EQ(table[2].compared, 0);
    EXPECT_EQ(table[2].questions, 3);
    EXPECT_GT(table[4].firstDivergence, 0);
    EXPECT_LT(table[4].carriedShare, 0.6);
}

TEST_F(EvaluationTest, PinsWhereTheAnswerIsExpected) {
    const auto generated = generate("needles", {500, 2, 1});
    const std::vector<Setting> asked =
        settings({"shipped,least=1,most=1", "shipped,pins=expected,least=1,most=1"});
    EXPECT_FALSE(asked[0].pinExpected);
    EXPECT_TRUE(asked[1].pinExpected);
    Evaluation evaluation(*sharedEngine, asked, [](const std::string&, double) {});
    ASSERT_TRUE(evaluation.ask(generated->document, generated->questions, {}, {}));
    for (std::size_t i = 0; i < evaluation.rows().size(); i += 2) {
        const Answer &plain = evaluation.rows()[i].answer, &pinned = evaluation.rows()[i + 1].answer;
        EXPECT_EQ(plain.pins, 0);
        EXPECT_GE(pinned.pins, 1);
        EXPECT_GT(pinned.figures.carriedTokens, plain.figures.carriedTokens + 5);
    }
}

TEST_F(EvaluationTest, NothingFoundIsNoAnswer) {
    const auto generated = generate("needles", {300, 1, 1});
    const std::vector<Setting> asked = settings({"look"});
    Evaluation evaluation(*sharedEngine, asked, [](const std::string&, double) {});
    ASSERT_TRUE(evaluation.ask(
        generated->document, generated->questions,
        [](const std::string&, std::span<const Turn>) { return std::vector<ByteRange>(); }, {}));
    EXPECT_FALSE(evaluation.rows().front().answer.answerable);
    EXPECT_EQ(summarise(evaluation.rows(), asked).front().missed, 1);
}

TEST_F(EvaluationTest, StopsWhenItIsCancelled) {
    const auto generated = generate("needles", {500, 2, 1});
    const std::vector<Setting> asked = settings({"full", "shipped"});
    Evaluation evaluation(*sharedEngine, asked, [](const std::string&, double) {});
    std::stop_source stop;
    stop.request_stop();
    const auto done = evaluation.ask(generated->document, generated->questions, {}, stop.get_token());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::Cancelled);
}

TEST_F(EvaluationTest, ReadsHowMuchIsRepeated) {
    const ModelConfig& model = sharedEngine->model().config();
    EXPECT_EQ(settingFromText("full", model)->foundTokens, AskRequest{}.foundTokens);
    EXPECT_EQ(settingFromText("full,found=0", model)->foundTokens, 0);
    const auto setting = settingFromText("shipped,looked=50,tsp=7,found=20", model);
    ASSERT_TRUE(setting) << setting.error().message();
    EXPECT_EQ(setting->lookedTokens, 50);
    EXPECT_EQ(setting->foundTokens, 20);
    EXPECT_EQ(setting->policy.tspLayer, 7);
}

TEST_F(EvaluationTest, QuestionsGoOnFromOthersAsTheSettingSays) {
    const auto generated = generate("needles", {500, 3, 1});
    ASSERT_TRUE(generated);
    std::vector<Question> questions = generated->questions;
    questions[2].after = questions[1].id;
    const std::vector<Setting> asked =
        settings({"full", "full,after=0", "full,turns=1", "full,turns=2", "look,tokens=200,turns=1"});
    EXPECT_EQ(asked[2].base, "full");
    EXPECT_EQ(asked[4].base, "look,tokens=200");
    std::vector<std::size_t> searched;
    const auto find = [&](const std::string&, std::span<const Turn> turns) {
        searched.push_back(turns.size());
        return std::vector<ByteRange>{{0, 300}};
    };
    Evaluation evaluation(*sharedEngine, asked, [](const std::string&, double) {});
    const auto done = evaluation.ask(generated->document, questions, find, {});
    ASSERT_TRUE(done) << done.error().message();
    const auto given = [&](std::size_t question, std::size_t setting) {
        return evaluation.rows()[question * asked.size() + setting].answer.turns.given;
    };
    EXPECT_EQ(given(0, 0), 0);
    EXPECT_EQ(given(2, 0), 1) << "the one that it names";
    EXPECT_EQ(given(2, 1), 0);
    EXPECT_EQ(given(0, 2), 1) << "another, behind the first the last that stands by itself";
    EXPECT_EQ(given(2, 2), 2) << "an unrelated one, and the one that it names";
    EXPECT_EQ(given(0, 3), 1) << "there is no other";
    EXPECT_EQ(given(1, 4), 1);
    EXPECT_TRUE(evaluation.rows()[1].verdict) << "compared with the first full reading";
    EXPECT_EQ(*evaluation.rows()[1].verdict, Verdict::SameWords);
    EXPECT_EQ(*std::ranges::max_element(searched), 2U)
        << "words of what it goes on from are searched for too";
}

TEST_F(EvaluationTest, RefusesSettingsItCannotRead) {
    for (const char* text : {"", "fast", "look,tokens=", "look,tokens=0", "look,tokens=1x", "random,size=1",
                             "full,rate=2", "full,found=", "full,turns=", "full,turns=-1", "full,after=x",
                             "look,found=3", "full,looked=-1", "shipped,found=2x"}) {
        const auto setting = settingFromText(text, sharedEngine->model().config());
        ASSERT_FALSE(setting) << text;
        EXPECT_EQ(setting.error().code, ErrorCode::InvalidArgument);
    }
}

}  // namespace
}  // namespace kvasir::eval
