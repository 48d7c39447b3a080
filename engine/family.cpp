#include "engine/family.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace kvasir {
namespace {

struct Family {
    std::string_view architecture;
    kernels::RopeStyle ropeStyle;
    bool queryKeyValueBias;
};

// llama: rows of Q and K are permuted in GGUF files so that rotated pairs are neighbours.
constexpr std::array kFamilies{
    Family{"llama", kernels::RopeStyle::Interleaved, false},  // Llama 2 and 3, Mistral, SmolLM2
    Family{"qwen2", kernels::RopeStyle::Half, true},          // Qwen 2 and 2.5
};

constexpr std::int64_t kMaxLayers = 1024, kMaxWidth = 1 << 20, kMaxHeadSize = 256, kMaxWindow = 1 << 24;

std::string supportedNames() {
    std::string names;
    for (const Family& family : kFamilies)
        names += (names.empty() ? "" : ", ") + std::string(family.architecture);
    return names;
}

tl::unexpected<Error> damaged(const GgufFile& file, const std::string& key, const std::string& problem) {
    return fail(ErrorCode::Damaged, "The model file's setting '" + key + "' " + problem + ".",
                file.path().string(), "Download the model again, or choose another one.");
}

tl::unexpected<Error> unsupported(const GgufFile& file, const std::string& what,
                                  const std::string& supported) {
    return fail(ErrorCode::Unsupported, what, file.path().string(),
                "Choose another model file; supported: " + supported + ".");
}

/// Reads integers with a range; the first problem is kept.
class Keys {
public:
    Keys(const GgufFile& file, std::string architecture)
        : m_file(file), m_prefix(std::move(architecture) + ".") {}

    std::int32_t required(const std::string& key, std::int64_t most) {
        return value(key, most, std::nullopt);
    }
    std::int32_t optional(const std::string& key, std::int64_t most, std::int64_t otherwise) {
        return value(key, most, otherwise);
    }
    float requiredNumber(const std::string& key) {
        const std::optional<double> found = m_file.number(m_prefix + key);
        if (!found || !std::isfinite(*found) || *found <= 0 || *found > 1) {
            note(key, "is missing or outside 0..1");
            return 1;
        }
        return static_cast<float>(*found);
    }
    const std::optional<std::pair<std::string, std::string>>& problem() const { return m_problem; }

private:
    std::int32_t value(const std::string& key, std::int64_t most, std::optional<std::int64_t> otherwise) {
        const std::string full = m_prefix + key;
        if (!m_file.has(full) && otherwise) return static_cast<std::int32_t>(*otherwise);
        const std::optional<std::int64_t> found = m_file.integer(full);
        if (!found || *found < 1 || *found > most) {
            note(key, "is missing or outside 1.." + std::to_string(most));
            return 1;
        }
        return static_cast<std::int32_t>(*found);
    }
    void note(const std::string& key, std::string problem) {
        if (!m_problem) m_problem = {m_prefix + key, std::move(problem)};
    }

    const GgufFile& m_file;
    std::string m_prefix;
    std::optional<std::pair<std::string, std::string>> m_problem;
};

/// Rotary frequencies with the file's scaling: none, linear, or Llama 3's factors (tensor rope_freqs.weight).
Result<std::vector<double>> ropeFrequencies(const GgufFile& file, const std::string& arch,
                                            std::int32_t size) {
    const double base = file.number(arch + ".rope.freq_base").value_or(10000.0);
    if (!std::isfinite(base) || base <= 1) return damaged(file, arch + ".rope.freq_base", "is out of range");
    std::vector<double> frequencies(static_cast<std::size_t>(size / 2));
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
        frequencies[i] = std::pow(base, -2.0 * static_cast<double>(i) / size);
    }
    const std::string_view scaling = file.string(arch + ".rope.scaling.type").value_or("none");
    if (scaling == "linear") {
        const double factor = file.number(arch + ".rope.scaling.factor").value_or(1.0);
        if (!std::isfinite(factor) || factor < 1)
            return damaged(file, arch + ".rope.scaling.factor", "is below 1");
        for (double& frequency : frequencies)
            frequency /= factor;
    } else if (scaling != "none") {
        return unsupported(
            file, "The model stretches its window by '" + std::string(scaling) + "', which Kvasir cannot do.",
            "none, linear, Llama 3 factors");
    }
    if (const GgufTensor* factors = file.tensor("rope_freqs.weight")) {
        if (factors->type != kernels::TensorType::F32 || factors->shape.size() != 1 ||
            factors->shape[0] != static_cast<std::int64_t>(frequencies.size())) {
            return damaged(file, "rope_freqs.weight", "has another shape than the model needs");
        }
        const float* values = reinterpret_cast<const float*>(factors->data.data());
        for (std::size_t i = 0; i < frequencies.size(); ++i) {
            if (!(values[i] > 0))
                return damaged(file, "rope_freqs.weight", "holds a factor that is not positive");
            frequencies[i] /= values[i];
        }
    }
    return frequencies;
}

}  // namespace

Result<ModelConfig> readConfig(const GgufFile& file) {
    const std::optional<std::string_view> arch = file.string("general.architecture");
    if (!arch) return damaged(file, "general.architecture", "is missing");
    const auto* family = std::find_if(kFamilies.begin(), kFamilies.end(), [&](const Family& candidate) {
        return candidate.architecture == *arch;
    });
    if (family == kFamilies.end()) {
        return unsupported(
            file, "The model's architecture is '" + std::string(*arch) + "', which Kvasir does not know.",
            supportedNames());
    }
    ModelConfig config;
    config.architecture = *arch;
    config.name = file.string("general.name").value_or(file.path().stem().string());
    config.ropeStyle = family->ropeStyle;
    config.queryKeyValueBias = family->queryKeyValueBias;
    for (const char* key : {".attention.head_count", ".attention.head_count_kv", ".feed_forward_length"}) {
        if (!file.integers(config.architecture + key).empty()) {
            return unsupported(
                file, "The model's layers differ in size ('" + config.architecture + key + "' is a list).",
                "models with equal layers");
        }
    }
    Keys keys(file, config.architecture);
    config.layers = keys.required("block_count", kMaxLayers);
    config.width = keys.required("embedding_length", kMaxWidth);
    config.feedForward = keys.required("feed_forward_length", kMaxWidth);
    config.heads = keys.required("attention.head_count", kMaxWidth);
    config.kvHeads = keys.optional("attention.head_count_kv", kMaxWidth, config.heads);
    config.headSize =
        keys.optional("attention.key_length", kMaxWidth, std::max(1, config.width / config.heads));
    const std::int32_t valueSize = keys.optional("attention.value_length", kMaxWidth, config.headSize);
    config.window = keys.required("context_length", kMaxWindow);
    config.eps = keys.requiredNumber("attention.layer_norm_rms_epsilon");
    config.ropeSize = keys.optional("rope.dimension_count", kMaxWidth, config.headSize);
    if (keys.problem()) return damaged(file, keys.problem()->first, keys.problem()->second);

    if (config.heads % config.kvHeads != 0)
        return damaged(file, config.architecture + ".attention.head_count_kv", "does not divide the heads");
    if (config.ropeSize > config.headSize || config.ropeSize % 2 != 0) {
        return damaged(file, config.architecture + ".rope.dimension_count", "does not fit the head size");
    }
    if (valueSize != config.headSize || config.headSize > kMaxHeadSize || config.headSize % 8 != 0) {
        return unsupported(file,
                           "The model's heads are " + std::to_string(config.headSize) + " and " +
                               std::to_string(valueSize) + " wide.",
                           "equal key and value heads of a multiple of 8, at most 256");
    }
    if (config.width % 32 != 0 || config.feedForward % 32 != 0 || config.heads * config.headSize % 32 != 0) {
        return unsupported(file, "The model's rows are no multiple of 32 wide.",
                           "widths that are multiples of 32");
    }
    Result<std::vector<double>> frequencies = ropeFrequencies(file, config.architecture, config.ropeSize);
    if (!frequencies) return tl::unexpected(frequencies.error());
    config.inverseFrequency = std::move(*frequencies);
    return config;
}

}  // namespace kvasir
