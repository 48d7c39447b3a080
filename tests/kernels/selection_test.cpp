#include <algorithm>
#include <limits>
#include <numeric>

#include "tests/kernels/support.h"

namespace kvasir::kernels::test {
namespace {

class Selection : public OnEveryBackend {
protected:
    std::vector<std::int32_t> select(const std::vector<float>& scores, std::int64_t count) {
        const auto k = static_cast<std::int64_t>(scores.size());
        std::vector<std::int32_t> chosen(static_cast<std::size_t>(count));
        m_backend->keepLargest(scores.data(), 1, k, {0, 0, k, k, count}, chosen.data());
        return chosen;
    }
    std::vector<float> pool(const AttentionShape& shape, const std::vector<float>& s, std::int32_t kernel,
                            Pooling pooling) {
        const auto k = static_cast<std::int64_t>(s.size()) / shape.heads;
        std::vector<float> c(static_cast<std::size_t>(shape.kvHeads * k));
        m_backend->poolScores(shape, s.data(), k, kernel, pooling, c.data());
        return c;
    }
};

ON_EVERY_BACKEND(Selection);

TEST_P(Selection, largestInAscendingRows) {
    EXPECT_THAT(select({3, 9, 1, 7, 5}, 3), testing::ElementsAre(1, 3, 4));
    EXPECT_THAT(select({3, 9, 1}, 3), testing::ElementsAre(0, 1, 2));
    EXPECT_THAT(select({3, 9, 1}, 0), testing::IsEmpty());
    EXPECT_THAT(select({}, 0), testing::IsEmpty());
    EXPECT_THAT(select({-1, -2, -3, -0.5F}, 2), testing::ElementsAre(0, 3));
}

TEST_P(Selection, tiesGoToTheLowerRow) {
    EXPECT_THAT(select({1, 2, 2, 2, 1}, 2), testing::ElementsAre(1, 2));
    EXPECT_THAT(select({0, -0.0F, 0, -0.0F}, 3), testing::ElementsAre(0, 1, 2));
    const std::vector<std::int32_t> chosen = select(std::vector<float>(5000, 0.25F), 1234);
    std::vector<std::int32_t> first(1234);
    std::iota(first.begin(), first.end(), 0);
    EXPECT_EQ(chosen, first);
}

TEST_P(Selection, infinitiesAndNan) {
    const float infinity = std::numeric_limits<float>::infinity();
    EXPECT_THAT(select({std::nanf(""), -infinity, infinity, 1}, 3), testing::ElementsAre(1, 2, 3));
}

TEST_P(Selection, agreesWithSorting) {
    std::vector<float> scores = randomFloats(3000, 4);
    for (std::size_t i = 0; i < scores.size(); i += 3)
        scores[i] = 0.5F;
    std::vector<std::int32_t> rows(scores.size());
    std::iota(rows.begin(), rows.end(), 0);
    std::sort(rows.begin(), rows.end(),
              [&](auto a, auto b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
    for (const std::int64_t count : {1, 500, 1200, 2999}) {
        std::vector<std::int32_t> expected(rows.begin(), rows.begin() + count);
        std::sort(expected.begin(), expected.end());
        EXPECT_EQ(select(scores, count), expected);
    }
}

TEST_P(Selection, whatIsKeptInAnyCaseStandsAround) {
    constexpr std::int64_t kHeads = 3, kStride = 20011;
    std::vector<float> scores = randomFloats(kHeads * kStride, 6);
    for (std::size_t i = 0; i < scores.size(); i += 2)
        scores[i] = 0.25F;
    const KeptRows cases[] = {{0, 0, 20000, 20000, 7001}, {0, 5, 20003, 20040, 999}, {3, 3, 4096, 4097, 4093},
                              {7, 20, 20, 33, 0},         {0, 13, 8205, 8205, 0},    {2, 2, 2, 2, 0},
                              {11, 12, 4108, 4109, 4095}};
    for (const KeptRows& which : cases) {
        std::vector<std::int32_t> kept(static_cast<std::size_t>(kHeads * which.size()));
        m_backend->keepLargest(scores.data(), kHeads, kStride, which, kept.data());
        std::vector<std::int32_t> expected;
        for (std::int64_t head = 0; head < kHeads; ++head) {
            std::vector<std::int32_t> rivals(
                static_cast<std::size_t>(which.candidatesEnd - which.candidates));
            std::iota(rivals.begin(), rivals.end(), static_cast<std::int32_t>(which.candidates));
            const float* own = scores.data() + head * kStride;
            std::sort(rivals.begin(), rivals.end(),
                      [&](auto a, auto b) { return own[a] != own[b] ? own[a] > own[b] : a < b; });
            rivals.resize(static_cast<std::size_t>(which.count));
            std::sort(rivals.begin(), rivals.end());
            for (std::int64_t row = which.first; row < which.candidates; ++row)
                expected.push_back(static_cast<std::int32_t>(row));
            expected.insert(expected.end(), rivals.begin(), rivals.end());
            for (std::int64_t row = which.candidatesEnd; row < which.end; ++row)
                expected.push_back(static_cast<std::int32_t>(row));
        }
        EXPECT_EQ(kept, expected) << which.first << " " << which.candidates << " " << which.candidatesEnd;
    }
}

TEST_P(Selection, fillColumns) {
    const std::vector<float> before = randomFloats(std::size_t{3} * 1009, 6);
    for (const auto& [first, last] : {std::pair{0, 1}, {5, 700}, {1000, 1009}, {8, 8}}) {
        std::vector<float> x = before, expected = before;
        m_backend->fillColumns(x.data(), 3, 1009, first, last, std::numeric_limits<float>::infinity());
        for (std::ptrdiff_t row = 0; row < 3; ++row)
            std::fill(expected.begin() + row * 1009 + first, expected.begin() + row * 1009 + last,
                      std::numeric_limits<float>::infinity());
        EXPECT_EQ(x, expected);
    }
}

TEST_P(Selection, poolingAndSumOverAGroupsHeads) {
    const AttentionShape shape{4, 2, 1, 1, 0};
    for (const std::int64_t k : {1, 2, 5, 9, 5000}) {
        for (const std::int32_t kernel : {1, 3, 7}) {
            const std::vector<float> s = randomFloats(static_cast<std::size_t>(4 * k), 3);
            const std::vector<float> max = pool(shape, s, kernel, Pooling::Max);
            const std::vector<float> average = pool(shape, s, kernel, Pooling::Average);
            for (std::int64_t g = 0; g < 2; ++g) {
                for (std::int64_t j = 0; j < k; ++j) {
                    float maxima = 0;
                    double averages = 0;
                    for (std::int64_t h = 2 * g; h < 2 * g + 2; ++h) {
                        float largest = -std::numeric_limits<float>::infinity();
                        double sum = 0;
                        for (std::int64_t i = j - kernel / 2; i <= j + kernel / 2; ++i) {
                            if (i < 0 || i >= k) continue;
                            largest = std::max(largest, s[h * k + i]);
                            sum += double{s[h * k + i]};
                        }
                        maxima += largest;
                        averages += sum / kernel;
                    }
                    ASSERT_EQ(max[g * k + j], maxima);
                    ASSERT_NEAR(average[g * k + j], averages, 1e-5);
                }
            }
        }
    }
}

TEST_P(Selection, sumRows) {
    const std::vector<float> rows = randomFloats(std::size_t{3} * 5001, 3);
    std::vector<float> out(5001);
    m_backend->sumRows(rows.data(), 3, 5001, out.data());
    for (std::size_t j = 0; j < 5001; ++j)
        ASSERT_EQ(out[j], (rows[j] + rows[5001 + j]) + rows[10002 + j]);
}

TEST_P(Selection, gatherKvThroughSpans) {
    const AttentionShape shape{2, 2, 5, 1, 0};
    const auto fill = [](std::int64_t stride, float start) {
        std::vector<float> data(static_cast<std::size_t>(2 * stride * 5));
        std::iota(data.begin(), data.end(), start);
        return data;
    };
    const std::vector<float> firstKeys = fill(4, 0);
    const std::vector<float> firstValues = fill(4, 1000);
    const std::vector<float> secondKeys = fill(8, 2000);
    const std::vector<float> secondValues = fill(8, 3000);
    const auto bytes = [](const std::vector<float>& data) {
        return reinterpret_cast<const std::byte*>(data.data());
    };
    const KvSpan spans[] = {{KvType::F32, bytes(firstKeys), bytes(firstValues), 4, 3, nullptr, 0},
                            {KvType::F32, bytes(secondKeys), bytes(secondValues), 8, 6, nullptr, 3}};
    const std::vector<std::int32_t> rows{0, 2, 3, 8, 1, 4, 5, 7};
    std::vector<float> keys(std::size_t{2} * 6 * 5, -1);
    std::vector<float> values(keys);
    m_backend->gatherKv(shape, spans, rows.data(), 4,
                        {KvType::F32, reinterpret_cast<std::byte*>(keys.data()),
                         reinterpret_cast<std::byte*>(values.data()), 6, nullptr, nullptr});
    for (std::int64_t g = 0; g < 2; ++g) {
        for (std::int64_t i = 0; i < 4; ++i) {
            const std::int64_t row = rows[g * 4 + i];
            const float* key = row < 3 ? &firstKeys[(g * 4 + row) * 5] : &secondKeys[(g * 8 + row - 3) * 5];
            const float* value =
                row < 3 ? &firstValues[(g * 4 + row) * 5] : &secondValues[(g * 8 + row - 3) * 5];
            EXPECT_TRUE(sameBits(&keys[(g * 6 + i) * 5], key, 5));
            EXPECT_TRUE(sameBits(&values[(g * 6 + i) * 5], value, 5));
        }
    }
    EXPECT_EQ(keys[4 * 5], -1);
}

TEST_P(Selection, gatherKvTakesTheScalesAlong) {
    const AttentionShape shape{2, 2, 8, 1, 0};
    std::vector<std::byte> keys(std::size_t{2} * 5 * 8), values = keys;
    std::vector<float> keyScales(10), valueScales(10);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        keys[i] = static_cast<std::byte>(i);
        values[i] = static_cast<std::byte>(100 + i);
        const std::size_t row = i / 8;
        keyScales[row] = static_cast<float>(row);
        valueScales[row] = static_cast<float>(100 + row);
    }
    const KvSpan span{.type = KvType::Int8,
                      .keys = keys.data(),
                      .values = values.data(),
                      .stride = 5,
                      .count = 5,
                      .keyScales = keyScales.data(),
                      .valueScales = valueScales.data()};
    const std::vector<std::int32_t> rows{0, 3, 1, 4};
    std::vector<std::byte> keptKeys(std::size_t{2} * 3 * 8), keptValues = keptKeys;
    std::vector<float> keptKeyScales(6, -1), keptValueScales(6, -1);
    m_backend->gatherKv(
        shape, {&span, 1}, rows.data(), 2,
        {KvType::Int8, keptKeys.data(), keptValues.data(), 3, keptKeyScales.data(), keptValueScales.data()});
    for (std::int64_t g = 0; g < 2; ++g) {
        for (std::int64_t i = 0; i < 2; ++i) {
            const std::int64_t from = g * 5 + rows[g * 2 + i], to = g * 3 + i;
            EXPECT_EQ(std::memcmp(&keptKeys[to * 8], &keys[from * 8], 8), 0);
            EXPECT_EQ(std::memcmp(&keptValues[to * 8], &values[from * 8], 8), 0);
            EXPECT_EQ(keptKeyScales[to], keyScales[from]);
            EXPECT_EQ(keptValueScales[to], valueScales[from]);
        }
    }
    EXPECT_EQ(keptKeyScales[2], -1);
}

}  // namespace
}  // namespace kvasir::kernels::test
