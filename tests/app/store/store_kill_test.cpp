// A program that is killed while it writes loses nothing that was acknowledged.
#include <chrono>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include <SQLiteCpp/SQLiteCpp.h>

#include "tests/app/store/child_process.h"
#include "tests/app/store/store_fixture.h"

namespace kvasir {
namespace {

struct Acknowledged {
    std::string question;
    std::size_t answerBytes = 0;
    bool finished = false;
};

class StoreKillTest : public StoreTest {
protected:
    // Kills the child `after` it has said so many lines.
    void writeAndKill(int lines, std::chrono::microseconds after) {
        ChildProcess child({KVASIR_STORE_CHILD, "write", m_folder.string()});
        ASSERT_EQ(child.line(), "open");
        for (int i = 0; i < lines; ++i)
            acknowledge(child.line());
        std::this_thread::sleep_for(after);
        child.kill();
        for (const std::string& line : child.remainingLines())
            acknowledge(line);
    }
    void acknowledge(const std::string& line) {
        std::istringstream words(line);
        std::string what;
        RowId id = 0;
        words >> what >> id;
        ASSERT_TRUE(what == "begun" || what == "saved" || what == "finished") << line;
        if (what == "begun") std::getline(words >> std::ws, m_acknowledged[id].question);
        if (what == "saved") words >> m_acknowledged[id].answerBytes;
        if (what == "finished") m_acknowledged[id].finished = true;
    }
    void checkAll() {
        {
            SQLite::Database database(m_folder / "kvasir.sqlite", SQLite::OPEN_READONLY);
            ASSERT_EQ(database.execAndGet("PRAGMA integrity_check").getString(), "ok");
        }
        open();
        ASSERT_FALSE(m_store->notice()) << m_store->notice()->message();
        const auto view = reader();
        for (const auto& [id, expected] : m_acknowledged) {
            const auto e = view->exchange(id);
            ASSERT_TRUE(e) << id << ": " << e.error().message();
            EXPECT_EQ(e->question, expected.question);
            EXPECT_GE(e->answer.size(), expected.answerBytes);
            EXPECT_NE(e->state, ExchangeState::Writing);
            if (!expected.finished) continue;
            EXPECT_EQ(e->state, ExchangeState::Complete);
            EXPECT_EQ(view->citations(id)->size(), 1U);
        }
        m_store.reset();
    }
    std::map<RowId, Acknowledged> m_acknowledged;
};

TEST_F(StoreKillTest, TwentyKillsLoseNothingThatWasAcknowledged) {
    std::mt19937 random(std::random_device{}());
    std::uniform_int_distribution<int> linesBefore(0, 9), microseconds(0, 20000);
    for (int round = 0; round < 20; ++round) {
        const int lines = linesBefore(random);
        const int after = microseconds(random);
        SCOPED_TRACE("killed " + std::to_string(after) + " us after " + std::to_string(lines) + " lines");
        writeAndKill(lines, std::chrono::microseconds(after));
        if (HasFatalFailure()) return;
        checkAll();
        if (HasFatalFailure()) return;
    }
    RecordProperty("acknowledged", static_cast<int>(m_acknowledged.size()));
}

}  // namespace
}  // namespace kvasir
