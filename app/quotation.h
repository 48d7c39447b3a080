// Keeps the quotation that an answer begins with to the document's own words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/facts.h"
#include "app/passages.h"
#include "engine/tokenizer.h"

namespace kvasir {

/// Small models change what they quote, or make a quotation up from the question. Here the likeliest token is
/// taken among those that continue a place of the document, so that what stands between quotation marks
/// stands in the document, word for word. One object per answer; one thread. Passages and tokenizer must
/// outlive it.
class Quotation {
public:
    /// `close` is the quotation mark that ends it.
    Quotation(const Passages& passages, const Tokenizer& tokenizer, std::string close);

    /// The token to go on with, given the logits (V): never one that leaves the document's words. Not after
    /// `closed()`.
    TokenId next(const std::vector<float>& logits) const;
    /// Takes the piece of a token that `next` gave.
    void accept(std::string_view piece);

    bool closed() const { return m_closed; }
    bool empty() const { return m_text.empty(); }
    /// Bytes of Passages::flat that say what was quoted so far; several where the document repeats itself.
    std::vector<TextRange> places() const;

private:
    std::string_view fitting(std::string_view piece) const;
    bool continues(std::string_view piece) const;
    bool mayClose(std::string_view head) const;
    TokenId likeliestContinuation(const std::vector<float>& logits) const;

    const Tokenizer& m_tokenizer;
    std::string m_close;
    TokenId m_closeToken;
    std::string m_words;                ///< `flat` with every blank a space and a barrier between blocks
    std::vector<std::uint32_t> m_ends;  ///< where the quotation may go on, for every place that fits so far
    std::string m_text;                 ///< quoted so far
    bool m_closed = false;
};

}  // namespace kvasir
