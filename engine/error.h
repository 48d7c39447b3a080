// The one error type of every public boundary, and Result<T>.
#pragma once

#include <string>

#include <tl/expected.hpp>

namespace kvasir {

/// What kind of failure it is: callers act on it, people read the sentences of Error.
enum class ErrorCode {
    NotFound,         ///< no such file, model, answer
    Unreadable,       ///< exists, cannot be read (permissions, a directory, an I/O error)
    Empty,            ///< nothing in it: 0 bytes, 0 pages, an empty question
    Damaged,          ///< breaks its format's rules
    Unsupported,      ///< well-formed, but a kind that is not handled; the message names it
    Locked,           ///< needs a password, or the password was wrong
    TooLarge,         ///< over a stated limit
    OutOfMemory,      ///< would not fit, or did not
    NoSpace,          ///< disk full
    ReadOnly,         ///< the place for data cannot be written
    Busy,             ///< another program holds it
    Cancelled,        ///< the caller asked to stop
    ReaderStopped,    ///< the reader process crashed, hung or hit a limit
    InvalidArgument,  ///< an argument outside its range; the message says which
    Internal,         ///< an exception from a library that nothing more specific fits
    DeviceFailed,     ///< the GPU stopped working, or ran out of memory in mid-run
};

/// A failure in three sentences. None is empty except `where` when there is no place to name.
struct Error {
    ErrorCode code = ErrorCode::Internal;
    std::string what;    ///< what is wrong, a full sentence
    std::string where;   ///< file, field, byte offset, page
    std::string advice;  ///< what the user can do, a full sentence

    /// "what (where). advice" on one line, for terminals and logs.
    std::string message() const;
};

template <typename T>
using Result = tl::expected<T, Error>;

/// Shortcut for returning a failure from a function with a Result.
inline tl::unexpected<Error> fail(ErrorCode code, std::string what, std::string where, std::string advice) {
    return tl::unexpected<Error>(Error{code, std::move(what), std::move(where), std::move(advice)});
}

}  // namespace kvasir
