// Documents longer than the model's window, or several: read in segments, each by itself behind the same
// constant prefix. design.md, 'Documents longer than the model's window, several documents, logs'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/error.h"
#include "engine/layer_runner.h"
#include "engine/resident_document.h"

namespace kvasir {

/// Tokens [begin, end) of all documents one behind another are the segment's own; those from `context` on are
/// read before them, so that its beginning is not read without what stands before it.
struct Segment {
    std::int64_t context = 0, begin = 0, end = 0;
    bool operator==(const Segment&) const = default;
};

/// How documents are cut: see docs/decisions/segments.md.
struct SegmentSizes {
    std::int64_t own = 2048;     ///< tokens at most
    std::int64_t overlap = 256;  ///< of the tokens before
};

/// Cuts documents of these numbers of tokens: segments of one document are of equal size within a token, none
/// holds tokens of two documents, and every token is one segment's own. A document without tokens has none.
std::vector<Segment> cutIntoSegments(std::span<const std::int64_t> documentTokens, const SegmentSizes& sizes);

/// The early stage of each segment that was read: K/V of layers 0..T and hidden states, at positions that
/// begin with the prefix. Segments are read in any order and may be dropped again. Keys and values are
/// F16 (F32 for tests): chosen tokens are moved to other positions, which 8-bit keys do not allow. One
/// thread, the engine's.
class SegmentedDocument {
public:
    /// `prefix` is the constant prefix; `tokens` are those of all documents, cut into `segments`. It takes at
    /// most `budget` bytes. Errors: InvalidArgument (an id outside the vocabulary, T outside the model,
    /// segments that do not lie in the tokens, 8-bit keys), TooLarge (a segment does not fit the window),
    /// OutOfMemory (not one segment fits into the budget). Model and back end must outlive it.
    static Result<std::unique_ptr<SegmentedDocument>> create(const Model& model, kernels::Backend& backend,
                                                             std::vector<TokenId> prefix,
                                                             std::vector<TokenId> tokens,
                                                             std::vector<Segment> segments,
                                                             std::int32_t tspLayer, std::size_t budget,
                                                             kernels::KvType type = kernels::KvType::F16);

    const std::vector<TokenId>& prefix() const { return m_prefix; }
    const std::vector<TokenId>& tokens() const { return m_tokens; }
    const std::vector<Segment>& segments() const { return m_segments; }
    std::int32_t tspLayer() const { return m_tspLayer; }

    /// Gives a segment memory, where it has none; nothing is read yet. Errors: InvalidArgument (no such
    /// segment), OutOfMemory (the budget or the memory: drop another segment first).
    Result<void> open(std::size_t index);
    /// Reads one segment, or goes on where its reading was stopped. Errors: those of `open`, Cancelled.
    Result<void> read(LayerRunner& runner, std::size_t index, const std::stop_token& stop,
                      const ResidentDocument::Progress& progress);
    bool isRead(std::size_t index) const;
    /// Whether the segment has memory already.
    bool isHeld(std::size_t index) const { return m_residents[index] != nullptr; }
    std::int64_t readCount() const;
    /// Frees a segment's memory; it is not read then.
    void drop(std::size_t index);
    /// Whether the budget has room for one more segment beside those that are read.
    bool hasRoom() const;
    /// Segments that fit into the budget together.
    std::int64_t mostHeld() const { return m_mostHeld; }

    /// A segment that was read; its rows are the prefix, the context, the segment's own tokens.
    const ResidentDocument& resident(std::size_t index) const { return *m_residents[index]; }
    /// The same for who moves segments out of the device's memory and back: null where it has no memory.
    std::unique_ptr<ResidentDocument>& place(std::size_t index) { return m_residents[index]; }
    /// What is read for a segment: prefix, context and its own tokens.
    std::vector<TokenId> promptOf(std::size_t index) const;
    /// Row of the segment's first own token.
    std::int64_t firstOwnRow(std::size_t index) const;
    std::size_t bytes() const;
    /// What the longest segment takes.
    std::size_t bytesOfLongest() const { return m_each; }
    /// What a token takes, the prefix's share not counted.
    std::size_t bytesPerToken() const;
    kernels::KvType kvType() const { return m_type; }

private:
    SegmentedDocument(const Model& model, kernels::Backend& backend) : m_model(model), m_backend(backend) {}

    const Model& m_model;
    kernels::Backend& m_backend;
    std::vector<TokenId> m_prefix, m_tokens;
    std::vector<Segment> m_segments;
    std::vector<std::unique_ptr<ResidentDocument>> m_residents;  ///< null: not read, or dropped
    std::int32_t m_tspLayer = 0;
    kernels::KvType m_type = kernels::KvType::F16;
    std::size_t m_each = 0;
    std::int64_t m_mostHeld = 0;
};

}  // namespace kvasir
