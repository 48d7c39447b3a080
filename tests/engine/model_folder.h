// Where tests find real model files.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace kvasir::test {

/// $KVASIR_MODELS, else ~/.cache/kvasir/models. The file need not exist.
inline std::filesystem::path modelFile(std::string_view name) {
    if (const char* folder = std::getenv("KVASIR_MODELS"); folder != nullptr && *folder != '\0') {
        return std::filesystem::path(folder) / name;
    }
    const char* home = std::getenv("HOME");
    return std::filesystem::path(home != nullptr ? home : ".") / ".cache/kvasir/models" / name;
}

inline constexpr std::string_view kSmollm2 = "SmolLM2-135M-Instruct.Q4_1.gguf";
inline constexpr std::string_view kQwen2 = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
inline constexpr std::string_view kGemma3 = "gemma-3-270m-q4_k_m.gguf";

}  // namespace kvasir::test
