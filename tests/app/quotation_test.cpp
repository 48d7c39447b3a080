#include "app/quotation.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvasir {
namespace {

/// Every byte is a token, and so are the given pieces; the last token ends the answer.
class PieceTokenizer : public Tokenizer {
public:
    explicit PieceTokenizer(const std::vector<std::string>& pieces) {
        for (int byte = 0; byte < 256; ++byte)
            m_pieces.emplace_back(1, static_cast<char>(byte));
        m_pieces.insert(m_pieces.end(), pieces.begin(), pieces.end());
        m_pieces.emplace_back("<end>");
    }
    std::vector<TextToken> encode(std::string_view text, Specials) const override {
        std::vector<TextToken> tokens;
        for (std::size_t at = 0; at < text.size();) {
            TokenId best = static_cast<unsigned char>(text[at]);
            for (TokenId id = 256; id + 1 < size(); ++id) {
                if (text.substr(at).starts_with(piece(id)) && piece(id).size() > piece(best).size())
                    best = id;
            }
            const auto begin = static_cast<std::uint32_t>(at);
            at += piece(best).size();
            tokens.push_back({best, begin, static_cast<std::uint32_t>(at)});
        }
        return tokens;
    }
    std::string piece(TokenId id) const override { return m_pieces.at(static_cast<std::size_t>(id)); }
    std::string decode(const std::vector<TokenId>& tokens) const override {
        std::string text;
        for (const TokenId token : tokens)
            text += piece(token);
        return text;
    }
    std::int64_t size() const override { return static_cast<std::int64_t>(m_pieces.size()); }
    bool isControl(TokenId id) const override { return endsGeneration(id); }
    bool endsGeneration(TokenId id) const override { return id + 1 == size(); }
    std::optional<TokenId> beginOfText() const override { return std::nullopt; }
    std::optional<TokenId> find(std::string_view) const override { return std::nullopt; }
    TokenId id(std::string_view wanted) const {
        const auto found = std::ranges::find(m_pieces, wanted);
        EXPECT_NE(found, m_pieces.end()) << wanted;
        return static_cast<TokenId>(found - m_pieces.begin());
    }

private:
    std::vector<std::string> m_pieces;
};

/// Blocks are apart by a blank line, passages of a block by a line break.
Passages passagesOf(const std::string& text) {
    Passages passages;
    std::uint32_t block = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t stop = std::min(text.find('\n', at), text.size());
        if (stop == at) {
            ++block;
        } else {
            Passage passage;
            passage.flatBegin = static_cast<std::uint32_t>(passages.flat.size());
            passages.flat += text.substr(at, stop - at);
            passage.flatEnd = static_cast<std::uint32_t>(passages.flat.size());
            passage.block = block;
            passages.items.push_back(passage);
            passages.flat += '\n';
        }
        at = stop + 1;
    }
    return passages;
}

class QuotationTest : public testing::Test {
protected:
    /// Writes a quotation by a model that wants the given pieces, one a step, each more than any other token.
    std::string write(const std::string& document, const std::vector<std::string>& wanted,
                      const std::string& close = "\"") {
        const Passages passages = passagesOf(document);
        Quotation quotation(passages, tokenizer, close);
        std::string text;
        for (std::size_t step = 0; !quotation.closed() && step < 400; ++step) {
            std::vector<float> logits(static_cast<std::size_t>(tokenizer.size()), 0.0F);
            if (step < wanted.size()) logits[static_cast<std::size_t>(tokenizer.id(wanted[step]))] = 9;
            const TokenId token = quotation.next(logits);
            text += tokenizer.piece(token);
            quotation.accept(tokenizer.piece(token));
        }
        EXPECT_TRUE(quotation.closed());
        places.clear();
        for (const TextRange& place : quotation.places())
            places.push_back(passages.flat.substr(place.begin, place.end - place.begin));
        return text;
    }

    PieceTokenizer tokenizer{{"The", " The", " fee", " is", " nine", " ten", " pounds", ".", ".\"", " a",
                              " year", "\n\n", "手数料", "は", "九", "円", "。", "」",
                              "The fee is ten pounds"}};
    std::vector<std::string> places;
};

constexpr const char* kFees =
    "The fee is nine pounds a year.\nThe term is two years.\n\nThe fee of a visit is ten pounds.";

TEST_F(QuotationTest, FollowsAModelThatQuotes) {
    EXPECT_EQ(write(kFees, {"The", " fee", " is", " nine", " pounds", " a", " year", ".\""}),
              "The fee is nine pounds a year.\"");
    EXPECT_EQ(places, std::vector<std::string>{"The fee is nine pounds a year."});
}

TEST_F(QuotationTest, ABlankBeforeTheFirstWordIsNotQuoted) {
    EXPECT_EQ(write(kFees, {" The", " fee", " is", " nine", " pounds", " a", " year", ".\""}),
              " The fee is nine pounds a year.\"");
    EXPECT_EQ(places, std::vector<std::string>{"The fee is nine pounds a year."});
}

TEST_F(QuotationTest, WordsThatAreNotThereAreNotWritten) {
    EXPECT_THAT(write(kFees, {"The", " fee", " is", " ten", " pounds", " a", " year", ".\""}),
                testing::StartsWith("The fee is nine"));
    EXPECT_THAT(write(kFees, {"The fee is ten pounds"}), testing::Not(testing::HasSubstr("fee is ten")));
}

TEST_F(QuotationTest, DoesNotCloseBeforeItSaysSomethingOrInsideAWord) {
    EXPECT_EQ(write(kFees, {"The", "\"", "\"", "\"", "\"", "\"", "\"", "\"", "\"", "\"",
                            "\"",  "\"", "\"", "\"", "\"", "\"", "\"", "\"", "\"", "\"",
                            "\"",  "\"", "\"", "\"", "\"", "\"", "\"", "\"", "\"", "\""})
                  .size(),
              std::string("The fee is nine pounds a\"").size());
    EXPECT_THAT(places.front().size(), testing::Ge(24U));
}

TEST_F(QuotationTest, AShortPassageMayBeQuotedWhole) {
    EXPECT_EQ(write("The fee", {"The", " fee", "\""}), "The fee\"");
}

TEST_F(QuotationTest, EndsWithItsBlock) {
    const std::string quoted = write(
        kFees, {"The", " fee", " is", " nine", " pounds", " a", " year", ".", " The", " ",    "t",   "e", "r",
                "m",   " is",  " ",   "t",     "w",       "o",  " year", "s", ".",    " The", " fee"});
    EXPECT_EQ(quoted, "The fee is nine pounds a year. The term is two years.\"");
}

TEST_F(QuotationTest, AModelThatStopsOrBreaksTheLineHasQuotedEnough) {
    EXPECT_EQ(write(kFees, {"The", " fee", " is", " nine", " pounds", " a", " year", ".", "<end>"}),
              "The fee is nine pounds a year.\"");
    EXPECT_EQ(write(kFees, {"The", " fee", " is", " nine", " pounds", " a", " year", ".", "\n\n"}),
              "The fee is nine pounds a year.\"");
}

TEST_F(QuotationTest, TellsEveryPlaceThatSaysIt) {
    write("The fee is due.\n\nThe term ends.\n\nThe fee is due.", {"The", " fee", " is", " ", "d"});
    EXPECT_EQ(places, (std::vector<std::string>{"The fee is due.", "The fee is due."}));
}

TEST_F(QuotationTest, QuotesJapanese) {
    EXPECT_EQ(write("手数料は九円。\n\n手数料は後払い。", {"手数料", "は", "九", "円", "。", "」"}, "」"),
              "手数料は九円。」");
}

TEST_F(QuotationTest, NothingToQuoteIsClosedAtOnce) {
    EXPECT_TRUE(Quotation(Passages(), tokenizer, "\"").closed());
}

}  // namespace
}  // namespace kvasir
