// What a file is, by its bytes.
#pragma once

#include <string_view>

#include "app/reader/protocol.h"

namespace kvasir::reader {

/// The format of a file that begins with `head` (up to 64 KiB); Text for everything that may be text, which
/// scanText decides.
FileFormat formatOf(std::string_view head);

enum class Encoding : std::uint8_t { Utf8, Utf16Little, Utf16Big, ShiftJis, Latin1 };

/// Whether text is Markdown, a log or plain, by its first lines and the extension of the file's name (lower
/// case, without the dot; it wins where it names a kind of text).
FileFormat textKindOf(std::string_view utf8, std::string_view extension);

}  // namespace kvasir::reader
