#include "engine/piece_staging.h"

#include <algorithm>
#include <utility>

namespace kvasir {

PieceBlock::PieceBlock(PieceBlock&& other) noexcept
    : m_owner(std::exchange(other.m_owner, nullptr)), m_buffer(std::exchange(other.m_buffer, nullptr)) {}

PieceBlock& PieceBlock::operator=(PieceBlock&& other) noexcept {
    PieceBlock gone(std::move(*this));
    m_owner = std::exchange(other.m_owner, nullptr);
    m_buffer = std::exchange(other.m_buffer, nullptr);
    return *this;
}

PieceBlock::~PieceBlock() {
    if (m_buffer != nullptr) m_owner->giveBack(m_buffer);
}

PieceStaging::PieceStaging(kernels::Backend& backend, std::size_t blockBytes, std::size_t mostBytes)
    : m_backend(backend),
      m_blockBytes(blockBytes),
      m_most(std::max<std::size_t>(2, mostBytes / std::max<std::size_t>(blockBytes, 1))) {
    m_blocks.reserve(m_most);
    m_free.reserve(m_most);
}

PieceStaging::~PieceStaging() {
    std::unique_lock lock(m_mutex);
    m_back.wait(lock, [&] { return m_free.size() == m_blocks.size(); });
}

PieceBlock PieceStaging::take() {
    const std::lock_guard lock(m_mutex);
    if (m_free.empty() && m_blocks.size() < m_most && !m_short) {
        if (std::unique_ptr<kernels::Buffer> made = m_backend.allocateHost(m_blockBytes)) {
            m_free.push_back(made.get());
            m_blocks.push_back(std::move(made));
        } else {
            m_short = true;
        }
    }
    if (m_free.empty()) return {};
    kernels::Buffer* buffer = m_free.back();
    m_free.pop_back();
    return {*this, buffer};
}

PieceBlock PieceStaging::waitFor(const std::stop_token& stop) {
    for (;;) {
        if (PieceBlock block = take()) return block;
        std::unique_lock lock(m_mutex);
        if (m_blocks.empty() || !m_back.wait(lock, stop, [&] { return !m_free.empty(); })) return {};
    }
}

bool PieceStaging::hasFree() const {
    const std::lock_guard lock(m_mutex);
    return !m_free.empty() || (m_blocks.size() < m_most && !m_short);
}

bool PieceStaging::exists() const {
    const std::lock_guard lock(m_mutex);
    return !m_blocks.empty();
}

void PieceStaging::giveBack(kernels::Buffer* buffer) {
    const std::lock_guard lock(m_mutex);
    m_free.push_back(buffer);
    m_back.notify_all();
}

}  // namespace kvasir
