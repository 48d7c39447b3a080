// The pieces of read documents in the database, and their files. For this folder only; what takes a database
// may throw SQLite::Exception.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <SQLiteCpp/Database.h>

#include "app/store/records.h"

namespace kvasir {

using PieceNames = std::vector<std::string>;

std::int64_t totalOfPieces(SQLite::Database& database);
/// Enters the piece, and removes the least recently used others until all fit into `budget`: of one reading
/// the late stage first, and the last rows first, because a reading is of use from its beginning on. Pieces
/// of the same reading or a later one stay. Of one that is not kept nothing changes.
PieceEntry addPiece(SQLite::Database& database, const PieceRecord& piece, std::int64_t budget,
                    PieceNames& gone);
/// They were read for the document just now. Pieces that are not there are passed over.
void usePieces(SQLite::Database& database, const PieceNames& keys, const std::string& sha256,
               std::int64_t usedAt);
void removePiece(SQLite::Database& database, const std::string& key);
/// Removes the least recently used until the rest fits into `budget`.
PieceNames trimPieces(SQLite::Database& database, std::int64_t budget);
/// Removes those of no document.
PieceNames removeUnusedPieces(SQLite::Database& database);
/// Removes rows without their file, and gives files without a row and files that were never finished.
PieceNames tidyPieces(SQLite::Database& database, const std::filesystem::path& folder);

/// What cannot be removed is left for the next tidying.
void removePieceFiles(const std::filesystem::path& folder, const PieceNames& names);

}  // namespace kvasir
