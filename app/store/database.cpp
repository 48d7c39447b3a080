#include "app/store/database.h"

#include <fstream>
#include <new>

#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <QDateTime>
#include <QFile>

#include "app/store/schema.h"
#include "app/store/search_tokenizer.h"

namespace kvasir {

namespace {

namespace fs = std::filesystem;

constexpr int kBusyTimeoutMs = 5000;

// Present while a check of the database is due: after an unclean end, or when damage was met in use.
fs::path suspicionFile(const fs::path& folder) {
    return folder / "check-database";
}

fs::path beside(const fs::path& file, const char* suffix) {
    return fs::path(file.native() + suffix);
}

bool isDamage(int code) {
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

bool diskIsFull(const fs::path& folder) {
    std::error_code failed;
    const fs::space_info space = fs::space(folder, failed);
    return !failed && space.available == 0;
}

Error describe(const SQLite::Exception& e, const fs::path& folder) {
    const std::string file = databaseFile(folder).string();
    const int code = e.getErrorCode() & 0xFF;
    if (code == SQLITE_FULL || (code == SQLITE_IOERR && diskIsFull(folder))) {
        return {ErrorCode::NoSpace, "The disk is full: this was not saved.", file,
                "Free some space; what was saved before is safe."};
    }
    if (e.getExtendedErrorCode() == SQLITE_IOERR_WRITE) {
        return {ErrorCode::NoSpace,
                "The disk took no more data: it is full, over a quota, or failing; this was not saved.", file,
                "Free some space or check the disk; what was saved before is safe."};
    }
    if (isDamage(code)) {
        return {ErrorCode::Damaged, "The database of documents and answers is damaged.", file,
                "Start Kvasir again: it checks the database and moves it aside if it must."};
    }
    if (code == SQLITE_READONLY || code == SQLITE_PERM) {
        return {ErrorCode::ReadOnly, "The database of documents and answers cannot be written.", file,
                "Make the folder writable, or set KVASIR_DATA to another folder."};
    }
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        return {ErrorCode::Busy, "Another program is using the database of documents and answers.", file,
                "Close the other program and try again."};
    }
    if (code == SQLITE_NOMEM || e.getExtendedErrorCode() == SQLITE_IOERR_NOMEM) {
        return {ErrorCode::OutOfMemory, "There was not enough memory for the database.", file,
                "Close other programs and try again."};
    }
    if (code == SQLITE_CANTOPEN || code == SQLITE_IOERR || code == SQLITE_AUTH) {
        return {ErrorCode::Unreadable, std::string("The database cannot be read: ") + e.what() + ".", file,
                "Check the disk and the permissions of the folder."};
    }
    if (code == SQLITE_TOOBIG) {
        return {ErrorCode::TooLarge, "A text is too large for the database.", file, "Shorten it."};
    }
    if (e.getExtendedErrorCode() == SQLITE_CONSTRAINT_FOREIGNKEY) {
        return {ErrorCode::NotFound, "What this belongs to is no longer in the store.", file,
                "It was deleted in the meantime; open the document again."};
    }
    const bool refused = code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH;
    return {refused ? ErrorCode::InvalidArgument : ErrorCode::Internal,
            std::string("The database refused this: ") + e.what() + ".", file,
            "Please report this with the steps that led here."};
}

// Every connection of ours, before its first statement.
void prepare(SQLite::Database& database) {
    sqlite3_extended_result_codes(database.getHandle(), 1);
    SearchTokenizer::install(database.getHandle());
    database.exec("PRAGMA foreign_keys = ON");
}

Error newerVersion(const fs::path& file, int version) {
    return {ErrorCode::Unsupported,
            "The database was written by a newer version of Kvasir (schema " + std::to_string(version) +
                ", this program knows " + std::to_string(migrations().back().to) + ").",
            file.string(), "Install the newer version, or set KVASIR_DATA to another folder."};
}

// Only its owner may read it. SQLite gives the files beside it the same mode.
void createPrivately(const fs::path& folder) {
    const fs::path path = databaseFile(folder);
    QFile file(QString::fromStdString(path.string()));
    const auto owner = QFileDevice::ReadOwner | QFileDevice::WriteOwner;
    std::error_code failed;
    if (!fs::exists(path, failed) && !file.open(QIODevice::NewOnly | QIODevice::WriteOnly, owner)) {
        const bool full = diskIsFull(folder);
        throw StoreFailure({full ? ErrorCode::NoSpace : ErrorCode::ReadOnly,
                            "The database cannot be created: " + file.errorString().toStdString() + ".",
                            path.string(),
                            full ? "Free some space." : "Make the folder writable, or set KVASIR_DATA."});
    }
    file.setPermissions(owner);
}

void checkAll(SQLite::Database& database) {
    SQLite::Statement check(database, "PRAGMA integrity_check(1)");
    if (check.executeStep() && check.getColumn(0).getString() != "ok") {
        throw SQLite::Exception(check.getColumn(0).getString(), SQLITE_CORRUPT);
    }
}

std::unique_ptr<SQLite::Database> openSound(const fs::path& folder, bool check) {
    const fs::path file = databaseFile(folder);
    createPrivately(folder);
    auto database = std::make_unique<SQLite::Database>(file, SQLite::OPEN_READWRITE, kBusyTimeoutMs);
    prepare(*database);
    const int version = schemaVersion(*database);
    if (version > migrations().back().to) throw StoreFailure(newerVersion(file, version));
    if (check) checkAll(*database);
    // FULL: a commit is on the disk even if the power fails. Deleted text is overwritten. The log is cut back
    // after it had to grow.
    database->exec(
        "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 8388608");
    if (database->execAndGet("PRAGMA journal_mode = WAL").getString() != "wal") {
        throw StoreFailure({ErrorCode::ReadOnly, "The database cannot be switched to its write-ahead log.",
                            file.string(), "Use a folder on a local disk: set KVASIR_DATA."});
    }
    migrate(*database, migrations());
    return database;
}

Error moveAside(const fs::path& folder) {
    const fs::path file = databaseFile(folder);
    const std::string stamp = QDateTime::currentDateTimeUtc().toString("yyyyMMdd-HHmmss").toStdString();
    fs::path target = beside(file, (".damaged-" + stamp).c_str());
    for (int i = 2; fs::exists(target); ++i) {
        target = beside(file, (".damaged-" + stamp + "-" + std::to_string(i)).c_str());
    }
    fs::rename(file, target);
    // The log goes along under the name that SQLite looks for; the index of it is made anew.
    if (fs::exists(beside(file, "-wal"))) fs::rename(beside(file, "-wal"), beside(target, "-wal"));
    fs::remove(beside(file, "-shm"));
    return {ErrorCode::Damaged,
            "The database of documents and answers was damaged; it was moved aside and a new one begun.",
            target.string(), "Nothing was deleted: keep the file if you want its answers to be recovered."};
}

}  // namespace

fs::path databaseFile(const fs::path& folder) {
    return folder / "kvasir.sqlite";
}

Error currentError(const fs::path& folder) {
    try {
        throw;
    } catch (const StoreFailure& e) {
        return e.error();
    } catch (const SQLite::Exception& e) {
        if (isDamage(e.getErrorCode() & 0xFF)) std::ofstream(suspicionFile(folder)).put('\n');
        return describe(e, folder);
    } catch (const std::bad_alloc&) {
        return {ErrorCode::OutOfMemory, "There was not enough memory for the database.",
                databaseFile(folder).string(), "Close other programs and try again."};
    } catch (const fs::filesystem_error& e) {
        return {ErrorCode::ReadOnly, std::string("A file of the store cannot be changed: ") + e.what() + ".",
                folder.string(), "Check the disk and the permissions of the folder."};
    } catch (const std::exception& e) {
        return {ErrorCode::Internal, std::string("The store failed: ") + e.what() + ".", folder.string(),
                "Please report this with the steps that led here."};
    }
}

Result<OpenedDatabase> openForWriting(const fs::path& folder, bool uncleanEnd) {
    OpenedDatabase opened;
    try {
        // Stays until a check was made, also if this attempt to open fails for another reason.
        if (uncleanEnd) std::ofstream(suspicionFile(folder)).put('\n');
        const bool check = uncleanEnd || fs::exists(suspicionFile(folder));
        try {
            opened.database = openSound(folder, check);
        } catch (const SQLite::Exception& e) {
            if (!isDamage(e.getErrorCode() & 0xFF)) throw;
            opened.notice = moveAside(folder);
            opened.database = openSound(folder, false);
        }
        fs::remove(suspicionFile(folder));
    } catch (...) {
        return tl::unexpected(currentError(folder));
    }
    return opened;
}

Result<std::unique_ptr<SQLite::Database>> openForReading(const fs::path& folder) {
    const fs::path file = databaseFile(folder);
    std::error_code failed;
    if (!fs::exists(file, failed)) {
        return fail(ErrorCode::NotFound, "There is no database of documents and answers yet.", file.string(),
                    "Open a document in Kvasir first, or set KVASIR_DATA to the folder that has one.");
    }
    const auto open = [&](const std::string& name, int flags) {
        auto database = std::make_unique<SQLite::Database>(name, flags, kBusyTimeoutMs);
        prepare(*database);
        const int version = schemaVersion(*database);
        if (version > migrations().back().to) throw StoreFailure(newerVersion(file, version));
        if (version < migrations().back().to) {
            throw StoreFailure(
                {ErrorCode::Unsupported,
                 "The database is of an older version of Kvasir and not yet brought up to date.",
                 file.string(), "Open it once with write access: start Kvasir."});
        }
        return database;
    };
    try {
        try {
            return open(file.string(), SQLite::OPEN_READONLY);
        } catch (const SQLite::Exception& e) {
            // Where the files beside it cannot be made nobody writes either; without a log nothing is missed.
            const bool noLog = !fs::exists(beside(file, "-wal")) || fs::file_size(beside(file, "-wal")) == 0;
            if ((e.getErrorCode() & 0xFF) != SQLITE_CANTOPEN || !noLog) throw;
        }
        const QByteArray name = QString::fromStdString(file.string()).toUtf8().toPercentEncoding("/");
        return open("file:" + name.toStdString() + "?immutable=1", SQLite::OPEN_READONLY | SQLite::OPEN_URI);
    } catch (...) {
        return tl::unexpected(currentError(folder));
    }
}

}  // namespace kvasir
