// What may end the work on an answer, in the same words wherever it happens; and the size of its buffers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/error.h"

namespace kvasir {

inline tl::unexpected<Error> answerCancelled() {
    return fail(ErrorCode::Cancelled, "The answer was stopped.", "", "Ask again when you like.");
}

inline tl::unexpected<Error> answerOutOfMemory() {
    return fail(ErrorCode::OutOfMemory, "There is not enough memory for this answer.", "",
                "Close other programs, or carry less of the document.");
}

/// Bytes of `count` floats; of one at least, as no buffer is empty.
inline std::size_t floatBytes(std::int64_t count) {
    return static_cast<std::size_t>(std::max<std::int64_t>(count, 1)) * sizeof(float);
}

}  // namespace kvasir
