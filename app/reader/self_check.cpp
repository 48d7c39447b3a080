#include "app/reader/self_check.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/reader/sandbox.h"

namespace kvasir::reader {
namespace {

struct Attempt {
    const char* name;
    const char* outcome;
};

const char* outcomeOf(long result) {
    return result < 0 ? "denied" : "allowed";
}

/// Starts a program from a sandboxed child.
const char* tryExec() {
    const pid_t child = fork();
    if (child == 0) {
        enterSandbox(0);
        const char* arguments[] = {"/bin/true", nullptr};
        execv(arguments[0], const_cast<char* const*>(arguments));
        _exit(1);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return "not tried";
    if (WIFSIGNALED(status)) return "ended the process";
    return WEXITSTATUS(status) == 0 ? "allowed" : "denied";
}

const char* tryMemory() {
    void* const address = mmap(nullptr, std::size_t{3} << 30, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return address == MAP_FAILED ? "denied" : "allowed";
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

/// In the sandbox: tries everything and writes what happened. Returns the exit code.
int tryAll(const std::string& file, const std::string& other, const char* exec, int output) {
    const std::vector<SandboxPart> parts = enterSandbox(0);
    const Attempt attempts[] = {
        {"start a program", exec},
        {"create a file", outcomeOf(open(other.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600))},
        {"write to a file", outcomeOf(open(file.c_str(), O_WRONLY | O_CLOEXEC))},
        {"empty a file", outcomeOf(truncate(file.c_str(), 0))},
        {"remove a file", outcomeOf(unlink(file.c_str()))},
        {"rename a file", outcomeOf(rename(file.c_str(), other.c_str()))},
        {"make a folder", outcomeOf(mkdir(other.c_str(), 0700))},
        {"change permissions", outcomeOf(chmod(file.c_str(), 0777))},
        {"read a user's file", outcomeOf(open(file.c_str(), O_RDONLY | O_CLOEXEC))},
        {"read /etc/passwd", outcomeOf(open("/etc/passwd", O_RDONLY | O_CLOEXEC))},
        {"open an internet socket", outcomeOf(socket(AF_INET, SOCK_STREAM, 0))},
        {"open a local socket", outcomeOf(socket(AF_UNIX, SOCK_STREAM, 0))},
        {"start a process", outcomeOf(fork())},
        {"trace a process", outcomeOf(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr))},
        {"signal another process", outcomeOf(kill(1, 0))},
        {"take 3 GiB of memory", tryMemory()},
    };
    std::string json = "{\"sandbox\": {";
    for (const SandboxPart& part : parts) {
        if (&part != parts.data()) json += ", ";
        json += quoted(part.name) + ": " + quoted(part.active ? "active" : part.reason);
    }
    json += "}, \"attempts\": {";
    bool held = true;
    for (const Attempt& attempt : attempts) {
        if (&attempt != attempts) json += ", ";
        json += quoted(attempt.name) + ": " + quoted(attempt.outcome);
        held = held && std::string(attempt.outcome) != "allowed";
    }
    json += "}}\n";
    const bool written = write(output, json.data(), json.size()) == static_cast<ssize_t>(json.size());
    return held && written ? 0 : 1;
}

}  // namespace

int selfCheck() {
    std::error_code error;
    std::string folder = (std::filesystem::temp_directory_path(error) / "kvasir-check-XXXXXX").string();
    int ends[2];
    if (mkdtemp(folder.data()) == nullptr || pipe(ends) != 0) {
        std::perror("kvasir-reader: no temporary folder or pipe");
        return 1;
    }
    const std::string file = folder + "/file";
    const std::string other = folder + "/new";
    close(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const char* const exec = tryExec();
    // In a child: this process must print (to a file, perhaps) and remove the folder afterwards.
    const pid_t child = fork();
    if (child == 0) _exit(tryAll(file, other, exec, ends[1]));
    close(ends[1]);
    char buffer[4096];
    for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
        std::fwrite(buffer, 1, static_cast<std::size_t>(got), stdout);
    }
    close(ends[0]);
    int status = 0;
    const bool ended = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status);
    unlink(other.c_str());
    unlink(file.c_str());
    rmdir(folder.c_str());
    return ended ? WEXITSTATUS(status) : 1;
}

}  // namespace kvasir::reader
