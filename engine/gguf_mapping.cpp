#include "engine/gguf_mapping.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>
#include <mutex>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kvasir {

/// What the signal handler knows about one mapping. begin == 0: free. Lock-free atomics only.
struct GgufMapping::Guard {
    std::atomic<bool> taken{false};
    std::atomic<std::uintptr_t> begin{0};
    std::atomic<std::uintptr_t> end{0};
    std::atomic<bool> lost{false};

    static std::array<Guard, 64>& table();
    static Guard* claim(std::uintptr_t begin, std::uintptr_t end);
    static void install();
    static void onSignal(int signal, siginfo_t* info, void* context);
    void release();
};

namespace {

struct sigaction previousAction;  // written once, before the first mapping exists

/// A fault that is not ours goes where it would have gone without us.
void passOn(int signal, siginfo_t* info, void* context) {
    if ((previousAction.sa_flags & SA_SIGINFO) != 0) {
        previousAction.sa_sigaction(signal, info, context);
    } else if (previousAction.sa_handler != SIG_DFL && previousAction.sa_handler != SIG_IGN) {
        previousAction.sa_handler(signal);
    } else {
        sigaction(signal, &previousAction, nullptr);
        raise(signal);  // waits until this handler returns
    }
}

tl::unexpected<Error> openError(int number, const std::filesystem::path& path) {
    const std::string where = path.string();
    switch (number) {
        case ENOENT:
        case ENOTDIR:
            return fail(ErrorCode::NotFound, "There is no such model file.", where,
                        "Check the name, or download the model.");
        case EACCES:
        case EPERM:
            return fail(ErrorCode::Unreadable, "There is no permission to read the model file.", where,
                        "Change the file's permissions, or copy it to a folder of your own.");
        case ENOMEM:
        case EMFILE:
        case ENFILE:
            return fail(ErrorCode::OutOfMemory, "The system has no room to open the model file.", where,
                        "Close other programs and try again.");
        default:
            return fail(ErrorCode::Unreadable,
                        "The model file cannot be read: " + std::string(std::strerror(number)) + ".", where,
                        "Check the disk and the file, or download the model again.");
    }
}

}  // namespace

std::array<GgufMapping::Guard, 64>& GgufMapping::Guard::table() {
    static std::array<Guard, 64> guards;
    return guards;
}

void GgufMapping::Guard::onSignal(int signal, siginfo_t* info, void* context) {
    const int savedError = errno;
    // A signal that a program sent (si_code <= 0) has no address.
    const auto address = info->si_code > 0 ? reinterpret_cast<std::uintptr_t>(info->si_addr) : 0;
    for (Guard& guard : table()) {
        const std::uintptr_t end = guard.end.load();
        if (address == 0 || address < guard.begin.load() || address >= end) continue;
        guard.lost.store(true);
        const auto pageSize = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
        char* page = static_cast<char*>(info->si_addr) - address % pageSize;
        // Everything from here on: a shortened file lacks it all, and one fault is enough.
        void* zeros = mmap(page, end - (address - address % pageSize), PROT_READ,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
        errno = savedError;
        if (zeros == MAP_FAILED) break;
        return;
    }
    errno = savedError;
    passOn(signal, info, context);
}

void GgufMapping::Guard::install() {
    static std::once_flag once;
    std::call_once(once, [] {
        table();  // constructed before a signal can ask for it
        struct sigaction action{};
        action.sa_sigaction = &Guard::onSignal;
        action.sa_flags = SA_SIGINFO | SA_RESTART;
        sigemptyset(&action.sa_mask);
        sigaction(SIGBUS, &action, &previousAction);
    });
}

GgufMapping::Guard* GgufMapping::Guard::claim(std::uintptr_t begin, std::uintptr_t end) {
    for (Guard& guard : table()) {
        if (guard.taken.exchange(true)) continue;
        guard.lost.store(false);
        guard.begin.store(begin);
        guard.end.store(end);
        return &guard;
    }
    return nullptr;
}

void GgufMapping::Guard::release() {
    end.store(0);
    begin.store(0);
    taken.store(false);
}

Result<std::unique_ptr<GgufMapping>> GgufMapping::open(const std::filesystem::path& path) {
    std::unique_ptr<GgufMapping> mapping(new GgufMapping);
    // Without O_NONBLOCK a named pipe would wait for a writer.
    mapping->m_descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (mapping->m_descriptor < 0) return openError(errno, path);
    struct stat status{};
    if (fstat(mapping->m_descriptor, &status) != 0) return openError(errno, path);
    const std::string where = path.string();
    if (S_ISDIR(status.st_mode)) {
        return fail(ErrorCode::Unreadable, "This is a folder, not a model file.", where,
                    "Choose the .gguf file inside it.");
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(ErrorCode::Unreadable, "This is not an ordinary file.", where, "Choose a .gguf file.");
    }
    if (status.st_size == 0) {
        return fail(ErrorCode::Empty, "The model file is empty.", where, "Download the file again.");
    }
    mapping->m_size = static_cast<std::size_t>(status.st_size);
    if (auto mapped = mapping->map(path); !mapped) return tl::unexpected(mapped.error());
    return mapping;
}

Result<void> GgufMapping::map(const std::filesystem::path& path) {
    Guard::install();
    void* address = mmap(nullptr, m_size, PROT_READ, MAP_PRIVATE, m_descriptor, 0);
    if (address == MAP_FAILED) return openError(errno, path);
    m_data = static_cast<const std::byte*>(address);
    const auto begin = reinterpret_cast<std::uintptr_t>(address);
    const auto pageSize = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t pages = (m_size + pageSize - 1) / pageSize;
    m_guard = Guard::claim(begin, begin + pages * pageSize);
    if (m_guard == nullptr) {
        return fail(ErrorCode::OutOfMemory, "64 model files are open already.", path.string(),
                    "Close some of them and try again.");
    }
    return {};
}

GgufMapping::~GgufMapping() {
    if (m_guard != nullptr) m_guard->release();
    if (m_data != nullptr) munmap(const_cast<std::byte*>(m_data), m_size);
    if (m_descriptor >= 0) close(m_descriptor);
}

bool GgufMapping::intact() const {
    struct stat status{};
    return !m_guard->lost.load() && fstat(m_descriptor, &status) == 0 &&
           static_cast<std::size_t>(status.st_size) >= m_size;
}

}  // namespace kvasir
