#include "app/store/piece_index.h"

#include <algorithm>
#include <map>

#include "app/store/rows.h"
#include "engine/piece_file.h"

namespace kvasir {
namespace {

namespace fs = std::filesystem;

struct Evicted {
    PieceNames keys;
    std::int64_t bytes = 0;
};

/// Pieces used before `before`, the first to go first, that make up `need` bytes together, or all there are.
Evicted oldest(SQLite::Database& database, std::int64_t need, std::int64_t before,
               const std::string& except) {
    Evicted evicted;
    Query query(database,
                "SELECT key, bytes FROM pieces WHERE used_at < ? AND key <> ? "
                "ORDER BY used_at, late DESC, first_row DESC");
    query << before << except;
    while (evicted.bytes < need && query.next()) {
        evicted.keys.push_back(query.text());
        evicted.bytes += query.integer();
    }
    return evicted;
}

bool looksLikeAPiece(const std::string& name) {
    constexpr std::size_t kDigits = 64;
    const bool digits = name.size() >= kDigits &&
                        std::all_of(name.begin(), name.begin() + kDigits,
                                    [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    return digits && (name.size() == kDigits || name.substr(kDigits) == kUnfinishedPiece);
}

}  // namespace

std::int64_t totalOfPieces(SQLite::Database& database) {
    Query query(database, "SELECT COALESCE(SUM(bytes), 0) FROM pieces");
    return query.next() ? query.integer() : 0;
}

PieceEntry addPiece(SQLite::Database& database, const PieceRecord& piece, std::int64_t budget,
                    PieceNames& gone) {
    Query document(database, "SELECT id FROM documents WHERE sha256 = ?");
    document << piece.sha256;
    if (!document.next()) return PieceEntry::NoDocument;
    const auto id = document.integer();
    Query others(database, "SELECT COALESCE(SUM(bytes), 0) FROM pieces WHERE key <> ?");
    others << piece.key;
    const std::int64_t need = (others.next() ? others.integer() : 0) + piece.bytes - budget;
    const Evicted evicted = oldest(database, need, piece.usedAt, piece.key);
    if (evicted.bytes < need) return PieceEntry::NoRoom;
    for (const std::string& key : evicted.keys)
        removePiece(database, key);
    gone.insert(gone.end(), evicted.keys.begin(), evicted.keys.end());
    Query query(database,
                "INSERT INTO pieces (key, late, first_row, bytes, used_at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes, used_at = excluded.used_at");
    query << piece.key << int{piece.late} << piece.firstRow << piece.bytes << piece.usedAt;
    query.run();
    Query link(database,
               "INSERT INTO piece_documents (key, document_id) VALUES (?, ?) ON CONFLICT DO NOTHING");
    link << piece.key << id;
    link.run();
    return PieceEntry::Kept;
}

void usePieces(SQLite::Database& database, const PieceNames& keys, const std::string& sha256,
               std::int64_t usedAt) {
    Query use(database, "UPDATE pieces SET used_at = ? WHERE key = ?");
    Query link(database,
               "INSERT INTO piece_documents (key, document_id) SELECT p.key, d.id FROM pieces p, documents d "
               "WHERE p.key = ? AND d.sha256 = ? ON CONFLICT DO NOTHING");
    for (const std::string& key : keys) {
        use << usedAt << key;
        use.run();
        use.again();
        link << key << sha256;
        link.run();
        link.again();
    }
}

void removePiece(SQLite::Database& database, const std::string& key) {
    Query query(database, "DELETE FROM pieces WHERE key = ?");
    query << key;
    query.run();
}

PieceNames trimPieces(SQLite::Database& database, std::int64_t budget) {
    const Evicted evicted = oldest(database, totalOfPieces(database) - budget, INT64_MAX, "");
    for (const std::string& key : evicted.keys)
        removePiece(database, key);
    return evicted.keys;
}

PieceNames removeUnusedPieces(SQLite::Database& database) {
    PieceNames keys;
    Query query(database, "SELECT key FROM pieces WHERE key NOT IN (SELECT key FROM piece_documents)");
    while (query.next())
        keys.push_back(query.text());
    for (const std::string& key : keys)
        removePiece(database, key);
    return keys;
}

PieceNames tidyPieces(SQLite::Database& database, const fs::path& folder) {
    std::map<std::string, std::int64_t> rows;
    Query query(database, "SELECT key, bytes FROM pieces");
    while (query.next()) {
        const std::string key = query.text();
        rows[key] = query.integer();
    }
    PieceNames strangers;
    std::error_code failed;
    for (fs::directory_iterator it(folder, failed); !failed && it != fs::directory_iterator();
         it.increment(failed)) {
        const std::string name = it->path().filename().string();
        if (!looksLikeAPiece(name)) continue;  // not ours
        const auto row = rows.find(name);
        std::error_code unreadable;
        const auto bytes = static_cast<std::int64_t>(it->file_size(unreadable));
        if (row == rows.end() || unreadable || bytes != row->second) {
            strangers.push_back(name);
        } else {
            rows.erase(row);
        }
    }
    for (const auto& [key, bytes] : rows)
        removePiece(database, key);
    return strangers;
}

void removePieceFiles(const fs::path& folder, const PieceNames& names) {
    std::error_code ignored;
    for (const std::string& name : names)
        fs::remove(folder / name, ignored);
}

}  // namespace kvasir
