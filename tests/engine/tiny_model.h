// A language model of a few hundred kilobytes with random weights, as a GGUF file: complete enough for every
// step of the engine, small enough for milliseconds. Tests may change or damage any part before it is
// written.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/tensor_type.h"
#include "tests/engine/gguf_writer.h"
#include "tests/engine/tiny_vocabulary.h"

namespace kvasir::test {

/// `values` are what the file holds: already rounded when the type is Q8_0.
struct TinyTensor {
    std::string name;
    std::vector<std::int64_t> shape;  ///< GGUF's order: inputs first
    std::vector<float> values;
    kernels::TensorType type = kernels::TensorType::F32;
};

struct TinySizes {
    std::string architecture = "llama";  ///< or "qwen2", "qwen3", "gemma3"
    std::int32_t layers = 5, width = 64, heads = 4, kvHeads = 2, headSize = 16, feedForward = 96,
                 window = 2048;
    kernels::TensorType type = kernels::TensorType::F32;  ///< of matrices: F32 or Q8_0
    bool tied = false;                                    ///< the embeddings are the output matrix too
    unsigned seed = 7;
};

class TinyModel {
public:
    explicit TinyModel(TinySizes chosen = {}) : sizes(std::move(chosen)), m_random(sizes.seed) {
        const std::string arch = sizes.architecture + ".";
        strings = {{"general.architecture", sizes.architecture},
                   {"general.name", "Tiny"},
                   {"tokenizer.chat_template", "{{'<|im_start|>' + role + '\\n' + text + '<|im_end|>'}}"}};
        integers = {{arch + "block_count", sizes.layers},
                    {arch + "embedding_length", sizes.width},
                    {arch + "feed_forward_length", sizes.feedForward},
                    {arch + "attention.head_count", sizes.heads},
                    {arch + "attention.head_count_kv", sizes.kvHeads},
                    {arch + "context_length", sizes.window}};
        numbers = {{arch + "attention.layer_norm_rms_epsilon", 1e-5F}, {arch + "rope.freq_base", 10000.0F}};
        if (sizes.architecture == "gemma3") integers[arch + "attention.sliding_window"] = 24;
        // Heads of the size that follows from the width need not be said.
        if (sizes.headSize * sizes.heads != sizes.width) {
            integers[arch + "attention.key_length"] = sizes.headSize;
            integers[arch + "attention.value_length"] = sizes.headSize;
        }
        vocabulary = tinyBpeVocabulary();
        addTensors();
    }

    TinyTensor& tensor(std::string_view name) {
        return *std::find_if(tensors.begin(), tensors.end(),
                             [&](const TinyTensor& each) { return each.name == name; });
    }
    void erase(std::string_view name) {
        std::erase_if(tensors, [&](const TinyTensor& each) { return each.name == name; });
    }

    std::string bytes() const {
        GgufWriter writer = bpeFile(vocabulary, "qwen2");
        for (const auto& [key, value] : strings)
            writer.string(key, value);
        for (const auto& [key, value] : integers)
            writer.u32(key, static_cast<std::uint32_t>(value));  // as real files have them
        for (const auto& [key, value] : numbers)
            writer.f32(key, value);
        for (const auto& [key, value] : lists)
            writer.i32s(key, value);
        for (const TinyTensor& each : tensors)
            writer.tensor(each.name, each.type, each.shape, dataOf(each));
        return writer.bytes();
    }

    TinySizes sizes;
    std::map<std::string, std::string> strings;
    std::map<std::string, std::int32_t> integers;
    std::map<std::string, float> numbers;
    std::map<std::string, std::vector<std::int32_t>> lists;
    TinyVocabulary vocabulary;
    std::vector<TinyTensor> tensors;

private:
    static constexpr int kBlock = 32;

    void addTensors() {
        const std::int64_t d = sizes.width, f = sizes.feedForward,
                           attention = std::int64_t{sizes.heads} * sizes.headSize,
                           kv = std::int64_t{sizes.kvHeads} * sizes.headSize,
                           v = static_cast<std::int64_t>(vocabulary.tokens.size());
        matrix("token_embd.weight", d, v, 1.0F);
        for (std::int32_t i = 0; i < sizes.layers; ++i) {
            const std::string block = "blk." + std::to_string(i) + ".";
            norm(block + "attn_norm.weight");
            // Queries and keys larger than trained ones are: attention is uneven, as real attention is.
            matrix(block + "attn_q.weight", d, attention, 0.25F);
            matrix(block + "attn_k.weight", d, kv, 0.25F);
            matrix(block + "attn_v.weight", d, kv, 0.125F);
            if (sizes.architecture == "qwen2") {
                vector(block + "attn_q.bias", attention, 0, 0.5F);
                vector(block + "attn_k.bias", kv, 0, 0.5F);
                vector(block + "attn_v.bias", kv, 0, 0.2F);
            }
            matrix(block + "attn_output.weight", attention, d, 0.125F);
            if (sizes.architecture == "qwen3" || sizes.architecture == "gemma3") {
                vector(block + "attn_q_norm.weight", sizes.headSize, 1.5F, 0.3F);
                vector(block + "attn_k_norm.weight", sizes.headSize, 1.5F, 0.3F);
            }
            if (sizes.architecture == "gemma3") {
                vector(block + "post_attention_norm.weight", d, 0.5F, 0.1F);
                vector(block + "post_ffw_norm.weight", d, 0.5F, 0.1F);
            }
            norm(block + "ffn_norm.weight");
            matrix(block + "ffn_gate.weight", d, f, 0.125F);
            matrix(block + "ffn_up.weight", d, f, 0.125F);
            matrix(block + "ffn_down.weight", f, d, 0.1F);
        }
        norm("output_norm.weight");
        if (!sizes.tied) matrix("output.weight", d, v, 0.25F);
    }

    void norm(const std::string& name) { vector(name, sizes.width, 1, 0.1F); }

    void vector(const std::string& name, std::int64_t size, float mean, float deviation) {
        tensors.push_back({name, {size}, random(size, mean, deviation)});
    }

    void matrix(const std::string& name, std::int64_t columns, std::int64_t rows, float deviation) {
        TinyTensor made{name, {columns, rows}, random(columns * rows, 0, deviation), sizes.type};
        if (made.type == kernels::TensorType::Q8_0) {
            const float scale = std::ldexp(1.0F, scaleExponent(made));
            for (float& value : made.values)
                value = std::round(value / scale) * scale;
        }
        tensors.push_back(std::move(made));
    }

    std::vector<float> random(std::int64_t count, float mean, float deviation) {
        std::normal_distribution<float> normal(mean, deviation);
        std::vector<float> values(static_cast<std::size_t>(count));
        for (float& value : values)
            value = normal(m_random);
        return values;
    }

    /// Q8_0's scale is one power of two for the whole tensor, so that the rounded values are exact floats.
    static int scaleExponent(const TinyTensor& each) {
        float largest = 0;
        for (const float value : each.values)
            largest = std::max(largest, std::abs(value));
        return static_cast<int>(std::ceil(std::log2(largest / 127.0F)));
    }

    static std::string dataOf(const TinyTensor& each) {
        if (each.type == kernels::TensorType::F32) {
            return {reinterpret_cast<const char*>(each.values.data()), each.values.size() * sizeof(float)};
        }
        const int exponent = scaleExponent(each);
        const float scale = std::ldexp(1.0F, exponent);
        const std::string half = littleEndian(static_cast<std::uint16_t>((exponent + 15) << 10));
        std::string bytes;
        for (std::size_t i = 0; i < each.values.size(); ++i) {
            if (i % kBlock == 0) bytes += half;
            bytes += static_cast<char>(static_cast<std::int8_t>(each.values[i] / scale));
        }
        return bytes;
    }

    std::mt19937 m_random;
};

}  // namespace kvasir::test
