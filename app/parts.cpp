#include "app/parts.h"

#include <algorithm>
#include <numeric>

namespace kvasir {

void ReadParts::setUsed(std::uint64_t when) {
    used = when;
    for (Reading& reading : readings)
        reading.used = when;
}

void ReadParts::finishKeeping(std::span<const std::size_t> order) {
    for (const std::size_t part : order) {
        if (ResidentPieces* pieces = readings[part].pieces.get()) pieces->finish();
    }
}

PartsRead ReadParts::read() const {
    return {static_cast<std::int32_t>(segments->readCount()),
            static_cast<std::int32_t>(segments->segments().size())};
}

std::int64_t ReadParts::restoredTokens() const {
    std::int64_t restored = 0;
    for (std::size_t part = 0; part < readings.size(); ++part) {
        const Segment& segment = segments->segments()[part];
        restored += std::clamp<std::int64_t>(readings[part].restoredTokens() - segments->firstOwnRow(part), 0,
                                             segment.end - segment.begin);
    }
    return restored;
}

ByteRange ReadParts::bytes(std::size_t part) const {
    const Segment& segment = segments->segments()[part];
    return {tokens[static_cast<std::size_t>(segment.begin)].begin,
            tokens[static_cast<std::size_t>(segment.end - 1)].end};
}

bool holdsPin(const ReadParts& parts, std::size_t part, std::span<const ByteRange> pins) {
    const ByteRange own = parts.bytes(part);
    const auto pin =
        std::ranges::partition_point(pins, [&](const ByteRange& p) { return p.end <= own.begin; });
    return pin != pins.end() && pin->begin < own.end;
}

std::vector<std::size_t> rankParts(const ReadParts& parts, std::span<const ByteRange> passages,
                                   std::span<const ByteRange> pins) {
    const std::size_t count = parts.segments->segments().size();
    std::vector<double> worth(count, 0);
    for (std::size_t rank = 0; rank < passages.size(); ++rank) {
        // Segments ascend: the one that holds the passage's middle.
        const std::uint32_t middle = passages[rank].begin / 2 + passages[rank].end / 2;
        std::size_t low = 0, high = count;
        while (high - low > 1) {
            const std::size_t between = (low + high) / 2;
            (parts.bytes(between).begin <= middle ? low : high) = between;
        }
        // The first hits tell most, and several of them in one part tell more than one.
        worth[low] += 1 / (static_cast<double>(rank) + 2);
    }
    for (std::size_t part = 0; part < count; ++part) {
        if (holdsPin(parts, part, pins)) worth[part] += static_cast<double>(passages.size()) + 1;
    }
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return worth[a] != worth[b] ? worth[a] > worth[b] : a < b;
    });
    return order;
}

std::optional<std::size_t> nextPart(const ReadParts& parts, std::span<const std::size_t> order) {
    const auto most = static_cast<std::size_t>(parts.segments->mostHeld());
    const auto wanted = order.first(std::min(order.size(), most));
    const auto next =
        std::ranges::find_if(wanted, [&](std::size_t part) { return !parts.segments->isRead(part); });
    return next == wanted.end() ? std::nullopt : std::optional(*next);
}

bool isWorthWaiting(const ReadParts& parts, std::span<const std::size_t> order, std::size_t part,
                    double seconds, double each, std::span<const ByteRange> pins) {
    constexpr double kMostSeconds = 20;
    if (parts.segments->readCount() == 0 || holdsPin(parts, part, pins)) return true;
    const auto best = order.first(std::min(order.size(), kBestParts));
    return std::ranges::find(best, part) != best.end() && seconds + each < kMostSeconds;
}

TokenisedDocument tokenisedChoice(const ReadParts& parts, std::span<const std::int64_t> chosen) {
    TokenisedDocument result;
    result.document = parts.documents.joined();
    result.prefix = parts.prefix;
    result.prompt = parts.segments->prefix();
    for (const std::int64_t token : chosen) {
        result.tokens.push_back(parts.tokens[static_cast<std::size_t>(token)]);
        result.prompt.push_back(result.tokens.back().id);
    }
    return result;
}

void spreadTrace(AnswerTrace& trace, const ReadParts& parts, const SegmentChoice& choice) {
    const std::int64_t prefix = parts.prefix, all = std::ssize(parts.tokens),
                       chosen = std::ssize(choice.tokens);
    for (std::int32_t& position : trace.carried) {
        if (position >= prefix + chosen) {
            position += static_cast<std::int32_t>(all - chosen);
        } else if (position >= prefix) {
            position = static_cast<std::int32_t>(prefix +
                                                 choice.tokens[static_cast<std::size_t>(position - prefix)]);
        }
    }
    std::vector<float> attention(parts.tokens.size(), 0.0F);
    for (std::size_t i = 0; i < trace.attention.size(); ++i)
        attention[static_cast<std::size_t>(choice.tokens[i])] = trace.attention[i];
    trace.attention = std::move(attention);
    trace.scores.assign(static_cast<std::size_t>(prefix + all), 0.0F);
    for (std::size_t i = 0; i < choice.scores.size(); ++i) {
        const Segment& segment = parts.segments->segments()[i];
        std::ranges::copy(choice.scores[i], trace.scores.begin() + prefix + segment.begin);
        if (choice.scores[i].empty()) {
            if (!trace.notRead.empty() && trace.notRead.back().last == prefix + segment.begin) {
                trace.notRead.back().last = prefix + segment.end;
            } else {
                trace.notRead.push_back({prefix + segment.begin, prefix + segment.end});
            }
        }
    }
    trace.layout.length += all - chosen;
    trace.layout.documentEnd = prefix + all;
    trace.tokens = parts.tokens;
    trace.documentBytes = static_cast<std::int64_t>(parts.segments->bytes());
    trace.kept.clear();  // by positions among the chosen ones; everything that was carried is kept
    // Over the chosen ones all are carried anyway.
    trace.decision.pinned = choice.pinned;
    trace.decision.always -= choice.pinned;
}

AnswerTrace traceOf(const AnswerTrace& trace, const DocumentSet& documents, std::size_t index) {
    if (documents.size() == 1) return trace;
    const ByteRange range = documents.range(index);
    const auto firstBehind = [&](std::uint32_t byte) {
        return std::partition_point(trace.tokens.begin(), trace.tokens.end(),
                                    [&](const TextToken& t) { return t.begin < byte; });
    };
    const auto begin = firstBehind(range.begin), end = firstBehind(range.end);
    // Positions of the tokens that go, behind the document's own.
    const std::int64_t prefix = trace.layout.prefix, first = prefix + (begin - trace.tokens.begin()),
                       last = prefix + (end - trace.tokens.begin());
    const auto place = [&](std::int64_t position) {
        if (position < prefix) return position;
        if (position >= trace.layout.documentEnd)
            return position - trace.layout.documentEnd + prefix + last - first;
        return std::clamp(position, first, last) - first + prefix;
    };
    AnswerTrace own = trace;
    own.tokens.assign(begin, end);
    for (TextToken& token : own.tokens) {
        token.begin -= range.begin;
        token.end -= range.begin;
    }
    own.attention.assign(trace.attention.begin() + (first - prefix),
                         trace.attention.begin() + (last - prefix));
    std::erase_if(own.carried, [&](std::int32_t position) {
        return position >= prefix && position < trace.layout.documentEnd &&
               (position < first || position >= last);
    });
    for (std::int32_t& position : own.carried)
        position = static_cast<std::int32_t>(place(position));
    if (!trace.scores.empty()) {
        own.scores.assign(trace.scores.begin(), trace.scores.begin() + prefix);
        own.scores.insert(own.scores.end(), trace.scores.begin() + first, trace.scores.begin() + last);
    }
    const auto placed = [&](const std::vector<Policy::Range>& ranges) {
        std::vector<Policy::Range> result;
        for (const Policy::Range& each : ranges) {
            if (place(each.first) < place(each.last)) result.push_back({place(each.first), place(each.last)});
        }
        return result;
    };
    own.notRead = placed(trace.notRead);
    own.policy.pins = placed(trace.policy.pins);
    std::vector<ByteRange> pins;
    for (const PinnedPassage& pin : trace.pinned) {
        if (pin.range.begin >= range.begin && pin.range.end <= range.end)
            pins.push_back({pin.range.begin - range.begin, pin.range.end - range.begin});
    }
    own.pinned = pinnedPassages(*documents.document(index), pins);
    own.layout.documentEnd = prefix + last - first;
    own.layout.length = place(trace.layout.length);
    return own;
}

}  // namespace kvasir
