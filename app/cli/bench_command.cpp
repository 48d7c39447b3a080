// kvasir-cli bench: how fast a model reads, answers and writes here, beside other programs on the same file.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <optional>
#include <thread>

#include <unistd.h>

#include <QProcess>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/model_catalogue.h"
#include "engine/bench/llama_bench.h"
#include "engine/bench/speed.h"
#include "engine/bench/speed_report.h"
#include "engine/bench/synthetic_model.h"
#include "engine/model.h"

namespace kvasir::cli {
namespace {

struct Peer {
    std::string name;
    std::filesystem::path program;
};

struct Plan {
    std::vector<std::filesystem::path> models;
    std::vector<std::int64_t> lengths;
    std::vector<Peer> peers;
    kernels::Device device = kernels::Device::Automatic;
    int threads = 1;
};

tl::unexpected<Error> invalid(const std::string& what, const std::string& where, const std::string& advice) {
    return fail(ErrorCode::InvalidArgument, what, where, advice);
}

Result<std::vector<std::int64_t>> lengthsOf(const std::vector<std::string>& texts) {
    std::vector<std::int64_t> lengths;
    for (const std::string& text : texts) {
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size() || value < 128)
            return invalid("A length is a number of tokens from 128 on.", text, "Give, say, 2048,8192.");
        lengths.push_back(value);
    }
    return lengths;
}

Result<std::vector<Peer>> peersOf(const std::vector<std::string>& texts) {
    std::vector<Peer> peers;
    for (const std::string& text : texts) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
            return invalid("A peer is NAME=PATH.", text, "PATH is a llama-bench program.");
        Peer peer{text.substr(0, equals), text.substr(equals + 1)};
        if (peer.name == bench::kOurs)
            return invalid("A peer cannot have our name.", text, "Give it another one.");
        if (access(peer.program.c_str(), X_OK) != 0 || !std::filesystem::is_regular_file(peer.program)) {
            return fail(ErrorCode::NotFound, "There is no program to compare with.", peer.program.string(),
                        "Give the path of a llama-bench program.");
        }
        peers.push_back(std::move(peer));
    }
    return peers;
}

/// The file of a shape, written where it is not there yet.
Result<std::filesystem::path> shapeFile(const std::string& name) {
    const bench::SyntheticShape* shape = bench::findShape(name);
    if (shape == nullptr) {
        std::string names;
        for (const bench::SyntheticShape& each : bench::kShapes)
            names += (names.empty() ? "" : ", ") + std::string(each.name);
        return invalid("There is no shape of this name.", name, "Choose one of: " + names + ".");
    }
    const std::filesystem::path folder = modelFolder() / "shapes";
    std::filesystem::path path = folder / (name + ".gguf");
    if (std::filesystem::exists(path)) return path;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    std::fprintf(stderr, "Writing %s; it is kept for the next time.\n", path.c_str());
    const std::filesystem::path part = path.string() + ".part";
    if (Result<void> done = bench::writeSyntheticModel(*shape, part); !done)
        return tl::unexpected(done.error());
    std::filesystem::rename(part, path, error);
    if (error) {
        return fail(ErrorCode::ReadOnly, "The model file cannot be named.", path.string(),
                    "Check the folder's permissions.");
    }
    return path;
}

Result<Plan> planOf(const BenchArguments& arguments) {
    Plan plan;
    for (const std::string& name : arguments.models) {
        Result<std::filesystem::path> path = findModel(name);
        if (!path) return tl::unexpected(path.error());
        plan.models.push_back(std::move(*path));
    }
    Result<std::vector<std::int64_t>> lengths = lengthsOf(arguments.lengths);
    if (!lengths) return tl::unexpected(lengths.error());
    plan.lengths = std::move(*lengths);
    Result<std::vector<Peer>> peers = peersOf(arguments.peers);
    if (!peers) return tl::unexpected(peers.error());
    plan.peers = std::move(*peers);
    if (arguments.device == "cpu") plan.device = kernels::Device::Cpu;
    if (arguments.device == "cuda") plan.device = kernels::Device::Cuda;
    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    plan.threads = arguments.threads > 0 ? arguments.threads : cores;
    if (!arguments.shape.empty()) {  // last, because it may write gigabytes
        Result<std::filesystem::path> path = shapeFile(arguments.shape);
        if (!path) return tl::unexpected(path.error());
        plan.models.push_back(std::move(*path));
    }
    return plan;
}

/// What the peer prints for these arguments. Cancelled when `stop` is asked for.
Result<std::string> runPeer(const Peer& peer, const std::vector<std::string>& arguments,
                            const std::stop_token& stop) {
    constexpr int kPollMs = 100;
    QProcess process;
    QStringList list;
    for (const std::string& argument : arguments)
        list << QString::fromStdString(argument);
    process.setStandardErrorFile(QProcess::nullDevice());
    process.start(QString::fromStdString(peer.program.string()), list);
    while (process.state() != QProcess::NotRunning && !process.waitForFinished(kPollMs)) {
        if (!stop.stop_requested()) continue;
        process.kill();
        process.waitForFinished();
        return fail(ErrorCode::Cancelled, "The measurement was stopped.", "",
                    "Start it again when you like.");
    }
    if (process.exitStatus() != QProcess::NormalExit || process.exitCode() != 0 ||
        process.error() == QProcess::FailedToStart) {
        return fail(ErrorCode::Unsupported, "The program to compare with failed.", peer.program.string(),
                    "Run it by hand with the same model to see why.");
    }
    return process.readAllStandardOutput().toStdString();
}

Result<void> samplePeer(const Peer& peer, const bench::PeerQuestion& question, bench::Samples& samples,
                        const std::stop_token& stop) {
    for (const std::vector<std::string>& arguments : bench::llamaBenchArguments(question)) {
        const Result<std::string> output = runPeer(peer, arguments, stop);
        if (!output) return tl::unexpected(output.error());
        const auto results = bench::parseLlamaBench(*output);
        if (!results) return tl::unexpected(results.error());
        bench::addPeerSamples(question, *results, samples);
    }
    return {};
}

/// Everything at one length: in turn, so that what slows the machine down slows all of them.
Result<void> measure(const Plan& plan, const BenchArguments& arguments, LayerRunner& runner,
                     std::int64_t length, std::vector<bench::Measured>& measured,
                     const std::stop_token& stop) {
    bench::SpeedSettings settings;
    settings.written = arguments.written;
    auto speed = bench::Speed::create(runner, length, settings);
    if (!speed) return tl::unexpected(speed.error());
    if (Result<void> done = (*speed)->prepare(stop); !done) return done;
    const std::filesystem::path& path = runner.model().path();
    const bench::PeerQuestion question{path,
                                       length,
                                       settings.question,
                                       settings.written,
                                       plan.threads,
                                       runner.backend().name().starts_with("cuda")};
    std::vector<bench::Measured> rows{{path.stem().string(), std::string(bench::kOurs), length, {}}};
    for (const Peer& peer : plan.peers)
        rows.push_back({path.stem().string(), peer.name, length, {}});
    bench::Samples warming;
    if (Result<void> done = (*speed)->sample(warming, stop); !done) return done;
    ProgressLine progress;
    for (int run = 0; run < arguments.runs; ++run) {
        progress.show(path.stem().string() + ", " + std::to_string(length) + " tokens",
                      static_cast<double>(run) / arguments.runs, -1);
        if (Result<void> done = (*speed)->sample(rows[0].samples, stop); !done) return done;
        for (std::size_t i = 0; i < plan.peers.size(); ++i) {
            Result<void> done = samplePeer(plan.peers[i], question, rows[i + 1].samples, stop);
            if (!done) return done;
        }
    }
    progress.finish();
    measured.insert(measured.end(), rows.begin(), rows.end());
    if (!arguments.json) {
        std::fputs(bench::tableOf(rows).c_str(), stdout);
        std::fflush(stdout);
    }
    return {};
}

std::string processorName() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("model name")) continue;
        const std::size_t colon = line.find(": ");
        if (colon != std::string::npos) return line.substr(colon + 2);
    }
    return "unknown";
}

Json machineOf(const Plan& plan, const std::string& device) {
    const long pages = sysconf(_SC_PHYS_PAGES), pageBytes = sysconf(_SC_PAGE_SIZE);
    return {{"processor", processorName()},
            {"cores", std::thread::hardware_concurrency()},
            {"memory_bytes", static_cast<std::int64_t>(pages) * pageBytes},
            {"device", device},
            {"threads", plan.threads},
            {"version", KVASIR_VERSION}};
}

}  // namespace

int bench(const BenchArguments& arguments) {
    const InterruptStop interrupt;
    const Result<Plan> plan = planOf(arguments);
    if (!plan) return failed(plan.error(), arguments.json);
    kernels::BackendChoice choice = kernels::chooseBackend(plan->device, plan->threads);
    if (choice.backend == nullptr) {
        return failed({ErrorCode::Unsupported, choice.note, "", "Use --device cpu."}, arguments.json);
    }
    if (!choice.note.empty()) std::fprintf(stderr, "%s\n", choice.note.c_str());
    std::vector<bench::Measured> measured;
    for (const std::filesystem::path& path : plan->models) {
        const auto model = Model::load(path, *choice.backend, {});
        if (!model) return failed(model.error(), arguments.json);
        const auto runner = LayerRunner::create(**model, *choice.backend);
        if (!runner) return failed(runner.error(), arguments.json);
        for (const std::int64_t length : plan->lengths) {
            const Result<void> done =
                measure(*plan, arguments, **runner, length, measured, interrupt.token());
            if (!done) return failed(done.error(), arguments.json);
        }
    }
    if (arguments.json) {
        print({{"rows", bench::rowsOf(measured)},
               {"ratios", bench::ratiosOf(measured)},
               {"machine", machineOf(*plan, std::string(choice.backend->name()))}});
    }
    return 0;
}

}  // namespace kvasir::cli
