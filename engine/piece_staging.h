// Host memory that pieces pass through on their way between device and disk.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <vector>

#include "kernels/backend.h"

namespace kvasir {

class PieceStaging;

/// A block of host memory on loan: given back when it goes, on any thread. Movable; empty after a move.
class PieceBlock {
public:
    PieceBlock() = default;
    PieceBlock(PieceBlock&& other) noexcept;
    PieceBlock& operator=(PieceBlock&& other) noexcept;
    PieceBlock(const PieceBlock&) = delete;
    PieceBlock& operator=(const PieceBlock&) = delete;
    ~PieceBlock();

    explicit operator bool() const { return m_buffer != nullptr; }
    /// The first `bytes` of it, which it must have.
    std::span<std::byte> first(std::size_t bytes) const { return {m_buffer->data(), bytes}; }

private:
    friend class PieceStaging;
    PieceBlock(PieceStaging& owner, kernels::Buffer* buffer) : m_owner(&owner), m_buffer(buffer) {}

    PieceStaging* m_owner = nullptr;
    kernels::Buffer* m_buffer = nullptr;
};

/// A few blocks, made when they are first needed and lent again and again: pinned memory is slow to get.
/// Calls from the engine thread; blocks come back from any. It must go before the back end, and when it goes
/// it waits for what is on loan.
class PieceStaging {
public:
    /// As many blocks of `blockBytes` as `mostBytes` hold, at least two: one is filled while the other is
    /// emptied.
    PieceStaging(kernels::Backend& backend, std::size_t blockBytes, std::size_t mostBytes);
    ~PieceStaging();
    PieceStaging(const PieceStaging&) = delete;
    PieceStaging& operator=(const PieceStaging&) = delete;

    /// Empty when all are on loan, or the host is short of memory.
    PieceBlock take();
    /// Waits for one that is on loan; empty when it is stopped, or there is none at all.
    PieceBlock waitFor(const std::stop_token& stop);
    bool hasFree() const;
    /// Whether there is any block, free or on loan.
    bool exists() const;

    std::size_t blockBytes() const { return m_blockBytes; }
    kernels::Backend& backend() const { return m_backend; }

private:
    friend class PieceBlock;
    void giveBack(kernels::Buffer* buffer);

    kernels::Backend& m_backend;
    const std::size_t m_blockBytes;
    const std::size_t m_most;
    bool m_short = false;  ///< the host gave no more
    mutable std::mutex m_mutex;
    std::condition_variable_any m_back;
    std::vector<std::unique_ptr<kernels::Buffer>> m_blocks;
    std::vector<kernels::Buffer*> m_free;
};

}  // namespace kvasir
