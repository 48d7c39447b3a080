// kvasir-cli ask: passages that are always carried.
#pragma once

#include <vector>

#include "app/cli/ask_parts.h"
#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/store/store_reader.h"

namespace kvasir::cli {

/// Gives each file its pins: those that are kept with the document (the window's), and those that the options
/// name, which count for this question alone. Says on standard error which they are. Errors: NotFound (the
/// words stand in no document; there is no such line), InvalidArgument (they stand in several places: says
/// how many and where), and those of the store.
Result<void> choosePins(const AskArguments& arguments, const StoreReader& reader,
                        std::vector<AskedFile>& files);

/// Key `pins`.
Json pinsJson(const std::vector<AskedFile>& files);

}  // namespace kvasir::cli
