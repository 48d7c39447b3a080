#include "app/cli/output.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include <unistd.h>

#include "app/prompt.h"

namespace kvasir::cli {

const char* codeName(ErrorCode code) {
    switch (code) {
        case ErrorCode::NotFound:
            return "not_found";
        case ErrorCode::Unreadable:
            return "unreadable";
        case ErrorCode::Empty:
            return "empty";
        case ErrorCode::Damaged:
            return "damaged";
        case ErrorCode::Unsupported:
            return "unsupported";
        case ErrorCode::Locked:
            return "locked";
        case ErrorCode::TooLarge:
            return "too_large";
        case ErrorCode::OutOfMemory:
            return "out_of_memory";
        case ErrorCode::NoSpace:
            return "no_space";
        case ErrorCode::ReadOnly:
            return "read_only";
        case ErrorCode::Busy:
            return "busy";
        case ErrorCode::DeviceFailed:
            return "device_failed";
        case ErrorCode::Cancelled:
            return "cancelled";
        case ErrorCode::ReaderStopped:
            return "reader_stopped";
        case ErrorCode::InvalidArgument:
            return "invalid_argument";
        case ErrorCode::Internal:
            return "internal";
    }
    return "internal";
}

const char* modeName(AnswerMode mode) {
    switch (mode) {
        case AnswerMode::FirstLook:
            return "first_look";
        case AnswerMode::Quick:
            return "quick";
        case AnswerMode::Full:
            return "full";
        case AnswerMode::Parts:
            return "parts";
    }
    return "quick";
}

const char* verdictName(Verdict verdict) {
    switch (verdict) {
        case Verdict::SameWords:
            return "same_words";
        case Verdict::SameFacts:
            return "same_facts";
        case Verdict::Different:
            return "different";
    }
    return "different";
}

Json partsJson(const PartsRead& parts) {
    if (parts.all == 0) return {};
    return {{"read", parts.read}, {"all", parts.all}};
}

Json turnsJson(const TurnsTaken& turns) {
    const char* limit = turns.limit == TurnsTaken::Limit::Tokens   ? "tokens"
                        : turns.limit == TurnsTaken::Limit::Window ? "window"
                                                                   : "none";
    return {{"given", turns.given},
            {"taken", turns.taken},
            {"tokens", turns.tokens},
            {"shortened", turns.shortened},
            {"limit", limit}};
}

std::string turnsLeftOut(const TurnsTaken& turns) {
    if (turns.taken == turns.given && !turns.shortened) return {};
    const std::string why = turns.limit == TurnsTaken::Limit::Window
                                ? "the document leaves no more room for them."
                                : "together they may take " + std::to_string(kMostTurnTokens) + " tokens.";
    if (turns.taken == 0) return "The earlier answers were left out: " + why;
    if (turns.taken == turns.given) return "The earlier answer was shortened: " + why;
    return "Of " + std::to_string(turns.given) + " earlier answers the newest " +
           (turns.taken == 1 ? std::string("one") : std::to_string(turns.taken)) + " went along: " + why;
}

const char* finishName(FinishReason finish) {
    switch (finish) {
        case FinishReason::End:
            return "end";
        case FinishReason::Length:
            return "length";
        case FinishReason::Repetition:
            return "repetition";
        case FinishReason::Stopped:
            return "stopped";
    }
    return "end";
}

Json toJson(const Error& error) {
    return {{"code", codeName(error.code)},
            {"what", error.what},
            {"where", error.where},
            {"advice", error.advice}};
}

int failed(const Error& error, bool json) {
    std::fprintf(stderr, "kvasir-cli: %s\n", error.message().c_str());
    if (json) print({{"error", toJson(error)}});
    return 1;
}

void print(const Json& json) {
    const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

ProgressLine::~ProgressLine() {
    finish();
}

void ProgressLine::show(const std::string& step, double share, double secondsLeft) {
    const bool terminal = isatty(STDERR_FILENO) != 0;
    const std::int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                                 std::chrono::steady_clock::now().time_since_epoch())
                                 .count();
    const bool newStep = step != m_step;
    if (!newStep && (!terminal || now - m_lastMs < 100)) return;
    if (newStep) finish();
    m_step = step;
    m_lastMs = now;
    std::string line = step;
    if (terminal && share >= 0) line += " " + std::to_string(static_cast<int>(share * 100)) + " %";
    if (terminal && secondsLeft >= 1)
        line += ", about " + std::to_string(static_cast<int>(secondsLeft)) + " s left";
    std::fprintf(stderr, terminal ? "\r\033[K%s" : "%s\n", line.c_str());
    m_open = terminal;
}

void ProgressLine::finish() {
    if (m_open) std::fprintf(stderr, "\r\033[K");
    m_open = false;
}

InterruptStop::InterruptStop() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    // request_stop may not be called in a signal handler, so a thread waits for the signal. It ends with the
    // program.
    std::thread([signals, source = m_source]() mutable {
        int signal = 0;
        sigwait(&signals, &signal);
        source.request_stop();
        sigwait(&signals, &signal);
        _exit(128 + signal);
    }).detach();
}

}  // namespace kvasir::cli
