// How kvasir-cli speaks: results on standard output, everything else on standard error.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include <nlohmann/json.hpp>

#include "app/answer.h"
#include "engine/error.h"

namespace kvasir::cli {

using Json = nlohmann::ordered_json;

/// Writes the error for people to standard error, and as {"error": ...} to standard output with --json.
/// Returns 1.
int failed(const Error& error, bool json);
Json toJson(const Error& error);
const char* codeName(ErrorCode code);
const char* modeName(AnswerMode mode);
const char* verdictName(Verdict verdict);
const char* finishName(FinishReason finish);
/// {"read", "all"}, or null.
Json partsJson(const PartsRead& parts);

/// {"given", "taken", "tokens", "shortened", "limit"}: what went along of earlier answers.
Json turnsJson(const TurnsTaken& turns);
/// Why not all that a question goes on from went along; empty when all did.
std::string turnsLeftOut(const TurnsTaken& turns);

/// One line with the object. Invalid UTF-8 is replaced, never thrown at.
void print(const Json& json);

/// A line on standard error that overwrites itself on a terminal; elsewhere one line for each new `step`.
class ProgressLine {
public:
    ~ProgressLine();
    /// share < 0: not known; secondsLeft < 0: not known.
    void show(const std::string& step, double share, double secondsLeft);
    void finish();

private:
    std::string m_step;
    bool m_open = false;
    std::int64_t m_lastMs = 0;
};

/// Ctrl+C asks for a stop; a second one ends the program at once. Make it before any other thread.
class InterruptStop {
public:
    InterruptStop();
    std::stop_token token() const { return m_source.get_token(); }

private:
    std::stop_source m_source;
};

}  // namespace kvasir::cli
