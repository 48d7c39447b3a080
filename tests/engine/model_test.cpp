// Model files that are foreign, incomplete or absurd: refused by name, never guessed.
#include "engine/model.h"

#include <gtest/gtest.h>

#include "tests/engine/scratch_file.h"
#include "tests/engine/tiny_model.h"
#include "tests/engine/watched_backend.h"

namespace kvasir {
namespace {

class ModelTest : public testing::Test {
protected:
    Result<std::unique_ptr<Model>> load(const std::string& bytes) {
        file = std::make_unique<test::ScratchFile>(bytes);
        return Model::load(file->path(), backend, {kernels::Activations::Int8, {}});
    }

    void expectRefused(const test::TinyModel& model, ErrorCode code, const std::string& named) {
        const Result<std::unique_ptr<Model>> loaded = load(model.bytes());
        ASSERT_FALSE(loaded);
        EXPECT_EQ(loaded.error().code, code) << loaded.error().message();
        EXPECT_NE(loaded.error().message().find(named), std::string::npos) << loaded.error().message();
        EXPECT_FALSE(loaded.error().advice.empty());
    }

    test::WatchedBackend backend{1};
    std::unique_ptr<test::ScratchFile> file;
};

TEST_F(ModelTest, LoadsBothFamilies) {
    for (const char* architecture : {"llama", "qwen2"}) {
        test::TinySizes sizes;
        sizes.architecture = architecture;
        const Result<std::unique_ptr<Model>> loaded = load(test::TinyModel(sizes).bytes());
        ASSERT_TRUE(loaded) << loaded.error().message();
        EXPECT_EQ((*loaded)->config().layers, 5);
        EXPECT_TRUE((*loaded)->chat());
        EXPECT_GT((*loaded)->weightBytes(), 0U);
    }
}

TEST_F(ModelTest, NamesWhatItDoesNotKnow) {
    test::TinyModel foreign;
    foreign.strings["general.architecture"] = "mamba";
    expectRefused(foreign, ErrorCode::Unsupported, "mamba");
    test::TinyModel stretched;
    stretched.strings["llama.rope.scaling.type"] = "yarn";
    expectRefused(stretched, ErrorCode::Unsupported, "yarn");
    test::TinyModel mixture;
    mixture.tensors.push_back(mixture.tensor("blk.0.ffn_gate.weight"));
    mixture.tensors.back().name = "blk.0.ffn_gate_exps.weight";
    expectRefused(mixture, ErrorCode::Unsupported, "blk.0.ffn_gate_exps.weight");
}

TEST_F(ModelTest, AcceptsLinearScaling) {
    test::TinyModel model;
    model.strings["llama.rope.scaling.type"] = "linear";
    model.numbers["llama.rope.scaling.factor"] = 4;
    const Result<std::unique_ptr<Model>> loaded = load(model.bytes());
    ASSERT_TRUE(loaded) << loaded.error().message();
    EXPECT_DOUBLE_EQ((*loaded)->config().inverseFrequency[0], 0.25);
}

TEST_F(ModelTest, NamesWhatIsMissingOrAbsurd) {
    test::TinyModel missing;
    missing.erase("blk.3.attn_k.weight");
    expectRefused(missing, ErrorCode::Damaged, "blk.3.attn_k.weight");
    test::TinyModel shape;
    std::swap(shape.tensor("blk.1.ffn_down.weight").shape[0], shape.tensor("blk.1.ffn_down.weight").shape[1]);
    expectRefused(shape, ErrorCode::Damaged, "blk.1.ffn_down.weight");
    test::TinyModel heads;
    heads.integers["llama.attention.head_count_kv"] = 3;
    expectRefused(heads, ErrorCode::Damaged, "head_count_kv");
    for (const char* key : {"llama.block_count", "llama.embedding_length", "llama.attention.head_count",
                            "llama.context_length"}) {
        for (const std::int32_t value : {0, -1, INT32_MAX}) {
            test::TinyModel absurd;
            absurd.integers[key] = value;
            const Result<std::unique_ptr<Model>> loaded = load(absurd.bytes());
            EXPECT_FALSE(loaded) << key << " = " << value;
        }
    }
    test::TinyModel epsilon;
    epsilon.numbers["llama.attention.layer_norm_rms_epsilon"] = -1;
    expectRefused(epsilon, ErrorCode::Damaged, "layer_norm_rms_epsilon");
}

TEST_F(ModelTest, SaysWhenMemoryIsShort) {
    backend.free = 1000;
    expectRefused(test::TinyModel(), ErrorCode::OutOfMemory, "memory");
    backend.free = SIZE_MAX;
    for (const int allocations : {0, 1, 7, 30}) {
        backend.allocationsLeft = allocations;
        expectRefused(test::TinyModel(), ErrorCode::OutOfMemory, "memory");
    }
}

TEST_F(ModelTest, EveryTruncationIsRefused) {
    const std::string whole = test::TinyModel().bytes();
    for (std::size_t length = 0; length < whole.size(); length += 1 + whole.size() / 97) {
        EXPECT_FALSE(load(whole.substr(0, length))) << length;
    }
}

TEST_F(ModelTest, LoadingCanBeCancelled) {
    file = std::make_unique<test::ScratchFile>(test::TinyModel().bytes());
    const Result<std::unique_ptr<Model>> loaded =
        Model::load(file->path(), backend, {kernels::Activations::Int8, [](double) { return false; }});
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, ErrorCode::Cancelled);
}

}  // namespace
}  // namespace kvasir
