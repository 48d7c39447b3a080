// Whether an answer says that the document does not say it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "app/facts.h"

namespace kvasir {

/// The clause of a sentence that says, in English or Japanese, that something is not in the document; bytes
/// of `sentence`. Conservative: what a contract excludes ("is not provided by the Supplier") is no such
/// statement.
std::optional<TextRange> findNotStated(std::string_view sentence);

/// "It only mentions ...": what such an answer offers instead.
bool offersInstead(std::string_view sentence);

}  // namespace kvasir
