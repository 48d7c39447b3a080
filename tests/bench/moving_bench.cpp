// What it costs to keep a document while it is read, to move it between device, host and disk, and to ask one
// that left; and whether the plan for the memory is what is taken.
//   moving_bench [--shape NAME] [--model FILE] [--device cuda|cpu] [--threads N] [--lengths 8192,32768]
//                [--folder FOLDER] [--runs N]
// FOLDER receives the model file of the shape, which stays, and pieces, which go.
#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "engine/generation.h"
#include "engine/host_copy.h"
#include "engine/memory_plan.h"
#include "engine/model.h"
#include "engine/piece_staging.h"
#include "tests/bench/bench_model.h"

namespace {

using namespace kvasir;
using bench::need;
using Clock = std::chrono::steady_clock;
using kernels::KvType;
using Pieces = std::vector<std::unique_ptr<kernels::Buffer>>;

constexpr std::array kStages{PieceStage::Early, PieceStage::Late};

bool parse(int argc, char** argv, bench::Options& out) {
    bool known = argc % 2 == 1;
    for (int i = 1; i + 1 < argc; i += 2)
        known = out.take(argv[i], argv[i + 1]) && known;
    return known;
}

double msSince(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}
double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}
double gigabytesPerSecond(std::size_t bytes, double ms) {
    return static_cast<double>(bytes) / ms / 1e6;
}
double megabytes(std::size_t bytes) {
    return static_cast<double>(bytes) / 1e6;
}

/// Writes pieces on a thread of its own, as the application does, and reads them back.
class Disk {
public:
    explicit Disk(std::filesystem::path folder)
        : m_folder(std::move(folder)), m_thread([this](const std::stop_token& stop) { run(stop); }) {
        std::filesystem::create_directories(m_folder);
    }
    ~Disk() {
        m_thread.request_stop();
        m_thread.join();
        std::filesystem::remove_all(m_folder);
    }
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;

    void save(const PieceShape& shape, PieceBlock block) {
        const std::lock_guard lock(m_mutex);
        m_waiting.push_back({shape, std::move(block)});
        m_wake.notify_all();
    }
    void flush() {
        std::unique_lock lock(m_mutex);
        m_wake.wait(lock, [&] { return m_waiting.empty() && !m_busy; });
    }
    std::filesystem::path path(const PieceShape& shape) const {
        return m_folder /
               (std::to_string(static_cast<int>(shape.stage)) + "-" + std::to_string(shape.firstRow));
    }
    /// So that the next reading comes from the disk.
    void forgetCached() const {
        for (const auto& entry : std::filesystem::directory_iterator(m_folder)) {
            const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
            if (file < 0) continue;
            (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
            ::close(file);
        }
    }

private:
    struct Waiting {
        PieceShape shape;
        PieceBlock block;
    };
    void run(const std::stop_token& stop) {
        std::unique_lock lock(m_mutex);
        while (m_wake.wait(lock, stop, [&] { return !m_waiting.empty(); })) {
            Waiting piece = std::move(m_waiting.front());
            m_waiting.pop_front();
            m_busy = true;
            lock.unlock();
            need(writePiece(path(piece.shape), {}, piece.shape,
                            piece.block.first(kPieceHeaderBytes + piece.shape.bytes())),
                 "writing");
            piece.block = {};
            lock.lock();
            m_busy = false;
            m_wake.notify_all();
        }
    }

    std::filesystem::path m_folder;
    std::mutex m_mutex;
    std::condition_variable_any m_wake;
    std::deque<Waiting> m_waiting;
    bool m_busy = false;
    std::jthread m_thread;
};

/// Saves a document's pieces beside its reading.
class Keeping {
public:
    Keeping(ResidentDocument& document, PieceStaging& staging, Disk& disk)
        : m_document(document), m_staging(staging), m_disk(disk) {
        document.setMeanwhile([this] { save(false); });
    }
    void save(bool wait) {
        kernels::Backend& backend = m_staging.backend();
        while (!m_copying.empty() && (wait || backend.isCopied(m_copying.front().id))) {
            backend.waitForCopy(m_copying.front().id);
            m_disk.save(m_copying.front().shape, std::move(m_copying.front().block));
            m_copying.pop_front();
        }
        for (const PieceStage stage : kStages) {
            std::int64_t& next = m_next[static_cast<std::size_t>(stage)];
            while (m_document.isComplete(stage, next)) {
                PieceBlock block = m_staging.take();
                if (!block) return;
                const PieceShape shape = m_document.pieceShape(stage, next++ * kPieceRows);
                std::byte* to = block.first(m_staging.blockBytes()).data() + kPieceHeaderBytes;
                m_copying.push_back(
                    {shape, std::move(block), need(m_document.beginCopyPiece(shape, to), "copy")});
            }
        }
    }
    bool done() const {
        return m_copying.empty() && std::ranges::none_of(kStages, [&](PieceStage stage) {
                   return m_document.isComplete(stage, m_next[static_cast<std::size_t>(stage)]);
               });
    }

private:
    struct Copying {
        PieceShape shape;
        PieceBlock block;
        kernels::CopyId id;
    };
    ResidentDocument& m_document;
    PieceStaging& m_staging;
    Disk& m_disk;
    std::array<std::int64_t, 2> m_next{};
    std::deque<Copying> m_copying;
};

/// Everything for one model on one device.
struct Bench {
    kernels::Backend& backend;
    const Model& model;
    LayerRunner& runner;
    std::filesystem::path folder;
    int runs;
    std::int32_t tsp = Policy::shipped(model.config()).tspLayer;

    std::unique_ptr<ResidentDocument> unread(std::int64_t length, KvType type) const {
        std::vector<TokenId> tokens(static_cast<std::size_t>(length));
        for (std::size_t i = 0; i < tokens.size(); ++i)
            tokens[i] = static_cast<TokenId>(500 + i * 7919 % 9000);
        return need(ResidentDocument::create(model, backend, std::move(tokens), tsp, type), "document");
    }
    void read(ResidentDocument& document) const {
        need(document.readEarly(runner, {}, {}), "first reading");
        need(document.readLate(runner, {}, {}), "full reading");
    }
    double firstTokenMs(const ResidentDocument& document) const {
        const Clock::time_point begin = Clock::now();
        Generation::Options options;
        options.policy = Policy::full(model.config());
        const std::int64_t length = document.size() + 40;
        auto answer = need(Generation::create(runner, document, std::vector<TokenId>(40, 900),
                                              {0, document.size(), length}, options),
                           "question");
        need(answer->prefill({}), "question");
        return msSince(begin);
    }

    void memory(std::int64_t length, KvType type) const;
    void keeping(std::int64_t length) const;
    void moving(std::int64_t length) const;
    void restoring(std::int64_t length) const;
};

/// The plan against what the device says.
void Bench::memory(std::int64_t length, KvType type) const {
    if (backend.sharesHostMemory()) return;  // what the system says is free changes by itself
    if (!runner.reserve(type, length)) std::exit(1);
    // Kernels are loaded when they are first used, and take memory then.
    read(*unread(length, type));
    backend.synchronise();
    const std::size_t before = backend.freeMemory();
    const auto document = unread(length, type);
    read(*document);
    backend.synchronise();
    const std::size_t taken = before - std::min(before, backend.freeMemory());
    const std::size_t planned = ResidentDocument::bytes(model.config(), tsp, type, length, true);
    std::printf("memory, %lld tokens, %s K/V: planned %.1f MB, taken on the device %.1f MB (%+.2f %%)\n",
                static_cast<long long>(length), type == KvType::F16 ? "16-bit" : "8-bit", megabytes(planned),
                megabytes(taken), 100 * (static_cast<double>(taken) / static_cast<double>(planned) - 1));
}

void Bench::keeping(std::int64_t length) const {
    std::vector<double> without, with, behind;
    for (int run = -1; run < runs; ++run) {  // the first one warms
        const auto plain = unread(length, KvType::F16);
        Clock::time_point begin = Clock::now();
        read(*plain);
        if (run >= 0) without.push_back(msSince(begin));
    }
    for (int run = -1; run < runs; ++run) {
        const auto document = unread(length, KvType::F16);
        const std::size_t block = kPieceHeaderBytes + document->pieceShape(PieceStage::Early, 0).bytes();
        PieceStaging staging(backend, block, std::size_t{128} << 20);
        Disk disk(folder / "kvasir-pieces");
        Keeping kept(*document, staging, disk);
        const Clock::time_point begin = Clock::now();
        read(*document);
        const double ms = msSince(begin);
        while (!kept.done()) {
            kept.save(true);
            disk.flush();
        }
        disk.flush();
        if (run < 0) continue;
        with.push_back(ms);
        behind.push_back(msSince(begin));
    }
    std::printf(
        "reading %lld tokens: %.0f ms alone, %.0f ms kept beside it (%+.1f %%); on the disk after %.0f ms\n",
        static_cast<long long>(length), median(without), median(with),
        100 * (median(with) / median(without) - 1), median(behind));
}

void Bench::moving(std::int64_t length) const {
    auto document = unread(length, KvType::F16);
    read(*document);
    const double resident = firstTokenMs(*document);
    std::vector<double> allocating, down, leaving, up, asking;
    std::size_t bytes = 0;
    for (int run = 0; run < runs; ++run) {
        {
            Pieces hosts;
            Clock::time_point begin = Clock::now();
            std::vector<PieceShape> shapes;
            for (const PieceStage stage : kStages) {
                for (std::int64_t i = 0; document->isComplete(stage, i); ++i) {
                    shapes.push_back(document->pieceShape(stage, i * kPieceRows));
                    hosts.push_back(backend.allocateHost(shapes.back().bytes()));
                    if (hosts.back() == nullptr) return (void)std::printf("no host memory\n");
                }
            }
            allocating.push_back(msSince(begin));
            begin = Clock::now();
            kernels::CopyId last = 0;
            for (std::size_t i = 0; i < hosts.size(); ++i)
                last = need(document->beginCopyPiece(shapes[i], hosts[i]->data()), "copy");
            backend.waitForCopy(last);
            down.push_back(msSince(begin));
        }
        HostCopy copy(backend);
        Clock::time_point begin = Clock::now();
        if (!need(copy.take(*document, SIZE_MAX, {}), "leaving"))
            return (void)std::printf("no host memory\n");
        document.reset();
        backend.synchronise();
        leaving.push_back(msSince(begin));
        bytes = copy.bytes();
        begin = Clock::now();
        document = unread(length, KvType::F16);
        need(copy.give(*document, {}, {}), "coming back");
        up.push_back(msSince(begin));
        asking.push_back(msSince(begin) + firstTokenMs(*document));
    }
    std::printf(
        "moving %lld tokens, %.0f MB, in pieces: device to host %.0f ms (%.1f GB/s), host to device %.0f ms "
        "(%.1f GB/s)\n",
        static_cast<long long>(length), megabytes(bytes), median(down),
        gigabytesPerSecond(bytes, median(down)), median(up), gigabytesPerSecond(bytes, median(up)));
    std::printf("  host memory for it %.0f ms (%.1f GB/s); leaving with it %.0f ms\n", median(allocating),
                gigabytesPerSecond(bytes, median(allocating)), median(leaving));
    std::printf(
        "  first token of a question after full reading: %.1f ms resident, %.1f ms when it had left for "
        "host memory\n",
        resident, median(asking));
}

void Bench::restoring(std::int64_t length) const {
    Disk disk(folder / "kvasir-pieces");
    std::size_t block = 0, bytes = 0;
    {
        const auto document = unread(length, KvType::F16);
        block = kPieceHeaderBytes + document->pieceShape(PieceStage::Early, 0).bytes();
        PieceStaging staging(backend, block, std::size_t{128} << 20);
        Keeping kept(*document, staging, disk);
        read(*document);
        while (!kept.done()) {
            kept.save(true);
            disk.flush();
        }
        disk.flush();
        bytes = document->bytes();
    }
    for (const bool cached : {false, true}) {
        std::vector<double> times;
        for (int run = 0; run < runs; ++run) {
            if (!cached) disk.forgetCached();
            PieceStaging staging(backend, block, 2 * block);
            std::array<PieceBlock, 2> blocks{staging.take(), staging.take()};
            std::array<kernels::CopyId, 2> copies{};
            const auto document = unread(length, KvType::F16);
            const Clock::time_point begin = Clock::now();
            std::size_t turn = 0;
            for (const PieceStage stage : kStages) {
                for (std::int64_t row = 0; row < length; row += kPieceRows, turn ^= 1U) {
                    const PieceShape shape = document->pieceShape(stage, row);
                    backend.waitForCopy(copies[turn]);
                    const auto piece =
                        need(readPiece(disk.path(shape), {}, shape, blocks[turn].first(block)), "reading");
                    copies[turn] = need(document->beginTakePiece(shape, piece.data()), "taking");
                }
            }
            backend.waitForCopy(std::max(copies[0], copies[1]));
            times.push_back(msSince(begin));
        }
        std::printf("restoring %lld tokens, %.0f MB, %s: %.0f ms (%.1f GB/s)\n",
                    static_cast<long long>(length), megabytes(bytes),
                    cached ? "cached by the system" : "from the disk", median(times),
                    gigabytesPerSecond(bytes, median(times)));
    }
}

}  // namespace

int main(int argc, char** argv) {
    bench::Options arguments;
    if (!parse(argc, argv, arguments)) {
        std::fprintf(stderr,
                     "usage: moving_bench [--shape NAME] [--model FILE] [--device cuda|cpu] "
                     "[--threads N] [--lengths L,...] [--folder F] [--runs N]\n");
        return 2;
    }
    const std::filesystem::path path = bench::modelFile(arguments.model, arguments.shape, arguments.folder);
    const kernels::Device device = arguments.device == "cuda" ? kernels::Device::Cuda : kernels::Device::Cpu;
    kernels::BackendChoice choice = kernels::chooseBackend(device, arguments.threads);
    if (choice.backend == nullptr) {
        std::fprintf(stderr, "%s\n", choice.note.c_str());
        return 1;
    }
    kernels::Backend& backend = *choice.backend;
    const auto model = need(Model::load(path, backend, {}), "model");
    std::size_t before = backend.freeMemory();
    const auto runner = need(LayerRunner::create(*model, backend), "model");
    std::printf("%s on %s; chunks of %lld rows, %.1f MB to work in\n", path.stem().c_str(),
                std::string(backend.name()).c_str(), static_cast<long long>(runner->chunkRows()),
                megabytes(before - std::min(before, backend.freeMemory())));
    const Bench bench{backend, *model, *runner, path.parent_path(), arguments.runs};
    for (const std::int64_t length : arguments.lengths) {
        bench.memory(length, KvType::F16);
        bench.memory(length, KvType::Int8);
        bench.keeping(length);
        bench.moving(length);
        bench.restoring(length);
    }
    return 0;
}
