#include "app/power.h"

#include <fstream>
#include <string>

namespace kvasir {
namespace {

std::string firstWord(const std::filesystem::path& file) {
    std::string word;
    std::ifstream(file) >> word;
    return word;
}

}  // namespace

bool isOnMains(const std::filesystem::path& supplies) {
    bool adapter = false, discharging = false;
    std::error_code ignored;
    for (std::filesystem::directory_iterator it(supplies, ignored), end; !ignored && it != end;
         it.increment(ignored)) {
        const std::string type = firstWord(it->path() / "type");
        // "USB" is a charger too where there is no other; batteries of mice and keyboards have a scope.
        if (type == "Mains" || type == "USB") {
            if (firstWord(it->path() / "online") == "1") return true;
            adapter = true;
        }
        const bool own = type == "Battery" && firstWord(it->path() / "scope") != "Device";
        if (own && firstWord(it->path() / "status") == "Discharging") discharging = true;
    }
    return !discharging && !adapter;
}

}  // namespace kvasir
