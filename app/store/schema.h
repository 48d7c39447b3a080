// The tables, and the way from each version to the next.
#pragma once

#include <string>
#include <vector>

#include <SQLiteCpp/Database.h>

namespace kvasir {

/// SQL that takes a database of version `to` - 1 to version `to` (PRAGMA user_version).
struct Migration {
    int to = 0;
    std::string sql;
};

/// Ascending from 1 without gaps. A step that was ever released is never changed: add one.
const std::vector<Migration>& migrations();

/// Applies what is missing, each step in one transaction. Throws SQLite::Exception; the database is then as
/// the last complete step left it.
void migrate(SQLite::Database& database, const std::vector<Migration>& steps);

int schemaVersion(SQLite::Database& database);

}  // namespace kvasir
