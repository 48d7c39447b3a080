#include "app/resident_memory.h"

#include <algorithm>
#include <utility>

#include "app/answer_engine.h"

namespace kvasir {

// ----------------------------------------------------------------------------------------------------
// entries
ResidentMemory::Place::Place(Place&& other) noexcept
    : m_memory(std::exchange(other.m_memory, nullptr)), m_guest(std::exchange(other.m_guest, nullptr)) {}

ResidentMemory::Place& ResidentMemory::Place::operator=(Place&& other) noexcept {
    Place gone(std::move(*this));
    m_memory = std::exchange(other.m_memory, nullptr);
    m_guest = std::exchange(other.m_guest, nullptr);
    return *this;
}

ResidentMemory::Place::~Place() {
    if (m_memory != nullptr) m_memory->remove(m_guest);
}

ResidentMemory::Place ResidentMemory::add(ReadDocument& document) {
    m_guests.push_back({&document, nullptr});
    return {*this, &document};
}

ResidentMemory::Place ResidentMemory::add(ReadParts& parts) {
    m_guests.push_back({nullptr, &parts});
    return {*this, &parts};
}

void ResidentMemory::remove(const void* guest) {
    std::erase_if(m_guests, [&](const Guest& each) { return each.address() == guest; });
}

const void* ResidentMemory::Guest::address() const {
    return document != nullptr ? static_cast<const void*>(document) : parts;
}

std::uint64_t ResidentMemory::Guest::used() const {
    return document != nullptr ? document->used : parts->used;
}

std::size_t ResidentMemory::Guest::deviceBytes() const {
    if (parts != nullptr) return parts->segments->bytes();
    return document->resident != nullptr ? document->resident->bytes() : 0;
}

std::size_t ResidentMemory::Guest::hostBytes() const {
    return document != nullptr ? document->copy->bytes() : 0;
}

std::size_t ResidentMemory::hostBytes() const {
    std::size_t bytes = 0;
    for (const Guest& guest : m_guests)
        bytes += guest.hostBytes();
    return bytes;
}

// ----------------------------------------------------------------------------------------------------
// leaving
/// The least recently used first.
std::vector<ResidentMemory::Guest> ResidentMemory::candidates(std::uint64_t used, Who who) const {
    std::vector<Guest> leaving;
    for (const Guest& guest : m_guests) {
        const bool there = guest.used() < used && guest.deviceBytes() > 0;
        if (there && (who == Who::Anybody || comesBack(guest))) leaving.push_back(guest);
    }
    std::ranges::sort(leaving, {}, &Guest::used);
    return leaving;
}

Result<bool> ResidentMemory::makeRoom(std::size_t bytes, std::uint64_t used, Who who,
                                      const std::stop_token& stop) {
    const std::size_t free = m_backend.freeMemory();
    if (free >= bytes) return true;
    const std::vector<Guest> leaving = candidates(used, who);
    std::size_t together = free;
    for (const Guest& guest : leaving)
        together += guest.deviceBytes();
    if (together < bytes) return false;
    for (const Guest& guest : leaving) {
        if (const Result<void> left = leave(guest, stop); !left) return tl::unexpected(left.error());
        if (m_backend.freeMemory() >= bytes) return true;
    }
    return false;  // another program took it meanwhile
}

Result<bool> ResidentMemory::letOneLeave(std::uint64_t used, Who who, const std::stop_token& stop) {
    const std::vector<Guest> leaving = candidates(used, who);
    if (leaving.empty()) return false;
    if (const Result<void> left = leave(leaving.front(), stop); !left) return tl::unexpected(left.error());
    return true;
}

Result<void> ResidentMemory::leave(const Guest& guest, const std::stop_token& stop) {
    if (guest.parts != nullptr) {
        for (std::size_t i = 0; i < guest.parts->segments->segments().size(); ++i)
            guest.parts->segments->drop(i);
    } else {
        ReadDocument& document = *guest.document;
        if (!m_backend.sharesHostMemory()) {
            const Result<bool> copied = document.copy->take(*document.resident, makeHostRoom(document), stop);
            if (!copied) return tl::unexpected(copied.error());
        }
        if (document.pieces != nullptr) document.pieces->moveTo(nullptr, document.copy.get());
        document.resident.reset();
    }
    m_backend.synchronise();  // memory that is freed in order counts as free from here on
    return {};
}

bool ResidentMemory::hasLaterOnes(std::uint64_t used) const {
    return std::ranges::any_of(
        m_guests, [&](const Guest& guest) { return guest.used() > used && guest.deviceBytes() > 0; });
}

bool ResidentMemory::comesBack(const Guest& guest) const {
    if (guest.parts != nullptr) return false;
    const ReadDocument& document = *guest.document;
    if (document.pieces != nullptr && document.pieces->isKept()) return true;
    if (m_backend.sharesHostMemory()) return false;
    // Copies of what is on the device, and those of documents that were used earlier, make room for it.
    std::size_t taken = document.resident->bytes();
    for (const Guest& other : m_guests)
        taken += other.deviceBytes() == 0 && other.used() >= guest.used() ? other.hostBytes() : 0;
    return taken <= hostBudget();
}

// ---------------------------------------------------------------------------------------------------- host
// memory
std::size_t ResidentMemory::hostBudget() const {
    return (m_backend.freeHostMemory() + hostBytes()) / 2;
}

/// Bytes that the document's copy may take.
std::size_t ResidentMemory::makeHostRoom(const ReadDocument& document) {
    std::vector<Guest> going;
    for (const Guest& guest : m_guests) {
        const bool other = guest.document != nullptr && guest.document != &document && guest.hostBytes() > 0;
        if (other && (guest.deviceBytes() > 0 || guest.used() < document.used)) going.push_back(guest);
    }
    std::ranges::sort(going, [](const Guest& a, const Guest& b) {
        return std::pair(a.deviceBytes() == 0, a.used()) < std::pair(b.deviceBytes() == 0, b.used());
    });
    const std::size_t budget = hostBudget(), need = document.resident->bytes();
    const auto others = [&] { return hostBytes() - document.copy->bytes(); };
    for (const Guest& guest : going) {
        if (others() + need <= budget) break;
        guest.document->copy->clear();
    }
    return budget - std::min(budget, others());
}

}  // namespace kvasir
