#include "app/resident_memory.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "app/reading.h"

namespace kvasir {
namespace {

/// Who has to go before whom.
bool goesBefore(const Reading* a, const Reading* b) {
    return a->used != b->used ? a->used < b->used : a->rank > b->rank;
}

}  // namespace

// ----------------------------------------------------------------------------------------------------
// entries
ResidentMemory::Place::Place(Place&& other) noexcept
    : m_memory(std::exchange(other.m_memory, nullptr)), m_reading(std::exchange(other.m_reading, nullptr)) {}

ResidentMemory::Place& ResidentMemory::Place::operator=(Place&& other) noexcept {
    Place gone(std::move(*this));
    m_memory = std::exchange(other.m_memory, nullptr);
    m_reading = std::exchange(other.m_reading, nullptr);
    return *this;
}

ResidentMemory::Place::~Place() {
    if (m_memory != nullptr) m_memory->remove(m_reading);
}

ResidentMemory::Place ResidentMemory::add(Reading& reading) {
    m_readings.push_back(&reading);
    return {*this, reading};
}

void ResidentMemory::remove(const Reading* reading) {
    std::erase(m_readings, reading);
}

std::size_t ResidentMemory::hostBytes() const {
    std::size_t bytes = 0;
    for (const Reading* reading : m_readings)
        bytes += reading->hostBytes();
    return bytes;
}

// ----------------------------------------------------------------------------------------------------
// leaving
/// The least recently used first. Those that come back do so if all before them leave as well.
std::vector<Reading*> ResidentMemory::candidates(std::uint64_t used, Who who) const {
    std::vector<Reading*> leaving;
    for (Reading* reading : m_readings) {
        if (reading->used < used && reading->deviceBytes() > 0) leaving.push_back(reading);
    }
    std::ranges::sort(leaving, goesBefore);
    if (who == Who::Anybody) return leaving;
    const bool toHost = !m_backend.sharesHostMemory();
    const std::size_t budget = toHost ? hostBudget() : 0;
    std::size_t going = 0;  // to host memory alone
    std::erase_if(leaving, [&](const Reading* reading) {
        if (reading->isKept()) return false;
        if (!toHost) return true;
        // Copies of what is on the device, and those of readings that go before it, make room for it.
        std::size_t taken = going + reading->deviceBytes();
        for (const Reading* other : m_readings)
            taken += other->deviceBytes() == 0 && !goesBefore(other, reading) ? other->hostBytes() : 0;
        if (taken > budget) return true;
        going += reading->deviceBytes();
        return false;
    });
    return leaving;
}

Result<bool> ResidentMemory::makeRoom(std::size_t bytes, std::uint64_t used, Who who,
                                      const std::stop_token& stop) {
    const std::size_t free = m_backend.freeMemory();
    if (free >= bytes) return true;
    const std::vector<Reading*> leaving = candidates(used, who);
    std::size_t together = free;
    for (const Reading* reading : leaving)
        together += reading->deviceBytes();
    if (together < bytes) return false;
    for (Reading* reading : leaving) {
        if (const Result<void> left = leave(*reading, stop); !left) return tl::unexpected(left.error());
        if (m_backend.freeMemory() >= bytes) return true;
    }
    return false;  // another program took it meanwhile
}

Result<bool> ResidentMemory::letOneLeave(std::uint64_t used, Who who, const std::stop_token& stop) {
    const std::vector<Reading*> leaving = candidates(used, who);
    if (leaving.empty()) return false;
    for (Reading* reading : leaving) {
        if (reading->used != leaving.front()->used) break;
        if (const Result<void> left = leave(*reading, stop); !left) return tl::unexpected(left.error());
    }
    return true;
}

Result<void> ResidentMemory::leave(Reading& reading, const std::stop_token& stop) {
    std::optional<std::size_t> hostRoom;
    if (!m_backend.sharesHostMemory()) hostRoom = makeHostRoom(reading);
    Result<void> left = reading.leave(hostRoom, stop);
    if (left) m_backend.synchronise();  // memory that is freed in order counts as free from here on
    return left;
}

bool ResidentMemory::hasLaterOnes(std::uint64_t used) const {
    return std::ranges::any_of(m_readings, [&](const Reading* reading) {
        return reading->used > used && reading->deviceBytes() > 0;
    });
}

// ---------------------------------------------------------------------------------------------------- host
// memory
std::size_t ResidentMemory::hostBudget() const {
    return (m_backend.freeHostMemory() + hostBytes()) / 2;
}

/// Bytes that the reading's copy may take.
std::size_t ResidentMemory::makeHostRoom(const Reading& reading) {
    std::vector<Reading*> going;
    for (Reading* other : m_readings) {
        const bool may = other->deviceBytes() > 0 || goesBefore(other, &reading);
        if (other != &reading && other->hostBytes() > 0 && may) going.push_back(other);
    }
    std::ranges::sort(going, [](const Reading* a, const Reading* b) {
        const bool aAway = a->deviceBytes() == 0, bAway = b->deviceBytes() == 0;
        return aAway != bAway ? bAway : goesBefore(a, b);
    });
    const std::size_t budget = hostBudget(), need = reading.deviceBytes();
    std::size_t others = hostBytes() - reading.hostBytes();
    for (const Reading* other : going) {
        if (others + need <= budget) break;
        others -= other->hostBytes();
        other->copy->clear();
    }
    return budget - std::min(budget, others);
}

}  // namespace kvasir
