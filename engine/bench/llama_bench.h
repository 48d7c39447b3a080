// llama.cpp's `llama-bench` as the program to be compared with: how it is asked, and what it says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/bench/speed.h"
#include "engine/error.h"

namespace kvasir::bench {

/// One line of its results: `prompt` tokens read, or `generated` ones written, behind `depth` tokens that it
/// holds already.
struct PeerResult {
    std::int64_t prompt = 0, generated = 0, depth = 0;
    std::vector<double> milliseconds;  ///< of each repetition, at least one
};

/// Its output with `-o json`, parsed. Errors: Damaged (no JSON, or not such a list; `where` names the field).
Result<std::vector<PeerResult>> parseLlamaBench(std::string_view json);

struct PeerQuestion {
    std::filesystem::path model;
    std::int64_t length = 0, question = 0, written = 0;
    int threads = 1;
    bool gpu = false;
};
/// Argument lists for one sample of everything: cold, then with the document held.
std::vector<std::vector<std::string>> llamaBenchArguments(const PeerQuestion& question);

/// Adds what such a call measured, by our names of quantities: a cold prompt is `full_prefill`, a question
/// behind a held prefix `after_full`, writing behind it `decode_full`.
void addPeerSamples(const PeerQuestion& question, const std::vector<PeerResult>& results, Samples& samples);

}  // namespace kvasir::bench
