// Engine work whose scratch memory grows inside operations, where running short is an exception.
#pragma once

#include <new>

#include "engine/error.h"

namespace kvasir {

template <typename Work>
auto guarded(const Work& work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::bad_alloc&) {
        return fail(ErrorCode::OutOfMemory, "There is not enough memory to go on.", "",
                    "Close other programs, or choose a smaller model.");
    }
}

}  // namespace kvasir
