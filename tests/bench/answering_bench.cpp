// What a batch of rows costs against single ones, what observing for the trace costs, and what guessing
// brings on questions; on the GPU where one is usable.
//   answering_bench MODEL [QUESTIONS.tsv DOCUMENT-FOLDER NAME-OF-DOCUMENT]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "app/answer_engine.h"
#include "app/reader/reader_client.h"
#include "tests/bench/or_end.h"

namespace {

using namespace kvasir;
using bench::orEnd;
using Clock = std::chrono::steady_clock;

double msSince(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// Milliseconds of a run of `rows` tokens behind a prompt.
double runMs(Generation& generation, std::int64_t rows) {
    const std::vector<TokenId> run(static_cast<std::size_t>(rows), 1000);
    const Clock::time_point begin = Clock::now();
    orEnd(generation.verify(run, [](std::span<const float>) { return TokenId{-1}; }, {}));
    return msSince(begin);
}

void measureBatches(const std::string& path, std::int64_t length) {
    const auto backend = kernels::chooseBackend(kernels::Device::Automatic, 2).backend;
    const auto model = orEnd(Model::load(path, *backend, {kernels::Activations::Int8, {}}));
    const auto runner = orEnd(LayerRunner::create(*model, *backend));
    std::vector<TokenId> tokens(static_cast<std::size_t>(length));
    for (std::size_t i = 0; i < tokens.size(); ++i)
        tokens[i] = static_cast<TokenId>(500 + i * 7 % 900);
    const Policy policy = Policy::full(model->config());
    const auto document =
        orEnd(ResidentDocument::create(*model, *backend, tokens, policy.tspLayer, kernels::KvType::F16));
    if (!document->readEarly(*runner, {}, {})) std::exit(1);
    const auto make = [&](bool observed) {
        Generation::Options options;
        options.policy = policy;
        if (observed) options.observed = {{Policy::shipped(model->config()).tspLayer, {}}};
        auto made = orEnd(Generation::create(*runner, *document, std::vector<TokenId>(8, 900),
                                             {0, length, length + 8}, options));
        if (!made->prefill({})) std::exit(1);
        return made;
    };
    const auto plain = make(false), observing = make(true);
    constexpr int kRounds = 9;
    std::printf("%s, %lld tokens, median of %d\nrows   ms   ms/row  of single  observed\n", path.c_str(),
                static_cast<long long>(length), kRounds);
    double single = 0;
    for (const std::int64_t rows : {1, 2, 3, 4, 6, 8, 12, 16, 24, 32}) {
        std::vector<double> without, with;
        for (int round = 0; round < kRounds; ++round) {
            without.push_back(runMs(*plain, rows));
            with.push_back(runMs(*observing, rows));
        }
        const double ms = median(without);
        if (rows == 1) single = ms;
        std::printf("%4lld %7.1f %7.2f %7.2f   %+6.1f %%\n", static_cast<long long>(rows), ms,
                    ms / static_cast<double>(rows), ms / single, 100 * (median(with) / ms - 1));
    }
}

std::vector<std::string> questionsOf(const std::string& tsv, const std::string& document) {
    std::ifstream file(tsv);
    std::vector<std::string> questions;
    std::vector<std::string> names;
    for (std::string line; std::getline(file, line);) {
        std::vector<std::string> cells;
        std::istringstream parts(line);
        for (std::string cell; std::getline(parts, cell, '\t');)
            cells.push_back(cell);
        if (names.empty()) {
            names = cells;
            continue;
        }
        std::string asked, about;
        for (std::size_t i = 0; i < std::min(cells.size(), names.size()); ++i) {
            if (names[i] == "question") asked = cells[i];
            if (names[i] == "document") about = cells[i];
        }
        if (about == document) questions.push_back(asked);
    }
    return questions;
}

void measureGuessing(const std::string& model, const std::string& tsv, const std::string& folder,
                     const std::string& name) {
    const auto engine = orEnd(AnswerEngine::create(model, 2, {}));
    auto text = std::make_shared<const Document>(orEnd(readDocument(folder + "/" + name, "", {}, {})));
    const auto document = orEnd(engine->prepare(text));
    if (!engine->readEarly(*document, {}, {}) || !engine->readLate(*document, {}, {})) std::exit(1);
    double plainMs = 0, guessedMs = 0, confirmMs = 0, tokens = 0;
    std::int64_t guesses = 0, stood = 0, batches = 0, count = 0, same = 0;
    for (const std::string& question : questionsOf(tsv, name)) {
        AskRequest request;
        request.question = question;
        request.mode = AnswerMode::Full;
        request.speculate = false;
        const AskOutcome plain = orEnd(engine->ask(*document, request, {}, [](std::string_view) {}));
        request.speculate = true;
        const AskOutcome guessed = orEnd(engine->ask(*document, request, {}, [](std::string_view) {}));
        if (guessed.tokens != plain.tokens) std::printf("DIFFERENT: %s\n", question.c_str());
        request.mode = AnswerMode::Quick;
        const AskOutcome quick = orEnd(engine->ask(*document, request, {}, [](std::string_view) {}));
        const ConfirmOutcome confirmed = orEnd(engine->confirm(*document, request, quick, {}));
        if (confirmed.full.tokens != plain.tokens) std::printf("DIFFERENT CHECK: %s\n", question.c_str());
        if ((confirmed.check.verdict == Verdict::SameWords) != (quick.tokens == plain.tokens))
            std::printf("WRONG VERDICT: %s\n", question.c_str());
        plainMs += plain.trace.timings.writingMs;
        guessedMs += guessed.trace.timings.writingMs;
        confirmMs += confirmed.check.ms;
        tokens += static_cast<double>(plain.tokens.size());
        guesses += guessed.trace.speed.guessed;
        stood += guessed.trace.speed.stood;
        batches += guessed.trace.speed.batches;
        same += confirmed.check.verdict == Verdict::SameWords ? 1 : 0;
        ++count;
        std::printf("%5.1f -> %5.1f tokens/s, %3zu tokens, check %6.0f ms, verdict %d  %s\n",
                    1000 * static_cast<double>(plain.tokens.size()) / plain.trace.timings.writingMs,
                    1000 * static_cast<double>(plain.tokens.size()) / guessed.trace.timings.writingMs,
                    plain.tokens.size(), confirmed.check.ms, static_cast<int>(confirmed.check.verdict),
                    question.c_str());
    }
    std::printf(
        "%lld questions, %.0f tokens: %.1f tokens/s alone, %.1f with guesses (%lld of %lld stood, %.2f "
        "tokens a pass); writing %.1f s, checking %.1f s, %lld with the same words\n",
        static_cast<long long>(count), tokens, 1000 * tokens / plainMs, 1000 * tokens / guessedMs,
        static_cast<long long>(stood), static_cast<long long>(guesses), tokens / static_cast<double>(batches),
        plainMs / 1000, confirmMs / 1000, static_cast<long long>(same));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 && argc != 5) {
        std::fprintf(stderr, "usage: answering_bench MODEL [QUESTIONS.tsv FOLDER DOCUMENT]\n");
        return 2;
    }
    if (argc == 2) {
        measureBatches(argv[1], 1024);
        measureBatches(argv[1], 8192);
    } else {
        measureGuessing(argv[1], argv[2], argv[3], argv[4]);
    }
    return 0;
}
