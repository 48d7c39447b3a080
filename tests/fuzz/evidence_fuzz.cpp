// Facts, sentences, passages and citations of any bytes: ranges lie in the text, ascend and cut no character.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "app/citations.h"
#include "app/facts.h"
#include "app/passages.h"

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken promise: %s\n", what);
    std::abort();
}

void checkFacts(std::string_view text) {
    std::uint32_t last = 0;
    for (const kvasir::Fact& fact : kvasir::findFacts(text)) {
        require(fact.begin >= last && fact.begin < fact.end && fact.end <= text.size(),
                "facts lie in order in the text");
        require(!fact.value.empty(), "a fact has a value");
        last = fact.begin;
    }
    last = 0;
    for (const kvasir::TextRange& range : kvasir::findSentences(text)) {
        require(range.begin >= last && range.begin < range.end && range.end <= text.size(),
                "sentences ascend in the text");
        last = range.end;
    }
}

void checkCitations(std::string_view text) {
    // The first line is the question, the second the answer, the rest the document.
    const std::size_t first = std::min(text.find('\n'), text.size());
    const std::size_t second = std::min(text.find('\n', first + 1), text.size());
    kvasir::Document document;
    document.kind = text.size() % 2 == 0 ? kvasir::DocumentKind::Log : kvasir::DocumentKind::Pdf;
    if (second < text.size()) document.text = text.substr(second + 1);
    std::uint32_t last = 0;
    for (const kvasir::Passage& passage : kvasir::findPassages(document).items) {
        require(passage.begin >= last && passage.begin < passage.end && passage.end <= document.text.size(),
                "passages ascend in the document");
        last = passage.end;
    }
    std::vector<kvasir::TextToken> tokens;
    for (std::uint32_t at = 0; at + 3 < document.text.size(); at += 3)
        tokens.push_back({0, at, at + 3});
    std::vector<kvasir::TokenEvidence> evidence;
    const std::string_view answer =
        first < second ? text.substr(first + 1, second - first - 1) : std::string_view();
    for (std::uint32_t at = 0; at + 2 <= answer.size() && at < 40; at += 2) {
        evidence.push_back({at, at + 2, std::vector<float>(tokens.size(), 0.001F)});
        if (!tokens.empty()) evidence.back().mass[(at * 7) % tokens.size()] = 0.5F;
    }
    const auto result = kvasir::cite({document, tokens, text.substr(0, first), answer, evidence});
    for (const kvasir::Citation& citation : result.citations) {
        require(citation.end <= document.text.size() && citation.begin < citation.end,
                "citations lie in the document");
        require(citation.sentenceEnd <= answer.size(), "cited sentences lie in the answer");
        require(citation.quote.size() <= 240 && citation.quote.find('\n') == std::string::npos,
                "a quote is one line");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    checkFacts(text);
    checkCitations(text);
    return 0;
}
