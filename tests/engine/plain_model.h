// A transformer and FastKV written down once more, in double precision and as plainly as their definitions,
// to hold the engine against. Nothing is shared with the engine but the settings. O(n^2) everywhere: for
// prompts of some hundred tokens and models of a few layers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "engine/policy.h"
#include "tests/engine/tiny_model.h"

namespace kvasir::test {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

/// What one key/value head remembers of one token.
struct PlainEntry {
    std::int32_t position = 0;
    Row key, value;
};
/// Per key/value head, in ascending order of position.
using PlainCache = std::vector<std::vector<PlainEntry>>;

class PlainModel {
public:
    explicit PlainModel(const TinyModel& file) : m_file(file), m_arch(file.sizes.architecture) {
        const TinySizes& s = file.sizes;
        m_gemma = m_arch == "gemma3";
        m_interleaved = m_arch == "llama";
        m_sliding = file.integers.contains(m_arch + ".attention.sliding_window")
                        ? file.integers.at(m_arch + ".attention.sliding_window")
                        : 0;
        m_frequency = frequencies(number("rope.freq_base", 10000), true);
        m_localFrequency = frequencies(number("rope.freq_base_swa", 10000), false);
        m_attentionScale = 1 / std::sqrt(static_cast<double>(s.headSize));
        if (text("rope.scaling.type") == "yarn") {
            const double magnitude = 1 + 0.1 * std::log(number("rope.scaling.factor", 1));
            m_attentionScale *= magnitude * magnitude;
        }
        for (const TinyTensor& tensor : file.tensors)
            m_tensors[tensor.name] = &tensor;
    }

    std::int32_t layers() const { return m_file.sizes.layers; }
    /// Positions within reach in a layer, the own one included; 0: all.
    std::int32_t reach(std::int32_t layer) const { return m_gemma && (layer + 1) % 6 == 0 ? 0 : m_sliding; }

    Rows embed(const std::vector<TokenId>& tokens) const {
        const TinyTensor& table = *m_tensors.at("token_embd.weight");
        const double scale = m_gemma ? std::sqrt(static_cast<double>(m_file.sizes.width)) : 1;
        Rows rows;
        for (const TokenId token : tokens) {
            const auto begin = table.values.begin() + std::int64_t{token} * table.shape[0];
            rows.emplace_back(begin, begin + table.shape[0]);
            for (double& x : rows.back())
                x *= scale;
        }
        return rows;
    }

    /// One layer over `hidden`, whose rows have these positions; their keys and values join the cache.
    /// Returns the queries after rotation, (n)(H * d).
    Rows layer(std::int32_t index, Rows& hidden, const std::vector<std::int32_t>& positions,
               PlainCache& cache) const {
        const TinySizes& s = m_file.sizes;
        const std::string block = "blk." + std::to_string(index) + ".";
        const std::size_t d = static_cast<std::size_t>(s.headSize);
        cache.resize(static_cast<std::size_t>(s.kvHeads));
        Rows queries;
        for (std::size_t r = 0; r < hidden.size(); ++r) {
            const Row x = norm(hidden[r], block + "attn_norm.weight");
            Row q = linear(x, block + "attn_q"), k = linear(x, block + "attn_k");
            const Row v = linear(x, block + "attn_v");
            for (std::size_t h = 0; h < static_cast<std::size_t>(s.heads); ++h)
                place(q, h * d, block + "attn_q_norm.weight", positions[r], index);
            for (std::size_t g = 0; g < static_cast<std::size_t>(s.kvHeads); ++g) {
                place(k, g * d, block + "attn_k_norm.weight", positions[r], index);
                cache[g].push_back({positions[r], slice(k, g * d, d), slice(v, g * d, d)});
            }
            queries.push_back(q);
        }
        for (std::size_t r = 0; r < hidden.size(); ++r) {
            Row mixed;
            for (std::int32_t h = 0; h < s.heads; ++h) {
                const auto& head = cache[static_cast<std::size_t>(h / (s.heads / s.kvHeads))];
                const Row p = attention(index, queries[r], h, positions[r], head);
                Row sum(d, 0);
                for (std::size_t e = 0; e < head.size(); ++e) {
                    for (std::size_t i = 0; i < d; ++i)
                        sum[i] += p[e] * head[e].value[i];
                }
                mixed.insert(mixed.end(), sum.begin(), sum.end());
            }
            add(hidden[r],
                optionalNorm(linear(mixed, block + "attn_output"), block + "post_attention_norm.weight"));
            const Row x = norm(hidden[r], block + "ffn_norm.weight");
            Row gate = linear(x, block + "ffn_gate");
            const Row up = linear(x, block + "ffn_up");
            for (std::size_t i = 0; i < gate.size(); ++i)
                gate[i] = activated(gate[i]) * up[i];
            add(hidden[r], optionalNorm(linear(gate, block + "ffn_down"), block + "post_ffw_norm.weight"));
        }
        return queries;
    }

    Row logits(const Row& hidden) const {
        const Row x = norm(hidden, "output_norm.weight");
        return linear(x, m_tensors.contains("output.weight") ? "output" : "token_embd");
    }

    /// Softmax over a head's entries as query head h of `query` at `position` sees them.
    Row attention(std::int32_t layer, const Row& query, std::int32_t h, std::int32_t position,
                  const std::vector<PlainEntry>& head) const {
        const std::size_t d = static_cast<std::size_t>(m_file.sizes.headSize),
                          at = static_cast<std::size_t>(h) * d;
        const std::int32_t far = reach(layer);
        Row p;
        double sum = 0;
        for (const PlainEntry& entry : head) {
            const bool visible = entry.position <= position && (far == 0 || position - entry.position < far);
            double score = 0;
            for (std::size_t i = 0; i < d; ++i)
                score += query[at + i] * entry.key[i];
            p.push_back(visible ? std::exp(score * m_attentionScale) : 0);
            sum += p.back();
        }
        for (double& x : p)
            x /= sum;
        return p;
    }

private:
    double number(const std::string& key, double otherwise) const {
        const auto found = m_file.numbers.find(m_arch + "." + key);
        return found != m_file.numbers.end() ? static_cast<double>(found->second) : otherwise;
    }
    std::string text(const std::string& key) const {
        const auto found = m_file.strings.find(m_arch + "." + key);
        return found != m_file.strings.end() ? found->second : std::string();
    }
    static Row slice(const Row& x, std::size_t from, std::size_t count) {
        const auto begin = x.begin() + static_cast<std::ptrdiff_t>(from);
        return {begin, begin + static_cast<std::ptrdiff_t>(count)};
    }
    static void add(Row& x, const Row& y) {
        std::transform(x.begin(), x.end(), y.begin(), x.begin(), std::plus<>());
    }

    /// Linear: every angle divided by the factor. YaRN (arXiv 2309.00071, equation 23 and after): slow pairs
    /// are divided, fast ones are not, those between are mixed. Llama 3: the file brings a divisor for each
    /// pair.
    Row frequencies(double base, bool scaled) const {
        const double size = m_file.sizes.headSize;
        const std::string type = scaled ? text("rope.scaling.type") : "";
        const double factor = number("rope.scaling.factor", 1),
                     trained = integer("rope.scaling.original_context_length");
        const auto pairOfTurns = [&](double turns) {  // the pair that turns so often over the trained window
            return size * std::log(trained / (turns * 2 * std::acos(-1.0))) / (2 * std::log(base));
        };
        Row result;
        for (int i = 0; i < m_file.sizes.headSize / 2; ++i) {
            double f = std::pow(base, -2.0 * i / size);
            if (type == "linear") f /= factor;
            if (type == "yarn") {
                const double low = std::max(0.0, std::floor(pairOfTurns(32))),
                             high = std::min(size - 1, std::ceil(pairOfTurns(1)));
                const double slow = std::clamp((i - low) / std::max(0.001, high - low), 0.0, 1.0);
                f = f * (1 - slow) + f / factor * slow;
            }
            const auto divisors =
                std::find_if(m_file.tensors.begin(), m_file.tensors.end(),
                             [](const TinyTensor& t) { return t.name == "rope_freqs.weight"; });
            if (divisors != m_file.tensors.end())
                f /= static_cast<double>(divisors->values[static_cast<std::size_t>(i)]);
            result.push_back(f);
        }
        return result;
    }
    double integer(const std::string& key) const {
        const auto found = m_file.integers.find(m_arch + "." + key);
        return found != m_file.integers.end() ? found->second : 0;
    }

    Row norm(const Row& x, const std::string& name) const {
        const TinyTensor& weight = *m_tensors.at(name);
        const double squares = std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
        const double root = std::sqrt(squares / static_cast<double>(x.size()) +
                                      number("attention.layer_norm_rms_epsilon", 0));
        Row y;
        for (std::size_t i = 0; i < x.size(); ++i)
            y.push_back(x[i] / root * static_cast<double>(weight.values[i]));
        return y;
    }
    Row optionalNorm(const Row& x, const std::string& name) const {
        return m_tensors.contains(name) ? norm(x, name) : x;
    }

    Row linear(const Row& x, const std::string& name) const {
        const TinyTensor& weight = *m_tensors.at(name + ".weight");
        const auto bias = m_tensors.find(name + ".bias");
        Row y(static_cast<std::size_t>(weight.shape[1]), 0);
        for (std::size_t row = 0; row < y.size(); ++row) {
            const float* w = weight.values.data() + row * x.size();
            for (std::size_t i = 0; i < x.size(); ++i)
                y[row] += static_cast<double>(w[i]) * x[i];
            if (bias != m_tensors.end()) y[row] += static_cast<double>(bias->second->values[row]);
        }
        return y;
    }

    /// Norm of one head where the family has one, then rotation.
    void place(Row& x, std::size_t at, const std::string& normName, std::int32_t position,
               std::int32_t layer) const {
        const std::size_t d = static_cast<std::size_t>(m_file.sizes.headSize);
        const Row head = optionalNorm(slice(x, at, d), normName);
        const Row& frequency = m_gemma && reach(layer) != 0 ? m_localFrequency : m_frequency;
        for (std::size_t i = 0; i < d / 2; ++i) {
            const std::size_t a = m_interleaved ? 2 * i : i, b = m_interleaved ? 2 * i + 1 : i + d / 2;
            const double angle = position * frequency[i];
            x[at + a] = head[a] * std::cos(angle) - head[b] * std::sin(angle);
            x[at + b] = head[a] * std::sin(angle) + head[b] * std::cos(angle);
        }
    }
    double activated(double x) const {
        if (!m_gemma) return x / (1 + std::exp(-x));
        return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
    }

    const TinyModel& m_file;
    std::string m_arch;
    std::map<std::string, const TinyTensor*> m_tensors;
    bool m_gemma = false, m_interleaved = false;
    std::int32_t m_sliding = 0;
    double m_attentionScale = 0;
    Row m_frequency, m_localFrequency;
};

}  // namespace kvasir::test
