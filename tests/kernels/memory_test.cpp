#include "kernels/cpu/memory.h"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace kvasir::kernels {
namespace {

TEST(AlignedMemory, isAlignedAtEverySize) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{3} << 20}) {
        const AlignedMemory memory = AlignedMemory::tryAllocate(bytes);
        ASSERT_NE(memory.data(), nullptr);
        EXPECT_EQ(memory.bytes(), bytes);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % 64, 0U);
        std::memset(memory.data(), 1, bytes);
    }
}

TEST(AlignedMemory, refusesWhatIsNotThere) {
    EXPECT_EQ(AlignedMemory::tryAllocate(std::numeric_limits<std::size_t>::max()).data(), nullptr);
    EXPECT_EQ(AlignedMemory::tryAllocate(std::size_t{1} << 50).data(), nullptr);
    AlignedMemory memory;
    EXPECT_THROW(memory.reserve(std::size_t{1} << 62), std::bad_alloc);
    memory.reserve(10);
    EXPECT_NE(memory.data(), nullptr);
}

TEST(AlignedMemory, growsAndMoves) {
    AlignedMemory memory;
    memory.reserve(100);
    const std::byte* first = memory.data();
    memory.reserve(50);
    EXPECT_EQ(memory.data(), first);
    memory.reserve(1000);
    EXPECT_EQ(memory.bytes(), 1000U);
    const std::byte* second = memory.data();
    const AlignedMemory other = std::move(memory);
    EXPECT_EQ(other.data(), second);
}

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/// Memory of this process that is really there, bytes.
std::size_t residentMemory() {
    std::ifstream file("/proc/self/statm");
    std::size_t whole = 0, resident = 0;
    file >> whole >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(AlignedMemory, takesWhatItSays) {
    // Pieces that are no whole number of huge pages: a document's K/V are many of them.
    constexpr std::size_t kBytes = (std::size_t{5} << 20) + 12345;
    std::vector<AlignedMemory> pieces;
    const std::size_t before = residentMemory();
    for (int i = 0; i < 24; ++i) {
        pieces.push_back(AlignedMemory::tryAllocate(kBytes));
        ASSERT_NE(pieces.back().data(), nullptr);
        std::memset(pieces.back().data(), 1, kBytes);
    }
    const double said = 24.0 * kBytes;
    EXPECT_NEAR(static_cast<double>(residentMemory() - before), said, 0.05 * said);
}
#endif

}  // namespace
}  // namespace kvasir::kernels
