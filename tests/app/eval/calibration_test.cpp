#include "app/eval/calibration.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "tests/app/app_support.h"

namespace kvasir::eval {
namespace {

TEST(Calibration, MeasuresLayersAndHeads) {
    KVASIR_NEEDS_SMOLLM2();
    auto engine = AnswerEngine::create(test::modelFile(test::kSmollm2), 0, {});
    ASSERT_TRUE(engine) << engine.error().message();
    const ModelConfig& model = (*engine)->model().config();
    Calibrator calibrator(**engine, {300, 2, 1, 1}, [](const std::string&, double) {});
    const std::vector<std::int32_t> layers = calibrator.layers();
    ASSERT_FALSE(layers.empty());
    EXPECT_LE(layers.size(), 9U);
    EXPECT_EQ(layers.front(), model.layers / 2);
    EXPECT_EQ(layers.back(), model.layers - 2);
    EXPECT_TRUE(std::ranges::is_sorted(layers));
    const Result<double> seconds = calibrator.estimateSeconds({});
    ASSERT_TRUE(seconds);
    EXPECT_GT(*seconds, 0);

    const Result<ModelCalibration> calibration = calibrator.run({});
    ASSERT_TRUE(calibration) << calibration.error().message();
    EXPECT_EQ(calibration->questions, 2);
    ASSERT_EQ(calibration->curve.size(), layers.size());
    std::set<std::pair<std::int32_t, std::int32_t>> heads;
    double share = 1;
    for (const ModelCalibration::Head& head : calibration->heads) {
        EXPECT_TRUE(heads.insert({head.layer, head.head}).second);
        EXPECT_TRUE(head.layer >= 0 && head.layer < model.layers && head.head >= 0 &&
                    head.head < model.heads);
        EXPECT_LE(head.share, share + 1e-12);
        EXPECT_GE(head.share, 0.5);
        share = head.share;
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
        EXPECT_EQ(calibration->curve[i].layer, layers[i]);
        EXPECT_GT(calibration->curve[i].distance, 0);
        EXPECT_TRUE(calibration->curve[i].kept >= 0 && calibration->curve[i].kept <= 1 + 1e-12);
    }
    EXPECT_LT(calibration->curve.back().distance, calibration->curve.front().distance)
        << "what is selected late has come a longer way with everything";
    EXPECT_TRUE(std::ranges::find(layers, calibration->tspLayer) != layers.end());

    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(calibrator.run(stop.get_token()).error().code, ErrorCode::Cancelled);
}

TEST(Calibration, IsUsedByTheEngine) {
    KVASIR_NEEDS_SMOLLM2();
    auto engine = AnswerEngine::create(test::modelFile(test::kSmollm2), 0, {});
    ASSERT_TRUE(engine);
    const test::ScratchFolder folder;
    ModelCalibration own;
    own.fingerprint = *(*engine)->model().fingerprint();
    own.model = "smollm2";
    own.tspLayer = 20;
    own.heads = {{18, 2, 0.9}, {20, 0, 0.8}};
    ASSERT_TRUE(saveCalibration(folder.path(), own));
    ASSERT_TRUE((*engine)->useCalibration(folder.path()));
    EXPECT_EQ(Policy::shipped((*engine)->model().config()).tspLayer, 20);
    const auto document = (*engine)->prepare(test::textDocument(test::leaseText(20)));
    ASSERT_TRUE(document);
    EXPECT_EQ((*document)->resident->tspLayer(), 20);
    ASSERT_TRUE((*engine)->readEarly(**document, {}, {}));
    AskRequest request;
    request.question = "What is the fee of item 3?";
    request.maxTokens = 24;
    const auto outcome = (*engine)->ask(**document, request, {}, [](std::string_view) {});
    ASSERT_TRUE(outcome);
    // Two heads look somewhere: at most two units of attention a token.
    const double sum = std::accumulate(outcome->trace.attention.begin(), outcome->trace.attention.end(), 0.0);
    EXPECT_GT(sum, 0);
    EXPECT_LE(sum, 2.001 * static_cast<double>(outcome->tokens.size() + 1));
}

}  // namespace
}  // namespace kvasir::eval
