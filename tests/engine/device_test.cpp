// The GPU against the processor on models of random weights: every family and every storage of keys and
// values, through whole layers. Skipped with the reason where there is no GPU.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "engine/generation.h"
#include "engine/host_copy.h"
#include "engine/model.h"
#include "tests/engine/scratch_file.h"
#include "tests/engine/tiny_model.h"

namespace kvasir {
namespace {

using kernels::KvType;

struct Loaded {
    Loaded(std::unique_ptr<kernels::Backend> chosen, const std::filesystem::path& path,
           kernels::Activations activations)
        : backend(std::move(chosen)) {
        auto opened = Model::load(path, *backend, {activations, {}});
        EXPECT_TRUE(opened) << opened.error().message();
        if (!opened) return;
        model = std::move(*opened);
        auto made = LayerRunner::create(*model, *backend);
        EXPECT_TRUE(made);
        if (made) runner = std::move(*made);
    }
    std::unique_ptr<kernels::Backend> backend;
    std::unique_ptr<Model> model;
    std::unique_ptr<LayerRunner> runner;
};

struct Outcome {
    std::vector<std::vector<float>> logits;
    std::vector<std::int32_t> carried;
    std::vector<std::vector<std::vector<std::int32_t>>> kept;
};

Outcome ask(Loaded& loaded, const std::vector<TokenId>& tokens, std::int64_t resident, const Policy& policy,
            KvType type) {
    Outcome outcome;
    auto document = ResidentDocument::create(
        *loaded.model, *loaded.backend, {tokens.begin(), tokens.begin() + resident}, policy.tspLayer, type);
    EXPECT_TRUE(document);
    EXPECT_TRUE((*document)->readEarly(*loaded.runner, {}, {}));
    const auto length = static_cast<std::int64_t>(tokens.size());
    Generation::Options options;
    options.policy = policy;
    options.maxTokens = 8;
    auto generation = Generation::create(
        *loaded.runner, **document, {tokens.begin() + resident, tokens.end()}, {0, length, length}, options);
    EXPECT_TRUE(generation);
    const Result<void> done = (*generation)->prefill({});
    EXPECT_TRUE(done) << done.error().message();
    outcome.logits.push_back((*generation)->logits());
    for (TokenId token = 5; token < 9; ++token) {
        EXPECT_TRUE((*generation)->accept(token, {}));
        outcome.logits.push_back((*generation)->logits());
    }
    outcome.carried = (*generation)->trace().carried;
    outcome.kept = (*generation)->trace().kept;
    return outcome;
}

/// Root mean square of a - b, relative to that of b around its mean.
double difference(const std::vector<float>& a, const std::vector<float>& b) {
    const double mean = std::accumulate(b.begin(), b.end(), 0.0) / static_cast<double>(b.size());
    double error = 0, size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        error += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
        size += (double{b[i]} - mean) * (double{b[i]} - mean);
    }
    return std::sqrt(error / size);
}

class Devices : public testing::TestWithParam<std::tuple<const char*, KvType>> {
protected:
    /// The processor computes in float32.
    void compare(std::int32_t headSize, kernels::Activations activations, double tolerance);
};

void Devices::compare(std::int32_t headSize, kernels::Activations activations, double tolerance) {
    const auto& [family, type] = GetParam();
    const test::TinySizes sizes{.architecture = family,
                                .layers = 6,
                                .width = 256,
                                .heads = 6,
                                .kvHeads = 2,
                                .headSize = headSize,
                                .feedForward = 320,
                                .type = kernels::TensorType::Q8_0};
    test::TinyModel tiny(sizes);
    // At this width the tiny model's attention would be all but one-hot: then the last bits decide.
    for (test::TinyTensor& tensor : tiny.tensors) {
        if (tensor.name.find("attn_q.weight") == std::string::npos &&
            tensor.name.find("attn_k.weight") == std::string::npos) {
            continue;
        }
        for (float& value : tensor.values)
            value *= 0.25F;
    }
    const test::ScratchFile file(tiny.bytes());
    Loaded onGpu(kernels::chooseBackend(kernels::Device::Cuda, 1).backend, file.path(), activations);
    Loaded onCpu(kernels::makeCpuBackend(2), file.path(), kernels::Activations::F32);
    ASSERT_TRUE(onGpu.runner != nullptr && onCpu.runner != nullptr);
    const bool strict = activations == kernels::Activations::F32;
    // Before compute capability 8.0 there are no whole layers at all.
    EXPECT_FALSE(strict && onGpu.runner->chunkRows() > kWindowRows) << "whole layers";
    std::vector<TokenId> tokens(300);
    for (std::size_t i = 0; i < tokens.size(); ++i)
        tokens[i] = static_cast<TokenId>((i * 37 + i * i % 11) % 250);
    Policy full = Policy::full(onCpu.model->config());
    for (const std::int64_t resident : {0, 295, 240}) {
        const Outcome a = ask(onGpu, tokens, resident, full, type),
                      b = ask(onCpu, tokens, resident, full, type);
        for (std::size_t i = 0; i < a.logits.size(); ++i)
            EXPECT_LT(difference(a.logits[i], b.logits[i]), tolerance)
                << headSize << " " << resident << " " << i;
    }
    // What is selected may differ where scores are near; what is common decides.
    const Policy paper = Policy::paper(onCpu.model->config());
    const Outcome a = ask(onGpu, tokens, 0, paper, type), b = ask(onCpu, tokens, 0, paper, type);
    std::vector<std::int32_t> common;
    std::set_intersection(a.carried.begin(), a.carried.end(), b.carried.begin(), b.carried.end(),
                          std::back_inserter(common));
    EXPECT_EQ(a.carried.size(), b.carried.size());
    EXPECT_GE(static_cast<double>(common.size()), 0.9 * static_cast<double>(b.carried.size()));
    const Outcome again = ask(onGpu, tokens, 0, paper, type);
    EXPECT_EQ(again.carried, a.carried);
    EXPECT_EQ(again.kept, a.kept);
    EXPECT_EQ(again.logits, a.logits) << "a second run has the same bits";
    EXPECT_EQ(onGpu.backend->failure(), "");
}

TEST_P(Devices, giveTheSameLogits) {
    const kernels::BackendChoice gpu = kernels::chooseBackend(kernels::Device::Cuda, 1);
    if (gpu.backend == nullptr) GTEST_SKIP() << gpu.note;
    for (const std::int32_t headSize : {64, 128}) {
        // 8-bit keys and values round once more where the last bits differ.
        compare(headSize, kernels::Activations::F32, std::get<1>(GetParam()) == KvType::Int8 ? 0.05 : 2e-3);
        // As far as the processor's own 8-bit activations are from float32 on these models.
        compare(headSize, kernels::Activations::Int8, 0.2);
    }
}

/// Pieces of everything that was read.
std::vector<std::byte> contents(const ResidentDocument& document) {
    std::vector<std::byte> all;
    for (const PieceStage stage : {PieceStage::Early, PieceStage::Late}) {
        for (std::int64_t i = 0; document.isComplete(stage, i); ++i) {
            const PieceShape shape = document.pieceShape(stage, i * kPieceRows);
            std::vector<std::byte> piece(shape.bytes());
            EXPECT_TRUE(document.copyPiece(shape, piece.data()));
            all.insert(all.end(), piece.begin(), piece.end());
        }
    }
    return all;
}

TEST(DeviceMemory, ADocumentLeavesTheGpuAndComesBackAndTakesWhatIsSaid) {
    kernels::BackendChoice gpu = kernels::chooseBackend(kernels::Device::Cuda, 1);
    if (gpu.backend == nullptr) GTEST_SKIP() << gpu.note;
    const test::ScratchFile file(test::TinyModel({.layers = 6,
                                                  .width = 512,
                                                  .heads = 8,
                                                  .kvHeads = 4,
                                                  .headSize = 128,
                                                  .feedForward = 640,
                                                  .window = 8192,
                                                  .type = kernels::TensorType::Q8_0})
                                     .bytes());
    Loaded loaded(std::move(gpu.backend), file.path(), kernels::Activations::Int8);
    ASSERT_NE(loaded.runner, nullptr);
    std::vector<TokenId> tokens(8000);  // against 2 MiB, the least that a device gives
    for (std::size_t i = 0; i < tokens.size(); ++i)
        tokens[i] = static_cast<TokenId>((i * 37 + i * i % 11) % 250);
    const auto unread = [&](KvType type) {
        auto made = ResidentDocument::create(*loaded.model, *loaded.backend, tokens, 2, type);
        EXPECT_TRUE(made);
        return std::move(*made);
    };
    for (const KvType type : {KvType::F16, KvType::Int8, KvType::F32}) {
        SCOPED_TRACE(static_cast<int>(type));
        ASSERT_TRUE(loaded.runner->reserve(type, std::ssize(tokens)));
        EXPECT_EQ(loaded.runner->workspaceBytes(type, std::ssize(tokens)), 0U);
        {
            // Kernels are loaded when they are first used, and take memory then.
            const auto warming = unread(type);
            ASSERT_TRUE(warming->readEarly(*loaded.runner, {}, {}));
            ASSERT_TRUE(warming->readLate(*loaded.runner, {}, {}));
        }
        loaded.backend->synchronise();
        const std::size_t before = loaded.backend->freeMemory();
        auto document = unread(type);
        // Pieces of the first reading leave beside the full reading.
        std::vector<std::unique_ptr<kernels::Buffer>> beside;
        kernels::CopyId last = 0;
        document->setMeanwhile([&] {
            if (!document->isComplete(PieceStage::Early, std::ssize(beside))) return;
            const PieceShape shape = document->pieceShape(PieceStage::Early, std::ssize(beside) * kPieceRows);
            beside.push_back(loaded.backend->allocateHost(shape.bytes()));
            const auto copy = document->beginCopyPiece(shape, beside.back()->data());
            EXPECT_TRUE(copy);
            last = copy.value_or(0);
        });
        ASSERT_TRUE(document->readEarly(*loaded.runner, {}, {}));
        ASSERT_TRUE(document->readLate(*loaded.runner, {}, {}));
        loaded.backend->waitForCopy(last);
        EXPECT_FALSE(beside.empty());
        const std::vector<std::byte> original = contents(*document);
        std::size_t at = 0;
        for (const auto& piece : beside) {
            EXPECT_TRUE(std::equal(piece->data(), piece->data() + piece->bytes(), original.data() + at));
            at += piece->bytes();
        }
        loaded.backend->synchronise();
        const auto planned = static_cast<double>(
            ResidentDocument::bytes(loaded.model->config(), 2, type, std::ssize(tokens), true));
        const std::size_t taken = before - std::min(before, loaded.backend->freeMemory());
        EXPECT_NEAR(static_cast<double>(taken), planned, 0.05 * planned);

        HostCopy copy(*loaded.backend);
        const Result<bool> all = copy.take(*document, SIZE_MAX, {});
        ASSERT_TRUE(all);
        ASSERT_TRUE(*all);
        document = unread(type);
        ASSERT_TRUE(copy.give(*document, {}, {}));
        EXPECT_EQ(contents(*document), original);
    }
    EXPECT_EQ(loaded.backend->failure(), "");
}

/// In a process of its own, whose GPU is lost afterwards. 0: all is as it should be; else the step.
int failAndGoOn(const std::filesystem::path& model) {
    const std::vector<TokenId> tokens(600, 7);
    Loaded onGpu(kernels::chooseBackend(kernels::Device::Cuda, 1).backend, model, kernels::Activations::Int8);
    if (onGpu.runner == nullptr) return 1;
    auto document = ResidentDocument::create(*onGpu.model, *onGpu.backend, tokens, 2, KvType::F16);
    if (!document || !(*document)->readEarly(*onGpu.runner, {}, {})) return 2;
    // Reads where nothing is: the driver takes the device away from this process.
    const std::unique_ptr<kernels::Buffer> sum = onGpu.backend->allocate(1 << 20);
    onGpu.backend->sumRows(nullptr, 100, 10'000, sum->as<float>());
    const Result<void> late = (*document)->readLate(*onGpu.runner, {}, {});
    if (late || late.error().code != ErrorCode::DeviceFailed) return 3;
    if (onGpu.backend->failure().empty() || onGpu.backend->allocate(64) != nullptr) return 4;
    const kernels::BackendChoice again = kernels::chooseBackend(kernels::Device::Automatic, 1);
    if (again.backend == nullptr || again.note.empty()) return 5;
    Loaded onCpu(kernels::makeCpuBackend(1), model, kernels::Activations::Int8);
    if (onCpu.runner == nullptr) return 6;
    auto other = ResidentDocument::create(*onCpu.model, *onCpu.backend, tokens, 2, KvType::F16);
    return other && (*other)->readEarly(*onCpu.runner, {}, {}) ? 0 : 7;
}

TEST(DeviceFailure, IsSaidAndTheProcessorGoesOn) {
    const kernels::BackendChoice gpu = kernels::chooseBackend(kernels::Device::Cuda, 1);
    if (gpu.backend == nullptr) GTEST_SKIP() << gpu.note;
    GTEST_FLAG_SET(death_test_style, "threadsafe");  // CUDA does not survive a fork
    const test::ScratchFile file(test::TinyModel({.layers = 6, .type = kernels::TensorType::Q8_0}).bytes());
    EXPECT_EXIT(
        {
            const int step = failAndGoOn(file.path());
            std::exit(step);  // with everything that is destroyed at the end
        },
        testing::ExitedWithCode(0), "");
}

std::string caseName(const testing::TestParamInfo<std::tuple<const char*, KvType>>& info) {
    const KvType type = std::get<1>(info.param);
    return std::string(std::get<0>(info.param)) + (type == KvType::F32   ? "_f32"
                                                   : type == KvType::F16 ? "_f16"
                                                                         : "_int8");
}

INSTANTIATE_TEST_SUITE_P(Families, Devices,
                         testing::Combine(testing::Values("llama", "qwen2", "qwen3", "gemma3"),
                                          testing::Values(KvType::F16, KvType::Int8, KvType::F32)),
                         caseName);

}  // namespace
}  // namespace kvasir
