// Keys and values that lie beyond 2^31 elements, as those of a million tokens do: what a GPU makes of a few
// rows of every head is the same wherever the heads lie.
#include <algorithm>
#include <memory>
#include <numeric>
#include <vector>

#include "tests/kernels/support.h"

namespace kvasir::kernels::test {
namespace {

constexpr AttentionShape kShape{32, 8, 128, 0.088F, 0};
constexpr std::int64_t kFar = 2500000;  ///< rows a head: the last one begins behind 2^31 elements, 2^32 bytes
constexpr std::int64_t kRows = 300, kQueries = 70;

class LongOffsets : public testing::TestWithParam<KvType> {
protected:
    void SetUp() override {
        BackendChoice choice = chooseBackend(Device::Cuda, 1);
        if (choice.backend == nullptr) GTEST_SKIP() << choice.note;
        m_backend = std::move(choice.backend);
        const std::size_t need =
            2 * static_cast<std::size_t>(kShape.kvHeads * kFar * rowBytes(GetParam(), kShape.headSize));
        if (m_backend->freeMemory() < need + (std::size_t{2} << 30))
            GTEST_SKIP() << "the GPU has less than " << (need >> 30) + 2 << " GB free";
        m_queries =
            onDevice(randomFloats(static_cast<std::size_t>(kQueries * kShape.heads * kShape.headSize), 3));
        m_keys =
            onDevice(randomFloats(static_cast<std::size_t>(kRows * kShape.kvHeads * kShape.headSize), 4));
        m_values =
            onDevice(randomFloats(static_cast<std::size_t>(kRows * kShape.kvHeads * kShape.headSize), 5));
    }

    template <typename T>
    std::unique_ptr<Buffer> onDevice(const std::vector<T>& host) {
        std::unique_ptr<Buffer> buffer = m_backend->allocate(host.size() * sizeof(T));
        m_backend->copyToDevice(buffer->data(), host.data(), host.size() * sizeof(T));
        return buffer;
    }
    std::vector<float> onHost(const Buffer& buffer) {
        std::vector<float> host(buffer.bytes() / sizeof(float));
        m_backend->copyToHost(host.data(), buffer.data(), buffer.bytes());
        return host;
    }

    struct Run {
        std::unique_ptr<Buffer> keys, values;
        KvRows rows;
        KvSpan span;
    };
    Run run(std::int64_t stride) {
        const std::int64_t all = kShape.kvHeads * stride;
        const auto bytes = static_cast<std::size_t>(all * rowBytes(GetParam(), kShape.headSize));
        Run run{m_backend->allocate(bytes), m_backend->allocate(bytes), {}, {}};
        run.rows = {GetParam(), run.keys->data(), run.values->data(), stride, nullptr, nullptr};
        if (GetParam() == KvType::Int8) {
            run.rows.keyScales = reinterpret_cast<float*>(run.keys->data() + all * kShape.headSize);
            run.rows.valueScales = reinterpret_cast<float*>(run.values->data() + all * kShape.headSize);
        }
        run.span = {.type = GetParam(),
                    .keys = run.rows.keys,
                    .values = run.rows.values,
                    .stride = stride,
                    .count = kRows,
                    .keyScales = run.rows.keyScales,
                    .valueScales = run.rows.valueScales};
        return run;
    }

    /// Everything that reads or writes keys and values; what comes of it.
    std::vector<float> results(std::int64_t stride) {
        const Run from = run(stride);
        Run to = run(stride);
        m_backend->storeKv(kShape, m_keys->as<float>(), m_values->as<float>(), nullptr, kRows, from.rows, 0);
        std::vector<std::int32_t> kept(static_cast<std::size_t>(kShape.kvHeads * kRows));
        for (std::size_t i = 0; i < kept.size(); ++i)
            kept[i] = static_cast<std::int32_t>(i) % static_cast<std::int32_t>(kRows);
        const std::unique_ptr<Buffer> rows = onDevice(kept);
        m_backend->gatherKv(kShape, {&from.span, 1}, rows->as<std::int32_t>(), kRows, to.rows);
        std::vector<std::int32_t> positions(kQueries);
        std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(kRows - kQueries));
        std::vector<float> all;
        for (const std::int64_t n : {std::int64_t{1}, std::int64_t{5}, kQueries}) {
            const std::unique_ptr<Buffer> out = m_backend->allocate(
                static_cast<std::size_t>(n * kShape.heads * kShape.headSize) * sizeof(float));
            m_backend->attention(kShape, m_queries->as<float>(), positions.data() + kQueries - n, n,
                                 {&to.span, 1}, out->as<float>());
            const std::vector<float> part = onHost(*out);
            all.insert(all.end(), part.begin(), part.end());
        }
        const std::unique_ptr<Buffer> scores =
            m_backend->allocate(static_cast<std::size_t>(kShape.heads * (kRows - 8)) * sizeof(float));
        m_backend->windowScores(kShape, m_queries->as<float>(), positions.data() + kQueries - 8, 8,
                                {&to.span, 1}, kRows - 8, scores->as<float>());
        const std::vector<float> part = onHost(*scores);
        all.insert(all.end(), part.begin(), part.end());
        return all;
    }

    std::unique_ptr<Backend> m_backend;
    std::unique_ptr<Buffer> m_queries, m_keys, m_values;
};

TEST_P(LongOffsets, whereHeadsLieChangesNoBit) {
    const std::vector<float> near = results(kRows), far = results(kFar);
    EXPECT_EQ(m_backend->failure(), "");
    EXPECT_EQ(near, far);
    EXPECT_TRUE(std::ranges::any_of(near, [](float value) { return value != 0; }));
}

INSTANTIATE_TEST_SUITE_P(cuda, LongOffsets, testing::Values(KvType::F16, KvType::Int8),
                         [](const auto& made) { return made.param == KvType::F16 ? "f16" : "int8"; });

}  // namespace
}  // namespace kvasir::kernels::test
