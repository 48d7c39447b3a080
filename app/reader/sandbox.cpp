#include "app/reader/sandbox.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kvasir::reader {
namespace {

std::string systemError(const char* what) {
    return std::string(what) + ": " + std::strerror(errno);
}

SandboxPart part(const char* name, const std::string& reason) {
    return {name, reason.empty(), reason};
}

bool limit(__rlimit_resource resource, rlim_t value) {
    const rlimit both{value, value};
    return setrlimit(resource, &both) == 0;
}

std::string setLimits(std::uint64_t documentBytes) {
    bool all = limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NOFILE, 64);
    all = prctl(PR_SET_DUMPABLE, 0) == 0 && all;
    // Sanitizers reserve more addresses than any limit allows.
    if (kSanitized) return "built with a sanitizer, so memory is not limited";
    all = limit(RLIMIT_AS, kMemoryLimit + documentBytes) && all;
    return all ? std::string() : systemError("setrlimit");
}

std::string leaveNetwork() {
    return unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0 ? std::string() : systemError("unshare");
}

void allowBelow(int rules, const std::string& folder, std::uint64_t rights) {
    const int descriptor = open(folder.c_str(), O_PATH | O_CLOEXEC);
    if (descriptor < 0) return;  // a folder that is not there needs no rule
    landlock_path_beneath_attr rule{};
    rule.allowed_access = rights;
    rule.parent_fd = descriptor;
    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
    close(descriptor);
}

}  // namespace

std::string restrictFiles() {
    const long version =
        syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) return systemError("Landlock");
    constexpr std::uint64_t kFirstVersionRights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    constexpr std::uint64_t kTruncate = 1U << 14;  // from version 3; Debian 12's header ends at 2
    landlock_ruleset_attr attributes{};
    attributes.handled_access_fs = kFirstVersionRights;
    if (version >= 2) attributes.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3) attributes.handled_access_fs |= kTruncate;
    const auto rules =
        static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0U));
    if (rules < 0) return systemError("Landlock");
    constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    for (const char* folder : {"/usr", "/lib", "/lib64", "/etc/fonts", "/etc/ld.so.cache",
                               "/var/cache/fontconfig", "/var/lib/ghostscript/fonts"}) {
        allowBelow(rules, folder, kRead);
    }
    if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/') {
        for (const char* folder :
             {"/.fonts", "/.local/share/fonts", "/.cache/fontconfig", "/.config/fontconfig"}) {
            allowBelow(rules, std::string(home) + folder, kRead);
        }
    }
    const bool done = syscall(SYS_landlock_restrict_self, rules, 0U) == 0;
    const std::string reason = done ? std::string() : systemError("Landlock");
    close(rules);
    return reason;
}

std::vector<SandboxPart> enterSandbox(std::uint64_t documentBytes) {
    const std::string limits = setLimits(documentBytes);
    const std::string network = leaveNetwork();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const std::string files = restrictFiles();
    const std::string calls = filterSystemCalls();
    return {part("limits", limits), part("network", network), part("files", files),
            part("system calls", calls)};
}

void renewCpuLimit() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
    const rlimit soft{seconds + kCpuSecondsPerRequest, RLIM_INFINITY};
    setrlimit(RLIMIT_CPU, &soft);
}

}  // namespace kvasir::reader
