#include "engine/segmented_document.h"

#include <algorithm>
#include <string>
#include <utility>

namespace kvasir {

using kernels::KvType;

std::vector<Segment> cutIntoSegments(std::span<const std::int64_t> documentTokens,
                                     const SegmentSizes& sizes) {
    std::vector<Segment> segments;
    std::int64_t first = 0;
    for (const std::int64_t tokens : documentTokens) {
        const std::int64_t count = (tokens + sizes.own - 1) / sizes.own;
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t begin = first + tokens * i / count, end = first + tokens * (i + 1) / count;
            segments.push_back({std::max(first, begin - sizes.overlap), begin, end});
        }
        first += tokens;
    }
    return segments;
}

Result<std::unique_ptr<SegmentedDocument>> SegmentedDocument::create(
    const Model& model, kernels::Backend& backend, std::vector<TokenId> prefix, std::vector<TokenId> tokens,
    std::vector<Segment> segments, std::int32_t tspLayer, std::size_t budget, KvType type) {
    const ModelConfig& c = model.config();
    const auto known = [&](TokenId id) { return id >= 0 && id < c.vocabulary; };
    const auto inside = [&](const Segment& s) {
        return 0 <= s.context && s.context <= s.begin && s.begin < s.end && s.end <= std::ssize(tokens);
    };
    const auto apart = [](const Segment& a, const Segment& b) { return a.end > b.begin; };
    if (tspLayer < 0 || tspLayer >= c.layers || type == KvType::Int8 || prefix.empty() || segments.empty() ||
        !std::ranges::all_of(prefix, known) || !std::ranges::all_of(tokens, known) ||
        !std::ranges::all_of(segments, inside) ||
        std::ranges::adjacent_find(segments, apart) != segments.end()) {
        return fail(ErrorCode::InvalidArgument, "The parts of the document do not belong to this model.",
                    model.path().string(), "Read the document again with this model.");
    }
    std::int64_t longest = 0;
    for (const Segment& segment : segments)
        longest = std::max(longest, std::ssize(prefix) + segment.end - segment.context);
    if (longest > c.window) {
        return fail(ErrorCode::TooLarge,
                    "A part of the document is " + std::to_string(longest) +
                        " tokens long, and the model's window holds " + std::to_string(c.window) + ".",
                    "", "Choose a model with a longer window.");
    }
    const std::size_t each = ResidentDocument::bytes(c, tspLayer, type, longest, false);
    if (each > budget) {
        return fail(ErrorCode::OutOfMemory,
                    "Reading a part of this document needs " + std::to_string(each >> 20) +
                        " MB of memory, and there are " + std::to_string(budget >> 20) + " MB for it.",
                    "", "Close other programs, or choose a smaller model.");
    }
    std::unique_ptr<SegmentedDocument> document(new SegmentedDocument(model, backend));
    document->m_prefix = std::move(prefix);
    document->m_tokens = std::move(tokens);
    document->m_residents.resize(segments.size());
    document->m_segments = std::move(segments);
    document->m_tspLayer = tspLayer;
    document->m_type = type;
    document->m_each = each;
    document->m_mostHeld = static_cast<std::int64_t>(std::min(budget / each, document->m_segments.size()));
    return document;
}

Result<void> SegmentedDocument::open(std::size_t index) {
    if (index >= m_segments.size()) {
        return fail(ErrorCode::InvalidArgument, "The document has no such part.",
                    "part " + std::to_string(index + 1), "Read another part.");
    }
    if (isHeld(index)) return {};
    if (!hasRoom()) {
        return fail(ErrorCode::OutOfMemory, "There is no memory for another part of the document.", "",
                    "Close other programs, or choose a smaller model.");
    }
    Result<std::unique_ptr<ResidentDocument>> made =
        ResidentDocument::create(m_model, m_backend, promptOf(index), m_tspLayer, m_type);
    if (!made) return tl::unexpected(made.error());
    m_residents[index] = std::move(*made);
    return {};
}

Result<void> SegmentedDocument::read(LayerRunner& runner, std::size_t index, const std::stop_token& stop,
                                     const ResidentDocument::Progress& progress) {
    if (Result<void> opened = open(index); !opened) return opened;
    return m_residents[index]->readEarly(runner, stop, progress);
}

bool SegmentedDocument::isRead(std::size_t index) const {
    return m_residents[index] != nullptr && m_residents[index]->earlyDone();
}

std::int64_t SegmentedDocument::readCount() const {
    return std::ranges::count_if(
        m_residents, [](const auto& resident) { return resident != nullptr && resident->earlyDone(); });
}

bool SegmentedDocument::hasRoom() const {
    return std::ranges::count_if(m_residents, [](const auto& resident) { return resident != nullptr; }) <
           m_mostHeld;
}

void SegmentedDocument::drop(std::size_t index) {
    m_residents[index].reset();
}

std::vector<TokenId> SegmentedDocument::promptOf(std::size_t index) const {
    const Segment& segment = m_segments[index];
    std::vector<TokenId> tokens = m_prefix;
    tokens.insert(tokens.end(), m_tokens.begin() + segment.context, m_tokens.begin() + segment.end);
    return tokens;
}

std::int64_t SegmentedDocument::firstOwnRow(std::size_t index) const {
    return std::ssize(m_prefix) + m_segments[index].begin - m_segments[index].context;
}

std::size_t SegmentedDocument::bytes() const {
    std::size_t bytes = 0;
    for (const std::unique_ptr<ResidentDocument>& resident : m_residents)
        bytes += resident != nullptr ? resident->bytes() : 0;
    return bytes;
}

std::size_t SegmentedDocument::bytesPerToken() const {
    constexpr std::int64_t kMany = 256;  // what is rounded up for each part does not count
    return ResidentDocument::bytes(m_model.config(), m_tspLayer, m_type, kMany, false) / kMany;
}

}  // namespace kvasir
