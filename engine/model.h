// A language model in memory: sizes, weights in the back end's layout, tokenizer and chat format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/chat_template.h"
#include "engine/error.h"
#include "engine/family.h"
#include "engine/gguf.h"
#include "engine/tokenizer.h"
#include "kernels/backend.h"

namespace kvasir {

/// One transformer layer. What the family has not is null.
struct LayerWeights {
    std::unique_ptr<kernels::Buffer> attentionNorm;                  ///< (D) float32
    std::unique_ptr<kernels::Weight> query, key, value;              ///< (H*d, D), (G*d, D), (G*d, D)
    std::unique_ptr<kernels::Buffer> queryBias, keyBias, valueBias;  ///< (H*d), (G*d), (G*d) float32
    std::unique_ptr<kernels::Buffer> queryNorm, keyNorm;             ///< (d), (d) float32
    /// (G, d) float32, what 8-bit keys are stored without; see docs/decisions/eight-bit-kv.md.
    std::unique_ptr<kernels::Buffer> keyOffset;
    std::unique_ptr<kernels::Weight> output;               ///< (D, H*d)
    std::unique_ptr<kernels::Buffer> postAttentionNorm;    ///< (D) float32
    std::unique_ptr<kernels::Buffer> feedForwardNorm;      ///< (D) float32
    std::unique_ptr<kernels::Weight> gate, up, down;       ///< (F, D), (F, D), (D, F)
    std::unique_ptr<kernels::Buffer> postFeedForwardNorm;  ///< (D) float32
};

/// Immutable once it is in use; any number of threads may read it. Holds the model file open for embeddings.
class Model {
public:
    struct Options {
        kernels::Activations activations = kernels::Activations::Int8;
        std::function<bool(double share)> progress;  ///< called while loading; returns false to cancel
    };

    /// Errors: those of GgufFile, Tokenizer and Family; Unsupported (a tensor that the family does not know,
    /// by name); Damaged (a tensor that is missing or has another shape); OutOfMemory; Cancelled. `backend`
    /// must outlive the model.
    static Result<std::unique_ptr<Model>> load(const std::filesystem::path& path, kernels::Backend& backend,
                                               const Options& options);

    const ModelConfig& config() const { return m_config; }
    const Tokenizer& tokenizer() const { return *m_tokenizer; }
    /// Unsupported when the file has no known chat format: such a model completes text but answers no
    /// questions.
    const Result<ChatTemplate>& chat() const { return m_chat; }
    const std::filesystem::path& path() const { return m_file->path(); }
    std::uint64_t fileBytes() const { return m_file->bytes(); }
    /// See GgufFile::fingerprint.
    Result<std::string> fingerprint() const { return m_file->fingerprint(); }
    kernels::Activations activations() const { return m_activations; }
    kernels::AttentionShape attentionShape(std::int32_t layer) const;

    const LayerWeights& layer(std::int64_t index) const { return m_layers[static_cast<std::size_t>(index)]; }
    const kernels::Buffer& outputNorm() const { return *m_outputNorm; }
    const kernels::Weight& output() const { return *m_output; }  ///< (V, D)
    /// The embeddings on the device, where the back end looks rows up; else null.
    const kernels::Weight* embedding() const {
        return m_embeddingWeight != nullptr ? m_embeddingWeight.get() : m_tiedEmbedding;
    }
    std::size_t weightBytes() const { return m_weightBytes; }
    /// Before anybody else uses the model: T of the shipped policy.
    void calibrate(std::int32_t tspLayer) { m_config.calibratedTspLayer = tspLayer; }

    /// Hidden states (n, D) of token ids, to host memory. Ids must lie in the vocabulary. Damaged when the
    /// file, from which the rows are read, has lost its data since it was opened.
    Result<void> embed(const TokenId* tokens, std::int64_t n, float* out) const;

private:
    friend class ModelLoader;
    Model() : m_chat(fail(ErrorCode::Unsupported, "", "", "")) {}

    std::unique_ptr<GgufFile> m_file;
    ModelConfig m_config;
    kernels::Activations m_activations = kernels::Activations::Int8;
    std::unique_ptr<Tokenizer> m_tokenizer;
    Result<ChatTemplate> m_chat;
    kernels::TensorView m_embedding;
    std::vector<LayerWeights> m_layers;
    std::unique_ptr<kernels::Buffer> m_outputNorm;
    std::unique_ptr<kernels::Weight> m_output;
    std::unique_ptr<kernels::Weight> m_embeddingWeight;  ///< null when tied, or when the host reads them
    const kernels::Weight* m_tiedEmbedding = nullptr;    ///< the output matrix, when it serves as both
    std::size_t m_weightBytes = 0;
};

}  // namespace kvasir
