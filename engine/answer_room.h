// Device memory that an answer takes beside the document that it is about, and what that leaves for
// documents.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/family.h"
#include "engine/memory_plan.h"

namespace kvasir {

/// Tokens of the question, of what is repeated before it, and of the answer, at most.
constexpr std::int64_t kAskedTokens = 1024;

/// Bytes that a quick answer takes at most, with 16-bit keys and values and a tenth to spare: kAskedTokens in
/// all layers and the `carried` in those behind T, beside what either stage works in: hidden states and the
/// scores of a prompt of `rows` tokens, then the logits of guesses and what they look at. A full reading's
/// answer takes less.
std::size_t answerBytes(const ModelConfig& model, std::int32_t tspLayer, std::int64_t rows,
                        std::int64_t carried);

/// The same for a document of `tokens` and as many carried as the shipped policy ever carries.
std::size_t answerBytes(const ModelConfig& model, std::int32_t tspLayer, std::int64_t tokens);

/// As the ones of memory_plan.h, where the reserve must hold an answer too.
constexpr std::size_t withoutReserve(std::size_t free, std::size_t answer) {
    return std::min(withoutReserve(free), free - std::min(free, answer));
}
constexpr std::size_t withReserve(std::size_t bytes, std::size_t answer) {
    return std::max(withReserve(bytes), bytes + answer);
}

}  // namespace kvasir
