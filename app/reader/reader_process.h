// One running kvasir-reader, seen from the application.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

#include <sys/types.h>

#include "app/reader/protocol.h"
#include "engine/error.h"

namespace kvasir::reader {

/// kvasir-reader beside the running program; the environment's KVASIR_READER comes first.
std::filesystem::path readerProgram();

/// Owns the process: it is killed with the object. For one thread at a time; needs no event loop.
class ReaderProcess {
public:
    /// Starts the program with the document (a descriptor that stays the caller's) and waits for its Hello.
    /// NotFound, ReaderStopped, Cancelled.
    static Result<ReaderProcess> start(const std::filesystem::path& program, int document,
                                       const std::stop_token& stop);

    ReaderProcess(ReaderProcess&& other) noexcept;
    ReaderProcess& operator=(ReaderProcess&& other) noexcept;
    ReaderProcess(const ReaderProcess&) = delete;
    ReaderProcess& operator=(const ReaderProcess&) = delete;
    ~ReaderProcess();

    struct Answer {
        Message type = Message::Refused;
        std::string payload;
    };
    enum class Failure { Cancelled, TimedOut, Ended, BadAnswer };

    /// Sends a request and waits for its answer. After a Failure the process is gone. Returns within 50 ms of
    /// a stop request. A payload over kMaxResponseBytes, or over 8 MiB unless an image was asked for, is a
    /// BadAnswer.
    std::variant<Answer, Failure> ask(Message type, std::string_view payload, std::chrono::milliseconds limit,
                                      const std::stop_token& stop);

    bool running() const { return m_pid > 0; }
    pid_t pid() const { return m_pid; }
    const std::vector<SandboxPart>& sandbox() const { return m_sandbox; }

private:
    using Clock = std::chrono::steady_clock;
    struct Wait {
        Clock::time_point deadline;
        const std::stop_token& stop;
    };

    ReaderProcess(pid_t pid, int socket) : m_pid(pid), m_socket(socket) {}
    std::variant<Answer, Failure> receive(std::uint32_t largest, const Wait& wait);
    bool await(short events, const Wait& wait);
    bool sendAll(std::string_view bytes, const Wait& wait);
    bool receiveAll(std::string& bytes, std::size_t count, const Wait& wait);
    void end();

    pid_t m_pid = -1;
    int m_socket = -1;
    Failure m_failure = Failure::Ended;
    std::vector<SandboxPart> m_sandbox;
};

}  // namespace kvasir::reader
