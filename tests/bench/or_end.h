// For programs that measure: the value, or the message and the end.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "engine/error.h"

namespace kvasir::bench {

template <typename T>
T orEnd(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().message().c_str());
        std::exit(1);
    }
    return std::move(*result);
}

inline void orEnd(const Result<void>& result) {
    if (result) return;
    std::fprintf(stderr, "%s\n", result.error().message().c_str());
    std::exit(1);
}

}  // namespace kvasir::bench
