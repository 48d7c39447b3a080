#include "app/reader/protocol.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

namespace kvasir::reader {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the protocol copies numbers as they lie in memory");

constexpr std::size_t kMaxPageBytes = 4 * kMaxPageCharacters;
constexpr std::size_t kMaxTitleBytes = 4'096;
constexpr std::uint32_t kMaxSandboxParts = 16;
constexpr float kMaxPoints = 1e6F;

template <typename T>
void put(std::string& out, T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void putString(std::string& out, std::string_view text) {
    put(out, static_cast<std::uint32_t>(text.size()));
    out += text;
}

/// Reads values one after another; after the first that does not fit everything is zero and `ok` false.
class Cursor {
public:
    explicit Cursor(std::string_view bytes) : m_rest(bytes) {}

    template <typename T>
    T take() {
        T value{};
        if (m_rest.size() < sizeof value) m_ok = false;
        if (!m_ok) return value;
        std::copy_n(m_rest.begin(), sizeof value, reinterpret_cast<char*>(&value));
        m_rest.remove_prefix(sizeof value);
        return value;
    }

    float takeFinite() {
        const auto value = take<float>();
        if (!std::isfinite(value) || std::abs(value) > kMaxPoints) m_ok = false;
        return m_ok ? value : 0.0F;
    }

    template <typename Enum>
    Enum takeEnum(Enum last) {
        const auto value = take<std::uint8_t>();
        if (value > static_cast<std::uint8_t>(last)) m_ok = false;
        return m_ok ? static_cast<Enum>(value) : Enum{};
    }

    std::string_view takeBytes(std::size_t count, std::size_t limit) {
        if (count > limit || count > m_rest.size()) m_ok = false;
        if (!m_ok) return {};
        const std::string_view bytes = m_rest.substr(0, count);
        m_rest.remove_prefix(count);
        return bytes;
    }

    std::string_view takeString(std::size_t limit) { return takeBytes(take<std::uint32_t>(), limit); }

    /// A count of items that take at least `itemBytes` each: never more than can follow.
    std::uint32_t takeCount(std::uint32_t limit, std::size_t itemBytes) {
        const auto count = take<std::uint32_t>();
        if (count > limit || count > m_rest.size() / itemBytes) m_ok = false;
        return m_ok ? count : 0;
    }

    std::string_view takeRest() { return std::exchange(m_rest, {}); }

    bool ok() const { return m_ok; }
    bool finished() const { return m_ok && m_rest.empty(); }

private:
    std::string_view m_rest;
    bool m_ok = true;
};

template <typename T>
std::optional<T> whenFinished(const Cursor& in, T value) {
    if (!in.finished()) return std::nullopt;
    return value;
}

}  // namespace

std::string encodeHeader(Message type, std::size_t payloadBytes) {
    std::string out;
    put(out, static_cast<std::uint32_t>(payloadBytes));
    put(out, type);
    return out;
}

Header decodeHeader(const unsigned char* bytes) {
    Header header;
    std::memcpy(&header.payloadBytes, bytes, sizeof header.payloadBytes);
    header.type = bytes[4];
    return header;
}

std::string encode(const Hello& hello) {
    std::string out;
    put(out, hello.version);
    put(out, static_cast<std::uint32_t>(hello.sandbox.size()));
    for (const SandboxPart& part : hello.sandbox) {
        put(out, static_cast<std::uint8_t>(part.active));
        putString(out, part.name);
        putString(out, part.reason);
    }
    return out;
}

std::optional<Hello> decodeHello(std::string_view payload) {
    Cursor in(payload);
    Hello hello;
    hello.version = in.take<std::uint32_t>();
    const std::uint32_t count = in.takeCount(kMaxSandboxParts, 9);
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        SandboxPart part;
        part.active = in.take<std::uint8_t>() != 0;
        part.name = in.takeString(kMaxTitleBytes);
        part.reason = in.takeString(kMaxTitleBytes);
        hello.sandbox.push_back(std::move(part));
    }
    return whenFinished(in, std::move(hello));
}

std::string encode(const OpenRequest& request) {
    std::string out;
    put(out, request.size);
    putString(out, request.password);
    putString(out, request.extension);
    return out;
}

std::optional<OpenRequest> decodeOpenRequest(std::string_view payload) {
    Cursor in(payload);
    OpenRequest request;
    request.size = in.take<std::uint64_t>();
    request.password = in.takeString(kMaxTitleBytes);
    request.extension = in.takeString(kMaxTitleBytes);
    return whenFinished(in, request);
}

std::string encode(const Opened& opened) {
    std::string out;
    put(out, opened.format);
    put(out, static_cast<std::uint32_t>(opened.pages.size()));
    for (const PageSize& size : opened.pages) {
        put(out, size.width);
        put(out, size.height);
    }
    return out;
}

std::optional<Opened> decodeOpened(std::string_view payload) {
    Cursor in(payload);
    Opened opened;
    opened.format = in.takeEnum(FileFormat::Last);
    const std::uint32_t count = in.takeCount(kMaxPages, 2 * sizeof(float));
    opened.pages.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        const float width = in.takeFinite();
        const float height = in.takeFinite();
        if (width <= 0 || height <= 0) return std::nullopt;
        opened.pages.push_back({width, height});
    }
    return whenFinished(in, std::move(opened));
}

std::string encode(const ImageRequest& request) {
    std::string out;
    put(out, request.page);
    put(out, request.pixelsPerPoint);
    return out;
}

std::optional<ImageRequest> decodeImageRequest(std::string_view payload) {
    Cursor in(payload);
    ImageRequest request;
    request.page = in.take<std::uint32_t>();
    request.pixelsPerPoint = in.takeFinite();
    return whenFinished(in, request);
}

std::string encodePage(std::uint32_t page) {
    std::string out;
    put(out, page);
    return out;
}

std::optional<std::uint32_t> decodePage(std::string_view payload) {
    Cursor in(payload);
    const auto page = in.take<std::uint32_t>();
    return whenFinished(in, page);
}

std::string encodeOffset(std::uint64_t offset) {
    std::string out;
    put(out, offset);
    return out;
}

std::optional<std::uint64_t> decodeOffset(std::string_view payload) {
    Cursor in(payload);
    const auto offset = in.take<std::uint64_t>();
    return whenFinished(in, offset);
}

std::string encode(const PageText& page) {
    std::string out;
    out.reserve(page.text.size() + page.words.size() * 25 + 16);
    put(out, page.status);
    put(out, static_cast<std::uint8_t>(page.cut));
    putString(out, page.text);
    put(out, static_cast<std::uint32_t>(page.words.size()));
    for (const PageWord& word : page.words) {
        put(out, word.begin);
        put(out, word.end);
        put(out, word.join);
        put(out, word.box);
    }
    return out;
}

std::optional<PageText> decodePageText(std::string_view payload) {
    Cursor in(payload);
    PageText page;
    page.status = in.takeEnum(PageStatus::Failed);
    page.cut = in.take<std::uint8_t>() != 0;
    page.text = in.takeString(kMaxPageBytes);
    const std::uint32_t count = in.takeCount(kMaxPageWords, 25);
    page.words.reserve(count);
    std::uint32_t previousEnd = 0;
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        PageWord word;
        word.begin = in.take<std::uint32_t>();
        word.end = in.take<std::uint32_t>();
        word.join = in.takeEnum(Join::Paragraph);
        word.box.left = in.takeFinite();
        word.box.top = in.takeFinite();
        word.box.right = in.takeFinite();
        word.box.bottom = in.takeFinite();
        if (word.begin < previousEnd || word.end <= word.begin || word.end > page.text.size()) {
            return std::nullopt;
        }
        previousEnd = word.end;
        page.words.push_back(word);
    }
    return whenFinished(in, std::move(page));
}

std::string encodeImageHead(std::uint32_t width, std::uint32_t height) {
    std::string out;
    put(out, width);
    put(out, height);
    return out;
}

std::optional<ImageData> decodeImage(std::string_view payload) {
    Cursor in(payload);
    ImageData image;
    image.width = in.take<std::uint32_t>();
    image.height = in.take<std::uint32_t>();
    image.pixels = in.takeRest();
    const bool sane = image.width > 0 && image.height > 0 && image.width <= kMaxImageSide &&
                      image.height <= kMaxImageSide && image.width * image.height <= kMaxImagePixels;
    if (!sane || image.pixels.size() != std::size_t{4} * image.width * image.height) return std::nullopt;
    return whenFinished(in, image);
}

std::string encodeTextChunk(std::uint64_t nextOffset, std::string_view text) {
    std::string out;
    put(out, nextOffset);
    out += text;
    return out;
}

std::optional<TextChunk> decodeTextChunk(std::string_view payload) {
    Cursor in(payload);
    TextChunk chunk;
    chunk.nextOffset = in.take<std::uint64_t>();
    chunk.text = in.takeRest();
    // One byte of a file becomes at most three of UTF-8.
    if (chunk.text.size() > std::size_t{3} * kTextChunkBytes) return std::nullopt;
    return whenFinished(in, chunk);
}

std::string encode(const std::vector<Document::OutlineItem>& items) {
    std::string out;
    put(out, static_cast<std::uint32_t>(items.size()));
    for (const Document::OutlineItem& item : items) {
        put(out, item.page);
        put(out, item.level);
        putString(out, std::string_view(item.title).substr(0, kMaxTitleBytes));
    }
    return out;
}

std::optional<std::vector<Document::OutlineItem>> decodeOutline(std::string_view payload) {
    Cursor in(payload);
    const std::uint32_t count = in.takeCount(kMaxOutlineItems, 12);
    std::vector<Document::OutlineItem> items;
    items.reserve(count);
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        Document::OutlineItem item;
        item.page = in.take<std::int32_t>();
        item.level = in.take<std::int32_t>();
        item.title = in.takeString(kMaxTitleBytes);
        if (item.page < -1 || item.level < 0 || item.level > 255) return std::nullopt;
        items.push_back(std::move(item));
    }
    return whenFinished(in, std::move(items));
}

std::string encode(const Refused& refused) {
    std::string out;
    put(out, refused.refusal);
    put(out, refused.format);
    return out;
}

std::optional<Refused> decodeRefused(std::string_view payload) {
    Cursor in(payload);
    Refused refused;
    refused.refusal = in.takeEnum(Refusal::Last);
    refused.format = in.takeEnum(FileFormat::Last);
    return whenFinished(in, refused);
}

}  // namespace kvasir::reader
