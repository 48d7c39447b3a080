// The models that Kvasir offers, and which model files lie on this computer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace kvasir {

struct CatalogueModel {
    std::string name;   ///< short, for the command line
    std::string title;  ///< for people
    std::string file;
    std::int64_t bytes = 0;
    std::string sha256;
    std::string licence;
    std::string page;  ///< the publisher's
    std::int64_t window = 0;
    bool installed = false;
    std::filesystem::path path;  ///< where it is, or would be
};

/// $KVASIR_MODELS, or the user's cache folder: the same place that installer/fetch-model fills.
std::filesystem::path modelFolder();

/// The catalogue that was built in (resources/models/catalogue.json), looked up in `folder`. A file counts as
/// installed when it has the catalogue's size; its checksum was verified when it was fetched.
std::vector<CatalogueModel> modelCatalogue(const std::filesystem::path& folder);

/// A path, a catalogue name, or empty for the best installed one. NotFound says what can be done.
Result<std::filesystem::path> findModel(std::string_view wanted);

}  // namespace kvasir
