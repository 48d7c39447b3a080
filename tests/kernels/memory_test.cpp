#include "kernels/cpu/memory.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace kvasir::kernels
