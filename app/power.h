// Where the computer's power comes from.
#pragma once

#include <filesystem>

namespace kvasir {

/// Whether the computer runs on mains, as the kernel says under /sys/class/power_supply. True where nothing
/// is known: a computer without a battery has no such entries. Any thread.
bool isOnMains(const std::filesystem::path& supplies = "/sys/class/power_supply");

}  // namespace kvasir
