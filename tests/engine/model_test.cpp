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

TEST_F(ModelTest, LoadsEveryFamily) {
    for (const char* architecture : {"llama", "qwen2", "qwen3", "gemma3"}) {
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
    stretched.strings["llama.rope.scaling.type"] = "longrope";
    expectRefused(stretched, ErrorCode::Unsupported, "longrope");
    test::TinyModel capped;
    capped.numbers["llama.final_logit_softcapping"] = 30;
    expectRefused(capped, ErrorCode::Unsupported, "llama.final_logit_softcapping");
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

TEST_F(ModelTest, NamesAFamilysOwnTensorsAndSettings) {
    for (const char* name :
         {"blk.2.attn_q_norm.weight", "blk.4.post_attention_norm.weight", "blk.0.post_ffw_norm.weight"}) {
        test::TinyModel missing(test::TinySizes{.architecture = "gemma3"});
        missing.erase(name);
        expectRefused(missing, ErrorCode::Damaged, name);
    }
    test::TinyModel reach(test::TinySizes{.architecture = "gemma3"});
    reach.integers.erase("gemma3.attention.sliding_window");
    expectRefused(reach, ErrorCode::Damaged, "gemma3.attention.sliding_window");
    test::TinyModel yarn;
    yarn.strings["llama.rope.scaling.type"] = "yarn";
    yarn.numbers["llama.rope.scaling.factor"] = 4;
    expectRefused(yarn, ErrorCode::Damaged, "llama.rope.scaling.original_context_length");
    yarn.integers["llama.rope.scaling.original_context_length"] = 512;
    yarn.numbers["llama.rope.scaling.factor"] = 0.5F;
    expectRefused(yarn, ErrorCode::Damaged, "llama.rope.scaling.factor");
    test::TinyModel factors;
    factors.tensors.push_back({"rope_freqs.weight", {8}, {1, 1, 1, 0, 1, 1, 1, 1}});
    expectRefused(factors, ErrorCode::Damaged, "rope_freqs.weight");
}

TEST_F(ModelTest, AFileThatShrinksWhileItIsReadIsDamaged) {
    const std::string bytes = test::TinyModel().bytes();
    backend.beforePack = [&, packed = 0]() mutable {
        if (++packed == 12) std::filesystem::resize_file(file->path(), bytes.size() / 2);
    };
    const Result<std::unique_ptr<Model>> loaded = load(bytes);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, ErrorCode::Damaged) << loaded.error().message();
}

TEST_F(ModelTest, AFileThatShrinksLaterEndsReading) {
    const Result<std::unique_ptr<Model>> loaded = load(test::TinyModel().bytes());
    ASSERT_TRUE(loaded);
    std::vector<float> hidden(64);
    const TokenId token = 3;
    ASSERT_TRUE((*loaded)->embed(&token, 1, hidden.data()));
    std::filesystem::resize_file(file->path(), 4096);
    EXPECT_EQ((*loaded)->embed(&token, 1, hidden.data()).error().code, ErrorCode::Damaged);
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
