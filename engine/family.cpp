#include "engine/family.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstdlib>
#include <utility>

#include "engine/rope_scaling.h"

namespace kvasir {
namespace {

struct Family {
    std::string_view architecture;
    kernels::RopeStyle ropeStyle;
    bool queryKeyValueBias = false;
    bool queryKeyNorm = false;
    bool postNorms = false;
    bool scaledEmbeddings = false;  ///< by the square root of the width
    GateFunction gate = GateFunction::Silu;
    std::int32_t slidingPeriod = 0;  ///< every so-many-th layer attends to everything
};

// llama: rows of Q and K are permuted in GGUF files so that rotated pairs are neighbours. Norm weights are
// stored with gemma's 1 + w added.
constexpr std::array kFamilies{
    // Llama 2 and 3, Mistral (with attention.sliding_window where the file says so), SmolLM2
    Family{.architecture = "llama", .ropeStyle = kernels::RopeStyle::Interleaved},
    // Qwen 2 and 2.5
    Family{.architecture = "qwen2", .ropeStyle = kernels::RopeStyle::Half, .queryKeyValueBias = true},
    Family{.architecture = "qwen3", .ropeStyle = kernels::RopeStyle::Half, .queryKeyNorm = true},
    Family{.architecture = "gemma3",
           .ropeStyle = kernels::RopeStyle::Half,
           .queryKeyNorm = true,
           .postNorms = true,
           .scaledEmbeddings = true,
           .gate = GateFunction::Gelu,
           .slidingPeriod = 6},
};

constexpr std::int64_t kMaxLayers = 1024, kMaxWidth = 1 << 20, kMaxHeadSize = 256, kMaxWindow = 1 << 24;

/// Settings that change what a layer computes; a file with one of them is refused, not computed wrongly.
constexpr const char* kUnknownArithmetic[] = {".attn_logit_softcapping",
                                              ".final_logit_softcapping",
                                              ".attention.scale",
                                              ".attention.temperature_scale",
                                              ".expert_count",
                                              ".attention.max_alibi_bias",
                                              ".logit_scale",
                                              ".residual_scale",
                                              ".embedding_scale"};

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

/// What the square root in attention is taken of. Gemma 3 27B alone, which its 62 layers tell, has heads of
/// another size than its attention was trained for.
double attendedSize(const ModelConfig& config) {
    const bool gemma27 = config.architecture == "gemma3" && config.layers == 62;
    return gemma27 ? static_cast<double>(config.width) / config.heads : config.headSize;
}

/// Rotation and attention's reach: everything that depends on the file's rope.* and sliding_window keys.
Result<void> readAttention(const GgufFile& file, const Family& family, ModelConfig& config) {
    const std::string& arch = config.architecture;
    const double base = file.number(arch + ".rope.freq_base").value_or(10000.0),
                 localBase = file.number(arch + ".rope.freq_base_swa").value_or(10000.0);
    for (const auto& [key, value] :
         {std::pair(".rope.freq_base", base), std::pair(".rope.freq_base_swa", localBase)}) {
        if (!std::isfinite(value) || value <= 1) return damaged(file, arch + key, "is out of range");
    }
    Result<RopeFrequencies> rope = readRopeFrequencies(file, arch, base, config.ropeSize);
    if (!rope) return tl::unexpected(rope.error());
    if (rope->magnitude != 1 && config.ropeSize != config.headSize) {
        return unsupported(file,
                           "The model stretches its window by 'yarn' and rotates a part of each head only.",
                           "yarn where whole heads are rotated");
    }
    config.inverseFrequency = std::move(rope->inverse);
    // q.k is bilinear: the magnitude of both is one factor.
    config.attentionScale =
        static_cast<float>(rope->magnitude * rope->magnitude / std::sqrt(attendedSize(config)));
    config.slidingPeriod = family.slidingPeriod;
    // Layers of one kind rotate alike; where kinds alternate, sliding ones have a base of their own and no
    // scaling.
    config.localInverseFrequency =
        family.slidingPeriod > 0 ? plainRopeFrequencies(localBase, config.ropeSize) : config.inverseFrequency;
    return {};
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
    config.queryKeyNorm = family->queryKeyNorm;
    config.postNorms = family->postNorms;
    config.gate = family->gate;
    for (const char* key : {".attention.head_count", ".attention.head_count_kv", ".feed_forward_length"}) {
        if (!file.integers(config.architecture + key).empty()) {
            return unsupported(
                file, "The model's layers differ in size ('" + config.architecture + key + "' is a list).",
                "models with equal layers");
        }
    }
    for (const char* key : kUnknownArithmetic) {
        if (file.number(config.architecture + key).value_or(0) == 0) continue;
        return unsupported(
            file,
            "The model computes in a way that Kvasir does not know ('" + config.architecture + key + "').",
            supportedNames());
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
    if (file.integer(config.architecture + ".attention.sliding_window") != 0)
        config.sliding = keys.optional("attention.sliding_window", kMaxWindow, 0);
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
    // Where all layers are alike, a reach as long as the window is none.
    if (family->slidingPeriod == 0 && config.sliding >= config.window) config.sliding = 0;
    if (family->slidingPeriod > 0 && config.sliding == 0)
        return damaged(file, config.architecture + ".attention.sliding_window", "is missing");
    if (family->scaledEmbeddings) config.embeddingScale = std::sqrt(static_cast<float>(config.width));
    if (Result<void> read = readAttention(file, *family, config); !read) return tl::unexpected(read.error());
    return config;
}

void ModelConfig::averageRotation(float* head, std::int64_t count) const {
    const std::size_t pairs = inverseFrequency.size();
    const bool half = ropeStyle == kernels::RopeStyle::Half;
    for (std::size_t i = 0; i < pairs; ++i) {
        // The mean of e^(i f p) over p in [0, count): a geometric series.
        const double frequency = inverseFrequency[i];
        const auto n = static_cast<double>(count);
        const std::complex<double> mean =
            (std::polar(1.0, frequency * n) - 1.0) / ((std::polar(1.0, frequency) - 1.0) * n);
        float& x = head[half ? i : 2 * i];
        float& y = head[half ? i + pairs : 2 * i + 1];
        const std::complex<double> rotated = std::complex<double>(x, y) * mean;
        x = static_cast<float>(rotated.real());
        y = static_cast<float>(rotated.imag());
    }
}

std::int32_t ModelConfig::nearestFullLayer(std::int32_t layer) const {
    std::int32_t nearest = layers - 1;
    bool found = false;
    for (std::int32_t i = 0; i < layers; ++i) {
        if (reach(i) != 0) continue;
        if (!found || std::abs(i - layer) < std::abs(nearest - layer)) nearest = i;
        found = true;
    }
    return nearest;
}

}  // namespace kvasir
