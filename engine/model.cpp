#include "engine/model.h"

#include <algorithm>
#include <string>
#include <unordered_set>

namespace kvasir {

using kernels::Backend;
using kernels::Buffer;
using kernels::TensorType;
using kernels::TensorView;
using kernels::Weight;

namespace {

/// Tokens that most documents have at most.
constexpr std::int64_t kCommonLength = 8192;

/// What was read since reads as zeros; everything computed from it is worthless.
tl::unexpected<Error> fileLost(const GgufFile& file) {
    return fail(ErrorCode::Damaged, "The model file was shortened or cannot be read any more.",
                file.path().string(), "Check the disk, download the model again, and start anew.");
}

}  // namespace

/// Takes a model file apart. The first problem ends it; what was packed until then is freed with the model.
class ModelLoader {
public:
    ModelLoader(Backend& backend, const Model::Options& options) : m_backend(backend), m_options(options) {}

    Result<std::unique_ptr<Model>> load(const std::filesystem::path& path) {
        Result<std::unique_ptr<GgufFile>> file = GgufFile::open(path);
        if (!file) return tl::unexpected(file.error());
        std::unique_ptr<Model> model(new Model());
        model->m_file = std::move(*file);
        model->m_activations = m_options.activations;
        m_file = model->m_file.get();

        Result<ModelConfig> config = readConfig(*m_file);
        if (!config) return tl::unexpected(config.error());
        model->m_config = std::move(*config);
        Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::load(*m_file);
        if (!tokenizer) return tl::unexpected(tokenizer.error());
        model->m_tokenizer = std::move(*tokenizer);
        model->m_chat = ChatTemplate::recognise(*m_file);
        if (!fits()) return tl::unexpected(*m_error);
        loadTensors(*model);
        if (!m_file->intact()) return fileLost(*m_file);
        if (m_error) return tl::unexpected(*m_error);
        model->m_weightBytes = m_bytes;
        return model;
    }

private:
    /// Packed weights take about as much as the file: refused before the machine begins to swap.
    bool fits() {
        const std::uint64_t need = m_file->bytes() + m_file->bytes() / 8;
        const std::uint64_t available = m_backend.freeMemory();
        if (need <= available) return true;
        note(ErrorCode::OutOfMemory,
             "The model needs about " + std::to_string(need >> 20) + " MB of memory, and " +
                 std::to_string(available >> 20) + " MB are free.",
             m_file->path().string(), "Close other programs, or choose a smaller model.");
        return false;
    }

    void loadTensors(Model& model) {
        ModelConfig& c = model.m_config;
        const GgufTensor* embedding = matrix("token_embd.weight", -1, c.width);
        if (embedding == nullptr) return;
        c.vocabulary = embedding->shape[1];
        if (c.vocabulary != model.m_tokenizer->size()) {
            note(ErrorCode::Damaged,
                 "The model has " + std::to_string(c.vocabulary) + " embeddings for " +
                     std::to_string(model.m_tokenizer->size()) + " tokens.",
                 m_file->path().string(), "Download the model again, or choose another one.");
            return;
        }
        model.m_embedding = view(*embedding);
        model.m_layers.resize(static_cast<std::size_t>(c.layers));
        for (std::int32_t i = 0; i < c.layers && !m_error; ++i) {
            loadLayer("blk." + std::to_string(i) + ".", c, model.m_layers[static_cast<std::size_t>(i)]);
            if (m_options.progress && !m_options.progress((i + 1.0) / (c.layers + 1.0))) {
                note(ErrorCode::Cancelled, "Loading the model was stopped.", m_file->path().string(),
                     "Choose it again to load it.");
            }
        }
        model.m_outputNorm = vector("output_norm.weight", c.width);
        // Tied embeddings: the file has no output matrix of its own.
        const bool tied = m_file->tensor("output.weight") == nullptr;
        model.m_output = weight(tied ? "token_embd.weight" : "output.weight", c.vocabulary, c.width);
        if (m_backend.looksUp()) {
            if (tied)
                model.m_tiedEmbedding = model.m_output.get();
            else
                model.m_embeddingWeight = weight("token_embd.weight", c.vocabulary, c.width);
        }
        m_used.insert("rope_freqs.weight");
        refuseUnknownTensors();
    }

    void loadLayer(const std::string& block, const ModelConfig& c, LayerWeights& layer) {
        const std::int64_t attention = std::int64_t{c.heads} * c.headSize,
                           kv = std::int64_t{c.kvHeads} * c.headSize;
        layer.attentionNorm = vector(block + "attn_norm.weight", c.width);
        layer.query = weight(block + "attn_q.weight", attention, c.width);
        layer.key = weight(block + "attn_k.weight", kv, c.width);
        layer.value = weight(block + "attn_v.weight", kv, c.width);
        if (c.queryKeyValueBias) {
            layer.queryBias = vector(block + "attn_q.bias", attention);
            layer.keyBias = vector(block + "attn_k.bias", kv);
            layer.valueBias = vector(block + "attn_v.bias", kv);
            layer.keyOffset = keyOffset(block + "attn_k.bias", c);
        }
        if (c.queryKeyNorm) {
            layer.queryNorm = vector(block + "attn_q_norm.weight", c.headSize);
            layer.keyNorm = vector(block + "attn_k_norm.weight", c.headSize);
        }
        layer.output = weight(block + "attn_output.weight", c.width, attention);
        layer.feedForwardNorm = vector(block + "ffn_norm.weight", c.width);
        layer.gate = weight(block + "ffn_gate.weight", c.feedForward, c.width);
        layer.up = weight(block + "ffn_up.weight", c.feedForward, c.width);
        layer.down = weight(block + "ffn_down.weight", c.width, c.feedForward);
        if (c.postNorms) {
            layer.postAttentionNorm = vector(block + "post_attention_norm.weight", c.width);
            layer.postFeedForwardNorm = vector(block + "post_ffw_norm.weight", c.width);
        }
    }

    /// A tensor nobody asked for means a layer that would be computed wrongly without it.
    void refuseUnknownTensors() {
        if (m_error) return;
        for (const GgufTensor& tensor : m_file->tensors()) {
            if (m_used.contains(tensor.name)) continue;
            note(ErrorCode::Unsupported,
                 "The model has a part that Kvasir does not know: '" + tensor.name + "'.",
                 m_file->path().string(), "Choose another model file.");
            return;
        }
    }

    /// Null after noting the problem. rows < 0: any number.
    const GgufTensor* matrix(const std::string& name, std::int64_t rows, std::int64_t columns) {
        if (m_error) return nullptr;
        const GgufTensor* tensor = m_file->tensor(name);
        m_used.insert(name);
        if (tensor == nullptr) {
            damaged("The model's tensor '" + name + "' is missing.");
            return nullptr;
        }
        const std::vector<std::int64_t>& shape = tensor->shape;
        if (shape.size() != 2 || shape[0] != columns || (rows >= 0 && shape[1] != rows) || shape[1] < 1) {
            damaged("The model's tensor '" + name + "' has another shape than its settings say.");
            return nullptr;
        }
        return tensor;
    }

    std::unique_ptr<Weight> weight(const std::string& name, std::int64_t rows, std::int64_t columns) {
        const GgufTensor* tensor = matrix(name, rows, columns);
        if (tensor == nullptr) return nullptr;
        std::unique_ptr<Weight> packed = m_backend.pack(view(*tensor), m_options.activations);
        if (packed == nullptr) return outOfMemory(), nullptr;
        m_bytes += packed->bytes();
        return packed;
    }

    std::unique_ptr<Buffer> vector(const std::string& name, std::int64_t size) {
        if (m_error) return nullptr;
        const GgufTensor* tensor = m_file->tensor(name);
        m_used.insert(name);
        if (tensor == nullptr || tensor->shape.size() != 1 || tensor->shape[0] != size) {
            damaged("The model's tensor '" + name +
                    "' is missing or has another shape than its settings say.");
            return nullptr;
        }
        std::vector<float> values(static_cast<std::size_t>(size));
        kernels::dequantiseRow({tensor->type, 1, size, tensor->data.data()}, 0, values.data());
        return upload(values);
    }

    /// The key bias after rotation, averaged over the positions of most documents, transformed as keys are.
    std::unique_ptr<Buffer> keyOffset(const std::string& bias, const ModelConfig& c) {
        const GgufTensor* tensor = m_file->tensor(bias);
        if (m_error || tensor == nullptr) return nullptr;
        const std::int64_t size = std::int64_t{c.kvHeads} * c.headSize;
        std::vector<float> offset(static_cast<std::size_t>(size));
        kernels::dequantiseRow({tensor->type, 1, size, tensor->data.data()}, 0, offset.data());
        for (std::int32_t g = 0; g < c.kvHeads; ++g)
            c.averageRotation(offset.data() + std::int64_t{g} * c.headSize,
                              std::min<std::int64_t>(c.window, kCommonLength));
        std::unique_ptr<Buffer> uploaded = upload(offset);
        if (uploaded != nullptr) m_backend.hadamard(uploaded->as<float>(), 1, c.kvHeads, c.headSize);
        return uploaded;
    }

    std::unique_ptr<Buffer> upload(const std::vector<float>& values) {
        std::unique_ptr<Buffer> buffer = m_backend.allocate(values.size() * sizeof(float));
        if (buffer == nullptr) return outOfMemory(), nullptr;
        m_backend.copyToDevice(buffer->data(), values.data(), values.size() * sizeof(float));
        m_bytes += buffer->bytes();
        return buffer;
    }

    static TensorView view(const GgufTensor& tensor) {
        return {tensor.type, tensor.shape[1], tensor.shape[0], tensor.data.data()};
    }

    void damaged(std::string what) {
        note(ErrorCode::Damaged, std::move(what), m_file->path().string(),
             "Download the model again, or choose another one.");
    }
    void outOfMemory() {
        note(ErrorCode::OutOfMemory, "There is not enough memory for the model.", m_file->path().string(),
             "Close other programs, or choose a smaller model.");
    }
    void note(ErrorCode code, std::string what, std::string where, std::string advice) {
        if (!m_error) m_error = Error{code, std::move(what), std::move(where), std::move(advice)};
    }

    Backend& m_backend;
    const Model::Options& m_options;
    const GgufFile* m_file = nullptr;
    std::unordered_set<std::string> m_used;
    std::optional<Error> m_error;
    std::size_t m_bytes = 0;
};

Result<std::unique_ptr<Model>> Model::load(const std::filesystem::path& path, Backend& backend,
                                           const Options& options) {
    return ModelLoader(backend, options).load(path);
}

kernels::AttentionShape Model::attentionShape(std::int32_t layer) const {
    return {m_config.heads,          m_config.kvHeads,      m_config.headSize,
            m_config.attentionScale, m_config.reach(layer), m_activations == kernels::Activations::F32};
}

Result<void> Model::embed(const TokenId* tokens, std::int64_t n, float* out) const {
    for (std::int64_t i = 0; i < n; ++i)
        kernels::dequantiseRow(m_embedding, tokens[i], out + i * m_config.width);
    const float scale = m_config.embeddingScale;
    if (scale != 1)
        std::transform(out, out + n * m_config.width, out, [scale](float x) { return x * scale; });
    if (!m_file->intact()) return fileLost(*m_file);
    return {};
}

}  // namespace kvasir
