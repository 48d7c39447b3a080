// A child process whose standard output is read line by line.
#pragma once

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace kvasir {

class ChildProcess {
public:
    explicit ChildProcess(std::vector<std::string> arguments) {
        int ends[2] = {-1, -1};
        if (pipe(ends) != 0) return;
        std::vector<char*> argv;
        argv.reserve(arguments.size() + 1);
        for (std::string& a : arguments)
            argv.push_back(a.data());
        argv.push_back(nullptr);
        m_pid = fork();
        if (m_pid == 0) {
            dup2(ends[1], STDOUT_FILENO);
            close(ends[0]);
            close(ends[1]);
            execvp(argv[0], argv.data());
            _exit(127);
        }
        close(ends[1]);
        m_output = ends[0];
    }
    ~ChildProcess() {
        if (m_pid > 0) kill();
        if (m_output >= 0) close(m_output);
    }
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    /// Without the line break; empty at the end, and for a last line that was not finished.
    std::string line() {
        for (;;) {
            const std::size_t stop = m_read.find('\n');
            if (stop != std::string::npos) {
                std::string result = m_read.substr(0, stop);
                m_read.erase(0, stop + 1);
                return result;
            }
            char bytes[4096];
            const ssize_t size = read(m_output, bytes, sizeof bytes);
            if (size < 0 && errno == EINTR) continue;
            if (size <= 0) return {};
            m_read.append(bytes, static_cast<std::size_t>(size));
        }
    }
    std::vector<std::string> remainingLines() {
        std::vector<std::string> lines;
        for (std::string l = line(); !l.empty(); l = line())
            lines.push_back(l);
        return lines;
    }
    void kill() {
        ::kill(m_pid, SIGKILL);
        wait();
    }
    /// The exit status, or -1 when a signal ended it.
    int wait() {
        int status = 0;
        while (waitpid(m_pid, &status, 0) < 0 && errno == EINTR) {
        }
        m_pid = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    pid_t m_pid = -1;
    int m_output = -1;
    std::string m_read;
};

}  // namespace kvasir
