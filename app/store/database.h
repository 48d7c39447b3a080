// Opening the database file, and SQLite's failures as sentences. For this folder only.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>

#include "engine/error.h"

namespace kvasir {

/// A failure on its way to the next public method of this folder.
class StoreFailure : public std::exception {
public:
    explicit StoreFailure(Error error) : m_error(std::move(error)) {}
    const Error& error() const { return m_error; }
    const char* what() const noexcept override { return m_error.what.c_str(); }

private:
    Error m_error;
};

struct OpenedDatabase {
    std::unique_ptr<SQLite::Database> database;
    std::optional<Error> notice;  ///< the file was damaged, where it was moved to
};

std::filesystem::path databaseFile(const std::filesystem::path& folder);

/// Opens or creates the database of the folder, at the newest version. `uncleanEnd`: checks all of it. A
/// damaged one is moved aside. The folder's lock must be held. Errors as Store::open, without Busy.
Result<OpenedDatabase> openForWriting(const std::filesystem::path& folder, bool uncleanEnd);

/// Errors as StoreReader::open.
Result<std::unique_ptr<SQLite::Database>> openForReading(const std::filesystem::path& folder);

/// The running exception as an Error: to be called in a catch block. Damage is noted in the folder, so that
/// the next openForWriting checks.
Error currentError(const std::filesystem::path& folder);

}  // namespace kvasir
