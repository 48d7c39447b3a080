#include "app/first_look.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace kvasir {
namespace {

constexpr std::string_view kBetween = "\n\n";  // as paragraphs are apart in a document

std::int64_t tokensOf(const Tokenizer& tokenizer, std::string_view text, const ByteRange& passage) {
    return std::ssize(
               tokenizer.ids(text.substr(passage.begin, passage.end - passage.begin), Specials::Plain)) +
           1;
}

/// The best passages within the budget, ascending and apart.
std::vector<ByteRange> chosen(const Tokenizer& tokenizer, std::string_view text,
                              std::span<const ByteRange> passages, std::int64_t mostTokens) {
    std::vector<ByteRange> ranges;
    std::int64_t tokens = 0;
    for (const ByteRange& passage : passages) {
        if (passage.begin >= passage.end || passage.end > text.size()) continue;
        const std::int64_t size = tokensOf(tokenizer, text, passage);
        if (tokens + size > mostTokens) continue;  // a shorter one may still fit
        tokens += size;
        ranges.push_back(passage);
    }
    std::sort(ranges.begin(), ranges.end(),
              [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
    std::vector<ByteRange> apart;
    for (const ByteRange& range : ranges) {
        if (!apart.empty() && range.begin <= apart.back().end) {
            apart.back().end = std::max(apart.back().end, range.end);
        } else {
            apart.push_back(range);
        }
    }
    return apart;
}

}  // namespace

TokenisedDocument tokenisePassages(const PromptBuilder& prompts, const Tokenizer& tokenizer,
                                   std::shared_ptr<const Document> document,
                                   std::span<const ByteRange> passages, std::int64_t mostTokens) {
    const std::vector<ByteRange> ranges = chosen(tokenizer, document->text, passages, mostTokens);
    auto joined = std::make_shared<Document>();
    std::vector<std::uint32_t> begins;  // of each range in the joined text
    for (const ByteRange& range : ranges) {
        if (!joined->text.empty()) joined->text += kBetween;
        begins.push_back(static_cast<std::uint32_t>(joined->text.size()));
        joined->text += document->text.substr(range.begin, range.end - range.begin);
    }
    TokenisedDocument result = prompts.tokenise(std::move(joined));
    std::size_t at = 0;
    for (TextToken& token : result.tokens) {
        while (at + 1 < ranges.size() && token.begin >= begins[at + 1])
            ++at;
        // What a token has of the space between passages is none of the document's.
        const auto place = [&](std::uint32_t byte) {
            return std::min(ranges[at].begin + (byte - begins[at]), ranges[at].end);
        };
        token.end = place(token.end);
        token.begin = place(token.begin);
    }
    result.document = std::move(document);
    return result;
}

std::int64_t passageTokens(const Tokenizer& tokenizer, std::string_view text,
                           std::span<const ByteRange> passages, std::int64_t most) {
    std::int64_t tokens = 0;
    for (const ByteRange& passage : passages) {
        if (passage.end <= text.size()) tokens += tokensOf(tokenizer, text, passage);
        if (tokens >= most) return most;
    }
    return tokens;
}

Passages onlyTokens(const Passages& passages, std::span<const TextToken> tokens) {
    Passages read;
    for (const Passage& passage : passages.items) {
        // Tokens ascend: the first that ends behind the passage's beginning is the one to look at.
        const auto token = std::partition_point(tokens.begin(), tokens.end(),
                                                [&](const TextToken& t) { return t.end <= passage.begin; });
        if (token == tokens.end() || token->begin >= passage.end) continue;
        Passage copy = passage;
        copy.flatBegin = static_cast<std::uint32_t>(read.flat.size());
        read.flat += passages.text(passage);
        copy.flatEnd = static_cast<std::uint32_t>(read.flat.size());
        copy.heading = -1;  // it may not be among them
        read.flat += ' ';
        read.items.push_back(copy);
    }
    return read;
}

std::int32_t countPassages(const TokenisedDocument& passages) {
    std::int32_t count = 0;
    std::uint32_t end = 0;
    for (const TextToken& token : passages.tokens) {
        if (count == 0 || token.begin > end) ++count;
        end = std::max(end, token.end);
    }
    return count;
}

}  // namespace kvasir
