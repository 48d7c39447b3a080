#include "engine/piece_file.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kvasir {
namespace {

static_assert(std::endian::native == std::endian::little, "pieces hold numbers as they lie in memory");

constexpr char kMagic[8] = {'K', 'V', 'S', 'P', 'I', 'E', 'C', 'E'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderSumAt = kPieceHeaderBytes - 8;
// Beyond every model and window that there is; their products stay far below 2^63.
constexpr std::uint32_t kMostLayers = 1024, kMostHeads = 1024, kMostHeadSize = 4096, kMostWidth = 1U << 17;
constexpr std::uint64_t kMostRow = 1U << 31;

template <typename T>
T numberAt(std::span<const std::byte> bytes, std::size_t offset) {
    T value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

template <typename T>
void put(std::span<std::byte> bytes, std::size_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

tl::unexpected<Error> damaged(const char* what) {
    return fail(ErrorCode::Damaged, std::string("A kept reading is damaged: ") + what + ".", "",
                "It is read again by itself.");
}

void putHeader(const PieceKey& key, const PieceShape& shape, std::span<std::byte> file) {
    const std::span<const std::byte> contents = file.subspan(kPieceHeaderBytes);
    const XXH128_hash_t sum = XXH3_128bits(contents.data(), contents.size());
    const std::span<std::byte> header = file.first(kPieceHeaderBytes);
    std::fill(header.begin(), header.end(), std::byte{0});
    std::memcpy(header.data(), kMagic, sizeof kMagic);
    put(header, 8, kVersion);
    put(header, 12, static_cast<std::uint32_t>(kPieceHeaderBytes));
    std::copy(key.begin(), key.end(), header.begin() + 16);
    put(header, 48, static_cast<std::uint32_t>(shape.stage));
    put(header, 52, static_cast<std::uint32_t>(shape.type));
    put(header, 56, static_cast<std::uint64_t>(shape.firstRow));
    put(header, 64, static_cast<std::uint32_t>(shape.rows));
    put(header, 68, static_cast<std::uint32_t>(shape.layers));
    put(header, 72, static_cast<std::uint32_t>(shape.kvHeads));
    put(header, 76, static_cast<std::uint32_t>(shape.headSize));
    put(header, 80, static_cast<std::uint32_t>(shape.width));
    put(header, 88, static_cast<std::uint64_t>(contents.size()));
    put(header, 96, static_cast<std::uint64_t>(sum.low64));
    put(header, 104, static_cast<std::uint64_t>(sum.high64));
    put(header, kHeaderSumAt, static_cast<std::uint64_t>(XXH3_64bits(header.data(), kHeaderSumAt)));
}

/// Closes it when it goes, and removes the file unless it was kept.
class NewFile {
public:
    explicit NewFile(const std::filesystem::path& path)
        : m_path(path.string()),
          m_descriptor(::open(m_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)) {}
    ~NewFile() {
        if (m_descriptor >= 0) close(m_descriptor);
        if (m_descriptor >= 0 && !m_kept) unlink(m_path.c_str());
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    bool write(std::span<const std::byte> bytes) const {
        if (m_descriptor < 0) return false;
        while (!bytes.empty()) {
            const ssize_t n = ::write(m_descriptor, bytes.data(), bytes.size());
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return false;
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        }
        return fdatasync(m_descriptor) == 0;
    }
    bool rename(const std::filesystem::path& to) {
        m_kept = ::rename(m_path.c_str(), to.c_str()) == 0;
        return m_kept;
    }

private:
    std::string m_path;
    int m_descriptor;
    bool m_kept = false;
};

tl::unexpected<Error> writeError(int number, const std::filesystem::path& path) {
    const std::string folder = path.parent_path().string();
    switch (number) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return fail(ErrorCode::NoSpace, "The disk is full: readings are not kept for the next time.",
                        folder, "Free some space; answers work as before.");
        case EROFS:
        case EACCES:
        case EPERM:
            return fail(ErrorCode::ReadOnly, "Readings cannot be kept: their folder cannot be written.",
                        folder, "Make it writable; answers work as before.");
        default:
            return fail(ErrorCode::Unreadable,
                        "Readings cannot be kept: " + std::string(std::strerror(number)) + ".", folder,
                        "Check the disk; answers work as before.");
    }
}

tl::unexpected<Error> readError(int number, const std::filesystem::path& path) {
    if (number == ENOENT) return fail(ErrorCode::NotFound, "This was not kept.", path.string(), "");
    return fail(ErrorCode::Unreadable,
                "A kept reading cannot be read: " + std::string(std::strerror(number)) + ".", path.string(),
                "It is read again by itself.");
}

}  // namespace

std::size_t PieceShape::bytes() const {
    const std::int64_t layer = 2 * std::int64_t{kvHeads} * kernels::rowBytes(type, headSize);
    return static_cast<std::size_t>(
        rows * (layers * layer + std::int64_t{width} * static_cast<std::int64_t>(sizeof(float))));
}

Result<PieceHeader> readPieceHeader(std::span<const std::byte> file) {
    if (file.size() < kPieceHeaderBytes) return damaged("it is too short");
    const std::span<const std::byte> bytes = file.first(kPieceHeaderBytes);
    if (std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0) return damaged("it does not begin as one");
    if (numberAt<std::uint32_t>(bytes, 8) != kVersion) return damaged("its version is another");
    if (numberAt<std::uint64_t>(bytes, kHeaderSumAt) != XXH3_64bits(bytes.data(), kHeaderSumAt))
        return damaged("the header's checksum is wrong");
    const auto stage = numberAt<std::uint32_t>(bytes, 48), type = numberAt<std::uint32_t>(bytes, 52);
    const auto firstRow = numberAt<std::uint64_t>(bytes, 56);
    const auto rows = numberAt<std::uint32_t>(bytes, 64), layers = numberAt<std::uint32_t>(bytes, 68);
    const auto heads = numberAt<std::uint32_t>(bytes, 72), headSize = numberAt<std::uint32_t>(bytes, 76);
    const auto width = numberAt<std::uint32_t>(bytes, 80);
    const bool known = numberAt<std::uint32_t>(bytes, 12) == kPieceHeaderBytes &&
                       stage <= static_cast<std::uint32_t>(PieceStage::Late) &&
                       type <= static_cast<std::uint32_t>(kernels::KvType::Int8) && firstRow <= kMostRow &&
                       rows >= 1 && rows <= kPieceRows && layers <= kMostLayers && heads >= 1 &&
                       heads <= kMostHeads && headSize >= 1 && headSize <= kMostHeadSize &&
                       width <= kMostWidth && numberAt<std::uint32_t>(bytes, 84) == 0 &&
                       numberAt<std::uint64_t>(bytes, 112) == 0;
    if (!known) return damaged("a number in its header is out of range");
    PieceHeader header;
    std::copy_n(bytes.begin() + 16, header.key.size(), header.key.begin());
    header.shape = {static_cast<PieceStage>(stage),      static_cast<kernels::KvType>(type),
                    static_cast<std::int64_t>(firstRow), static_cast<std::int64_t>(rows),
                    static_cast<std::int32_t>(layers),   static_cast<std::int32_t>(heads),
                    static_cast<std::int32_t>(headSize), static_cast<std::int32_t>(width)};
    if (numberAt<std::uint64_t>(bytes, 88) != header.shape.bytes())
        return damaged("its sizes do not fit together");
    header.checksumLow = numberAt<std::uint64_t>(bytes, 96);
    header.checksumHigh = numberAt<std::uint64_t>(bytes, 104);
    return header;
}

Result<std::span<const std::byte>> checkPiece(std::span<const std::byte> file, const PieceKey& key,
                                              const PieceShape& shape) {
    const Result<PieceHeader> header = readPieceHeader(file);
    if (!header) return tl::unexpected(header.error());
    if (header->key != key || header->shape != shape) return damaged("it is another piece");
    const std::span<const std::byte> contents = file.subspan(kPieceHeaderBytes);
    if (contents.size() != shape.bytes()) return damaged("its length is wrong");
    const XXH128_hash_t sum = XXH3_128bits(contents.data(), contents.size());
    if (sum.low64 != header->checksumLow || sum.high64 != header->checksumHigh)
        return damaged("its checksum is wrong");
    return contents;
}

Result<std::span<std::byte>> readPiece(const std::filesystem::path& path, const PieceKey& key,
                                       const PieceShape& shape, std::span<std::byte> buffer) {
    const std::size_t size = kPieceHeaderBytes + shape.bytes();
    if (buffer.size() < size) {
        return fail(ErrorCode::InvalidArgument, "There is no room for a piece of this shape.", path.string(),
                    "Please report this with the steps that led here.");
    }
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) return readError(errno, path);
    struct stat status{};
    const bool whole = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
                       static_cast<std::size_t>(status.st_size) == size;
    int failed = 0;
    if (whole) {
        for (std::size_t at = 0; at < size && failed == 0;) {
            const ssize_t n = ::read(descriptor, buffer.data() + at, size - at);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) failed = errno;
            if (n == 0) failed = EIO;  // it became shorter meanwhile
            if (n > 0) at += static_cast<std::size_t>(n);
        }
    }
    close(descriptor);
    if (!whole) return damaged("its length is wrong");
    if (failed != 0) return readError(failed, path);
    if (const auto checked = checkPiece(buffer.first(size), key, shape); !checked)
        return tl::unexpected(checked.error());
    return buffer.subspan(kPieceHeaderBytes, shape.bytes());
}

Result<void> writePiece(const std::filesystem::path& path, const PieceKey& key, const PieceShape& shape,
                        std::span<std::byte> file) {
    if (file.size() != kPieceHeaderBytes + shape.bytes()) {
        return fail(ErrorCode::InvalidArgument, "A piece has another length than its shape says.",
                    path.string(), "Please report this with the steps that led here.");
    }
    putHeader(key, shape, file);
    std::filesystem::path unfinished = path;
    unfinished += kUnfinishedPiece;
    NewFile written(unfinished);
    if (!written.write(file) || !written.rename(path)) return writeError(errno, path);
    return {};
}

}  // namespace kvasir
