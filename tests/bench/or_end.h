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

}  // namespace kvasir::bench
