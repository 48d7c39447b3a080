// What a document takes: said beforehand, true, and never more than the budget.
#include "engine/memory_plan.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "engine/layer_runner.h"
#include "engine/model.h"
#include "engine/resident_document.h"
#include "tests/engine/scratch_file.h"
#include "tests/engine/tiny_model.h"
#include "tests/engine/watched_backend.h"

namespace kvasir {
namespace {

using kernels::KvType;

class MemoryPlanTest : public testing::Test {
protected:
    static constexpr std::int32_t kTsp = 3;
    static constexpr std::int64_t kTokens = 700;

    MemoryPlanTest() : file(test::TinyModel().bytes()) {
        auto loaded = Model::load(file.path(), backend, {kernels::Activations::F32, {}});
        EXPECT_TRUE(loaded);
        model = std::move(*loaded);
        auto made = LayerRunner::create(*model, backend);
        EXPECT_TRUE(made);
        runner = std::move(*made);
    }

    std::size_t need(KvType type, bool full) const {
        return ResidentDocument::bytes(model->config(), kTsp, type, kTokens, full);
    }
    Result<std::unique_ptr<ResidentDocument>> create(KvType type, std::size_t budget) {
        return ResidentDocument::create(*model, backend, std::vector<TokenId>(kTokens, 5), kTsp, type,
                                        budget);
    }

    test::WatchedBackend backend{1};
    test::ScratchFile file;
    std::unique_ptr<Model> model;
    std::unique_ptr<LayerRunner> runner;
};

TEST_F(MemoryPlanTest, WhatIsSaidBeforehandIsWhatIsTaken) {
    for (const KvType type : {KvType::F32, KvType::F16, KvType::Int8}) {
        auto document = create(type, SIZE_MAX);
        ASSERT_TRUE(document);
        const auto close = [&](bool full) {
            const auto said = static_cast<double>(need(type, full));
            EXPECT_NEAR(static_cast<double>((*document)->bytes()), said, 0.05 * said);
        };
        ASSERT_TRUE((*document)->readEarly(*runner, {}, {}));
        close(false);
        ASSERT_TRUE((*document)->readLate(*runner, {}, {}));
        close(true);
    }
}

TEST_F(MemoryPlanTest, TakesTheFirstThatFits) {
    const auto plan = [&](std::size_t budget) { return planMemory(model->config(), kTsp, kTokens, budget); };
    const std::size_t half = need(KvType::F16, true), bytes = need(KvType::Int8, true),
                      quick = need(KvType::Int8, false);
    ASSERT_LT(bytes, half);
    ASSERT_LT(quick, bytes);
    struct Expected {
        std::size_t budget;
        KvType type;
        bool full;
        std::size_t bytes;
    };
    for (const Expected& expected :
         {Expected{SIZE_MAX, KvType::F16, true, half}, Expected{half, KvType::F16, true, half},
          Expected{half - 1, KvType::Int8, true, bytes}, Expected{bytes - 1, KvType::Int8, false, quick},
          Expected{quick, KvType::Int8, false, quick}}) {
        const Result<MemoryPlan> chosen = plan(expected.budget);
        ASSERT_TRUE(chosen);
        EXPECT_EQ(chosen->type, expected.type);
        EXPECT_EQ(chosen->fullReading, expected.full);
        EXPECT_EQ(chosen->bytes, expected.bytes);
        EXPECT_EQ(chosen->bytesPerToken, chosen->bytes / kTokens);
        const bool remark = chosen->sentence.find("Memory is short") != std::string::npos;
        EXPECT_EQ(remark, expected.type == KvType::Int8) << chosen->sentence;
    }
    EXPECT_EQ(plan(quick - 1).error().code, ErrorCode::OutOfMemory);
}

TEST_F(MemoryPlanTest, TheBudgetIsNeverExceeded) {
    EXPECT_EQ(create(KvType::Int8, need(KvType::Int8, false) - 1).error().code, ErrorCode::OutOfMemory);
    auto document = create(KvType::Int8, need(KvType::Int8, true) - 1);
    ASSERT_TRUE(document);
    ASSERT_TRUE((*document)->readEarly(*runner, {}, {}));
    const Result<void> late = (*document)->readLate(*runner, {}, {});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::OutOfMemory);
    EXPECT_LE((*document)->bytes(), need(KvType::Int8, true) - 1);
    document = create(KvType::Int8, need(KvType::Int8, true));
    ASSERT_TRUE(document);
    ASSERT_TRUE((*document)->readEarly(*runner, {}, {}));
    EXPECT_TRUE((*document)->readLate(*runner, {}, {}));
}

}  // namespace
}  // namespace kvasir
