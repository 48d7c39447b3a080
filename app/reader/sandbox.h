// What kvasir-reader takes from itself before it touches a document.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/reader/protocol.h"

namespace kvasir::reader {

/// Built with a sanitizer, whose run time needs more than the reader itself.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

inline constexpr std::uint64_t kMemoryLimit = std::uint64_t{2} << 30;  ///< beside the document's own bytes
inline constexpr unsigned kCpuSecondsPerRequest = 60;

/// Limits, no network, no files but fonts and tables to read, only the system calls that parsing needs.
/// Cannot be undone. Parts that this system does not have are reported with their reason; the rest holds all
/// the same. Call it while the process has one thread. `documentBytes` are allowed in memory on top of the
/// limit.
std::vector<SandboxPart> enterSandbox(std::uint64_t documentBytes);

/// Gives the next request its processor time; past it the system ends the process.
void renewCpuLimit();

/// The list of system calls (sandbox_calls.cpp). Denied calls fail with EPERM; starting a program ends the
/// process. Empty when it is in force, or the reason why it is not.
std::string filterSystemCalls();

/// Files can be read below system folders with programs, fonts and tables, nothing can be written (Landlock).
/// Empty when it is in force, or the reason why it is not.
std::string restrictFiles();

}  // namespace kvasir::reader
