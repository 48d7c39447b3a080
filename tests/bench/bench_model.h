// What benchmarks of whole models share: their options, and the model: a file, or one of a named shape with
// random weights, written where it is not there yet.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

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

struct Options {
    std::string shape = "llama-3.1-8b", model, device = "cuda", folder;
    std::vector<std::int64_t> lengths{8192, 32768};
    int runs = 3, threads = 2;

    /// False: no option of this name.
    bool take(const std::string& key, const std::string& value) {
        if (key == "--shape") return shape = value, true;
        if (key == "--model") return model = value, true;
        if (key == "--device") return device = value, true;
        if (key == "--folder") return folder = value, true;
        if (key == "--runs") return runs = std::max(1, std::atoi(value.c_str())), true;
        if (key == "--threads") return threads = std::max(1, std::atoi(value.c_str())), true;
        if (key != "--lengths") return false;
        lengths.clear();
        std::istringstream list(value);
        for (std::string number; std::getline(list, number, ',');)
            lengths.push_back(std::atoll(number.c_str()));
        return true;
    }
};

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
