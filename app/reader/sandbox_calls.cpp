// The system calls that kvasir-reader may use after it has started. Everything else fails with EPERM: no
// socket, no new file, no removal, no process or thread, no tracing. Starting a program ends the process.
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <unistd.h>

#include "app/reader/sandbox.h"

namespace kvasir::reader {
namespace {

constexpr std::array kAllowed{
    // The socket, the document and open font files.
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close),
    SCMP_SYS(lseek), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(dup), SCMP_SYS(fcntl), SCMP_SYS(fadvise64),
    // Looking for files.
    SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
    SCMP_SYS(fstatfs), SCMP_SYS(statfs), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(getdents64), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
    // Memory.
    SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
    // Time, and what the C library asks about itself.
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(getrandom), SCMP_SYS(futex), SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getrusage),
    SCMP_SYS(getrlimit), SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(getpid), SCMP_SYS(gettid),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
    // Signals to itself and the end.
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group)};

bool addRules(scmp_filter_ctx filter) {
    bool all = true;
    // A call that this architecture does not have (-EDOM) needs no rule.
    const auto add = [&](std::uint32_t action, int call) {
        const int result = seccomp_rule_add_array(filter, action, call, 0, nullptr);
        all = all && (result == 0 || result == -EDOM);
    };
    const auto allowWhen = [&](int call, const scmp_arg_cmp& condition) {
        const int result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &condition);
        all = all && (result == 0 || result == -EDOM);
    };
    for (const int call : kAllowed)
        add(SCMP_ACT_ALLOW, call);
    // Sanitizers write to a pipe of their own to learn whether an address can be read.
    if (kSanitized) {
        for (const int call : {SCMP_SYS(pipe), SCMP_SYS(pipe2)})
            add(SCMP_ACT_ALLOW, call);
    }
    // Open to read. openat2 hides its flags behind a pointer and is denied.
    constexpr scmp_datum_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
    allowWhen(SCMP_SYS(openat), {2, SCMP_CMP_MASKED_EQ, kWriting, O_RDONLY});
    allowWhen(SCMP_SYS(open), {1, SCMP_CMP_MASKED_EQ, kWriting, O_RDONLY});
    // Signals to itself, as abort() sends them.
    allowWhen(SCMP_SYS(tgkill), {0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid()), 0});
    // Its own limits: setrlimit() is prlimit64 on process 0.
    allowWhen(SCMP_SYS(prlimit64), {0, SCMP_CMP_EQ, 0, 0});
    add(SCMP_ACT_KILL_PROCESS, SCMP_SYS(execve));
    add(SCMP_ACT_KILL_PROCESS, SCMP_SYS(execveat));
    return all;
}

}  // namespace

std::string filterSystemCalls() {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == nullptr) return "seccomp: out of memory";
    std::string reason;
    if (!addRules(filter)) {
        reason = "seccomp: a rule was not accepted";
    } else if (const int result = seccomp_load(filter); result != 0) {
        reason = std::string("seccomp: ") + std::strerror(-result);
    }
    seccomp_release(filter);
    return reason;
}

}  // namespace kvasir::reader
