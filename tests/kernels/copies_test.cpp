// Copies beside the operations, on every back end: what they copy, in which order, and how their end is
// known.
#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "tests/kernels/support.h"

namespace kvasir::kernels::test {
namespace {

/// The back end itself: device memory is the device's here.
class Copies : public testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        if (std::string(GetParam()) == "cuda") {
            BackendChoice choice = chooseBackend(Device::Cuda, 1);
            m_backend = std::move(choice.backend);
            if (m_backend == nullptr) GTEST_SKIP() << choice.note;
        } else {
            m_backend = makeCpuBackend(1);
        }
    }
    void TearDown() override {
        if (m_backend != nullptr) {
            EXPECT_EQ(m_backend->failure(), "");
        }
    }
    std::unique_ptr<Buffer> onDevice(const std::vector<float>& values) const {
        std::unique_ptr<Buffer> buffer = m_backend->allocate(values.size() * sizeof(float));
        m_backend->copyToDevice(buffer->data(), values.data(), buffer->bytes());
        return buffer;
    }
    static std::vector<float> counting(std::size_t count, float first) {
        std::vector<float> values(count);
        std::iota(values.begin(), values.end(), first);
        return values;
    }
    static CopyBlock whole(Buffer& device, Buffer& host) {
        return {.device = device.data(), .host = host.data(), .bytes = device.bytes()};
    }
    std::unique_ptr<Backend> m_backend;
};

TEST_P(Copies, RowsOfOddSizesGoThereAndBack) {
    // Rows of `bytes` that lie `stride` apart, from an odd offset on.
    for (const std::size_t bytes : {1, 7, 64, 1000, 65536}) {
        for (const std::size_t rows : {1, 2, 5}) {
            for (const std::size_t gap : {0, 1, 12, 333}) {
                SCOPED_TRACE(std::to_string(bytes) + " x " + std::to_string(rows) + " + " +
                             std::to_string(gap));
                const std::size_t stride = bytes + gap, offset = 3;
                std::vector<std::byte> original(offset + rows * stride + 5);
                for (std::size_t i = 0; i < original.size(); ++i)
                    original[i] = static_cast<std::byte>(i * 31 + i / 251);
                const auto from = m_backend->allocate(original.size());
                m_backend->copyToDevice(from->data(), original.data(), original.size());
                const auto host = m_backend->allocateHost(bytes * rows);
                ASSERT_NE(host, nullptr);
                const CopyBlock block{from->data() + offset, host->data(), bytes, rows, stride};
                m_backend->waitForCopy(m_backend->beginCopyToHost({&block, 1}));
                for (std::size_t row = 0; row < rows; ++row) {
                    ASSERT_TRUE(std::equal(original.begin() + offset + row * stride,
                                           original.begin() + offset + row * stride + bytes,
                                           host->data() + row * bytes));
                }
                const std::vector<std::byte> zeros(original.size());
                const auto to = m_backend->allocate(zeros.size());
                m_backend->copyToDevice(to->data(), zeros.data(), zeros.size());
                const CopyBlock back{to->data() + offset, host->data(), bytes, rows, stride};
                m_backend->waitForCopy(m_backend->beginCopyToDevice({&back, 1}));
                std::vector<std::byte> result(zeros.size());
                m_backend->copyToHost(result.data(), to->data(), result.size());
                for (std::size_t i = 0; i < result.size(); ++i) {
                    const std::size_t at = i - offset;
                    const bool inside = i >= offset && at / stride < rows && at % stride < bytes;
                    ASSERT_EQ(result[i], inside ? original[i] : std::byte{0}) << i;
                }
            }
        }
    }
}

TEST_P(Copies, TakeTheirTurnAmongTheOperations) {
    constexpr std::size_t kCount = std::size_t{1} << 20;
    const auto ones = onDevice(std::vector<float>(kCount, 1));
    const auto x = onDevice(std::vector<float>(kCount, 0)), later = onDevice(std::vector<float>(kCount, 0));
    const auto host = m_backend->allocateHost(kCount * sizeof(float));
    for (int i = 0; i < 50; ++i)
        m_backend->add(x->as<float>(), ones->as<float>(), kCount);
    const CopyBlock down = whole(*x, *host);
    const CopyId copy = m_backend->beginCopyToHost({&down, 1});
    for (int i = 0; i < 50; ++i)
        m_backend->add(later->as<float>(), ones->as<float>(), kCount);
    m_backend->waitForCopy(copy);
    EXPECT_TRUE(m_backend->isCopied(copy));
    EXPECT_EQ(std::count(host->as<float>(), host->as<float>() + kCount, 50.0F), std::ptrdiff_t{kCount});

    // What is queued behind a copy to the device finds it done; nobody waits in between.
    std::fill_n(host->as<float>(), kCount, 7.0F);
    const CopyBlock up = whole(*x, *host);
    const CopyId rising = m_backend->beginCopyToDevice({&up, 1});
    m_backend->add(x->as<float>(), ones->as<float>(), kCount);
    std::vector<float> result(kCount);
    m_backend->copyToHost(result.data(), x->data(), kCount * sizeof(float));
    EXPECT_TRUE(m_backend->isCopied(rising)) << "it stood in front of what was waited for";
    EXPECT_EQ(std::count(result.begin(), result.end(), 8.0F), std::ptrdiff_t{kCount});
}

TEST_P(Copies, ManyMayBeUnderWay) {
    constexpr std::size_t kCopies = 300, kCount = 5000;
    std::vector<std::unique_ptr<Buffer>> devices, hosts;
    std::vector<CopyId> ids, down;
    for (std::size_t i = 0; i < kCopies; ++i) {
        devices.push_back(onDevice(counting(kCount, static_cast<float>(i))));
        hosts.push_back(m_backend->allocateHost(kCount * sizeof(float)));
        const CopyBlock block = whole(*devices.back(), *hosts.back());
        down.push_back(m_backend->beginCopyToHost({&block, 1}));
        ids.push_back(down.back());
        if (i % 3 != 0) continue;
        const CopyBlock again = whole(*devices[i / 2], *hosts[i / 2]);
        m_backend->waitForCopy(down[i / 2]);
        ids.push_back(m_backend->beginCopyToDevice({&again, 1}));
    }
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
        m_backend->waitForCopy(*id);
        EXPECT_TRUE(m_backend->isCopied(*id));
    }
    for (std::size_t i = 0; i < kCopies; ++i) {
        const std::vector<float> expected = counting(kCount, static_cast<float>(i));
        ASSERT_TRUE(std::equal(expected.begin(), expected.end(), hosts[i]->as<float>())) << i;
    }
    EXPECT_TRUE(m_backend->isCopied(0));
    m_backend->waitForCopy(0);
}

TEST_P(Copies, HostMemoryThatIsNotThereIsNoFailure) {
    EXPECT_EQ(m_backend->allocateHost(std::numeric_limits<std::size_t>::max() / 4), nullptr);
    EXPECT_EQ(m_backend->failure(), "");
    const auto some = m_backend->allocateHost(100);
    ASSERT_NE(some, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(some->data()) % 64, 0U);
    EXPECT_EQ(some->bytes(), 100U);
    EXPECT_GT(m_backend->freeHostMemory(), 0U);
    EXPECT_EQ(m_backend->sharesHostMemory(), std::string(GetParam()) == "cpu");
}

INSTANTIATE_TEST_SUITE_P(On, Copies, testing::Values("cpu", "cuda"), backendName);

}  // namespace
}  // namespace kvasir::kernels::test
