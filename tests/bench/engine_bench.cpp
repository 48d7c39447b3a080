// Speed of the whole engine on a model of a named shape with random weights:
//   engine_bench [--shape NAME] [--device cuda|cpu] [--lengths 8192,32768] [--folder FOLDER] [--runs N]
//                [--only cold|resident|full]
// Prints one line for each measurement, medians of N runs. FOLDER receives the model file (as large as a real
// one) and keeps it, so that the next run need not write it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <memory>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "engine/generation.h"
#include "engine/model.h"
#include "engine/resident_document.h"
#include "kernels/backend.h"
#include "tests/bench/synthetic_model.h"

namespace {

using namespace kvasir;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kQuestion = 40;
constexpr std::int64_t kConfirmed = 100;
constexpr std::int64_t kWritten = 48;

struct Arguments {
    std::string shape = "llama-3.1-8b", device = "cuda", folder, only;
    std::vector<std::int64_t> lengths{8192, 32768};
    int runs = 3;
};

bool parse(int argc, char** argv, Arguments& out) {
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string key = argv[i], value = argv[i + 1];
        if (key == "--shape") out.shape = value;
        if (key == "--device") out.device = value;
        if (key == "--folder") out.folder = value;
        if (key == "--only") out.only = value;
        if (key == "--runs") out.runs = std::max(1, std::atoi(value.c_str()));
        if (key != "--lengths") continue;
        out.lengths.clear();
        std::istringstream list(value);
        for (std::string number; std::getline(list, number, ',');)
            out.lengths.push_back(std::atoll(number.c_str()));
    }
    return argc % 2 == 1;
}

template <typename T>
T need(Result<T> result, const char* what) {
    if (result) return std::move(*result);
    std::fprintf(stderr, "%s: %s\n", what, result.error().message().c_str());
    std::exit(1);
}
void need(const Result<void>& result, const char* what) {
    if (result) return;
    std::fprintf(stderr, "%s: %s\n", what, result.error().message().c_str());
    std::exit(1);
}

class Bench {
public:
    Bench(LayerRunner& runner, int runs, std::string only)
        : m_runner(runner), m_runs(runs), m_only(std::move(only)) {}

    void run(std::int64_t length) {
        m_length = length;
        m_tokens.resize(static_cast<std::size_t>(length));
        std::mt19937 random(5);
        for (TokenId& token : m_tokens)
            token = static_cast<TokenId>(random() % static_cast<unsigned>(config().vocabulary));
        const Policy full = Policy::full(config()), paper = Policy::paper(config()),
                     shipped = Policy::shipped(config());
        const auto wanted = [&](const char* part) { return m_only.empty() || m_only == part; };
        if (wanted("cold")) {
            cold("full prefill", full);
            cold("cold quick, paper", paper);
            cold("cold quick, shipped", shipped);
        }
        if (wanted("resident")) {
            for (const Policy& policy : {paper, shipped})
                residentQuick(policy);
        }
        if (wanted("full")) afterFull(full);
    }

private:
    const ModelConfig& config() const { return m_runner.model().config(); }

    double median(const std::function<void()>& work, const std::function<void()>& before = {}) {
        std::vector<double> times;
        for (int i = 0; i <= m_runs; ++i) {  // the first one warms up
            if (before) before();
            m_runner.backend().synchronise();
            const Clock::time_point start = Clock::now();
            work();
            m_runner.backend().synchronise();
            if (i > 0)
                times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
        }
        std::sort(times.begin(), times.end());
        return times[times.size() / 2];
    }

    void line(const std::string& what, double value, const char* unit) const {
        std::printf("%8lld  %-34s %10.2f %s\n", static_cast<long long>(m_length), what.c_str(), value, unit);
        std::fflush(stdout);
    }

    std::unique_ptr<ResidentDocument> document(std::int64_t tokens, std::int32_t tspLayer) {
        return need(ResidentDocument::create(m_runner.model(), m_runner.backend(),
                                             {m_tokens.begin(), m_tokens.begin() + tokens}, tspLayer,
                                             kernels::KvType::F16),
                    "document");
    }

    std::unique_ptr<Generation> generation(const ResidentDocument& resident, const Policy& policy,
                                           std::int64_t question) {
        const std::int64_t length = resident.size() + question;
        std::vector<TokenId> tail(m_tokens.end() - question, m_tokens.end());
        Generation::Options options;
        options.policy = policy;
        options.maxTokens = 1024;
        return need(Generation::create(m_runner, resident, std::move(tail),
                                       {0, length - std::min(length, kQuestion), length}, std::move(options)),
                    "question");
    }

    void cold(const std::string& what, const Policy& policy) {
        const std::unique_ptr<ResidentDocument> nothing = document(0, policy.tspLayer);
        line(what, median([&] { need(generation(*nothing, policy, m_length)->prefill({}), "prefill"); }),
             "ms");
    }

    double written(Generation& answer) {
        const auto write = [&](std::int64_t count) {
            for (std::int64_t i = 0; i < count; ++i)
                need(answer.accept(greedy(answer.logits()), {}), "writing");
        };
        write(4);
        const double time = median([&] { write(kWritten); });
        return static_cast<double>(kWritten) / time * 1e3;
    }

    void residentQuick(const Policy& policy) {
        const std::unique_ptr<ResidentDocument> resident = document(m_length - kQuestion, policy.tspLayer);
        need(resident->readEarly(m_runner, {}, {}), "reading");
        std::unique_ptr<Generation> answer;
        const double time =
            median([&] { need((answer = generation(*resident, policy, kQuestion))->prefill({}), "prefill"); },
                   [&] { answer.reset(); });
        line("resident quick, " + policy.name, time, "ms");
        line("writing, " + std::to_string(policy.retentionPerMille / 10) + " % K/V, " + policy.name,
             written(*answer), "tokens/s");
    }

    void afterFull(const Policy& policy) {
        const std::unique_ptr<ResidentDocument> resident = document(m_length - kQuestion, policy.tspLayer);
        need(resident->readEarly(m_runner, {}, {}), "reading");
        std::unique_ptr<Generation> answer;
        const auto ask = [&](std::int64_t tokens) {
            return median(
                [&] { need((answer = generation(*resident, policy, tokens))->prefill({}), "prefill"); },
                [&] { answer.reset(); });
        };
        line("100 tokens confirmed", ask(kConfirmed), "ms");
        line("question after the full reading", ask(kQuestion), "ms");
        line("writing, all K/V", written(*answer), "tokens/s");
    }

    LayerRunner& m_runner;
    int m_runs;
    std::string m_only;
    std::int64_t m_length = 0;
    std::vector<TokenId> m_tokens;
};

}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    const bench::SyntheticShape* shape = nullptr;
    if (parse(argc, argv, arguments)) {
        shape = std::find_if(std::begin(bench::kShapes), std::end(bench::kShapes),
                             [&](const auto& each) { return each.name == arguments.shape; });
    }
    if (shape == nullptr || shape == std::end(bench::kShapes)) {
        std::fprintf(stderr,
                     "usage: engine_bench [--shape llama-3.1-8b] [--device cuda|cpu] [--lengths L,...] "
                     "[--folder F] [--runs N] [--only cold|resident|full]\n");
        return 2;
    }
    const std::filesystem::path folder = arguments.folder.empty() ? std::filesystem::temp_directory_path()
                                                                  : std::filesystem::path(arguments.folder);
    const std::filesystem::path path = folder / (arguments.shape + ".gguf");
    if (!std::filesystem::exists(path) && !bench::writeSyntheticModel(*shape, path)) {
        std::fprintf(stderr, "The model file cannot be written to %s.\n", path.c_str());
        return 1;
    }
    const kernels::Device device = arguments.device == "cuda" ? kernels::Device::Cuda : kernels::Device::Cpu;
    kernels::BackendChoice choice = kernels::chooseBackend(device, 2);
    if (choice.backend == nullptr) {
        std::fprintf(stderr, "%s\n", choice.note.c_str());
        return 1;
    }
    const Clock::time_point start = Clock::now();
    const std::unique_ptr<Model> model = need(Model::load(path, *choice.backend, {}), "model");
    const std::unique_ptr<LayerRunner> runner = need(LayerRunner::create(*model, *choice.backend), "model");
    std::printf("%s on %s; loaded in %.1f s, %.2f GB of weights\n", arguments.shape.c_str(),
                std::string(choice.backend->name()).c_str(),
                std::chrono::duration<double>(Clock::now() - start).count(),
                static_cast<double>(model->weightBytes()) / 1e9);
    Bench bench(*runner, arguments.runs, arguments.only);
    for (const std::int64_t length : arguments.lengths)
        bench.run(length);
    return 0;
}
