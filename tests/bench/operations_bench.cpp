// Speed of single operations on a device at the lengths that long prompts have: causal attention, and
// FastKV's scoring and selection of one layer, of 32 that are queued one behind another. operations_bench
// [cuda|cpu] [LENGTH...] (default cuda 8192 32768 131072). K/V are binary16 noise. Rates are of the median of
// 7 runs; causal attention counts half of all pairs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/backend.h"

namespace {

using namespace kvasir::kernels;

constexpr int kRuns = 7;
constexpr std::int64_t kWindow = 8;  // FastKV's, as in the paper

constexpr int kLayers = 32;  // queued before the device is waited for, as in a pass

/// Of one of `queued` calls.
double medianMs(Backend& backend, int queued, const std::function<void()>& work) {
    using Clock = std::chrono::steady_clock;
    work();
    backend.synchronise();
    std::vector<double> samples;
    for (int run = 0; run < kRuns; ++run) {
        const Clock::time_point start = Clock::now();
        for (int call = 0; call < queued; ++call)
            work();
        backend.synchronise();
        samples.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count() / queued);
    }
    std::sort(samples.begin(), samples.end());
    return samples[kRuns / 2];
}

std::unique_ptr<Buffer> room(Backend& backend, std::int64_t bytes) {
    std::unique_ptr<Buffer> buffer = backend.allocate(static_cast<std::size_t>(bytes));
    if (buffer == nullptr) {
        std::fprintf(stderr, "operations_bench: the device has not enough memory\n");
        std::exit(1);
    }
    return buffer;
}

/// `bits` of binary16 elements below 1 in magnitude.
std::unique_ptr<Buffer> halves(Backend& backend, std::int64_t count) {
    std::mt19937 random(3);
    std::vector<std::uint16_t> values(static_cast<std::size_t>(count));
    for (std::uint16_t& value : values)
        value = static_cast<std::uint16_t>((random() & 0x83FFU) | 0x3800U);
    std::unique_ptr<Buffer> buffer = room(backend, count * 2);
    backend.copyToDevice(buffer->data(), values.data(), values.size() * 2);
    return buffer;
}

std::unique_ptr<Buffer> floats(Backend& backend, std::int64_t count) {
    std::mt19937 random(4);
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values)
        value = normal(random);
    std::unique_ptr<Buffer> buffer = room(backend, count * 4);
    backend.copyToDevice(buffer->data(), values.data(), values.size() * 4);
    return buffer;
}

void benchLength(Backend& backend, const AttentionShape& shape, std::int64_t length) {
    const std::int64_t elements = shape.kvHeads * length * shape.headSize;
    const std::unique_ptr<Buffer> keys = halves(backend, elements), values = halves(backend, elements);
    const KvSpan span{.type = KvType::F16,
                      .keys = keys->data(),
                      .values = values->data(),
                      .stride = length,
                      .count = length};
    std::vector<std::int32_t> positions(static_cast<std::size_t>(length));
    std::iota(positions.begin(), positions.end(), 0);
    const std::unique_ptr<Buffer> queries = floats(backend, length * shape.heads * shape.headSize);
    const std::unique_ptr<Buffer> out = room(backend, length * shape.heads * shape.headSize * 4);
    const double attention = medianMs(backend, 1, [&] {
        backend.attention(shape, queries->as<float>(), positions.data(), length, {&span, 1},
                          out->as<float>());
    });
    const double operations =
        2.0 * static_cast<double>(length) * static_cast<double>(length) * shape.heads * shape.headSize;

    // As Generation does it for each layer of the paper's policy: what is kept of 10 %, per head.
    const std::int64_t before = length - kWindow, kept = length / 10 - kWindow;
    const std::unique_ptr<Buffer> s = room(backend, shape.heads * before * 4);
    const std::unique_ptr<Buffer> c = room(backend, shape.kvHeads * before * 4);
    const std::unique_ptr<Buffer> t = room(backend, before * 4);
    const KeptRows which{0, 0, before, length, kept};
    const std::unique_ptr<Buffer> chosen = room(backend, shape.kvHeads * which.size() * 4);
    const double scores = medianMs(backend, kLayers, [&] {
        backend.windowScores(shape, queries->as<float>(), positions.data() + before, kWindow, {&span, 1},
                             before, s->as<float>());
    });
    const double selection = medianMs(backend, kLayers, [&] {
        backend.poolScores(shape, s->as<float>(), before, 7, Pooling::Max, c->as<float>());
        backend.sumRows(c->as<float>(), shape.kvHeads, before, t->as<float>());
        backend.keepLargest(c->as<float>(), shape.kvHeads, before, which, chosen->as<std::int32_t>());
    });
    std::printf("%5d %8lld %12.3f %10.1f %12.3f %12.3f\n", shape.headSize, static_cast<long long>(length),
                attention, operations / attention / 1e9, scores, selection);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view name = argc > 1 ? argv[1] : "cuda";
    const BackendChoice choice = chooseBackend(name == "cpu" ? Device::Cpu : Device::Cuda, 0);
    if (choice.backend == nullptr) {
        std::fprintf(stderr, "%s\n", choice.note.c_str());
        return 1;
    }
    std::vector<std::int64_t> lengths;
    for (int i = 2; i < argc; ++i)
        lengths.push_back(std::max<std::int64_t>(128, std::atoll(argv[i])));
    if (lengths.empty()) lengths = {8192, 32768, 131072};
    std::printf("%s; 32 heads, 8 of keys and values\n", std::string(choice.backend->name()).c_str());
    std::printf("%5s %8s %12s %10s %12s %12s\n", "size", "length", "attention ms", "TFLOP/s", "scores ms",
                "selection ms");
    for (const std::int32_t size : {128, 64}) {
        for (const std::int64_t length : lengths)
            benchLength(*choice.backend, {32, 8, size, size == 128 ? 0.0884F : 0.125F, 0}, length);
    }
    return 0;
}
