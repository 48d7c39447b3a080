// Keys and values of one layer while a prompt is read and an answer is written.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/error.h"
#include "kernels/backend.h"

namespace kvasir {

/// Where something begins in memory that several share.
constexpr std::size_t alignedBytes(std::size_t bytes) {
    constexpr std::size_t kAlignment = 256;
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// Spans that attention reads one after another: views of memory that others own (a resident document), runs
/// that were closed, and at most one open run at the end that grows. Rows are numbered through all spans. One
/// thread at a time.
class LayerCache {
public:
    LayerCache(kernels::Backend& backend, const kernels::AttentionShape& shape, kernels::KvType type)
        : m_backend(&backend), m_shape(shape), m_type(type) {}

    /// The memory behind the span must outlive the cache. Only before anything is opened.
    void addView(const kernels::KvSpan& span) { m_spans.push_back(span); }

    /// Memory of a run of so many rows.
    static std::size_t runBytes(const kernels::AttentionShape& shape, kernels::KvType type,
                                std::int64_t capacity);
    /// Closes the open run, if there is one, and opens an empty one for `capacity` rows. Row r of it has
    /// position `first` + r, or positions[r] when `positions` (capacity) is not empty. False leaves the
    /// cache as it was: the device has no memory for it.
    [[nodiscard]] bool open(std::int64_t capacity, std::int32_t first,
                            std::span<const std::int32_t> positions = {});
    /// The same in memory (runBytes) that somebody else owns, aligned as a Buffer is; it must outlive the
    /// cache.
    void openIn(std::byte* memory, std::int64_t capacity);
    /// keys, values (n, G, d) float32 behind the open run's rows; there must be room for them. `keyOffset`
    /// (G, d) or null: see Backend::storeKv; the same for every row of a cache and of the views in it.
    void append(const float* keys, const float* values, const float* keyOffset, std::int64_t n);
    /// Where the next n rows of the open run lie, for a caller that writes them itself; they count as
    /// appended.
    struct Room {
        kernels::KvRows rows;
        std::int64_t row = 0;
    };
    Room claim(std::int64_t n);
    /// Drops the open run's rows from `rows` on.
    void truncate(std::int64_t rows) { m_spans.back().count = rows; }

    /// What copies rows [row, row + n) of the open run to host memory or from there: keys [G][n][d], values
    /// likewise, then of 8-bit ones the scales of keys [G][n] and of values. `host` moves behind them.
    void addBlocks(std::int64_t row, std::int64_t n, std::byte*& host,
                   std::vector<kernels::CopyBlock>& blocks) const;

    kernels::KvType type() const { return m_type; }
    std::span<const kernels::KvSpan> spans() const { return m_spans; }
    std::int64_t rows() const;  ///< of all spans, per head
    std::int64_t openRows() const { return m_spans.back().count; }
    std::int32_t position(std::int32_t head, std::int64_t row) const;

    /// Keeps only the given rows of each head: rows (G, count), device, ascending per head. The open run is
    /// closed. Nothing is waited for, so that what is chosen on the device need not come to the host: where
    /// the rows stand, `place` says before they are attended to again.
    [[nodiscard]] bool keep(const std::int32_t* rows, std::int64_t count);
    /// Positions (G, rows) of what `keep` left.
    void place(std::span<const std::int32_t> positions);

    std::size_t bytes() const;  ///< of the runs, views not counted

private:
    struct Run {
        std::unique_ptr<kernels::Buffer> memory;  ///< null: somebody else's
        std::vector<std::int32_t> positions;
        kernels::KvRows rows;  ///< Int8: the codes, then the scales

        /// `count` valid rows; positions count up from `first` unless the run has its own.
        kernels::KvSpan span(std::int64_t count, std::int32_t first) const;
    };
    [[nodiscard]] bool makeRun(std::int64_t capacity, Run& run) const;
    kernels::KvRows rowsIn(std::byte* memory, std::int64_t capacity) const;

    kernels::Backend* m_backend;
    kernels::AttentionShape m_shape;
    kernels::KvType m_type;
    std::vector<kernels::KvSpan> m_spans;
    std::vector<Run> m_runs;  ///< owned memory of the spans that are not views; the last one is open
};

}  // namespace kvasir
