#include "app/reader/text_file.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <iconv.h>
#include <unistd.h>

#include "app/reader/utf8.h"

namespace kvasir::reader {
namespace {

constexpr std::uint64_t kScannedBytes = std::uint64_t{64} << 20;

// Code pages by their usual names; both differ from the standards they extend only in rare signs.
constexpr const char* kShiftJisName = "CP932";
constexpr const char* kLatin1Name = "CP1252";

struct CloseConverter {
    void operator()(void* converter) const { iconv_close(static_cast<iconv_t>(converter)); }
};
using Converter = std::unique_ptr<void, CloseConverter>;

Converter openConverter(const char* from) {
    auto* const converter = iconv_open("UTF-8", from);
    return Converter(reinterpret_cast<std::intptr_t>(converter) == -1 ? nullptr : converter);
}

/// Converts `bytes`; bytes that break the encoding become U+FFFD and are counted. Stops before a character
/// that is cut off at the end unless `last`. Returns how many bytes were used.
std::size_t convert(iconv_t converter, std::string_view bytes, bool last, std::string& out,
                    std::size_t& broken) {
    char* in = const_cast<char*>(bytes.data());  // iconv reads only, its type is older than const
    std::size_t left = bytes.size();
    char buffer[4096];
    iconv(converter, nullptr, nullptr, nullptr, nullptr);
    while (left > 0) {
        char* to = buffer;
        std::size_t room = sizeof buffer;
        const std::size_t result = iconv(converter, &in, &left, &to, &room);
        const int error = errno;
        out.append(buffer, sizeof buffer - room);
        if (result != static_cast<std::size_t>(-1) || error == E2BIG) continue;
        if (error == EINVAL && !last) break;
        appendUtf8(out, kReplacement);
        ++broken;
        ++in;
        --left;
    }
    return bytes.size() - left;
}

/// Bytes of an unfinished character at the end of UTF-8 text.
std::size_t unfinishedUtf8(std::string_view bytes) {
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, bytes.size()); ++back) {
        const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
        if ((byte & 0xC0) == 0x80) continue;
        const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1;
        return length > back ? back : 0;
    }
    return 0;
}

std::size_t decodeUtf8(std::string_view bytes, bool last, std::string& out) {
    const std::size_t used = last ? bytes.size() : bytes.size() - unfinishedUtf8(bytes);
    const std::string_view whole = bytes.substr(0, used);
    for (std::size_t at = 0; at < whole.size();) {
        const auto plain = std::find_if(whole.begin() + static_cast<std::ptrdiff_t>(at), whole.end(),
                                        [](char byte) { return (byte & 0x80) != 0; });
        const auto next = static_cast<std::size_t>(plain - whole.begin());
        out += whole.substr(at, next - at);
        at = next;
        if (at < whole.size()) appendUtf8(out, nextUtf8(whole, at));
    }
    return used;
}

std::size_t decodeUtf16(std::string_view bytes, bool bigEndian, bool last, std::string& out) {
    std::u16string units;
    units.reserve(bytes.size() / 2);
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        const auto first = static_cast<unsigned char>(bytes[i]);
        const auto second = static_cast<unsigned char>(bytes[i + 1]);
        units.push_back(static_cast<char16_t>(bigEndian ? first << 8 | second : second << 8 | first));
    }
    std::size_t used = units.size() * 2;
    if (!last && !units.empty() && units.back() >= 0xD800 && units.back() < 0xDC00) {
        units.pop_back();
        used -= 2;
    }
    out += utf16ToUtf8(units);
    if (last && used < bytes.size()) {
        appendUtf8(out, kReplacement);
        used = bytes.size();
    }
    return used;
}

/// What the bytes of a file without a byte order mark say about their encoding.
class EncodingScan {
public:
    EncodingScan(int descriptor, std::uint64_t size) : m_shiftJis(openConverter(kShiftJisName)) {
        std::uint64_t at = 0;
        while (at < std::min(size, kScannedBytes) && !m_nul) {
            const std::string bytes =
                readAt(descriptor, at, std::min<std::uint64_t>(kTextChunkBytes, size - at));
            if (bytes.empty()) break;
            const bool last = at + bytes.size() >= size;
            countControls(bytes);
            countUtf8(std::string_view(bytes).substr(m_utf8At - at), last);
            countShiftJis(std::string_view(bytes).substr(m_shiftJisAt - at), last);
            // Both go on behind their last whole character.
            at = last ? size : std::min(m_utf8At, m_shiftJisAt);
        }
    }

    bool isText() const { return !m_nul && m_controls * 20 <= m_bytes; }

    Encoding encoding() const {
        // A log in UTF-8 may hold a few bytes of something else; the rest stays legible.
        if (m_utf8Broken == 0 || m_utf8Sequences >= 10 * m_utf8Broken) return Encoding::Utf8;
        // Western text can be well-formed Shift_JIS by accident, but then hardly holds any kana.
        const bool japanese = m_shiftJis && m_shiftJisBroken == 0 && m_kana * 8 > m_wide;
        return japanese ? Encoding::ShiftJis : Encoding::Latin1;
    }

private:
    void countControls(std::string_view bytes) {
        m_bytes += bytes.size();
        for (const char byte : bytes) {
            const auto value = static_cast<unsigned char>(byte);
            m_nul = m_nul || value == 0;
            const bool usual = (value >= '\t' && value <= '\r') || value == 0x1B;
            m_controls += value < 0x20 && !usual ? 1 : 0;
        }
    }

    void countUtf8(std::string_view bytes, bool last) {
        const std::size_t whole = bytes.size() - (last ? 0 : unfinishedUtf8(bytes));
        for (std::size_t at = 0; at < whole;) {
            const std::size_t before = at;
            const bool broken = nextUtf8(bytes, at) == kReplacement && at - before == 1;
            m_utf8Broken += broken ? 1 : 0;
            m_utf8Sequences += at - before > 1 ? 1 : 0;
        }
        m_utf8At += whole;
    }

    void countShiftJis(std::string_view bytes, bool last) {
        if (!m_shiftJis || m_shiftJisBroken > 0) {
            m_shiftJisAt += bytes.size();
            return;
        }
        std::string text;
        m_shiftJisAt += convert(m_shiftJis.get(), bytes, last, text, m_shiftJisBroken);
        for (std::size_t at = 0; at < text.size();) {
            const char32_t character = nextUtf8(text, at);
            m_wide += character >= 0x80 ? 1 : 0;
            m_kana += character >= 0x3041 && character <= 0x30FF ? 1 : 0;
        }
    }

    Converter m_shiftJis;
    std::uint64_t m_utf8At = 0, m_shiftJisAt = 0;
    std::size_t m_bytes = 0, m_controls = 0;
    std::size_t m_utf8Broken = 0, m_utf8Sequences = 0;
    std::size_t m_shiftJisBroken = 0, m_wide = 0, m_kana = 0;
    bool m_nul = false;
};

}  // namespace

std::string readAt(int descriptor, std::uint64_t offset, std::size_t count) {
    std::string bytes(count, '\0');
    std::size_t done = 0;
    while (done < count) {
        const ssize_t got =
            pread(descriptor, bytes.data() + done, count - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        done += static_cast<std::size_t>(got);
    }
    bytes.resize(done);
    return bytes;
}

std::optional<TextFile> TextFile::open(int descriptor, std::uint64_t size) {
    const std::string head = readAt(descriptor, 0, 3);
    if (head.starts_with("\xEF\xBB\xBF")) return TextFile(descriptor, size, Encoding::Utf8, 3);
    if (head.starts_with("\xFF\xFE")) return TextFile(descriptor, size, Encoding::Utf16Little, 2);
    if (head.starts_with("\xFE\xFF")) return TextFile(descriptor, size, Encoding::Utf16Big, 2);
    const EncodingScan found(descriptor, size);
    if (!found.isText()) return std::nullopt;
    return TextFile(descriptor, size, found.encoding(), 0);
}

TextFile::Piece TextFile::read(std::uint64_t offset) const {
    Piece piece;
    offset = std::max<std::uint64_t>(offset, m_mark);
    piece.nextOffset = offset;
    if (offset >= m_size) return piece;
    const std::size_t count = std::min<std::uint64_t>(kTextChunkBytes, m_size - offset);
    const std::string bytes = readAt(m_descriptor, offset, count);
    const bool last = bytes.size() < count || offset + bytes.size() >= m_size;
    std::size_t used = bytes.size();
    std::size_t broken = 0;
    switch (m_encoding) {
        case Encoding::Utf8:
            used = decodeUtf8(bytes, last, piece.text);
            break;
        case Encoding::Utf16Little:
            used = decodeUtf16(bytes, false, last, piece.text);
            break;
        case Encoding::Utf16Big:
            used = decodeUtf16(bytes, true, last, piece.text);
            break;
        case Encoding::ShiftJis:
        case Encoding::Latin1: {
            const Converter converter =
                openConverter(m_encoding == Encoding::ShiftJis ? kShiftJisName : kLatin1Name);
            if (converter) {
                used = convert(converter.get(), bytes, last, piece.text, broken);
            } else {
                used = decodeUtf8(bytes, last, piece.text);
            }
        }
    }
    piece.nextOffset = offset + used;
    return piece;
}

}  // namespace kvasir::reader
