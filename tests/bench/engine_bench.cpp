// Speed of the whole engine on a model of a named shape with random weights, for machines without Qt:
//   engine_bench [--shape NAME] [--model FILE] [--device cuda|cpu] [--threads N] [--lengths 8192,32768]
//                [--folder FOLDER] [--runs N] [--json FILE]
// Prints a table; `kvasir-cli bench` measures the same. FOLDER receives the model file of the shape (as large
// as a real one) and keeps it, so that the next run need not write it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "engine/bench/speed.h"
#include "engine/bench/speed_report.h"
#include "engine/model.h"
#include "kernels/backend.h"
#include "tests/bench/bench_model.h"

namespace {

using namespace kvasir;
using bench::need;

struct Arguments : bench::Options {
    std::string json;
};

bool parse(int argc, char** argv, Arguments& out) {
    bool known = argc % 2 == 1;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string key = argv[i], value = argv[i + 1];
        if (key == "--json") {
            out.json = value;
        } else {
            known = out.take(key, value) && known;
        }
    }
    return known;
}

}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    if (!parse(argc, argv, arguments)) {
        std::fprintf(stderr,
                     "usage: engine_bench [--shape NAME] [--model FILE] [--device cuda|cpu] "
                     "[--threads N] [--lengths L,...] [--folder F] [--runs N] [--json FILE]\n");
        return 2;
    }
    const std::filesystem::path path = bench::modelFile(arguments.model, arguments.shape, arguments.folder);
    const kernels::Device device = arguments.device == "cuda" ? kernels::Device::Cuda : kernels::Device::Cpu;
    kernels::BackendChoice choice = kernels::chooseBackend(device, arguments.threads);
    if (choice.backend == nullptr) {
        std::fprintf(stderr, "%s\n", choice.note.c_str());
        return 1;
    }
    const std::unique_ptr<Model> model = need(Model::load(path, *choice.backend, {}), "model");
    const std::unique_ptr<LayerRunner> runner = need(LayerRunner::create(*model, *choice.backend), "model");
    std::printf("%s on %s; %.2f GB of weights\n", path.stem().c_str(),
                std::string(choice.backend->name()).c_str(), static_cast<double>(model->weightBytes()) / 1e9);
    std::vector<bench::Measured> measured;
    for (const std::int64_t length : arguments.lengths) {
        const auto speed = need(bench::Speed::create(*runner, length, {}), "length");
        need(speed->prepare({}), "reading");
        bench::Samples warming;
        need(speed->sample(warming, {}), "measuring");
        bench::Measured& row = measured.emplace_back();
        row = {path.stem().string(), std::string(bench::kOurs), length, {}};
        for (int i = 0; i < arguments.runs; ++i)
            need(speed->sample(row.samples, {}), "measuring");
        std::fputs(bench::tableOf({row}).c_str(), stdout);
        std::fflush(stdout);
    }
    if (!arguments.json.empty()) std::ofstream(arguments.json) << bench::rowsOf(measured).dump(1) << '\n';
    return 0;
}
