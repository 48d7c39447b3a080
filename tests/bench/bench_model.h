// The model that a benchmark runs: a file, or one of a named shape with random weights, written where it is
// not there yet.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "engine/bench/synthetic_model.h"
#include "engine/error.h"

namespace kvasir::bench {

template <typename T>
T need(Result<T> result, const char* what) {
    if (result) return std::move(*result);
    std::fprintf(stderr, "%s: %s\n", what, result.error().message().c_str());
    std::exit(1);
}
inline void need(const Result<void>& result, const char* what) {
    if (result) return;
    std::fprintf(stderr, "%s: %s\n", what, result.error().message().c_str());
    std::exit(1);
}

/// `model` when it is said, else the file of the shape in `folder` (the system's for temporary files when
/// empty).
inline std::filesystem::path modelFile(const std::string& model, const std::string& shapeName,
                                       const std::string& folder) {
    if (!model.empty()) return model;
    const SyntheticShape* shape = findShape(shapeName);
    if (shape == nullptr) {
        std::fprintf(stderr, "no shape '%s'\n", shapeName.c_str());
        std::exit(2);
    }
    const std::filesystem::path in =
        folder.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(folder);
    std::filesystem::path path = in / (shapeName + ".gguf");
    if (!std::filesystem::exists(path)) need(writeSyntheticModel(*shape, path), "model");
    return path;
}

}  // namespace kvasir::bench
