#include "engine/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace kvasir {
namespace {

struct Drawn {
    double weight = 0;
    TokenId id = 0;
};

bool isBetter(const Drawn& a, const Drawn& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
}

/// Leaves the fewest of the heaviest whose weights add up to `share` of all. A vocabulary is large and the
/// answer is usually among the first few, so that only as many as needed are sorted.
void keepTop(std::vector<Drawn>& tokens, double share) {
    double all = 0;
    for (const Drawn& token : tokens)
        all += token.weight;
    std::size_t sorted = 0;
    double sum = 0;
    for (std::size_t count = 64; sorted < tokens.size(); count *= 8) {
        const std::size_t end = std::min(count, tokens.size());
        const auto at = [&](std::size_t i) { return tokens.begin() + static_cast<std::ptrdiff_t>(i); };
        std::partial_sort(at(sorted), at(end), tokens.end(), isBetter);
        for (; sorted < end; ++sorted) {
            sum += tokens[sorted].weight;
            if (sum < share * all) continue;
            tokens.resize(sorted + 1);
            return;
        }
    }
}

}  // namespace

Result<void> SamplerSettings::check() const {
    const auto wrong = [](const char* what, const char* where, const char* range) {
        return fail(ErrorCode::InvalidArgument, what, where, std::string("Choose a value in ") + range + ".");
    };
    // Written so that NaN is refused too.
    if (!(temperature >= 0 && temperature <= 10))
        return wrong("The temperature is out of range.", "temperature", "0..10");
    if (!(topP > 0 && topP <= 1))
        return wrong("The share of probability is out of range.", "top-p", "0.001..1");
    if (!(minP >= 0 && minP <= 1)) return wrong("The least probability is out of range.", "min-p", "0..1");
    if (!(repeatPenalty >= 0.5F && repeatPenalty <= 4))
        return wrong("The repetition penalty is out of range.", "repeat-penalty", "0.5..4");
    return {};
}

TokenId greedy(std::span<const float> logits) {
    // The largest in independent lanes, which compilers turn into vectors; then the first that equals it.
    constexpr std::size_t kLanes = 16;
    std::array<float, kLanes> lanes;
    lanes.fill(-std::numeric_limits<float>::infinity());
    const std::size_t whole = logits.size() / kLanes * kLanes;
    for (std::size_t i = 0; i < whole; i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            lanes[lane] = lanes[lane] < logits[i + lane] ? logits[i + lane] : lanes[lane];
    }
    float largest = *std::max_element(lanes.begin(), lanes.end());
    for (std::size_t i = whole; i < logits.size(); ++i)
        largest = std::max(largest, logits[i]);
    const auto found = std::find(logits.begin(), logits.end(), largest);
    return found == logits.end() ? 0 : static_cast<TokenId>(found - logits.begin());
}

TokenId Sampler::pick(std::span<const float> logits) {
    const std::span<const float> fair = penalise(logits);
    return m_settings.temperature <= 0 ? greedy(fair) : draw(fair);
}

void Sampler::accept(TokenId token) {
    if (m_settings.repeatPenalty == 1) return;
    if (m_recent.size() < kPenalised) {
        m_recent.push_back(token);
        return;
    }
    m_recent[m_next] = token;
    m_next = (m_next + 1) % kPenalised;
}

std::span<const float> Sampler::penalise(std::span<const float> logits) {
    if (m_settings.repeatPenalty == 1 || m_recent.empty()) return logits;
    m_penalised.assign(logits.begin(), logits.end());
    std::vector<TokenId> once = m_recent;
    std::sort(once.begin(), once.end());
    once.erase(std::unique(once.begin(), once.end()), once.end());
    for (const TokenId token : once) {
        if (token < 0 || static_cast<std::size_t>(token) >= logits.size()) continue;
        float& logit = m_penalised[static_cast<std::size_t>(token)];
        logit = logit > 0 ? logit / m_settings.repeatPenalty : logit * m_settings.repeatPenalty;
    }
    return m_penalised;
}

TokenId Sampler::draw(std::span<const float> logits) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    const double least = m_settings.minP;
    std::vector<Drawn> tokens;
    tokens.reserve(logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const double weight = std::exp((logits[i] - largest) / m_settings.temperature);
        // 1 is the largest one's weight: weights are shares of it.
        if (weight > 0 && weight >= least) tokens.push_back({weight, static_cast<TokenId>(i)});
    }
    if (m_settings.topP < 1) keepTop(tokens, m_settings.topP);
    double all = 0;
    for (const Drawn& token : tokens)
        all += token.weight;
    double left = uniform() * all;
    for (const Drawn& token : tokens) {
        left -= token.weight;
        if (left < 0) return token.id;
    }
    return tokens.back().id;  // rounding only
}

/// [0, 1), 53 bits of splitmix64.
double Sampler::uniform() {
    m_state += 0x9E3779B97F4A7C15U;
    std::uint64_t z = m_state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1p-53;
}

Repetition findRepetition(std::span<const TokenId> tokens) {
    constexpr std::size_t kLongest = 96, kRounds = 3;
    // A short round may be a table's rule or a row of dots: it takes more of them to be sure.
    constexpr std::size_t kShortTotal = 18, kShort = 6;
    for (std::size_t period = 1; period <= kLongest; ++period) {
        const std::size_t rounds = period < kShort ? (kShortTotal + period - 1) / period : kRounds;
        if (rounds * period > tokens.size()) continue;
        const auto last = tokens.last(rounds * period);
        if (std::equal(last.begin() + static_cast<std::ptrdiff_t>(period), last.end(), last.begin()))
            return {period, rounds};
    }
    return {};
}

}  // namespace kvasir
