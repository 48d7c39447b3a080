// What segments that are read apart need: keys moved to other positions, scores made comparable.
#include <array>
#include <limits>

#include "kernels/cpu/half.h"
#include "tests/kernels/support.h"

namespace kvasir::kernels::test {
namespace {

class SegmentKernels : public OnEveryBackend {};

ON_EVERY_BACKEND(SegmentKernels);

/// Keys of G heads, `stride` rows each, and values that nobody reads.
struct StoredKeys {
    StoredKeys(KvType kvType, std::int32_t kvHeads, std::int64_t rowStride, std::int32_t size, unsigned seed)
        : type(kvType),
          stride(rowStride),
          headSize(size),
          memory(static_cast<std::size_t>(kvHeads * rowStride * size * bytesOf(kvType))),
          values(memory.size()) {
        const std::vector<float> floats =
            randomFloats(static_cast<std::size_t>(kvHeads * rowStride * size), seed);
        for (std::size_t i = 0; i < floats.size(); ++i)
            set(i, floats[i]);
    }
    void set(std::size_t i, float value) {
        const std::uint16_t half = floatToHalf(value);
        if (type == KvType::F16) std::memcpy(memory.data() + 2 * i, &half, 2);
        if (type == KvType::F32) std::memcpy(memory.data() + 4 * i, &value, 4);
    }
    double at(std::int64_t head, std::int64_t row, std::int64_t component) const {
        const auto i = static_cast<std::size_t>((head * stride + row) * headSize + component);
        std::uint16_t half = 0;
        float value = 0;
        if (type == KvType::F16) std::memcpy(&half, memory.data() + 2 * i, 2);
        if (type == KvType::F32) std::memcpy(&value, memory.data() + 4 * i, 4);
        return type == KvType::F16 ? double{halfToFloat(half)} : double{value};
    }
    KvRows rows() { return {type, memory.data(), values.data(), stride, nullptr, nullptr}; }
    KvSpan span(std::int64_t count, std::int32_t first) const {
        KvSpan span;
        span.type = type;
        span.keys = memory.data();
        span.values = values.data();
        span.stride = stride;
        span.count = count;
        span.first = first;
        return span;
    }

    KvType type;
    std::int64_t stride;
    std::int32_t headSize;
    std::vector<std::byte> memory, values;
};

TEST_P(SegmentKernels, keysMoveToOtherPositions) {
    const std::array<std::int32_t, 7> shifts{0, 1, -1, 4095, -32000, 17, 131071};
    for (const KvType type : {KvType::F32, KvType::F16}) {
        for (const RopeStyle style : {RopeStyle::Half, RopeStyle::Interleaved}) {
            for (const auto& [headSize, size] : {std::pair{64, 64}, {20, 16}, {6, 2}, {128, 96}}) {
                constexpr std::int32_t kHeads = 3;
                std::vector<double> frequencies(static_cast<std::size_t>(size / 2));
                for (int i = 0; i < size / 2; ++i)
                    frequencies[i] = std::pow(1e6, -2.0 * i / size);
                StoredKeys keys(type, kHeads, 11, headSize, 5);  // rows behind the last stay as they are
                const StoredKeys before = keys;
                const AttentionShape shape{kHeads, kHeads, headSize, 1, 0};
                m_backend->rerotateKeys(shape, keys.rows(), 7, size, style, frequencies.data(),
                                        shifts.data());
                m_backend->synchronise();
                for (std::int64_t g = 0; g < kHeads; ++g) {
                    for (std::int64_t r = 0; r < 11; ++r) {
                        std::vector<double> expected;
                        expected.reserve(static_cast<std::size_t>(headSize));
                        for (int i = 0; i < headSize; ++i)
                            expected.push_back(before.at(g, r, i));
                        for (int i = 0; i < size / 2 && r < 7; ++i) {
                            const int a = style == RopeStyle::Half ? i : 2 * i,
                                      b = style == RopeStyle::Half ? i + size / 2 : 2 * i + 1;
                            const double angle = shifts[static_cast<std::size_t>(r)] * frequencies[i];
                            const double x = before.at(g, r, a), y = before.at(g, r, b);
                            expected[a] = x * std::cos(angle) - y * std::sin(angle);
                            expected[b] = x * std::sin(angle) + y * std::cos(angle);
                        }
                        for (int i = 0; i < headSize; ++i) {
                            const double rounding = type == KvType::F16 ? 5e-4 : 3e-7;
                            const bool stays = r >= 7 || shifts[static_cast<std::size_t>(r)] == 0;
                            const double margin =
                                stays ? 0 : rounding * (std::fabs(expected[i]) + 1e-3) + 3e-7;
                            ASSERT_NEAR(keys.at(g, r, i), expected[i], margin)
                                << "row " << r << " component " << i << " of " << headSize;
                        }
                    }
                }
            }
        }
    }
}

TEST_P(SegmentKernels, thereAndBackIsWhereItWas) {
    const std::array<std::int32_t, 2> there{1000, -3}, back{-1000, 3};
    const double frequency[] = {1.0, 0.01};
    StoredKeys keys(KvType::F32, 1, 2, 4, 9);
    const StoredKeys before = keys;
    const AttentionShape shape{1, 1, 4, 1, 0};
    m_backend->rerotateKeys(shape, keys.rows(), 2, 4, RopeStyle::Half, frequency, there.data());
    m_backend->rerotateKeys(shape, keys.rows(), 2, 4, RopeStyle::Half, frequency, back.data());
    for (std::int64_t r = 0; r < 2; ++r) {
        for (std::int64_t i = 0; i < 4; ++i)
            EXPECT_NEAR(keys.at(0, r, i), before.at(0, r, i), 1e-6);
    }
    m_backend->rerotateKeys(shape, keys.rows(), 0, 4, RopeStyle::Half, frequency, nullptr);
}

/// Scaled scores of one query, those of keys it does not see left out.
std::vector<double> scoresOf(const StoredKeys& keys, const AttentionShape& shape, const float* query,
                             std::int64_t g, std::int64_t visible) {
    std::vector<double> scores;
    for (std::int64_t j = 0; j < visible; ++j) {
        double score = 0;
        for (std::int64_t i = 0; i < shape.headSize; ++i)
            score += double{query[i]} * keys.at(g, j, i);
        scores.push_back(score * double{shape.scale});
    }
    return scores;
}

TEST_P(SegmentKernels, logSumsAndScoresAgainstThemAreThoseOfTheDefinition) {
    for (const std::int32_t headSize : {24, 64}) {
        for (const std::int64_t count : {3, 200, 2500}) {
            constexpr std::int64_t kWindow = 5;
            const AttentionShape shape{6, 2, headSize, 0.3F, 0};
            const StoredKeys keys(KvType::F16, 2, count + 3, headSize, 3);
            const std::vector<KvSpan> spans{keys.span(count, 10)};
            std::vector<std::int32_t> positions;  // the last queries see all keys, the first not
            positions.reserve(kWindow);
            for (std::int32_t w = 0; w < kWindow; ++w)
                positions.push_back(static_cast<std::int32_t>(10 + count - 3 + w));
            const auto visible = [&](std::int64_t w) { return std::min(count, positions[w] - 10 + 1L); };
            const std::vector<float> queries =
                randomFloats(static_cast<std::size_t>(kWindow * shape.heads * headSize), 5);
            std::vector<float> logSums(static_cast<std::size_t>(shape.heads * kWindow), 7);
            m_backend->windowLogSums(shape, queries.data(), positions.data(), kWindow, spans, logSums.data());
            m_backend->synchronise();
            // As if there were other segments too: sums are larger by a different factor for each.
            std::vector<float> all = logSums;
            for (std::size_t i = 0; i < all.size(); ++i)
                all[i] += 0.1F * static_cast<float>(i % 7);
            all[1] = -std::numeric_limits<float>::infinity();
            std::vector<float> s(static_cast<std::size_t>(shape.heads * count), 7);
            m_backend->windowScoresAgainst(shape, queries.data(), positions.data(), kWindow, spans, count,
                                           all.data(), s.data());
            m_backend->synchronise();
            for (std::int64_t h = 0; h < shape.heads; ++h) {
                std::vector<double> expected(static_cast<std::size_t>(count), 0);
                for (std::int64_t w = 0; w < kWindow; ++w) {
                    const std::vector<double> scores = scoresOf(
                        keys, shape, queries.data() + (w * shape.heads + h) * headSize, h / 3, visible(w));
                    double sum = 0;
                    for (const double score : scores)
                        sum += std::exp(score);
                    const auto index = static_cast<std::size_t>(h * kWindow + w);
                    // On the GPU queries are rounded to 16 bits.
                    ASSERT_NEAR(logSums[index], std::log(sum), onGpu() ? 2e-3 : 2e-5);
                    for (std::size_t j = 0; j < scores.size() && index != 1; ++j)
                        expected[j] += std::exp(scores[j] - double{all[index]});
                }
                for (std::int64_t j = 0; j < count; ++j) {
                    ASSERT_NEAR(s[h * count + j], expected[j], 1e-7 + (onGpu() ? 5e-3 : 3e-5) * expected[j])
                        << h << " " << j;
                }
            }
        }
    }
}

TEST_P(SegmentKernels, aQueryThatSeesNothingHasNoSum) {
    const AttentionShape shape{2, 1, 16, 0.3F, 0};
    const StoredKeys keys(KvType::F16, 1, 4, 16, 3);
    const std::vector<KvSpan> spans{keys.span(4, 10)};
    const std::int32_t position = 9;
    const std::vector<float> queries = randomFloats(32, 5);
    std::vector<float> logSums(2, 7);
    m_backend->windowLogSums(shape, queries.data(), &position, 1, spans, logSums.data());
    m_backend->synchronise();
    EXPECT_THAT(logSums, testing::Each(-std::numeric_limits<float>::infinity()));
    m_backend->windowScoresAgainst(shape, queries.data(), &position, 1, spans, 0, logSums.data(), nullptr);
}

}  // namespace
}  // namespace kvasir::kernels::test
