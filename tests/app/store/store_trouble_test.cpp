// Full disks and places that cannot be written.
#include <fstream>
#include <sstream>

#include <sys/mount.h>
#include <unistd.h>

#include "tests/app/store/child_process.h"
#include "tests/app/store/store_fixture.h"

namespace kvasir {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class StoreTroubleTest : public StoreTest {
protected:
    void TearDown() override {
        m_store.reset();
        if (m_mounted) umount2(m_folder.c_str(), MNT_DETACH);
        StoreTest::TearDown();
    }
    bool mountSmallDisk() {
        fs::create_directories(m_folder);
        m_mounted = mount("none", m_folder.c_str(), "tmpfs", 0, "size=1m") == 0;
        return m_mounted;
    }
    bool makeReadOnly() {
        if (!m_mounted) m_mounted = mount(m_folder.c_str(), m_folder.c_str(), nullptr, MS_BIND, nullptr) == 0;
        return m_mounted &&
               mount(nullptr, m_folder.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0;
    }
    static std::string code(ErrorCode code) {
        return "error " + std::to_string(static_cast<int>(code)) + " ";
    }
    // Counts the exchanges that a child said were finished, and checks that each is there.
    void expectAllThere(const std::vector<std::string>& lines) {
        const auto view = reader();
        int finished = 0;
        for (const std::string& line : lines) {
            std::istringstream words(line);
            std::string what;
            RowId id = 0;
            words >> what >> id;
            if (what != "finished") continue;
            ++finished;
            const auto e = view->exchange(id);
            ASSERT_TRUE(e) << e.error().message();
            EXPECT_EQ(e->state, ExchangeState::Complete);
        }
        EXPECT_GT(finished, 0);
    }
    bool m_mounted = false;
};

TEST_F(StoreTroubleTest, AFileThatMayNotGrowIsAFullDisk) {
    ChildProcess child({KVASIR_STORE_CHILD, "limited", m_folder.string(), "600000"});
    const auto lines = child.remainingLines();
    EXPECT_EQ(child.wait(), 1);
    ASSERT_FALSE(lines.empty());
    EXPECT_THAT(lines.back(), StartsWith(code(ErrorCode::NoSpace)));
    EXPECT_THAT(lines.back(), HasSubstr("full"));
    open();
    EXPECT_FALSE(m_store->notice());
    expectAllThere(lines);
    EXPECT_GT(addDocument("cc03"), 0) << "it works again when there is space";
}

TEST_F(StoreTroubleTest, AFullDiskIsReportedAndLosesNothing) {
    if (!mountSmallDisk()) GTEST_SKIP() << "a small file system cannot be mounted here";
    open();
    const RowId conversation = addConversation(addDocument());
    std::vector<RowId> kept;
    Error error;
    for (int i = 0; i < 10000; ++i) {
        Exchange e = sampleExchange(conversation);
        e.question = std::string(5000, static_cast<char>('a' + i % 26));
        const auto id = m_store->beginExchange(e).get();
        if (!id) {
            error = id.error();
            break;
        }
        kept.push_back(*id);
    }
    EXPECT_EQ(error.code, ErrorCode::NoSpace) << error.message();
    EXPECT_THAT(kept, testing::Not(testing::IsEmpty()));
    {
        const std::lock_guard lock(m_errorsMutex);
        EXPECT_THAT(m_errors, SizeIs(1));
    }
    for (const RowId id : kept)
        EXPECT_TRUE(reader()->exchange(id));

    // What is there can still be read, in the running program and in a new one.
    EXPECT_THAT(*reader()->exchanges(conversation), SizeIs(kept.size()));
    ASSERT_EQ(mount(nullptr, m_folder.c_str(), nullptr, MS_REMOUNT, "size=8m"), 0);
    ASSERT_TRUE(m_store->beginExchange(sampleExchange(conversation)).get())
        << "it goes on when there is space";
    open();
    EXPECT_FALSE(m_store->notice());
    EXPECT_THAT(*reader()->exchanges(conversation), SizeIs(kept.size() + 1));
}

TEST_F(StoreTroubleTest, NoStoreOnADiskThatIsFull) {
    if (!mountSmallDisk()) GTEST_SKIP() << "a small file system cannot be mounted here";
    std::ofstream(m_folder / "filler") << std::string(1 << 20, 'x');
    auto store = Store::open({m_folder, std::chrono::milliseconds(20), {}});
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, ErrorCode::NoSpace) << store.error().message();
}

TEST_F(StoreTroubleTest, AReadOnlyPlaceIsSaidToBeAndCanBeRead) {
    open();
    addDocument();
    m_store.reset();
    if (!makeReadOnly()) GTEST_SKIP() << "a folder cannot be made read-only here: no right to mount";
    const auto store = Store::open({m_folder, std::chrono::milliseconds(20), {}});
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, ErrorCode::ReadOnly) << store.error().message();
    EXPECT_THAT(store.error().message(), HasSubstr("KVASIR_DATA"));
    EXPECT_THAT(*reader()->documents(), SizeIs(1));
    m_folder /= "below";
    const auto below = Store::open({m_folder, std::chrono::milliseconds(20), {}});
    m_folder = m_folder.parent_path();
    ASSERT_FALSE(below);
    EXPECT_EQ(below.error().code, ErrorCode::ReadOnly);
}

TEST_F(StoreTroubleTest, AFolderOfSomebodyElseIsSaidToBe) {
    if (geteuid() == 0 && std::system("command -v setpriv >/dev/null") != 0) {
        GTEST_SKIP() << "permissions do not bind root, and setpriv is missing";
    }
    open();
    addDocument();
    m_store.reset();
    fs::permissions(m_root, fs::perms(0755));
    fs::permissions(m_folder, fs::perms(0555));
    std::vector<std::string> command = {KVASIR_STORE_CHILD, "hold", m_folder.string()};
    if (geteuid() == 0) {
        const std::vector<std::string> nobody = {"setpriv", "--reuid=65534", "--regid=65534",
                                                 "--clear-groups"};
        // The build folder may be out of nobody's reach.
        const fs::path copy = m_root / "child";
        fs::copy_file(KVASIR_STORE_CHILD, copy);
        command[0] = copy.string();
        command.insert(command.begin(), nobody.begin(), nobody.end());
    }
    ChildProcess writing(command);
    EXPECT_THAT(writing.line(), StartsWith(code(ErrorCode::ReadOnly)));
    EXPECT_EQ(writing.wait(), 1);
    command[command.size() - 2] = "read";
    ChildProcess reading(command);
    if (geteuid() == 0) {
        EXPECT_THAT(reading.line(), StartsWith(code(ErrorCode::Unreadable))) << "mode 0600";
    } else {
        EXPECT_EQ(reading.line(), "documents 1");
    }
    fs::permissions(m_folder, fs::perms(0700));
}

}  // namespace
}  // namespace kvasir
