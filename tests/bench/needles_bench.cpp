// Facts hidden in a long document: how many are found by the chosen tokens of its parts alone, with the
// sentences that the question looks at repeated before it, with what search finds besides, and by plain
// retrieval of the best passages put into the same window.
//   needles_bench MODEL TOKENS [DEPTHS]     DEPTHS: how many of the ten, 10 when missing
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "app/answer_engine.h"
#include "app/eval/generators.h"
#include "app/library.h"
#include "app/store/store.h"
#include "tests/bench/or_end.h"

namespace {

using namespace kvasir;
using bench::orEnd;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kCarried = 4096;  // tokens, for all ways

double secondsSince(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Full-text search over the document, as the window and the command line have it.
class Search {
public:
    explicit Search(std::shared_ptr<const Document> document) {
        std::string pattern = (std::filesystem::temp_directory_path() / "kvasir-needles-XXXXXX").string();
        m_folder = mkdtemp(pattern.data());
        StoreOptions options;
        options.folder = m_folder;
        m_store = orEnd(Store::open(std::move(options)));
        Library library(*m_store);
        m_row = orEnd(library.remember(*document, "needles.txt"));
        if (!library.index(m_row, std::move(document))) std::exit(1);
        m_reader = orEnd(m_store->reader());
    }
    ~Search() {
        m_reader.reset();
        m_store.reset();
        std::error_code ignored;
        std::filesystem::remove_all(m_folder, ignored);
    }
    std::vector<ByteRange> best(const std::string& question, int count) const {
        std::vector<ByteRange> ranges;
        for (const PassageHit& hit : orEnd(m_reader->searchPassages(m_row, question, count)))
            ranges.push_back(hit.range);
        return ranges;
    }

private:
    std::filesystem::path m_folder;
    std::unique_ptr<Store> m_store;
    std::unique_ptr<StoreReader> m_reader;
    RowId m_row = 0;
};

/// Whether nearly all tokens of the lines that hold the answer were carried, or read as passages.
bool carries(const Document& document, const AskOutcome& outcome, const eval::Question& question) {
    const std::vector<bool> carried = carriedTokens(outcome.trace);
    for (const std::int32_t place : question.places) {
        const Line& line = document.lines.at(static_cast<std::size_t>(place - 1));
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < carried.size(); ++i) {
            const TextToken& token = outcome.trace.tokens[i];
            if (carried[i] && token.begin >= line.begin && token.end <= line.end)
                bytes += token.end - token.begin;
        }
        if (bytes * 10 < (line.end - line.begin) * 9) return false;
    }
    return true;
}

struct Tally {
    int found = 0, carried = 0, asked = 0;
    double seconds = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3 || argc > 4) {
        std::fprintf(stderr, "usage: needles_bench MODEL TOKENS [DEPTHS]\n");
        return 2;
    }
    const int depths = argc > 3 ? std::clamp(std::atoi(argv[3]), 1, 10) : 10;
    constexpr std::string_view kKinds[] = {"needles", "paraphrase", "pairs"};
    const eval::Generated made =
        orEnd(eval::generate(kKinds, {std::atoll(argv[2]) * 3 / 4, depths, 20251128}));
    const std::shared_ptr<const Document>& document = made.document;
    const Search search(document);
    const auto engine = orEnd(AnswerEngine::create(argv[1], 0, {}));
    const auto parts = orEnd(engine->prepareParts({document}));
    std::printf("%s, %s\n%zu tokens. %s\n", engine->model().config().name.c_str(),
                engine->deviceName().c_str(), parts->tokens.size(), parts->sentence.c_str());
    const Clock::time_point begin = Clock::now();
    const std::vector<std::size_t> order = rankParts(*parts, {});
    while (const std::optional<std::size_t> next = nextPart(*parts, order)) {
        if (const Result<void> read = engine->readPart(*parts, *next, order, {}, {}); !read) {
            std::fprintf(stderr, "%s\n", read.error().message().c_str());
            return 1;
        }
    }
    std::printf("read in %.0f s\n", secondsSince(begin));
    std::map<std::pair<std::string, std::string>, Tally> tallies;  // by way and kind
    const auto note = [&](const std::string& way, const eval::Question& needle, const AskOutcome& outcome,
                          double seconds) {
        Tally& tally = tallies[{way, needle.kind}];
        const bool found = eval::isRight(outcome.answer.text, needle.expected),
                   carried = carries(*document, outcome, needle);
        tally.carried += carried ? 1 : 0;
        tally.found += found ? 1 : 0;
        ++tally.asked;
        tally.seconds += seconds;
        std::string shown = outcome.answer.text;
        std::ranges::replace(shown, '\n', ' ');
        std::printf("%-8s %-13s %s %s  %s\n", way.c_str(), needle.id.c_str(), carried ? "carried" : "-      ",
                    found ? "found " : "missed", shown.c_str());
        std::fflush(stdout);
    };
    for (const eval::Question& needle : made.questions) {
        AskRequest request;
        request.question = needle.text;
        request.maxTokens = 96;
        request.policy = Policy::fixedLength(engine->model().config(), kCarried);
        const auto byParts = [&](const char* way) {
            const Clock::time_point asked = Clock::now();
            note(way, needle, orEnd(engine->askParts(*parts, request, {}, [](std::string_view) {})),
                 secondsSince(asked));
        };
        request.lookedTokens = 0;
        byParts("chosen");
        request.lookedTokens.reset();
        byParts("looked");
        request.passages = search.best(needle.text, 200);
        byParts("both");
        const Clock::time_point asked = Clock::now();
        const Result<AskOutcome> looked =
            engine->look(document, kCarried, request, {}, [](std::string_view) {});
        // No passage shares a word with the question.
        note("passages", needle, looked ? *looked : AskOutcome{}, secondsSince(asked));
    }
    for (const auto& [key, tally] : tallies) {
        std::printf("%-8s %-11s %2d of %2d, %.1f s each\n", key.first.c_str(), key.second.c_str(),
                    tally.found, tally.asked, tally.seconds / tally.asked);
    }
    return 0;
}
