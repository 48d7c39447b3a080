#include "app/store/trace_codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include <QByteArray>

namespace kvasir {

namespace {

constexpr char kTraceFormat = 3;
constexpr char kFormatWithoutUnread = 2;
constexpr char kFormatWithoutKept = 1;  // and without what was not read
constexpr char kRangesFormat = 1;
// Bytes 1..255 span 16 powers of two below the largest value; 0 is 0.
constexpr float kStepsPerOctave = 254.0F / 16.0F;
// A trace holds at most a few values per token; a length that needs more than this is damage.
constexpr std::uint64_t kMaxPlainBytes = std::uint64_t{1} << 30;

Error damaged() {
    return {ErrorCode::Damaged, "A stored trace is damaged.", "store",
            "Ask the question again to get a new one."};
}

Error invalid(const char* what) {
    return {ErrorCode::InvalidArgument, what, "trace", "Please report this with the steps that led here."};
}

void putNumber(std::string& bytes, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        bytes += static_cast<char>(value | 0x80);
    bytes += static_cast<char>(value);
}

// Reads what putNumber wrote; after the first fault everything reads as 0 and `sound` stays false.
struct Input {
    std::string_view bytes;
    bool sound = true;

    std::uint64_t number() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(bytes.front());
            bytes.remove_prefix(1);
            value |= std::uint64_t{byte & 0x7Fu} << shift;
            if (byte < 0x80) return value;
        }
        sound = false;
        return 0;
    }
    std::uint32_t number32() {
        const std::uint64_t value = number();
        if (value > std::numeric_limits<std::uint32_t>::max()) sound = false;
        return sound ? static_cast<std::uint32_t>(value) : 0;
    }
    // A count of things that take at least a byte each.
    std::uint32_t count() {
        const std::uint32_t value = number32();
        if (value > bytes.size()) sound = false;
        return sound ? value : 0;
    }
    std::string_view take(std::size_t size) {
        if (size > bytes.size()) sound = false;
        if (!sound) return {};
        const std::string_view taken = bytes.substr(0, size);
        bytes.remove_prefix(size);
        return taken;
    }
};

template <typename Range>
bool putRanges(std::string& bytes, const std::vector<Range>& ranges) {
    putNumber(bytes, ranges.size());
    std::uint32_t at = 0;
    for (const Range& r : ranges) {
        if (r.begin < at || r.end < r.begin) return false;
        putNumber(bytes, r.begin - at);
        putNumber(bytes, r.end - r.begin);
        at = r.end;
    }
    return true;
}

template <typename Range>
std::vector<Range> takeRanges(Input& input) {
    std::vector<Range> ranges(input.count());
    std::uint64_t at = 0;
    for (Range& r : ranges) {
        const std::uint64_t begin = at + input.number32();
        at = begin + input.number32();
        if (at > std::numeric_limits<std::uint32_t>::max()) input.sound = false;
        if (!input.sound) return {};
        r = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(at)};
    }
    return ranges;
}

bool putValues(std::string& bytes, const std::vector<float>& values) {
    const auto good = [](float v) { return std::isfinite(v) && v >= 0; };
    if (!std::all_of(values.begin(), values.end(), good)) return false;
    const float largest = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
    putNumber(bytes, values.size());
    putNumber(bytes, std::bit_cast<std::uint32_t>(largest));
    for (const float v : values) {
        int step = 0;
        if (v > 0) {
            // The quotient of a tiny value may be 0, whose logarithm is no number to round.
            const float octaves = std::max(std::log2(v / largest), -16.0F);
            step = std::clamp(255 + static_cast<int>(std::lround(octaves * kStepsPerOctave)), 1, 255);
        }
        bytes += static_cast<char>(step);
    }
    return true;
}

std::vector<float> takeValues(Input& input) {
    const std::uint32_t size = input.count();
    const auto largest = std::bit_cast<float>(input.number32());
    if (!std::isfinite(largest) || largest < 0) input.sound = false;
    std::vector<float> values;
    values.reserve(size);
    for (const char c : input.take(size)) {
        const auto step = static_cast<unsigned char>(c);
        values.push_back(step == 0 ? 0 : largest * std::exp2((step - 255.0F) / kStepsPerOctave));
    }
    return values;
}

void takeKept(Input& input, Trace& trace) {
    trace.keptStep = input.number32();
    trace.kept.resize(input.count());
    for (auto& layer : trace.kept) {
        layer.resize(input.count());
        for (std::vector<TokenRange>& head : layer)
            head = takeRanges<TokenRange>(input);
    }
}

std::string pack(char format, const std::string& plain) {
    const QByteArray packed =
        qCompress(reinterpret_cast<const uchar*>(plain.data()), static_cast<qsizetype>(plain.size()), 9);
    return format + std::string(packed.constData(), static_cast<std::size_t>(packed.size()));
}

Result<std::string> unpack(char format, std::string_view bytes) {
    // After the format come qCompress's four bytes of length, the greatest first, and zlib's own checksum.
    if (bytes.size() < 6 || bytes.front() != format) return tl::unexpected(damaged());
    bytes.remove_prefix(1);
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < 4; ++i)
        length = length << 8 | static_cast<unsigned char>(bytes[i]);
    // zlib packs at most 1032 to 1; a length beyond is not believed, nor memory set aside for it.
    if (length > kMaxPlainBytes || length > bytes.size() * 1100) return tl::unexpected(damaged());
    const QByteArray plain =
        qUncompress(reinterpret_cast<const uchar*>(bytes.data()), static_cast<qsizetype>(bytes.size()));
    if (plain.isEmpty()) return tl::unexpected(damaged());
    return std::string(plain.constData(), static_cast<std::size_t>(plain.size()));
}

}  // namespace

Result<std::string> encodeTrace(const Trace& trace) {
    if (trace.scores.size() > trace.promptTokens) {
        return tl::unexpected(invalid("A trace has more scores than tokens."));
    }
    std::uint32_t previous = 0;
    for (const TokenRange& r : trace.carried) {
        const bool touches = &r != &trace.carried.front() && r.begin <= previous;
        if (touches || r.end <= r.begin || r.end > trace.promptTokens) {
            return tl::unexpected(invalid("The carried ranges of a trace are out of order."));
        }
        previous = r.end;
    }
    std::string plain;
    putNumber(plain, trace.documentBegin);
    putNumber(plain, trace.promptTokens);
    putRanges(plain, trace.carried);
    if (!putValues(plain, trace.scores) || !putValues(plain, trace.attention)) {
        return tl::unexpected(invalid("A score of a trace is negative or not a number."));
    }
    putNumber(plain, trace.keptStep);
    putNumber(plain, trace.kept.size());
    for (const auto& layer : trace.kept) {
        putNumber(plain, layer.size());
        for (const std::vector<TokenRange>& head : layer) {
            if (!putRanges(plain, head))
                return tl::unexpected(invalid("The kept ranges of a trace are out of order."));
        }
    }
    if (!putRanges(plain, trace.notRead))
        return tl::unexpected(invalid("The unread ranges of a trace are out of order."));
    return pack(kTraceFormat, plain);
}

Result<Trace> decodeTrace(std::string_view bytes) {
    const bool known = !bytes.empty() && bytes.front() >= kFormatWithoutKept && bytes.front() <= kTraceFormat;
    const char format = known ? bytes.front() : kTraceFormat;
    const Result<std::string> plain = unpack(format, bytes);
    if (!plain) return tl::unexpected(plain.error());
    Input input{*plain};
    Trace trace;
    trace.documentBegin = input.number32();
    trace.promptTokens = input.number32();
    trace.carried = takeRanges<TokenRange>(input);
    trace.scores = takeValues(input);
    trace.attention = takeValues(input);
    if (format > kFormatWithoutKept) takeKept(input, trace);
    if (format > kFormatWithoutUnread) trace.notRead = takeRanges<TokenRange>(input);
    if (!input.sound || !input.bytes.empty()) return tl::unexpected(damaged());
    return trace;
}

Result<std::string> encodeRanges(const std::vector<ByteRange>& ranges) {
    std::string plain;
    if (!putRanges(plain, ranges)) return tl::unexpected(invalid("Byte ranges are out of order."));
    return pack(kRangesFormat, plain);
}

Result<std::vector<ByteRange>> decodeRanges(std::string_view bytes) {
    const Result<std::string> plain = unpack(kRangesFormat, bytes);
    if (!plain) return tl::unexpected(plain.error());
    Input input{*plain};
    std::vector<ByteRange> ranges = takeRanges<ByteRange>(input);
    if (!input.sound || !input.bytes.empty()) return tl::unexpected(damaged());
    return ranges;
}

}  // namespace kvasir
