#include "engine/rope_scaling.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace kvasir {
namespace {

tl::unexpected<Error> damaged(const GgufFile& file, const std::string& key, const std::string& problem) {
    return fail(ErrorCode::Damaged, "The model file's setting '" + key + "' " + problem + ".",
                file.path().string(), "Download the model again, or choose another one.");
}

/// The numbers below rope.scaling., each within a range; the first problem is kept.
class ScalingKeys {
public:
    ScalingKeys(const GgufFile& file, const std::string& arch)
        : m_file(file), m_prefix(arch + ".rope.scaling.") {}

    double number(const std::string& key, double least, double most, std::optional<double> otherwise = {}) {
        const std::string full = m_prefix + key;
        if (!m_file.has(full) && otherwise) return *otherwise;
        const std::optional<double> found = m_file.number(full);
        if (found && std::isfinite(*found) && *found >= least && *found <= most) return *found;
        if (m_problem.empty()) m_problem = full;
        return least;
    }
    const std::string& problem() const { return m_problem; }

private:
    const GgufFile& m_file;
    std::string m_prefix;
    std::string m_problem;
};

constexpr double kMostFactor = 1e6, kMostWindow = 1e9;

void scaleYarn(ScalingKeys& keys, double base, std::int32_t size, RopeFrequencies& rope) {
    const double factor = keys.number("factor", 1, kMostFactor),
                 trained = keys.number("original_context_length", 1, kMostWindow),
                 fast = keys.number("yarn_beta_fast", 1e-3, 1e6, 32),
                 slow = keys.number("yarn_beta_slow", 1e-3, 1e6, 1);
    rope.magnitude = keys.number("attn_factor", 1e-3, 1e3, 1) * (1 + 0.1 * std::log(factor));
    const auto pairThatTurns = [&](double times) {
        return size * std::log(trained / (times * 2 * std::numbers::pi)) / (2 * std::log(base));
    };
    const double first = std::max(0.0, std::floor(pairThatTurns(fast))),
                 last = std::min(size - 1.0, std::ceil(pairThatTurns(slow)));
    for (std::size_t i = 0; i < rope.inverse.size(); ++i) {
        const double stretched =
            std::clamp((static_cast<double>(i) - first) / std::max(0.001, last - first), 0.0, 1.0);
        rope.inverse[i] *= 1 - stretched + stretched / factor;
    }
}

/// Waves longer than trained / low turns are divided, those shorter than trained / high turns are not.
void scaleLlama3(ScalingKeys& keys, RopeFrequencies& rope) {
    const double factor = keys.number("factor", 1, kMostFactor),
                 trained = keys.number("original_context_length", 1, kMostWindow),
                 low = keys.number("low_freq_factor", 1e-3, 1e3, 1),
                 high = keys.number("high_freq_factor", 1e-3, 1e3, 4);
    for (double& frequency : rope.inverse) {
        const double turns = trained * frequency / (2 * std::numbers::pi);
        const double kept = high > low    ? std::clamp((turns - low) / (high - low), 0.0, 1.0)
                            : turns > low ? 1.0
                                          : 0.0;
        frequency *= kept + (1 - kept) / factor;
    }
}

/// The tensor that files of Llama 3.1 and later bring.
Result<void> divideByTensor(const GgufFile& file, RopeFrequencies& rope) {
    const GgufTensor* factors = file.tensor("rope_freqs.weight");
    if (factors == nullptr) return {};
    if (factors->type != kernels::TensorType::F32 || factors->shape.size() != 1 ||
        factors->shape[0] != static_cast<std::int64_t>(rope.inverse.size())) {
        return damaged(file, "rope_freqs.weight", "has another shape than the model needs");
    }
    const float* values = reinterpret_cast<const float*>(factors->data.data());
    for (std::size_t i = 0; i < rope.inverse.size(); ++i) {
        if (!(values[i] > 0) || !std::isfinite(values[i]))
            return damaged(file, "rope_freqs.weight", "holds a factor that is not positive");
        rope.inverse[i] /= static_cast<double>(values[i]);
    }
    return {};
}

}  // namespace

std::vector<double> plainRopeFrequencies(double base, std::int32_t size) {
    std::vector<double> inverse(static_cast<std::size_t>(size / 2));
    for (std::size_t i = 0; i < inverse.size(); ++i)
        inverse[i] = std::pow(base, -2.0 * static_cast<double>(i) / size);
    return inverse;
}

Result<RopeFrequencies> readRopeFrequencies(const GgufFile& file, const std::string& arch, double base,
                                            std::int32_t size) {
    RopeFrequencies rope{plainRopeFrequencies(base, size), 1};
    ScalingKeys keys(file, arch);
    const std::string_view scaling = file.string(arch + ".rope.scaling.type").value_or("none");
    if (scaling == "linear") {
        const double factor = keys.number("factor", 1, kMostFactor, 1);
        for (double& frequency : rope.inverse)
            frequency /= factor;
    } else if (scaling == "yarn") {
        scaleYarn(keys, base, size, rope);
    } else if (scaling == "llama3") {
        scaleLlama3(keys, rope);
    } else if (scaling != "none") {
        return fail(
            ErrorCode::Unsupported,
            "The model stretches its window by '" + std::string(scaling) + "', which Kvasir cannot do.",
            file.path().string(), "Choose another model file; supported: none, linear, yarn, llama3.");
    }
    if (!keys.problem().empty()) return damaged(file, keys.problem(), "is missing or out of range");
    if (Result<void> divided = divideByTensor(file, rope); !divided) return tl::unexpected(divided.error());
    return rope;
}

}  // namespace kvasir
