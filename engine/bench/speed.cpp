#include "engine/bench/speed.h"

#include <algorithm>
#include <chrono>
#include <random>

#include "engine/model.h"
#include "engine/policy.h"
#include "engine/sampler.h"

namespace kvasir::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kConfirmed = 100;

double millisecondsSince(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void add(Samples& samples, std::string_view quantity, double value) {
    samples[std::string(quantity)].push_back(value);
}

}  // namespace

bool isRate(std::string_view quantity) {
    return quantity == quantity::kDecodeFull || quantity == quantity::kDecode10;
}

Spread spreadOf(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    const std::size_t middle = samples.size() / 2;
    const double median =
        samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
    return {median, samples.front(), samples.back()};
}

Speed::Speed(LayerRunner& runner, std::int64_t length, const SpeedSettings& settings)
    : m_runner(runner), m_length(length), m_settings(settings) {
    m_tokens.resize(static_cast<std::size_t>(length));
    std::mt19937 random(5);
    for (TokenId& token : m_tokens)
        token = static_cast<TokenId>(random() % static_cast<unsigned>(config().vocabulary));
}

Result<std::unique_ptr<Speed>> Speed::create(LayerRunner& runner, std::int64_t length,
                                             const SpeedSettings& settings) {
    if (length <= std::max(settings.question, kConfirmed) || settings.question < 1 || settings.written < 1) {
        return fail(ErrorCode::InvalidArgument, "A length must leave a document in front of the question.",
                    "length " + std::to_string(length), "Give lengths above 100 tokens.");
    }
    const std::int64_t window = runner.model().config().window;
    if (length + settings.written + 1 > window) {
        return fail(ErrorCode::TooLarge,
                    "The model's window of " + std::to_string(window) +
                        " tokens has no room for the prompt and what is written.",
                    "length " + std::to_string(length), "Give shorter lengths.");
    }
    return std::unique_ptr<Speed>(new Speed(runner, length, settings));
}

Result<std::unique_ptr<ResidentDocument>> Speed::document(std::int64_t tokens, std::int32_t tspLayer) {
    return ResidentDocument::create(m_runner.model(), m_runner.backend(),
                                    {m_tokens.begin(), m_tokens.begin() + tokens}, tspLayer,
                                    kernels::KvType::F16);
}

Result<void> Speed::prepare(const std::stop_token& stop) {
    m_stop = stop;
    const auto read = [&](std::int64_t tokens, std::int32_t tspLayer,
                          std::unique_ptr<ResidentDocument>& to) -> Result<void> {
        auto made = document(tokens, tspLayer);
        if (!made) return tl::unexpected(made.error());
        to = std::move(*made);
        return to->readEarly(m_runner, m_stop, {});
    };
    const std::int64_t tokens = m_length - m_settings.question;
    const std::int32_t last = config().layers - 1;
    if (Result<void> done = read(0, last, m_nothing); !done) return done;
    if (Result<void> done = read(tokens, Policy::shipped(config()).tspLayer, m_early); !done) return done;
    if (m_settings.paper) {
        Result<void> done = read(tokens, Policy::paper(config()).tspLayer, m_earlyPaper);
        if (!done) return done;
    }
    return read(tokens, last, m_full);
}

Result<std::unique_ptr<Generation>> Speed::answer(const ResidentDocument& resident, const Policy& policy,
                                                  std::int64_t question) {
    const std::int64_t length = resident.size() + question;
    std::vector<TokenId> tail(m_tokens.end() - question, m_tokens.end());
    Generation::Options options;
    options.policy = policy;
    options.maxTokens = m_settings.written + 1;
    const PromptLayout layout{0, length - std::min(length, m_settings.question), length};
    return Generation::create(m_runner, resident, std::move(tail), layout, std::move(options));
}

Result<std::unique_ptr<Generation>> Speed::ask(std::string_view quantity, const ResidentDocument& resident,
                                               const Policy& policy, std::int64_t question,
                                               Samples& samples) {
    m_runner.backend().synchronise();
    const Clock::time_point start = Clock::now();
    auto made = answer(resident, policy, question);
    if (!made) return made;
    if (Result<void> done = (*made)->prefill(m_stop); !done) return tl::unexpected(done.error());
    add(samples, quantity, millisecondsSince(start));
    return made;
}

Result<void> Speed::cold(std::string_view quantity, const Policy& policy, Samples& samples) {
    auto made = document(0, policy.tspLayer);
    if (!made) return tl::unexpected(made.error());
    const auto asked = ask(quantity, **made, policy, m_length, samples);
    if (!asked) return tl::unexpected(asked.error());
    return {};
}

Result<void> Speed::write(std::string_view quantity, Generation& answer, Samples& samples) {
    // The first token waits for what the prefill left behind.
    if (Result<void> done = answer.accept(greedy(answer.logits()), m_stop); !done) return done;
    m_runner.backend().synchronise();
    const Clock::time_point start = Clock::now();
    for (std::int64_t i = 0; i < m_settings.written; ++i) {
        if (Result<void> done = answer.accept(greedy(answer.logits()), m_stop); !done) return done;
    }
    add(samples, quantity, static_cast<double>(m_settings.written) / millisecondsSince(start) * 1e3);
    return {};
}

Result<void> Speed::sample(Samples& samples, const std::stop_token& stop) {
    m_stop = stop;
    const Policy full = Policy::full(config()), paper = Policy::paper(config()),
                 shipped = Policy::shipped(config());
    if (Result<void> done = cold(quantity::kFullPrefill, full, samples); !done) return done;
    if (Result<void> done = cold(quantity::kColdQuick, shipped, samples); !done) return done;
    auto asked = ask(quantity::kResidentQuick, *m_early, shipped, m_settings.question, samples);
    if (!asked) return tl::unexpected(asked.error());
    if (m_settings.paper) {
        if (Result<void> done = cold(quantity::kColdPaper, paper, samples); !done) return done;
        asked->reset();
        asked = ask(quantity::kResidentPaper, *m_earlyPaper, paper, m_settings.question, samples);
        if (!asked) return tl::unexpected(asked.error());
        if (Result<void> done = write(quantity::kDecode10, **asked, samples); !done) return done;
    }
    if (m_settings.confirmation) {
        asked->reset();
        asked = ask(quantity::kConfirmation, *m_full, full, kConfirmed, samples);
        if (!asked) return tl::unexpected(asked.error());
    }
    asked->reset();
    asked = ask(quantity::kAfterFull, *m_full, full, m_settings.question, samples);
    if (!asked) return tl::unexpected(asked.error());
    return write(quantity::kDecodeFull, **asked, samples);
}

}  // namespace kvasir::bench
