#include "app/cli/ask_print.h"

#include <cstdio>
#include <set>
#include <string>

namespace kvasir::cli {
namespace {

const char* modeTitle(AnswerMode mode) {
    switch (mode) {
        case AnswerMode::FirstLook:
            return "First look";
        case AnswerMode::Quick:
            return "Quick answer";
        case AnswerMode::Full:
            return "Full reading";
        case AnswerMode::Parts:
            return "Quick answer in parts";
    }
    return "Quick answer";
}

void printEnd(const Answer& answer) {
    if (answer.state == AnswerState::Stopped) std::printf("\nStopped by you.\n");
    if (answer.finish == FinishReason::Repetition)
        std::printf("\nEnded here: the model began to repeat itself.\n");
    if (answer.finish == FinishReason::Length)
        std::printf("\nEnded here: the longest length was reached (--max-tokens).\n");
}

void printFigures(const Answer& answer) {
    const AnswerFigures& f = answer.figures;
    const double carried = f.promptTokens > 0 ? 100.0 * static_cast<double>(f.carriedTokens) /
                                                    static_cast<double>(f.promptTokens)
                                              : 0.0;
    std::printf("\n%s, %.1f s to first word (after %.0f s of reading), %.*f %% carried, %.1f tokens/s, %s\n",
                modeTitle(answer.mode), f.firstTokenMs / 1000, f.readMs / 1000, carried < 10 ? 1 : 0, carried,
                f.decodeTokensPerSecond, answer.id.c_str());
    if (!answer.after.empty()) {
        std::printf("Went on from %s: %d earlier answer%s, %d tokens.\n", answer.after.c_str(),
                    answer.turns.taken, answer.turns.taken == 1 ? "" : "s",
                    static_cast<int>(answer.turns.tokens));
    }
    if (const std::string left = turnsLeftOut(answer.turns); !left.empty()) std::printf("%s\n", left.c_str());
    if (answer.mode == AnswerMode::Parts) {
        std::printf("From %d of %d parts read so far. Parts are read apart: an approximation.\n",
                    answer.parts.read, answer.parts.all);
    }
}

}  // namespace

std::int64_t lineOf(const Document& document, std::int32_t page, std::int32_t line) {
    return line - static_cast<std::int64_t>(document.pages[static_cast<std::size_t>(page)].firstLine) + 1;
}

std::string placeName(const Document& document, std::int32_t page, std::int32_t line) {
    if (document.kind == DocumentKind::Pdf) return "page " + std::to_string(page + 1);
    return "line " + std::to_string(lineOf(document, page, line));
}

Json citationsJson(const AskedDocuments& documents, const Answer& answer) {
    Json list = Json::array();
    for (const Citation& c : answer.citations) {
        const Document& document = *documents[static_cast<std::size_t>(c.document)];
        list.push_back({{"number", c.number},
                        {"document", document.name},
                        {"page", c.page + 1},
                        {"line", lineOf(document, c.page, c.line)},
                        {"quote", c.quote}});
    }
    return list;
}

void printBelow(const AskedDocuments& documents, const Answer& answer) {
    std::printf("\n");
    printEnd(answer);
    if (!answer.answerable) {
        std::printf("\nThe %s to say this.\n",
                    documents.size() == 1 ? "document does not seem" : "documents do not seem");
    }
    if (!answer.citations.empty()) std::printf("\n");
    std::set<std::int32_t> listed;  // one place may stand behind several sentences
    for (const Citation& c : answer.citations) {
        if (!listed.insert(c.number).second) continue;
        const Document& document = *documents[static_cast<std::size_t>(c.document)];
        std::printf("  [%d] %s, %s: %s\n", c.number, document.name.c_str(),
                    placeName(document, c.page, c.line).c_str(), c.quote.c_str());
    }
    for (const CheckedFact& fact : answer.facts) {
        if (fact.found == CheckedFact::Found::Nowhere)
            std::printf("  '%s' is not on any page. Check it.\n", fact.text.c_str());
    }
    if (!answer.missingPages.empty()) {
        std::printf("  Without pages that could not be read:");
        for (const std::int32_t page : answer.missingPages)
            std::printf(" %d", page + 1);
        std::printf("\n");
    }
    printFigures(answer);
}

}  // namespace kvasir::cli
