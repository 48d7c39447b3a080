#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/reader/reader_client.h"

namespace kvasir::reader {
namespace {

struct Output {
    std::string text;
    int status = -1;
};

Output run(const std::string& command) {
    Output output;
    FILE* const pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return output;
    std::array<char, 4096> buffer{};
    for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        output.text.append(buffer.data(), got);
    }
    output.status = pclose(pipe);
    return output;
}

std::string reader() {
    std::string command = "'";
    command += readerProgram().string();
    return command += "'";
}

// What this system has is asked of the system: a reader that fails to use it fails the test.
bool systemHasSeccomp() {
    const std::uint32_t action = SECCOMP_RET_ERRNO;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool systemHasLandlock() {
    return syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

TEST(ReaderSandbox, AllowsNothingButReading) {
    if (!systemHasSeccomp()) GTEST_SKIP() << "this system has no seccomp filters";
    const Output check = run(reader() + " --self-check");
    SCOPED_TRACE(check.text);
    EXPECT_NE(check.text.find("\"system calls\": \"active\""), std::string::npos);
    for (const char* attempt :
         {"create a file", "write to a file", "empty a file", "remove a file", "rename a file",
          "make a folder", "change permissions", "open an internet socket", "open a local socket",
          "start a process", "trace a process", "signal another process"}) {
        EXPECT_NE(check.text.find(std::string(attempt).append("\": \"denied\"")), std::string::npos)
            << attempt;
    }
    EXPECT_NE(check.text.find("\"start a program\": \"ended the process\""), std::string::npos);
    if (systemHasLandlock()) {
        EXPECT_NE(check.text.find("\"files\": \"active\""), std::string::npos);
        EXPECT_NE(check.text.find("\"read a user's file\": \"denied\""), std::string::npos);
    }
    if (check.text.find("built with a sanitizer") == std::string::npos) {
        EXPECT_NE(check.text.find("\"limits\": \"active\""), std::string::npos);
        EXPECT_NE(check.text.find("\"take 3 GiB of memory\": \"denied\""), std::string::npos);
        EXPECT_EQ(check.status, 0);
    }
}

TEST(ReaderSandbox, PrintsToAFileAndLeavesNothingBehind) {
    const Output check = run("d=$(mktemp -d) && TMPDIR=$d " + reader() +
                             " --self-check > $d/out; test -s $d/out && ls $d; rm -r $d");
    EXPECT_EQ(check.text, "out\n");
}

TEST(ReaderSandbox, StartedByHandSaysWhoStartsIt) {
    const Output alone = run(reader() + " 2>&1 3</dev/null 4</dev/null");
    EXPECT_NE(alone.text.find("Start kvasir"), std::string::npos) << alone.text;
    EXPECT_EQ(WEXITSTATUS(alone.status), 2);
    EXPECT_EQ(WEXITSTATUS(run(reader() + " --nonsense 2>&1").status), 2);
}

/// Poppler is under the GPL, and parsers belong into the sandbox: this program links what the application
/// does.
TEST(ReaderSandbox, OnlyTheReaderLinksParsers) {
    const auto client = ReaderClient::open("/nowhere", "", {});
    EXPECT_FALSE(client);
    const Output own = run("ldd /proc/" + std::to_string(getpid()) + "/exe");
    EXPECT_NE(own.text.find("libQt6Gui"), std::string::npos) << own.text;
    EXPECT_EQ(own.text.find("poppler"), std::string::npos);
    EXPECT_EQ(own.text.find("qpdf"), std::string::npos);
    const Output parser = run("ldd " + reader());
    EXPECT_NE(parser.text.find("poppler"), std::string::npos);
    EXPECT_EQ(parser.text.find("libQt"), std::string::npos);
}

}  // namespace
}  // namespace kvasir::reader
