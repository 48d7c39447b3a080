#include "engine/bench/synthetic_model.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include "engine/bench/gguf_writer.h"

namespace kvasir::bench {
namespace {

using kernels::TensorType;

struct Tensor {
    std::string name;
    TensorType type;
    std::vector<std::int64_t> shape;  ///< inputs first
    std::int64_t bytes() const {
        const kernels::TensorTypeInfo& form = kernels::info(type);
        std::int64_t elements = 1;
        for (const std::int64_t length : shape)
            elements *= length;
        return elements / form.block * form.bytes;
    }
};

/// The layers whose values and down projections the Q4_K_M pattern keeps at six bits.
bool sixBits(std::int32_t layer, std::int32_t layers) {
    return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

std::vector<Tensor> tensorsOf(const SyntheticShape& s) {
    const TensorType four = s.quantised ? TensorType::Q4_K : TensorType::BF16,
                     six = s.quantised ? TensorType::Q6_K : TensorType::BF16;
    const std::int64_t d = s.width, f = s.feedForward, q = std::int64_t{s.heads} * s.headSize,
                       kv = std::int64_t{s.kvHeads} * s.headSize;
    std::vector<Tensor> tensors{{"token_embd.weight", four, {d, s.vocabulary}}};
    for (std::int32_t i = 0; i < s.layers; ++i) {
        const std::string block = "blk." + std::to_string(i) + ".";
        const TensorType mixed = sixBits(i, s.layers) ? six : four;
        tensors.insert(tensors.end(), {{block + "attn_norm.weight", TensorType::F32, {d}},
                                       {block + "attn_q.weight", four, {d, q}},
                                       {block + "attn_k.weight", four, {d, kv}},
                                       {block + "attn_v.weight", mixed, {d, kv}},
                                       {block + "attn_output.weight", four, {q, d}},
                                       {block + "ffn_norm.weight", TensorType::F32, {d}},
                                       {block + "ffn_gate.weight", four, {d, f}},
                                       {block + "ffn_up.weight", four, {d, f}},
                                       {block + "ffn_down.weight", mixed, {f, d}}});
    }
    tensors.push_back({"output_norm.weight", TensorType::F32, {d}});
    tensors.push_back({"output.weight", six, {d, s.vocabulary}});
    return tensors;
}

/// Random bytes of whole blocks, with scales that give weights of about 0.02 around zero.
std::vector<std::byte> randomBlocks(TensorType type, std::int64_t bytes, std::mt19937_64& random) {
    std::vector<std::byte> data(static_cast<std::size_t>((bytes + 7) / 8 * 8));
    for (std::size_t i = 0; i < data.size(); i += 8) {
        const std::uint64_t bits = random();
        std::memcpy(&data[i], &bits, 8);
    }
    const auto block = static_cast<std::size_t>(kernels::info(type).bytes);
    const auto put = [&](std::size_t at, unsigned value) {
        data[at] = static_cast<std::byte>(value);
        data[at + 1] = static_cast<std::byte>(value >> 8);
    };
    for (std::size_t at = 0; at + block <= data.size(); at += block) {
        if (type == TensorType::F32) {
            const float one = 1;
            std::memcpy(&data[at], &one, 4);
        } else if (type == TensorType::BF16) {
            put(at, (static_cast<unsigned>(data[at + 1]) & 0x80U) << 8 | 0x3C80U |
                        static_cast<unsigned>(data[at]));
        } else if (type == TensorType::Q4_K) {
            put(at, 0x0875);      // 1.36e-4
            put(at + 2, 0x142D);  // 7.5 times that: the codes' mean times the scale
            for (std::size_t i = 0; i < 12; ++i)
                data[at + 4 + i] = i < 8 ? std::byte{160} : std::byte{0};  // all scales and minima 32
        } else {
            for (std::size_t i = 0; i < 16; ++i)
                data[at + 192 + i] = std::byte{32};
            put(at + 208, 0x023B);  // 3.4e-5
        }
    }
    data.resize(static_cast<std::size_t>(bytes));
    return data;
}

/// Bytes, and fillers up to the vocabulary's size: what is measured are numbers of tokens.
GgufWriter headerOf(const SyntheticShape& s) {
    constexpr std::int32_t kNormal = 1, kControl = 3, kUnused = 5;
    std::vector<std::string> tokens{"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
    std::vector<std::int32_t> kinds(tokens.size(), kControl);
    for (int byte = 0; byte < 256; ++byte)
        tokens.push_back(writtenByte(byte));
    tokens.push_back(writtenByte(' ') + writtenByte(' '));
    kinds.resize(tokens.size(), kNormal);
    while (tokens.size() < static_cast<std::size_t>(s.vocabulary))
        tokens.push_back("<|filler_" + std::to_string(tokens.size()) + "|>");
    kinds.resize(tokens.size(), kUnused);
    // Without a sign, as other programs want them that are measured on the same file.
    const auto count = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
    GgufWriter writer;
    writer.string("tokenizer.ggml.model", "gpt2")
        .string("tokenizer.ggml.pre", "qwen2")
        .strings("tokenizer.ggml.tokens", tokens)
        .i32s("tokenizer.ggml.token_type", kinds)
        .strings("tokenizer.ggml.merges", {writtenByte(' ') + " " + writtenByte(' ')})
        .u32("tokenizer.ggml.bos_token_id", 1)
        .u32("tokenizer.ggml.eos_token_id", 2)
        .string("general.architecture", "llama")
        .u32("llama.block_count", count(s.layers))
        .u32("llama.embedding_length", count(s.width))
        .u32("llama.feed_forward_length", count(s.feedForward))
        .u32("llama.attention.head_count", count(s.heads))
        .u32("llama.attention.head_count_kv", count(s.kvHeads))
        .u32("llama.context_length", 140000)
        .f32("llama.attention.layer_norm_rms_epsilon", 1e-5F)
        .f32("llama.rope.freq_base", 500000.0F);
    return writer;
}

}  // namespace

const SyntheticShape* findShape(std::string_view name) {
    const auto* found = std::find_if(std::begin(kShapes), std::end(kShapes),
                                     [&](const SyntheticShape& each) { return each.name == name; });
    return found == std::end(kShapes) ? nullptr : found;
}

Result<void> writeSyntheticModel(const SyntheticShape& shape, const std::filesystem::path& path) {
    constexpr std::int64_t kAlignment = 32,
                           kPiece = std::int64_t{210} * 144 * 512;  // whole blocks of every type
    const std::vector<Tensor> tensors = tensorsOf(shape);
    GgufWriter writer = headerOf(shape);
    std::int64_t offset = 0;
    for (const Tensor& tensor : tensors) {
        constexpr std::uint32_t kNumbers[] = {0, 1, 30, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14};
        writer.describe(tensor.name, kNumbers[static_cast<std::size_t>(tensor.type)], tensor.shape,
                        static_cast<std::uint64_t>(offset));
        offset += (tensor.bytes() + kAlignment - 1) / kAlignment * kAlignment;
    }
    std::ofstream file(path, std::ios::binary);
    std::string header = writer.bytes();
    header.resize((header.size() + kAlignment - 1) / kAlignment * kAlignment);
    file.write(header.data(), static_cast<std::streamsize>(header.size()));
    std::mt19937_64 random(1);
    // One piece of each type serves all its tensors: values need not differ, only lie elsewhere.
    std::vector<std::byte> pieces[13];
    for (const Tensor& tensor : tensors) {
        std::vector<std::byte>& piece = pieces[static_cast<std::size_t>(tensor.type)];
        if (piece.empty()) piece = randomBlocks(tensor.type, kPiece, random);
        const std::int64_t padded = (tensor.bytes() + kAlignment - 1) / kAlignment * kAlignment;
        for (std::int64_t at = 0; at < padded; at += kPiece)
            file.write(reinterpret_cast<const char*>(piece.data()), std::min(kPiece, padded - at));
    }
    file.close();
    if (file) return {};
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return fail(ErrorCode::NoSpace, "The model file cannot be written.", path.string(),
                "Free " + std::to_string(offset / 1000000 + 1) + " MB there, or choose another folder.");
}

}  // namespace kvasir::bench
