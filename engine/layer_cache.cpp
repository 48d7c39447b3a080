#include "engine/layer_cache.h"

#include <algorithm>
#include <cassert>

namespace kvasir {

using kernels::KvSpan;

namespace {

/// Keys or values of a run; so long that the others behind them are aligned as a buffer is.
std::size_t halfBytes(const kernels::AttentionShape& shape, kernels::KvType type, std::int64_t capacity) {
    const std::int64_t rows = std::max<std::int64_t>(capacity, 1) * shape.kvHeads;
    return alignedBytes(static_cast<std::size_t>(rows * kernels::rowBytes(type, shape.headSize)));
}

}  // namespace

KvSpan LayerCache::Run::span(std::int64_t count, std::int32_t first) const {
    return {.type = rows.type,
            .keys = rows.keys,
            .values = rows.values,
            .stride = rows.stride,
            .count = count,
            .positions = positions.empty() ? nullptr : positions.data(),
            .first = first,
            .keyScales = rows.keyScales,
            .valueScales = rows.valueScales};
}

std::size_t LayerCache::runBytes(const kernels::AttentionShape& shape, kernels::KvType type,
                                 std::int64_t capacity) {
    return 2 * halfBytes(shape, type, capacity);
}

kernels::KvRows LayerCache::rowsIn(std::byte* memory, std::int64_t capacity) const {
    std::byte* values = memory + halfBytes(m_shape, m_type, capacity);
    kernels::KvRows rows{m_type, memory, values, std::max<std::int64_t>(capacity, 1), nullptr, nullptr};
    if (m_type == kernels::KvType::Int8) {
        // The head size is a multiple of 8, so that scales behind the codes are aligned.
        const std::int64_t codes = rows.stride * m_shape.kvHeads * m_shape.headSize;
        rows.keyScales = reinterpret_cast<float*>(memory + codes);
        rows.valueScales = reinterpret_cast<float*>(values + codes);
    }
    return rows;
}

bool LayerCache::makeRun(std::int64_t capacity, Run& run) const {
    run.memory = m_backend->allocate(runBytes(m_shape, m_type, capacity));
    if (run.memory == nullptr) return false;
    run.rows = rowsIn(run.memory->data(), capacity);
    return true;
}

void LayerCache::openIn(std::byte* memory, std::int64_t capacity) {
    Run run;
    run.rows = rowsIn(memory, capacity);
    m_spans.push_back(run.span(0, 0));
    m_runs.push_back(std::move(run));
}

bool LayerCache::open(std::int64_t capacity, std::int32_t first, std::span<const std::int32_t> positions) {
    assert(positions.empty() || static_cast<std::int64_t>(positions.size()) == capacity);
    Run run;
    if (!makeRun(capacity, run)) return false;
    // The positions are the same for every head, but attention looks them up per head: kept runs differ.
    for (std::int32_t g = 0; !positions.empty() && g < m_shape.kvHeads; ++g) {
        run.positions.insert(run.positions.end(), positions.begin(), positions.end());
    }
    m_spans.push_back(run.span(0, first));
    m_runs.push_back(std::move(run));
    return true;
}

void LayerCache::append(const float* keys, const float* values, const float* keyOffset, std::int64_t n) {
    const Room room = claim(n);
    m_backend->storeKv(m_shape, keys, values, keyOffset, n, room.rows, room.row);
}

LayerCache::Room LayerCache::claim(std::int64_t n) {
    KvSpan& span = m_spans.back();
    assert(!m_runs.empty() && span.count + n <= span.stride);
    const Room room{m_runs.back().rows, span.count};
    span.count += n;
    return room;
}

void LayerCache::addBlocks(std::int64_t row, std::int64_t n, std::byte*& host,
                           std::vector<kernels::CopyBlock>& blocks) const {
    assert(!m_runs.empty() && row + n <= m_spans.back().count);
    const kernels::KvRows& rows = m_runs.back().rows;
    const auto add = [&](std::byte* memory, std::int64_t rowBytes) {
        const auto bytes = static_cast<std::size_t>(n * rowBytes);
        blocks.push_back({.device = memory + row * rowBytes,
                          .host = host,
                          .bytes = bytes,
                          .rows = static_cast<std::size_t>(m_shape.kvHeads),
                          .stride = static_cast<std::size_t>(rows.stride * rowBytes)});
        host += bytes * static_cast<std::size_t>(m_shape.kvHeads);
    };
    const std::int64_t elementRow = m_shape.headSize * kernels::bytesOf(m_type);
    add(rows.keys, elementRow);
    add(rows.values, elementRow);
    if (m_type != kernels::KvType::Int8) return;
    for (float* scales : {rows.keyScales, rows.valueScales})
        add(reinterpret_cast<std::byte*>(scales), std::int64_t{sizeof(float)});
}

std::int64_t LayerCache::rows() const {
    std::int64_t rows = 0;
    for (const KvSpan& span : m_spans)
        rows += span.count;
    return rows;
}

std::int32_t LayerCache::position(std::int32_t head, std::int64_t row) const {
    for (const KvSpan& span : m_spans) {
        if (row < span.count) {
            return span.positions != nullptr ? span.positions[head * span.stride + row]
                                             : span.first + static_cast<std::int32_t>(row);
        }
        row -= span.count;
    }
    assert(false);
    return 0;
}

bool LayerCache::keep(const std::int32_t* rows, std::int64_t count) {
    Run run;
    if (!makeRun(count, run)) return false;
    m_backend->gatherKv(m_shape, m_spans, rows, count, run.rows);
    m_spans.assign(1, run.span(count, 0));
    m_runs.clear();
    m_runs.push_back(std::move(run));
    return true;
}

void LayerCache::place(std::span<const std::int32_t> positions) {
    Run& run = m_runs.back();
    const auto count = static_cast<std::ptrdiff_t>(m_spans.back().count);
    assert(std::ssize(positions) == m_shape.kvHeads * count);
    run.positions.resize(static_cast<std::size_t>(m_shape.kvHeads * run.rows.stride));
    for (std::ptrdiff_t g = 0; g < m_shape.kvHeads; ++g)
        std::copy_n(positions.begin() + g * count, count, run.positions.begin() + g * run.rows.stride);
    m_spans.back().positions = run.positions.data();
}

std::size_t LayerCache::bytes() const {
    std::size_t bytes = 0;
    for (const Run& run : m_runs)
        bytes += runBytes(m_shape, m_type, run.rows.stride);
    return bytes;
}

}  // namespace kvasir
