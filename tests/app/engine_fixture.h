// The small model, loaded once for all tests of a program.
#pragma once

#include <filesystem>
#include <memory>

#include <gtest/gtest.h>

#include "app/answer_engine.h"
#include "tests/app/app_support.h"

namespace kvasir::test {

/// Skips every test with the reason when the model is not on this computer.
class EngineFixture : public testing::Test {
protected:
    static void SetUpTestSuite() {
        if (!std::filesystem::exists(modelFile(kSmollm2))) return;
        auto engine = AnswerEngine::create(modelFile(kSmollm2), 2, {});
        ASSERT_TRUE(engine) << engine.error().message();
        sharedEngine = std::move(*engine);
    }
    static void TearDownTestSuite() { sharedEngine.reset(); }
    void SetUp() override { KVASIR_NEEDS_SMOLLM2(); }

    static inline std::unique_ptr<AnswerEngine> sharedEngine;
};

}  // namespace kvasir::test
