// FastKV against a plain double-precision implementation, over random models, policies and splits; families
// against the same forward pass.
#include <random>

#include <gtest/gtest.h>

#include "engine/generation.h"
#include "engine/model.h"
#include "tests/engine/plain_fastkv.h"
#include "tests/engine/scratch_file.h"

namespace kvasir {
namespace {

using kernels::Activations;
using kernels::KvType;

/// A number in [low, high].
std::int64_t pick(std::mt19937& random, std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

/// One loaded model file on a back end of its own.
struct Loaded {
    Loaded(const test::TinyModel& tiny, int threads, Activations activations = Activations::F32)
        : file(tiny.bytes()), backend(kernels::makeCpuBackend(threads)) {
        auto opened = Model::load(file.path(), *backend, {activations, {}});
        EXPECT_TRUE(opened) << opened.error().message();
        if (!opened) return;
        model = std::move(*opened);
        auto made = LayerRunner::create(*model, *backend);
        EXPECT_TRUE(made);
        runner = std::move(*made);
    }

    test::ScratchFile file;
    std::unique_ptr<kernels::Backend> backend;
    std::unique_ptr<Model> model;
    std::unique_ptr<LayerRunner> runner;
};

struct Outcome {
    PrefillTrace trace;
    std::vector<std::vector<float>> logits;  ///< after the prompt and after each answer token
};

struct Question {
    std::vector<TokenId> tokens;
    Policy policy;
    PromptLayout layout;
    KvType type = KvType::F32;
    std::vector<TokenId> answer;
};

/// `resident` tokens are read beforehand, with the late stage as well if `full`.
Outcome ask(Loaded& loaded, const Question& question, std::int64_t resident, bool full) {
    auto document = ResidentDocument::create(*loaded.model, *loaded.backend,
                                             {question.tokens.begin(), question.tokens.begin() + resident},
                                             question.policy.tspLayer, question.type);
    EXPECT_TRUE(document);
    EXPECT_TRUE((*document)->readEarly(*loaded.runner, {}, {}));
    if (full) {
        EXPECT_TRUE((*document)->readLate(*loaded.runner, {}, {}));
    }
    Generation::Options options;
    options.policy = question.policy;
    options.maxTokens = static_cast<std::int64_t>(question.answer.size());
    options.detailed = true;
    auto made = Generation::create(*loaded.runner, **document,
                                   {question.tokens.begin() + resident, question.tokens.end()},
                                   question.layout, options);
    EXPECT_TRUE(made) << made.error().message();
    Generation& generation = **made;
    EXPECT_TRUE(generation.prefill({}));
    Outcome outcome{generation.trace(), {generation.logits()}};
    for (const TokenId token : question.answer) {
        EXPECT_TRUE(generation.accept(token, {}));
        outcome.logits.push_back(generation.logits());
    }
    return outcome;
}

test::TinySizes randomSizes(std::mt19937& random) {
    constexpr const char* kArchitectures[] = {"llama", "qwen2", "qwen3", "gemma3"};
    test::TinySizes sizes;
    sizes.architecture = kArchitectures[pick(random, 0, 3)];
    sizes.layers = static_cast<std::int32_t>(pick(random, 6, 8));
    sizes.kvHeads = static_cast<std::int32_t>(1 << pick(random, 0, 2));
    sizes.headSize = static_cast<std::int32_t>(8 * pick(random, 1, 4));
    sizes.tied = pick(random, 0, 1) == 1;
    sizes.seed = static_cast<unsigned>(random());
    return sizes;
}

Question randomQuestion(std::mt19937& random, const ModelConfig& model, std::int64_t longest) {
    Question question;
    const std::int64_t n = pick(random, 2, longest);
    for (std::int64_t i = 0; i < n + 4; ++i) {
        (i < n ? question.tokens : question.answer)
            .push_back(static_cast<TokenId>(pick(random, 0, model.vocabulary - 1)));
    }
    question.layout.length = n;
    question.layout.prefix = pick(random, 0, n / 4);
    question.layout.documentEnd = pick(random, question.layout.prefix, n);
    Policy& policy = question.policy;
    policy.tspLayer = static_cast<std::int32_t>(pick(random, 0, model.layers - 1));
    if (model.reach(policy.tspLayer) != 0) policy.tspLayer = model.nearestFullLayer(policy.tspLayer);
    policy.ratePerMille = static_cast<std::int32_t>(pick(random, 1, 3) == 1 ? 1000 : pick(random, 1, 600));
    policy.minimumCarried = pick(random, 0, 2) == 0 ? pick(random, 0, 60) : 0;
    policy.retentionPerMille =
        static_cast<std::int32_t>(pick(random, 1, 3) == 1 ? 1000 : pick(random, 1, 700));
    policy.window = pick(random, 0, 40);
    policy.pooling = pick(random, 0, 1) == 0 ? kernels::Pooling::Max : kernels::Pooling::Average;
    policy.kernel = static_cast<std::int32_t>(2 * pick(random, 0, 5) + 1);
    policy.keepPrompt = pick(random, 0, 1) == 1;
    return question;
}

void expectClose(const std::vector<float>& engine, const test::Row& plain) {
    ASSERT_EQ(engine.size(), plain.size());
    for (std::size_t i = 0; i < plain.size(); ++i)
        ASSERT_NEAR(engine[i], plain[i], 2e-3) << "token " << i;
}

/// Returns how many near-ties were decided otherwise.
int expectAgreement(const test::TinyModel& tiny, const Question& question, const Outcome& engine) {
    const test::PlainModel model(tiny);
    test::PlainFastKv plain(model, question.policy, question.layout, engine.trace);
    expectClose(engine.logits[0], plain.prefill(question.tokens));
    for (std::size_t i = 0; i < question.answer.size() && !testing::Test::HasFailure(); ++i)
        expectClose(engine.logits[i + 1], plain.accept(question.answer[i]));
    return plain.nearTies();
}

class BruteForce : public testing::TestWithParam<int> {};

TEST_P(BruteForce, SelectionAndLogitsAreThoseOfTheDefinition) {
    std::mt19937 random(static_cast<unsigned>(GetParam()));
    int nearTies = 0;
    for (int round = 0; round < 12; ++round) {
        const test::TinyModel tiny(randomSizes(random));
        Loaded loaded(tiny, static_cast<int>(pick(random, 1, 3)));
        ASSERT_NE(loaded.runner, nullptr);
        // Now and then long enough for several chunks.
        const Question question = randomQuestion(random, loaded.model->config(), round % 6 == 5 ? 400 : 120);
        SCOPED_TRACE(tiny.sizes.architecture + ", round " + std::to_string(round) + ", N " +
                     std::to_string(question.layout.length) + ", T " +
                     std::to_string(question.policy.tspLayer));
        const Outcome engine = ask(loaded, question, pick(random, 0, question.layout.length - 1), false);
        nearTies += expectAgreement(tiny, question, engine);
        if (HasFailure()) return;
    }
    EXPECT_LE(nearTies, 4);
}

TEST_P(BruteForce, AResidentDocumentGivesTheBitsOfOnePass) {
    std::mt19937 random(static_cast<unsigned>(GetParam()) + 1000);
    for (int round = 0; round < 6; ++round) {
        test::TinySizes sizes = randomSizes(random);
        sizes.type = kernels::TensorType::Q8_0;
        const test::TinyModel tiny(sizes);
        const Activations activations = pick(random, 0, 1) == 0 ? Activations::F32 : Activations::Int8;
        Loaded one(tiny, 1, activations), other(tiny, static_cast<int>(pick(random, 2, 5)), activations);
        Question question = randomQuestion(random, one.model->config(), 600);
        question.type = static_cast<KvType>(pick(random, 0, 2));
        const Outcome onePass = ask(one, question, 0, false);
        for (int split = 0; split < 3; ++split) {
            const std::int64_t resident = pick(random, 1, question.layout.length - 1);
            SCOPED_TRACE(sizes.architecture + ", round " + std::to_string(round) + ", N " +
                         std::to_string(question.layout.length) + ", resident " + std::to_string(resident) +
                         ", K/V type " + std::to_string(static_cast<int>(question.type)));
            const Outcome apart = ask(other, question, resident, pick(random, 0, 1) == 1);
            ASSERT_EQ(onePass.trace.carried, apart.trace.carried);
            ASSERT_EQ(onePass.trace.kept, apart.trace.kept);
            ASSERT_EQ(onePass.trace.tspScores, apart.trace.tspScores);
            ASSERT_EQ(onePass.logits, apart.logits);
        }
    }
}

/// As Qwen2's are: large, in the pairs that rotate slowest. Answers of 8-bit K/V stay close to those of exact
/// ones.
TEST(EightBitKv, LargeKeyBiasesDoNotSpoilIt) {
    test::TinyModel tiny(test::TinySizes{.architecture = "qwen2"});
    tiny.numbers["qwen2.rope.freq_base"] = 1e6F;
    for (std::int32_t layer = 0; layer < tiny.sizes.layers; ++layer) {
        std::vector<float>& bias = tiny.tensor("blk." + std::to_string(layer) + ".attn_k.bias").values;
        bias[7] = 150;
        bias[15] = -90;
    }
    Loaded loaded(tiny, 2);
    std::mt19937 random(9);
    Question question = randomQuestion(random, loaded.model->config(), 300);
    question.policy = Policy::full(loaded.model->config());
    const Outcome exact = ask(loaded, question, 0, false);
    question.type = KvType::Int8;
    const Outcome rounded = ask(loaded, question, 0, false);
    double squares = 0, differences = 0;
    for (std::size_t i = 0; i < exact.logits[0].size(); ++i) {
        const double x = exact.logits[0][i];
        squares += x * x;
        differences += (x - rounded.logits[0][i]) * (x - rounded.logits[0][i]);
    }
    EXPECT_LT(std::sqrt(differences / squares), 0.02);
}

INSTANTIATE_TEST_SUITE_P(Seeds, BruteForce, testing::Range(0, 6));

/// Everything carried and kept: the forward pass alone.
void expectForwardPass(const test::TinyModel& tiny, std::int64_t length) {
    Loaded loaded(tiny, 2);
    ASSERT_NE(loaded.runner, nullptr);
    std::mt19937 random(3);
    Question question = randomQuestion(random, loaded.model->config(), 2);
    question.tokens.clear();
    for (std::int64_t i = 0; i < length; ++i)
        question.tokens.push_back(
            static_cast<TokenId>(pick(random, 0, loaded.model->config().vocabulary - 1)));
    question.layout = {0, length, length};
    question.policy = Policy::full(loaded.model->config());
    expectAgreement(tiny, question, ask(loaded, question, length / 2, true));
}

TEST(Families, TheForwardPassIsThatOfTheDefinition) {
    for (const char* architecture : {"llama", "qwen2", "qwen3", "gemma3"}) {
        SCOPED_TRACE(architecture);
        test::TinySizes sizes;
        sizes.architecture = architecture;
        sizes.layers = 7;
        sizes.headSize = architecture == std::string("qwen3") ? 24 : 16;
        expectForwardPass(test::TinyModel(sizes), 90);
    }
}

TEST(Families, MistralsLayersSlide) {
    test::TinyModel tiny;
    tiny.integers["llama.attention.sliding_window"] = 20;
    expectForwardPass(tiny, 70);
    Loaded loaded(tiny, 1);
    EXPECT_EQ(loaded.model->attentionShape(3).sliding, 20);
    // No layer sees everything: every policy reads and carries everything.
    EXPECT_EQ(Policy::shipped(loaded.model->config()).tspLayer, 4);
    tiny.integers["llama.attention.sliding_window"] = tiny.sizes.window;
    EXPECT_EQ(Loaded(tiny, 1).model->attentionShape(3).sliding, 0) << "a reach as long as the window is none";
}

TEST(Families, WindowsAreStretchedAsTheFileSays) {
    test::TinyModel linear;
    linear.strings["llama.rope.scaling.type"] = "linear";
    linear.numbers["llama.rope.scaling.factor"] = 4;
    expectForwardPass(linear, 60);

    test::TinyModel yarn(test::TinySizes{.architecture = "qwen2"});
    yarn.strings["qwen2.rope.scaling.type"] = "yarn";
    yarn.numbers["qwen2.rope.scaling.factor"] = 4;
    yarn.integers["qwen2.rope.scaling.original_context_length"] = 512;
    expectForwardPass(yarn, 60);

    test::TinyModel llama3;
    llama3.tensors.push_back({"rope_freqs.weight", {8}, {1, 1, 1, 1.5F, 2.5F, 5, 8, 8}});
    expectForwardPass(llama3, 60);
}

TEST(Families, Llama3sFactorsMayStandInTheMetadata) {
    // Llama 3.1's own numbers for heads of 128: waves of more than 8,192 positions are stretched by 8, those
    // below 2,048 are not.
    test::TinySizes sizes;
    sizes.headSize = 128;
    sizes.heads = 1;
    sizes.kvHeads = 1;
    test::TinyModel tiny(sizes);
    tiny.numbers["llama.rope.freq_base"] = 500000;
    Loaded plain(tiny, 1);
    tiny.strings["llama.rope.scaling.type"] = "llama3";
    tiny.numbers["llama.rope.scaling.factor"] = 8;
    tiny.integers["llama.rope.scaling.original_context_length"] = 8192;
    Loaded stretched(tiny, 1);
    const std::vector<double>&before = plain.model->config().inverseFrequency,
          &after = stretched.model->config().inverseFrequency;
    for (std::size_t i = 0; i < before.size(); ++i) {
        const double wave = 2 * std::acos(-1.0) / before[i];
        if (wave < 2048) {
            EXPECT_DOUBLE_EQ(after[i], before[i]);
        } else if (wave > 8192) {
            EXPECT_DOUBLE_EQ(after[i], before[i] / 8);
        } else {
            const double smooth = (8192 / wave - 1) / (4 - 1);
            EXPECT_NEAR(after[i], (1 - smooth) * before[i] / 8 + smooth * before[i], 1e-12);
        }
    }
}

TEST(Families, GemmasFullLayersStretchAndItsSlidingLayersDoNot) {
    test::TinySizes sizes;
    sizes.architecture = "gemma3";
    sizes.layers = 7;
    test::TinyModel tiny(sizes);
    tiny.numbers["gemma3.rope.freq_base"] = 1e6F;
    tiny.strings["gemma3.rope.scaling.type"] = "linear";
    tiny.numbers["gemma3.rope.scaling.factor"] = 8;
    expectForwardPass(tiny, 60);
    Loaded loaded(tiny, 1);
    const ModelConfig& config = loaded.model->config();
    EXPECT_DOUBLE_EQ(config.ropeOf(5)[0], 0.125);
    EXPECT_DOUBLE_EQ(config.ropeOf(4)[0], 1);
    EXPECT_EQ(config.reach(5), 0);
    EXPECT_EQ(config.reach(6), 24);
    EXPECT_EQ(config.nearestFullLayer(1), 5);
    Policy policy = Policy::paper(config);
    policy.tspLayer = 4;
    EXPECT_EQ(policy.check(config).error().code, ErrorCode::InvalidArgument);
    policy.tspLayer = 5;
    EXPECT_TRUE(policy.check(config));
    EXPECT_TRUE(Policy::full(config).check(config)) << "nothing is carried on from the last layer";
}

}  // namespace
}  // namespace kvasir
