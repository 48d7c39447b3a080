// The messages between the application and kvasir-reader: a byte stream of frames over one socket, each
// u32 payload size, u8 type, payload; numbers little-endian. Both sides check every length: once it has
// parsed a document, the reader is as untrusted as the document.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/reader/page_text.h"

namespace kvasir::reader {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr int kSocketDescriptor = 3;    ///< in the reader: the socket to the application
inline constexpr int kDocumentDescriptor = 4;  ///< in the reader: the open document, read-only
inline constexpr std::size_t kHeaderBytes = 5;
inline constexpr std::uint32_t kMaxRequestBytes = 64 * 1024;
inline constexpr std::uint32_t kMaxPages = 100'000;
inline constexpr std::uint32_t kMaxOutlineItems = 20'000;
inline constexpr std::uint32_t kMaxImageSide = 8'192;
inline constexpr std::uint32_t kMaxImagePixels = 16 * 1024 * 1024;
inline constexpr std::uint32_t kTextChunkBytes = 1024 * 1024;  ///< of the file, for one Text request
/// The largest frames are images; everything else stays far below.
inline constexpr std::uint32_t kMaxResponseBytes = 4 * kMaxImagePixels + 1024;

enum class Message : std::uint8_t {
    // Requests; each is answered by the response of the same name or by Refused.
    Open = 1,
    Words,
    Image,
    Text,
    Outline,
    // Responses. Hello comes unasked, once, when the sandbox stands and before the document is touched.
    Hello = 64,
    Opened,
    PageWords,
    PageImage,
    TextChunk,
    OutlineItems,
    Refused,
};

/// What the bytes of a file say it is.
enum class FileFormat : std::uint8_t {
    Pdf,
    Text,
    Markdown,
    Log,
    Word,
    Excel,
    PowerPoint,
    OpenDocument,
    Epub,
    OldOffice,
    Zip,
    Archive,
    Image,
    Audio,
    Video,
    PostScript,
    Rtf,
    Html,
    Database,
    Program,
    ModelFile,
    Binary,
    Last = Binary
};

enum class Refusal : std::uint8_t {
    Unsupported,    ///< `format` says what it is
    Damaged,        ///< not what its first bytes say, or broken beyond repair
    Incomplete,     ///< damaged, and its end is missing
    Locked,         ///< needs a password
    WrongPassword,  ///< the given one does not open it
    NoPages,
    TooManyPages,
    PageFailed,   ///< this page could not be parsed
    OutOfMemory,  ///< the memory limit was met
    BadRequest,   ///< out of range, or before Open
    Last = BadRequest
};

struct SandboxPart {
    std::string name;  ///< "limits", "network", "files", "system calls"
    bool active = false;
    std::string reason;  ///< why not, when not active
};

struct Hello {
    std::uint32_t version = kProtocolVersion;
    std::vector<SandboxPart> sandbox;
};

struct OpenRequest {
    std::string password;    ///< UTF-8; empty for none
    std::string extension;   ///< of the file's name, lower case, without the dot: decides between text kinds
    std::uint64_t size = 0;  ///< bytes of the file that count: it may grow meanwhile
};

struct PageSize {
    float width = 0, height = 0;  ///< points, as the page is shown
};

struct Opened {
    FileFormat format = FileFormat::Pdf;
    std::vector<PageSize> pages;  ///< empty for text files
};

struct ImageRequest {
    std::uint32_t page = 0;
    float pixelsPerPoint = 1;
};

/// Rows of 32-bit 0xffRRGGBB in the machine's byte order, no padding.
struct ImageData {
    std::uint32_t width = 0, height = 0;
    std::string_view pixels;  ///< into the payload
};

struct TextChunk {
    std::uint64_t nextOffset = 0;  ///< byte of the file where the next chunk begins
    std::string_view text;         ///< UTF-8, into the payload
};

struct Refused {
    Refusal refusal = Refusal::BadRequest;
    FileFormat format = FileFormat::Binary;
};

std::string encode(const Hello& hello);
std::string encode(const OpenRequest& request);
std::string encode(const Opened& opened);
std::string encode(const ImageRequest& request);
std::string encode(const PageText& page);
std::string encode(const std::vector<Document::OutlineItem>& items);
std::string encode(const Refused& refused);
std::string encodePage(std::uint32_t page);
std::string encodeOffset(std::uint64_t offset);
std::string encodeTextChunk(std::uint64_t nextOffset, std::string_view text);
/// The payload without its pixels, which follow as they are.
std::string encodeImageHead(std::uint32_t width, std::uint32_t height);
/// The five bytes before a payload.
std::string encodeHeader(Message type, std::size_t payloadBytes);

struct Header {
    std::uint32_t payloadBytes = 0;
    std::uint8_t type = 0;
};
Header decodeHeader(const unsigned char* bytes);

// Decoding: nullopt for every payload that breaks the format, is over a limit, or has bytes left over.
std::optional<Hello> decodeHello(std::string_view payload);
std::optional<OpenRequest> decodeOpenRequest(std::string_view payload);
std::optional<Opened> decodeOpened(std::string_view payload);
std::optional<ImageRequest> decodeImageRequest(std::string_view payload);
std::optional<PageText> decodePageText(std::string_view payload);
std::optional<std::vector<Document::OutlineItem>> decodeOutline(std::string_view payload);
std::optional<ImageData> decodeImage(std::string_view payload);
std::optional<TextChunk> decodeTextChunk(std::string_view payload);
std::optional<Refused> decodeRefused(std::string_view payload);
std::optional<std::uint32_t> decodePage(std::string_view payload);
std::optional<std::uint64_t> decodeOffset(std::string_view payload);

}  // namespace kvasir::reader
