#include "app/model_calibration.h"

#include <gtest/gtest.h>

#include "tests/app/app_support.h"

namespace kvasir {
namespace {

ModelConfig config() {
    ModelConfig model;
    model.layers = 8;
    model.heads = 4;
    return model;
}

ModelCalibration calibration() {
    ModelCalibration c;
    c.fingerprint = "0123456789abcdef0123456789abcdef";
    c.model = "A model";
    c.tspLayer = 6;
    c.heads = {{5, 3, 0.75}, {7, 0, 0.5}};
    c.curve = {{4, 0.5, 0.6}, {6, 0.25, 1}};
    c.questions = 25;
    return c;
}

TEST(ModelCalibration, IsKeptAndFoundByFingerprint) {
    const test::ScratchFolder folder;
    ASSERT_TRUE(saveCalibration(folder.path() / "new", calibration()));
    const auto found = findCalibration(folder.path() / "new", calibration().fingerprint, config());
    ASSERT_TRUE(found);
    EXPECT_EQ(toJson(*found), toJson(calibration()));
    EXPECT_EQ(found->heads.size(), 2U);
    EXPECT_EQ(found->heads[0].head, 3);
    EXPECT_DOUBLE_EQ(found->curve[1].distance, 0.25);
    EXPECT_FALSE(findCalibration(folder.path() / "new", std::string(32, 'a'), config()));
    EXPECT_FALSE(findCalibration(folder.path(), calibration().fingerprint, config()));
    EXPECT_FALSE(findCalibration(folder.path(), "../../etc/passwd", config()));
    ModelCalibration later = calibration();
    later.tspLayer = 4;
    ASSERT_TRUE(saveCalibration(folder.path() / "new", later));
    EXPECT_EQ(findCalibration(folder.path() / "new", later.fingerprint, config())->tspLayer, 4);
}

TEST(ModelCalibration, WhatDoesNotFitTheModelIsNotUsed) {
    const test::ScratchFolder folder;
    const auto found = [&](const auto& change, const ModelConfig& model = config()) {
        ModelCalibration c = calibration();
        change(c);
        EXPECT_TRUE(saveCalibration(folder.path(), c));
        return findCalibration(folder.path(), c.fingerprint, model).has_value();
    };
    EXPECT_TRUE(found([](ModelCalibration&) {}));
    EXPECT_FALSE(found([](ModelCalibration& c) { c.tspLayer = 8; }));
    EXPECT_FALSE(found([](ModelCalibration& c) { c.tspLayer = -1; }));
    EXPECT_FALSE(found([](ModelCalibration& c) { c.heads[0].layer = 8; }));
    EXPECT_FALSE(found([](ModelCalibration& c) { c.heads[0].head = 4; }));
    ModelConfig sliding = config();
    sliding.sliding = 16;
    sliding.slidingPeriod = 4;  // layers 3 and 7 see everything
    EXPECT_FALSE(found([](ModelCalibration&) {}, sliding));
    EXPECT_TRUE(found([](ModelCalibration& c) { c.tspLayer = 3; }, sliding));
}

TEST(ModelCalibration, DamagedTextsAreRefused) {
    const std::string good = toJson(calibration());
    ASSERT_TRUE(calibrationFromJson(good));
    for (std::size_t length = 0; length + 2 < good.size(); length += 7)
        EXPECT_FALSE(calibrationFromJson(good.substr(0, length)));
    for (const char* bad : {"", "[]", "{}", "null", "{\"format\":2}"})
        EXPECT_EQ(calibrationFromJson(bad).error().code, ErrorCode::Damaged) << bad;
    std::string other = good;
    other.replace(other.find("\"format\": 1"), 11, "\"format\": 9");
    EXPECT_FALSE(calibrationFromJson(other));
    ModelCalibration nameless = calibration();
    nameless.fingerprint = "../x";
    EXPECT_FALSE(calibrationFromJson(toJson(nameless)));
    const test::ScratchFolder folder;
    EXPECT_EQ(saveCalibration(folder.path(), nameless).error().code, ErrorCode::InvalidArgument);
    folder.write(calibration().fingerprint + ".json", "{");
    EXPECT_FALSE(findCalibration(folder.path(), calibration().fingerprint, config()));
    const auto file = folder.write("file", "x");
    EXPECT_FALSE(saveCalibration(file / "below", calibration()));
}

}  // namespace
}  // namespace kvasir
