// Between rows and records. For this folder only; everything here may throw SQLite::Exception or
// StoreFailure.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include "app/store/database.h"
#include "app/store/records.h"

namespace kvasir {

/// The value, or StoreFailure.
template <typename T>
T orThrow(Result<T> result) {
    if (!result) throw StoreFailure(result.error());
    return std::move(*result);
}

struct Blob {
    std::string bytes;
};

/// A statement whose parameters are bound with << and whose columns are read one after the other.
class Query {
public:
    Query(SQLite::Database& database, const std::string& sql) : m_statement(database, sql) {}

    template <std::integral T>
    Query& operator<<(T value) {
        m_statement.bind(++m_parameter, static_cast<std::int64_t>(value));
        return *this;
    }
    template <typename Enum>
        requires std::is_enum_v<Enum>
    Query& operator<<(Enum value) {
        return *this << static_cast<std::int64_t>(value);
    }
    Query& operator<<(double value);
    Query& operator<<(const std::string& value);
    Query& operator<<(const Blob& value);
    template <typename T>
    Query& operator<<(const std::optional<T>& value) {
        if (value) return *this << *value;
        m_statement.bind(++m_parameter);
        return *this;
    }

    /// The next row; false behind the last.
    bool next();
    /// Runs a statement without rows; how many rows it changed.
    int run();
    /// Makes it ready for new parameters.
    void again();

    bool isNull() const { return m_statement.isColumnNull(m_column); }
    template <std::integral T = std::int64_t>
    T integer() {
        return static_cast<T>(m_statement.getColumn(m_column++).getInt64());
    }
    double number() { return m_statement.getColumn(m_column++).getDouble(); }
    std::optional<double> optionalNumber();
    std::string text() { return m_statement.getColumn(m_column++).getString(); }
    ByteRange range();
    /// A number over `last` is damage.
    template <typename Enum>
    Enum value(Enum last) {
        const auto number = integer();
        if (number < 0 || number > static_cast<std::int64_t>(last)) throwDamaged();
        return static_cast<Enum>(number);
    }
    [[noreturn]] static void throwDamaged();

private:
    SQLite::Statement m_statement;
    int m_parameter = 0;
    int m_column = 0;
};

/// The columns that readDocument and readExchange read.
extern const char* const kDocumentColumns;
extern const char* const kExchangeColumns;
DocumentRecord readDocument(Query& row);
Exchange readExchange(Query& row);

RowId insertDocument(SQLite::Database& database, const DocumentRecord& document);
RowId insertExchange(SQLite::Database& database, const Exchange& exchange);
/// StoreFailure (NotFound) when there is none with its id.
void updateExchange(SQLite::Database& database, const Exchange& exchange);
void insertCitations(SQLite::Database& database, RowId exchange,
                     const std::vector<CitationRecord>& citations);
void insertFacts(SQLite::Database& database, RowId exchange, const std::vector<CheckedFact>& facts);

/// StoreFailure with NotFound and "This <what> is no longer in the store."
[[noreturn]] void throwMissing(const std::string& what);

}  // namespace kvasir
