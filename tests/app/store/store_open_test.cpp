#include <fstream>
#include <thread>

#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/stat.h>

#include "app/store/schema.h"
#include "app/store/search_tokenizer.h"
#include "app/store/store.h"
#include "tests/app/store/child_process.h"
#include "tests/app/store/store_fixture.h"

namespace kvasir {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::SizeIs;

class StoreOpenTest : public StoreTest {
protected:
    fs::path file() const { return m_folder / "kvasir.sqlite"; }
    std::vector<fs::path> movedAside() const {
        std::vector<fs::path> list;
        for (const auto& entry : fs::directory_iterator(m_folder)) {
            const std::string name = entry.path().filename().string();
            if (name.find(".damaged-") != std::string::npos && !name.ends_with("-wal")) list.push_back(entry);
        }
        return list;
    }
    Error openError() {
        m_store.reset();
        auto store = Store::open({m_folder, std::chrono::milliseconds(20), {}});
        EXPECT_FALSE(store);
        return store ? Error{} : store.error();
    }
    void overwrite(std::streamoff at, const std::string& bytes) const {
        std::fstream stream(file(), std::ios::in | std::ios::out | std::ios::binary);
        stream.seekp(at);
        stream << bytes;
    }
};

mode_t modeOf(const fs::path& path) {
    struct stat info{};
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
}

TEST_F(StoreOpenTest, IsForItsOwnerAlone) {
    const mode_t before = umask(0);
    m_folder = m_root / "several" / "levels" / "data";
    open();
    const RowId id = addDocument();
    EXPECT_GT(id, 0);
    umask(before);
    EXPECT_EQ(modeOf(m_folder), 0700U);
    EXPECT_EQ(modeOf(file()), 0600U);
    EXPECT_EQ(modeOf(m_folder / "kvasir.sqlite-wal"), 0600U);
    EXPECT_EQ(modeOf(m_folder / "kvasir.sqlite-shm"), 0600U);
}

TEST_F(StoreOpenTest, LeavesAFolderOfTheUserAsItIs) {
    fs::create_directories(m_folder);
    fs::permissions(m_folder, fs::perms(0755));
    open();
    EXPECT_EQ(modeOf(m_folder), 0755U);
    EXPECT_EQ(modeOf(file()), 0600U);
}

TEST_F(StoreOpenTest, FollowsTheEnvironment) {
    setenv("KVASIR_DATA", "/some where/else", 1);
    EXPECT_EQ(*Store::defaultFolder(), "/some where/else");
    unsetenv("KVASIR_DATA");
    setenv("XDG_DATA_HOME", m_root.c_str(), 1);
    EXPECT_EQ(*Store::defaultFolder(), m_root / "kvasir");
    unsetenv("XDG_DATA_HOME");
}

TEST_F(StoreOpenTest, UsesAWriteAheadLogAndEndsWithOneFile) {
    open();
    {
        SQLite::Database database(file(), SQLite::OPEN_READONLY);
        EXPECT_EQ(database.execAndGet("PRAGMA journal_mode").getString(), "wal");
    }
    EXPECT_TRUE(fs::exists(m_folder / "kvasir.sqlite-wal"));
    m_store.reset();
    EXPECT_FALSE(fs::exists(m_folder / "kvasir.sqlite-wal"));
    EXPECT_FALSE(fs::exists(m_folder / "lock"));
}

TEST_F(StoreOpenTest, ASecondWriterIsTurnedAwayAndMayRead) {
    open();
    addDocument();
    // Longer than the age at which a lock may count as left behind.
    std::this_thread::sleep_for(std::chrono::milliseconds(1200));
    const auto second = Store::open({m_folder, std::chrono::milliseconds(20), {}});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::Busy);
    EXPECT_THAT(second.error().message(), HasSubstr("open already"));

    ChildProcess other({KVASIR_STORE_CHILD, "hold", m_folder.string()});
    EXPECT_THAT(other.line(), testing::StartsWith("error " + std::to_string(int(ErrorCode::Busy))));
    EXPECT_EQ(other.wait(), 1);
    ChildProcess looking({KVASIR_STORE_CHILD, "read", m_folder.string()});
    EXPECT_EQ(looking.line(), "documents 1");
    EXPECT_THAT(*m_store->reader().value()->documents(), SizeIs(1));
}

TEST_F(StoreOpenTest, TheLockOfAKilledProgramIsNoHindrance) {
    {
        ChildProcess child({KVASIR_STORE_CHILD, "write", m_folder.string()});
        ASSERT_EQ(child.line(), "open");
        EXPECT_EQ(openError().code, ErrorCode::Busy);
        child.kill();
    }
    EXPECT_TRUE(fs::exists(m_folder / "lock"));
    open();
    EXPECT_FALSE(m_store->notice());
    // Not even when it names a process that runs, or nothing at all.
    m_store.reset();
    for (const char* text : {"", "1\ninit\nanother-host\nid\nid\n"}) {
        std::ofstream(m_folder / "lock") << text;
        fs::last_write_time(m_folder / "lock", fs::file_time_type::clock::now() - std::chrono::hours(1));
        open();
        m_store.reset();
    }
}

TEST_F(StoreOpenTest, ANewerVersionIsRefusedAndLeftAlone) {
    open();
    addDocument();
    m_store.reset();
    SQLite::Database(file(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 99");
    const Error error = openError();
    EXPECT_EQ(error.code, ErrorCode::Unsupported);
    EXPECT_THAT(error.message(), HasSubstr("newer version"));
    EXPECT_EQ(StoreReader::open(m_folder).error().code, ErrorCode::Unsupported);
    EXPECT_TRUE(movedAside().empty());
    SQLite::Database(file(), SQLite::OPEN_READWRITE)
        .exec("PRAGMA user_version = " + std::to_string(migrations().back().to));
    open();
    EXPECT_THAT(*reader()->documents(), SizeIs(1));
}

TEST_F(StoreOpenTest, ReadsAStoreOfVersion1) {
    fs::create_directories(m_folder);
    fs::copy_file(KVASIR_FIXTURES "/store/version1.sqlite", file());
    open();
    ASSERT_FALSE(m_store->notice());
    const auto view = reader();
    const auto documents = *view->documents();
    ASSERT_THAT(documents, SizeIs(1));
    const RowId document = documents[0].id;
    EXPECT_EQ(documents[0].name, "contract.pdf");
    const RowId conversation = view->conversations(document)->at(0).id;
    const Exchange e = view->exchanges(conversation)->at(0);
    EXPECT_EQ(e.answer, "On 31 March 2027.");
    EXPECT_EQ(e.ttftMs, 120.5);
    EXPECT_EQ(view->citations(e.id)->at(0).quote, "The lease ends");
    EXPECT_EQ(view->facts(e.id)->at(0).text, "31 March 2027");
    EXPECT_EQ(e.finish, std::nullopt);
    EXPECT_EQ(e.follows, 0);
    EXPECT_EQ(e.after, 0);
    EXPECT_EQ(e.turns.given, 0);
    EXPECT_EQ(view->conversations(document)->at(0).title, e.question) << "called by its first question";
    EXPECT_EQ(*view->check(e.id), std::nullopt);
    const auto trace = *view->trace(e.id);
    ASSERT_TRUE(trace);
    EXPECT_EQ(trace->carried, (std::vector<TokenRange>{{0, 2}, {3, 5}}));
    EXPECT_EQ(*view->tokenMap(trace->tokenMap), (std::vector<ByteRange>{{0, 3}, {3, 9}, {9, 14}}));
    EXPECT_EQ(view->pins(document)->at(0).range, (ByteRange{4, 9}));
    EXPECT_EQ(*view->setting("language"), "ja");
    EXPECT_THAT(*view->metrics(0), SizeIs(1));
    EXPECT_THAT(*view->search("契約", 5), SizeIs(1));
    EXPECT_THAT(*view->searchPassages(document, "lease", 5), SizeIs(1));
}

/// Version 5: before, a conversation was begun with each document that was opened, and had its name.
TEST_F(StoreOpenTest, ConversationsGetTheirFirstQuestionForATitle) {
    fs::create_directories(m_folder);
    {
        SQLite::Database database(file(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        SearchTokenizer::install(database.getHandle());
        const std::vector<Migration>& steps = migrations();
        const auto five = std::ranges::find(steps, 5, &Migration::to);
        migrate(database, {steps.begin(), five});
        database.exec(R"sql(
            INSERT INTO documents VALUES (1, 'aa', 'a.pdf', '/a.pdf', 0, 5, 0, 0, x'', 0, 0);
            INSERT INTO conversations VALUES (1, 1, 'a.pdf', 10), (2, 1, 'a.pdf', 20), (3, 1, 'a.pdf', 30);
        )sql");
        for (const auto& [conversation, question] :
             {std::pair(1, "Who pays?"), std::pair(1, "And when?"), std::pair(3, "How much?")}) {
            database.exec(
                "INSERT INTO exchanges (conversation_id, asked_at, question, answer, state, mode, "
                "model_name, model_sha256, policy, prompt_tokens, carried_tokens, answer_tokens, "
                "error_what, error_where, error_advice, missing_pages) VALUES (" +
                std::to_string(conversation) + ", 0, '" + question +
                "', 'A.', 1, 1, '', '', '', 0, 0, 0, '', '', '', x'')");
        }
    }
    open();
    ASSERT_TRUE(m_store);
    const auto view = reader();
    const auto conversations = *view->conversations(1);
    ASSERT_THAT(conversations, SizeIs(2)) << "one that was never asked in goes";
    EXPECT_EQ(conversations[0].title, "Who pays?");
    EXPECT_EQ(conversations[1].title, "How much?");
    EXPECT_EQ(conversations[1].id, 3);
    const auto exchanges = *view->exchanges(1);
    ASSERT_THAT(exchanges, SizeIs(2));
    EXPECT_EQ(exchanges[1].after, 0);
    EXPECT_EQ(exchanges[1].turns.limit, TurnsTaken::Limit::None);
    EXPECT_EQ(m_store->reserveConversation(), 4) << "an id is never used again";
}

TEST_F(StoreOpenTest, MigrationsAreStepwiseAndAllOrNothing) {
    fs::create_directories(m_folder);
    SQLite::Database database(file(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    const std::vector<Migration> good = {{1, "CREATE TABLE a (x); INSERT INTO a VALUES (1)"},
                                         {2, "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1"}};
    migrate(database, {good[0]});
    EXPECT_EQ(schemaVersion(database), 1);
    migrate(database, good);
    migrate(database, good);
    EXPECT_EQ(schemaVersion(database), 2);
    EXPECT_EQ(database.execAndGet("SELECT sum(y) FROM a").getInt(), 2);
    auto bad = good;
    bad.push_back({3, "CREATE TABLE b (x)"});
    bad.push_back({4, "CREATE TABLE c (x); INSERT INTO nowhere VALUES (1)"});
    EXPECT_THROW(migrate(database, bad), SQLite::Exception);
    EXPECT_EQ(schemaVersion(database), 3) << "the last complete step stays";
    EXPECT_TRUE(database.tableExists("b"));
    EXPECT_FALSE(database.tableExists("c"));
    int expected = 1;
    for (const Migration& step : migrations())
        EXPECT_EQ(step.to, expected++);
}

TEST_F(StoreOpenTest, ADamagedDatabaseIsMovedAsideNotDeleted) {
    fs::create_directories(m_folder);
    for (const std::string& bytes : {std::string(5000, 'x'), std::string("SQLite format 3\0", 16) + "junk"}) {
        m_store.reset();
        fs::remove(file());
        std::ofstream(file(), std::ios::binary) << bytes;
        open();
        ASSERT_TRUE(m_store->notice());
        EXPECT_EQ(m_store->notice()->code, ErrorCode::Damaged);
        EXPECT_THAT(m_store->notice()->message(), HasSubstr(".damaged-"));
        std::ifstream moved(m_store->notice()->where, std::ios::binary);
        EXPECT_EQ(std::string(std::istreambuf_iterator<char>(moved), {}), bytes);
        EXPECT_GT(addDocument(), 0);
    }
    EXPECT_THAT(movedAside(), SizeIs(2));
    open();
    EXPECT_FALSE(m_store->notice());
}

TEST_F(StoreOpenTest, DamageInsideIsFoundAfterAnUncleanEnd) {
    open();
    const RowId document = addDocument();
    std::vector<std::string> lines(2000, "The lease ends on the last day of March.");
    ASSERT_TRUE(m_store->indexDocument(document, makeDocument({lines})).get());
    m_store.reset();
    const auto size = static_cast<std::streamoff>(fs::file_size(file()));
    for (std::streamoff at = 3 * 4096; at + 4096 < size; at += 2 * 4096)
        overwrite(at, std::string(4096, '\xAB'));
    std::ofstream(m_folder / "lock") << "";
    fs::last_write_time(m_folder / "lock", fs::file_time_type::clock::now() - std::chrono::hours(1));
    open();
    ASSERT_TRUE(m_store->notice());
    EXPECT_THAT(movedAside(), SizeIs(1));
}

TEST_F(StoreOpenTest, DamageMetWhileReadingIsNotedForTheNextOpen) {
    open();
    const RowId document = addDocument();
    std::vector<std::string> lines(2000, "The lease ends on the last day of March.");
    ASSERT_TRUE(m_store->indexDocument(document, makeDocument({lines})).get());
    m_store.reset();
    const auto size = static_cast<std::streamoff>(fs::file_size(file()));
    for (std::streamoff at = 8 * 4096; at + 4096 < size; at += 4096)
        overwrite(at, std::string(4096, '\xAB'));
    const auto text = reader()->documentText(document, {0, 80000});
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, ErrorCode::Damaged);
    open();
    EXPECT_TRUE(m_store->notice());
    EXPECT_GT(addDocument(), 0);
    open();
    EXPECT_FALSE(m_store->notice());
}

TEST_F(StoreOpenTest, AnEmptyFileIsANewStore) {
    fs::create_directories(m_folder);
    std::ofstream(file()).flush();
    open();
    EXPECT_FALSE(m_store->notice());
    EXPECT_GT(addDocument(), 0);
}

TEST_F(StoreOpenTest, SaysWhatIsWrongWithThePlace) {
    EXPECT_EQ(StoreReader::open(m_folder).error().code, ErrorCode::NotFound);
    std::ofstream(m_folder) << "a file";
    EXPECT_EQ(openError().code, ErrorCode::Unreadable);
    fs::remove(m_folder);
    fs::create_directories(file());
    const ErrorCode code = openError().code;
    EXPECT_TRUE(code == ErrorCode::Unreadable || code == ErrorCode::ReadOnly) << static_cast<int>(code);
    EXPECT_FALSE(StoreReader::open(m_folder));
    m_folder = "/dev/null/kvasir";
    EXPECT_EQ(openError().code, ErrorCode::ReadOnly);
}

}  // namespace
}  // namespace kvasir
