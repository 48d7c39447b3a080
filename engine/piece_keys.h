// What the pieces of a resident document are kept under.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/model.h"
#include "engine/piece_file.h"

namespace kvasir {

/// The arithmetic of kernels and engine: raised whenever what they compute for a row changes, in any bit. The
/// test PieceTest.TheArithmeticIsTheOneThatItsVersionNames notices when that was forgotten.
constexpr int kArithmeticVersion = 1;

/// Keys of a document's pieces: SHA-256 over what decides every bit of their rows, which is the model file's
/// contents, T, the type of keys and values, the activations, the device with its instruction set, and all
/// tokens from the prompt's start to the piece's end. Two documents share the pieces before their first
/// difference. Immutable.
class PieceKeys {
public:
    /// `fingerprint` is the model's: Model::fingerprint reads the whole file, so ask once.
    PieceKeys(const Model& model, std::string_view fingerprint, const kernels::Backend& backend,
              std::int32_t tspLayer, kernels::KvType type, std::span<const TokenId> tokens);

    std::int64_t count() const { return static_cast<std::int64_t>(m_early.size()); }
    const PieceKey& key(PieceStage stage, std::int64_t piece) const {
        return (stage == PieceStage::Early ? m_early : m_late)[static_cast<std::size_t>(piece)];
    }

private:
    std::vector<PieceKey> m_early, m_late;
};

}  // namespace kvasir
