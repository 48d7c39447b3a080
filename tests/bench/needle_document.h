// A long document with facts hidden in it, to ask for: ours, made from word lists, the same on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvasir::test {

enum class NeedleKind : std::uint8_t {
    Literal,      ///< the question uses the fact's own words
    Paraphrased,  ///< no word of any weight is shared
    TwoPart,      ///< the answer needs two places, far apart
};

struct Needle {
    NeedleKind kind = NeedleKind::Literal;
    int depth = 0;  ///< 0 to 9: tenth of the document; of a two-part one its first place
    std::string question;
    std::string expected;            ///< what a right answer holds, in lower case
    std::vector<std::string> facts;  ///< the sentences that it rests on, as the document has them
};

struct NeedleDocument {
    std::string text;
    std::vector<Needle> needles;  ///< ten of each kind
};

/// Prose of an operations handbook of about `bytes` bytes. All thirty needles lie in it, and distract from
/// one another.
NeedleDocument makeNeedleDocument(std::size_t bytes, std::uint64_t seed);

}  // namespace kvasir::test
