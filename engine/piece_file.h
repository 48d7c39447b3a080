// Pieces of resident documents as files: rows of keys, values and hidden states that were computed once.
// Reasons: docs/decisions/kept-readings.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "engine/error.h"
#include "engine/sha256.h"
#include "kernels/backend.h"

namespace kvasir {

/// Rows of a whole piece; a document's last piece may have fewer. Piece i begins at row i * kPieceRows.
constexpr std::int64_t kPieceRows = 256;

/// Early: K/V of layers 0..T and the hidden states that leave T. Late: K/V of layers T+1..L-1.
enum class PieceStage : std::uint8_t { Early, Late };

/// What lies in a piece, and how much of it.
struct PieceShape {
    PieceStage stage = PieceStage::Early;
    kernels::KvType type = kernels::KvType::F16;
    std::int64_t firstRow = 0;
    std::int64_t rows = 0;    ///< 1..kPieceRows
    std::int32_t layers = 0;  ///< whose K/V are in it
    std::int32_t kvHeads = 0;
    std::int32_t headSize = 0;
    std::int32_t width = 0;  ///< of the hidden states (float32); 0: none

    bool operator==(const PieceShape&) const = default;
    /// Bytes of the contents: the hidden states (rows, width), then layer by layer keys [G][rows][d], values
    /// likewise, and of 8-bit ones the scales of keys [G][rows] and of values.
    std::size_t bytes() const;
};

using PieceKey = Sha256Digest;

/// A file is a header of kPieceHeaderBytes and the contents. All numbers are little-endian:
///   0 "KVSPIECE"; 8 version (u32); 12 header bytes (u32); 16 key (32 bytes); 48 stage (u32); 52 type (u32);
///   56 first row (u64); 64 rows, 68 layers, 72 K/V heads, 76 head size, 80 width (u32 each); 84 zero (u32);
///   88 bytes of the contents (u64); 96 their XXH3-128 (low, high u64); 112 zero (u64);
///   120 XXH3-64 of the 120 bytes before.
constexpr std::size_t kPieceHeaderBytes = 128;

struct PieceHeader {
    PieceKey key{};
    PieceShape shape;
    std::uint64_t checksumLow = 0, checksumHigh = 0;
};

/// The header at the beginning of `file`. Every number is checked: stage, type, rows and sizes lie within
/// what any model of ours can have, and the bytes of the contents are those that they make. Error: Damaged.
Result<PieceHeader> readPieceHeader(std::span<const std::byte> file);

/// The contents of a whole file in memory, when it is the piece `key` of that shape and undamaged: header,
/// size and checksum are right. Error: Damaged.
Result<std::span<const std::byte>> checkPiece(std::span<const std::byte> file, const PieceKey& key,
                                              const PieceShape& shape);

/// Reads and checks a file; `buffer` (kPieceHeaderBytes + shape.bytes() at least) receives it, and the result
/// is a part of it. What the file says decides nothing. Errors: NotFound, Unreadable, Damaged,
/// InvalidArgument (the buffer is too short).
Result<std::span<std::byte>> readPiece(const std::filesystem::path& path, const PieceKey& key,
                                       const PieceShape& shape, std::span<std::byte> buffer);

/// Writes a file for its owner alone (0600): under another name first, onto the disk, then renamed, so that a
/// whole piece or none is there whatever happens. `file` holds the contents behind room for the header, which
/// this fills in. Errors: NoSpace, ReadOnly, Unreadable (the disk fails); nothing is left behind then.
Result<void> writePiece(const std::filesystem::path& path, const PieceKey& key, const PieceShape& shape,
                        std::span<std::byte> file);

/// Ends the names of files that are still being written.
constexpr const char* kUnfinishedPiece = ".part";

}  // namespace kvasir
