#include "engine/piece_keys.h"

#include <algorithm>
#include <string>
#include <utility>

namespace kvasir {

PieceKeys::PieceKeys(const Model& model, std::string_view fingerprint, const kernels::Backend& backend,
                     std::int32_t tspLayer, kernels::KvType type, std::span<const TokenId> tokens) {
    Sha256 chain;
    chain.add("kvasir resident document\nmodel " + std::string(fingerprint) + "\nactivations " +
              std::to_string(static_cast<int>(model.activations())) + "\narithmetic " +
              std::to_string(kArithmeticVersion) + " " + std::string(backend.name()) + "\ntsp layer " +
              std::to_string(tspLayer) + "\ntype " + std::to_string(static_cast<int>(type)) +
              "\npiece rows " + std::to_string(kPieceRows) + "\n");
    const auto rows = static_cast<std::size_t>(kPieceRows);
    for (std::size_t row = 0; row < tokens.size(); row += rows) {
        chain.add(std::as_bytes(tokens.subspan(row, std::min(rows, tokens.size() - row))));
        for (const auto& [stage, to] : {std::pair{"early", &m_early}, {"late", &m_late}}) {
            Sha256 piece = chain;
            piece.add(std::string_view(stage));
            to->push_back(piece.digest());
        }
    }
}

}  // namespace kvasir
