// Where readings are: on the device, in host memory, on the disk. Who has to leave when memory is short.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <vector>

#include "engine/error.h"
#include "kernels/backend.h"

namespace kvasir {

class Reading;

/// Knows every reading of an AnswerEngine, of whole documents and of parts of long ones, by when it was used
/// (`used` of Reading; larger is later). One that leaves the device goes to host memory, piece by piece,
/// where the device has memory of its own and the host has room; it comes back from there, then from the
/// disk, and what is in neither is read again (Reading::restore). Half of the host memory that is free may be
/// taken: a copy of what is on the device as well goes first, then the least recently used. Engine thread
/// only. See docs/decisions/leaving-the-device.md.
class ResidentMemory {
public:
    explicit ResidentMemory(kernels::Backend& backend) : m_backend(backend) {}
    ResidentMemory(const ResidentMemory&) = delete;
    ResidentMemory& operator=(const ResidentMemory&) = delete;

    /// A reading's entry; it goes with this.
    class Place {
    public:
        Place() = default;
        Place(Place&& other) noexcept;
        Place& operator=(Place&& other) noexcept;
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place();

    private:
        friend class ResidentMemory;
        Place(ResidentMemory& memory, const Reading& reading) : m_memory(&memory), m_reading(&reading) {}
        ResidentMemory* m_memory = nullptr;
        const Reading* m_reading = nullptr;
    };
    [[nodiscard]] Place add(Reading& reading);

    /// Who may be made to leave: those that come back without being read again, or any.
    enum class Who : std::uint8_t { ComesBack, Anybody };
    /// Lets readings leave that were used before `used`, the least recently used first, until `bytes` are
    /// free on the device. False, and nobody leaves, where that would not be enough. Errors: Cancelled (who
    /// had left stays away), DeviceFailed.
    Result<bool> makeRoom(std::size_t bytes, std::uint64_t used, Who who, const std::stop_token& stop);
    /// Lets one document leave, with all of its parts that may; false: there is none. Errors as makeRoom.
    Result<bool> letOneLeave(std::uint64_t used, Who who, const std::stop_token& stop);
    /// Lets this one leave, whoever was used when. Errors as makeRoom.
    Result<void> leave(Reading& reading, const std::stop_token& stop);
    /// Whether readings that were used later than `used` are on the device.
    bool hasLaterOnes(std::uint64_t used) const;

    std::size_t hostBytes() const;  ///< what left, and copies of what is on the device

private:
    void remove(const Reading* reading);
    std::vector<Reading*> candidates(std::uint64_t used, Who who) const;
    std::size_t hostBudget() const;
    std::size_t makeHostRoom(const Reading& reading);

    kernels::Backend& m_backend;
    std::vector<Reading*> m_readings;
};

}  // namespace kvasir
