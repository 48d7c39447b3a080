// Documents with questions to them, made by rule: whether facts are found, wherever and however they stand.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/document.h"
#include "app/eval/questions.h"
#include "engine/error.h"

namespace kvasir::eval {

struct Generated {
    std::shared_ptr<const Document> document;
    std::vector<Question> questions;  ///< about this document; id: kind and number; places: lines
};

/// Kinds: `needles` (one sentence holds the answer, in the question's words), `paraphrase` (in words that the
/// question does not share), `pairs` (two sentences far apart), `tables` (a cell among alike rows),
/// `negation` (what is not allowed, among what is), `dates` (the one of several that a condition selects).
std::span<const std::string_view> generatorKinds();

struct GeneratorSettings {
    std::int64_t words = 3000;    ///< of each document, about
    std::int32_t questions = 10;  ///< of each kind; places are spread evenly from the beginning to the end
    std::uint64_t seed = 1;
};

/// One document with questions of all these kinds, in turn. The same settings give the same document
/// everywhere. Errors: InvalidArgument (unknown kind; fewer than 200 or more than 2,000,000 words; fewer than
/// 1 or more than 50 questions (12 of `paraphrase`), or more than one to 50 words).
Result<Generated> generate(std::span<const std::string_view> kinds, const GeneratorSettings& settings);
inline Result<Generated> generate(std::string_view kind, const GeneratorSettings& settings) {
    return generate(std::span(&kind, 1), settings);
}

}  // namespace kvasir::eval
