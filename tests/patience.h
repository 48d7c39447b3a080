// How long tests wait before they call something hung.
#pragma once

namespace kvasir::test {

/// A limit that tells a hang from a slow computer is multiplied by this: sanitizers make everything ten times
/// slower.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int kPatience = 10;
#else
inline constexpr int kPatience = 1;
#endif

}  // namespace kvasir::test
