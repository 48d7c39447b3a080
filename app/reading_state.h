// How far a document is read.
#pragma once

#include <cstdint>
#include <optional>

#include "app/answer.h"
#include "engine/error.h"

namespace kvasir {

using DocumentId = std::int64_t;

enum class ReadingStage : std::uint8_t {
    Opening,          ///< the reader reads pages
    WaitingForModel,  ///< text is there, no model is loaded yet (or none is chosen)
    FirstReading,     ///< early stage
    FirstDone,        ///< quick answers are possible; a document in parts: all parts are read that fit
    FullReading,      ///< late stage over everything
    FullDone,
    Stopped,  ///< by the user; goes on where it was when asked to
    Failed,   ///< `error` says why
    Locked,   ///< needs a password
    Away,     ///< not in the device's memory, which others needed: a question brings it back
};

struct ReadingState {
    ReadingStage stage = ReadingStage::Opening;
    std::int32_t pagesRead = 0;  ///< while Opening
    double share = 0;            ///< of the running reading, 0..1
    double secondsLeft = -1;     ///< of the running reading; < 0: not known yet
    std::int64_t tokens = 0;     ///< of the document; 0: not known yet
    PartsRead parts;             ///< of a document that is read in parts
    bool fitsWindow = false;     ///< and it is so because memory has no room for it whole
    std::optional<Error> error;  ///< Failed; or FirstDone: why there is no full reading
};

}  // namespace kvasir
