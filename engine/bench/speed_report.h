// What was measured, as a table for people and as JSON for programs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/bench/speed.h"

namespace kvasir::bench {

/// What one program measured with one model at one length.
struct Measured {
    std::string model;
    std::string program;  ///< "kvasir", or a peer's name
    std::int64_t length = 0;
    Samples samples;
};
inline constexpr std::string_view kOurs = "kvasir";

/// A row for each quantity: model, program, length, quantity, unit, median, least, most, samples.
nlohmann::ordered_json rowsOf(const std::vector<Measured>& measured);

/// By name, model and length: how many times faster ours is than the fastest peer; 0.5 is half as fast. What
/// nobody can compare is left out; without peers it is empty.
///   dense: full context, nothing resident. cold_quick: our quick answer against that of the peer's full
///   prefill. resident_quick, after_full: our resident document against the same. warm: after the full
///   reading, against a peer that holds the prefix. decode_full, decode_10: writing, against the peer's over
///   all keys and values.
nlohmann::ordered_json ratiosOf(const std::vector<Measured>& measured);

/// Both as text, a block for each model and length.
std::string tableOf(const std::vector<Measured>& measured);

}  // namespace kvasir::bench
