#include "app/reader/reader_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kvasir::reader {
namespace {

constexpr std::uint32_t kMaxOtherBytes = 8U << 20;
constexpr std::size_t kReceiveBytes = std::size_t{256} * 1024;
constexpr std::chrono::milliseconds kPollSlice{20};
constexpr std::chrono::seconds kStartLimit{20};
// Both descriptors move above those that they get in the child, so that neither overwrites the other.
constexpr int kFirstOwnDescriptor = 10;

class Descriptor {
public:
    explicit Descriptor(int value) : m_value(value) {}
    ~Descriptor() {
        if (m_value >= 0) close(m_value);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return m_value; }
    int release() { return std::exchange(m_value, -1); }

private:
    int m_value;
};

/// What the reader needs of our environment: where fonts are, and where libraries are when bundled.
std::vector<std::string> readerEnvironment() {
    std::vector<std::string> out{"LC_ALL=C.UTF-8"};
    for (const char* name : {"HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "FONTCONFIG_FILE",
                             "FONTCONFIG_PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
        if (const char* value = std::getenv(name)) out.push_back(std::string(name) + "=" + value);
    }
    return out;
}

/// The new process's id, or -1 with errno.
pid_t spawn(const std::string& program, int socket, int document) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, socket, kSocketDescriptor);
    posix_spawn_file_actions_adddup2(&actions, document, kDocumentDescriptor);
    posix_spawn_file_actions_addclosefrom_np(&actions, kDocumentDescriptor + 1);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    // A group of its own: Ctrl+C in a terminal is the application's to handle.
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::vector<std::string> environment = readerEnvironment();
    std::vector<char*> variables;
    variables.reserve(environment.size() + 1);
    for (std::string& variable : environment)
        variables.push_back(variable.data());
    variables.push_back(nullptr);
    std::string name = program;
    std::array<char*, 2> arguments{name.data(), nullptr};
    pid_t pid = -1;
    const int error =
        posix_spawn(&pid, program.c_str(), &actions, &attributes, arguments.data(), variables.data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    errno = error;
    return error == 0 ? pid : -1;
}

/// Starts the program with one end of a pair of sockets; `socket` gets the other one.
pid_t startConnected(const std::string& program, int document, int& socket) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return -1;
    Descriptor ours(pair[0]);
    const Descriptor lower(pair[1]);
    const Descriptor theirs(fcntl(lower.get(), F_DUPFD_CLOEXEC, kFirstOwnDescriptor));
    const Descriptor passed(fcntl(document, F_DUPFD_CLOEXEC, kFirstOwnDescriptor));
    if (theirs.get() < 0 || passed.get() < 0 || fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0) return -1;
    const pid_t pid = spawn(program, theirs.get(), passed.get());
    const int error = errno;
    if (pid > 0) socket = ours.release();
    errno = error;
    return pid;
}

tl::unexpected<Error> startFailed(const std::string& program, int error) {
    const bool missing = error == ENOENT || error == EACCES || error == ENOEXEC || error == ENOTDIR;
    if (missing) {
        return fail(ErrorCode::NotFound, "The program that reads documents is missing or cannot be started.",
                    program, "Install Kvasir again, so that kvasir-reader lies beside it.");
    }
    return fail(
        ErrorCode::ReaderStopped,
        "The program that reads documents could not be started: " + std::string(std::strerror(error)) + ".",
        program, "Close other programs and open the document again.");
}

}  // namespace

std::filesystem::path readerProgram() {
    if (const char* set = std::getenv("KVASIR_READER"); set != nullptr && *set != '\0') return set;
    std::error_code error;
    const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", error);
    return own.parent_path() / "kvasir-reader";
}

Result<ReaderProcess> ReaderProcess::start(const std::filesystem::path& program, int document,
                                           const std::stop_token& stop) {
    int socket = -1;
    const pid_t pid = startConnected(program, document, socket);
    if (pid < 0) return startFailed(program, errno);
    ReaderProcess process(pid, socket);
    const Wait wait{Clock::now() + kStartLimit, stop};
    auto answer = process.receive(kMaxRequestBytes, wait);
    if (const Answer* received = std::get_if<Answer>(&answer)) {
        const auto hello = received->type == Message::Hello ? decodeHello(received->payload) : std::nullopt;
        if (hello && hello->version == kProtocolVersion) {
            process.m_sandbox = hello->sandbox;
            return process;
        }
    } else if (std::get<Failure>(answer) == Failure::Cancelled) {
        return fail(ErrorCode::Cancelled, "Reading was stopped.", "", "Open the document again to go on.");
    }
    return fail(ErrorCode::ReaderStopped, "The program that reads documents did not answer as it should.",
                program, "Install Kvasir again, so that its programs are of one version.");
}

ReaderProcess::ReaderProcess(ReaderProcess&& other) noexcept
    : m_pid(std::exchange(other.m_pid, -1)),
      m_socket(std::exchange(other.m_socket, -1)),
      m_failure(other.m_failure),
      m_sandbox(std::move(other.m_sandbox)) {}

ReaderProcess& ReaderProcess::operator=(ReaderProcess&& other) noexcept {
    if (this == &other) return *this;
    end();
    m_pid = std::exchange(other.m_pid, -1);
    m_socket = std::exchange(other.m_socket, -1);
    m_failure = other.m_failure;
    m_sandbox = std::move(other.m_sandbox);
    return *this;
}

ReaderProcess::~ReaderProcess() {
    end();
}

void ReaderProcess::end() {
    if (m_socket >= 0) close(std::exchange(m_socket, -1));
    if (m_pid <= 0) return;
    kill(m_pid, SIGKILL);
    while (waitpid(m_pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    m_pid = -1;
}

std::variant<ReaderProcess::Answer, ReaderProcess::Failure> ReaderProcess::ask(
    Message type, std::string_view payload, std::chrono::milliseconds limit, const std::stop_token& stop) {
    const Wait wait{Clock::now() + limit, stop};
    if (!running()) return Failure::Ended;
    if (!sendAll(encodeHeader(type, payload.size()), wait) || !sendAll(payload, wait)) {
        end();
        return m_failure;
    }
    return receive(type == Message::Image ? kMaxResponseBytes : kMaxOtherBytes, wait);
}

std::variant<ReaderProcess::Answer, ReaderProcess::Failure> ReaderProcess::receive(std::uint32_t largest,
                                                                                   const Wait& wait) {
    std::string head;
    Answer answer;
    bool received = receiveAll(head, kHeaderBytes, wait);
    if (received) {
        const Header header = decodeHeader(reinterpret_cast<const unsigned char*>(head.data()));
        answer.type = static_cast<Message>(header.type);
        received = header.payloadBytes <= largest;
        if (!received) m_failure = Failure::BadAnswer;
        received = received && receiveAll(answer.payload, header.payloadBytes, wait);
    }
    if (received) return answer;
    end();
    return m_failure;
}

bool ReaderProcess::await(short events, const Wait& wait) {
    while (true) {
        const auto now = Clock::now();
        if (wait.stop.stop_requested() || now >= wait.deadline) {
            m_failure = wait.stop.stop_requested() ? Failure::Cancelled : Failure::TimedOut;
            return false;
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(wait.deadline - now);
        pollfd entry{m_socket, events, 0};
        const int ready = poll(&entry, 1, static_cast<int>(std::min(left, kPollSlice).count()));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) {
            m_failure = Failure::Ended;
            return false;
        }
    }
}

bool ReaderProcess::sendAll(std::string_view bytes, const Wait& wait) {
    while (!bytes.empty()) {
        if (!await(POLLOUT, wait)) return false;
        const ssize_t sent = send(m_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (sent <= 0) {
            m_failure = Failure::Ended;
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool ReaderProcess::receiveAll(std::string& bytes, std::size_t count, const Wait& wait) {
    bytes.clear();
    while (bytes.size() < count) {
        if (!await(POLLIN, wait)) return false;
        // Memory grows with what comes, not with what the reader says will come.
        const std::size_t before = bytes.size();
        bytes.resize(std::min(count, before + kReceiveBytes));
        const ssize_t got = recv(m_socket, bytes.data() + before, bytes.size() - before, 0);
        bytes.resize(before + static_cast<std::size_t>(std::max<ssize_t>(0, got)));
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) {
            m_failure = Failure::Ended;
            return false;
        }
    }
    return true;
}

}  // namespace kvasir::reader
