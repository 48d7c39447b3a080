// Speed of the CPU back end's operations: kernels_bench [threads] [products|decode|attention]
// KVASIR_CPU chooses the instruction set. Rates are given for the median and the best of 15 runs: on a
// machine that does other work as well, the best says what the code can do.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/backend.h"

namespace {

using namespace kvasir::kernels;

constexpr int kRuns = 15;

struct Seconds {
    double median;
    double best;
};

Seconds measure(const std::function<void()>& work) {
    work();
    std::vector<double> seconds;
    for (int run = 0; run < kRuns; ++run) {
        const auto start = std::chrono::steady_clock::now();
        work();
        seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(seconds.begin(), seconds.end());
    return {seconds[kRuns / 2], seconds[0]};
}

/// `work` is operations or bytes.
void printRow(const std::string& label, const Seconds& seconds, double work) {
    std::printf("%-28s %10.3f %10.1f %10.1f\n", label.c_str(), seconds.median * 1e3,
                work / seconds.median / 1e9, work / seconds.best / 1e9);
}

void printHeader(const std::string& title, const char* unit) {
    std::printf("%-28s %10s %10s %10s\n", title.c_str(), "ms", unit, "best");
}

std::vector<float> randomFloats(std::size_t count) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float& value : values) {
        value = normal(random);
    }
    return values;
}

/// Random blocks; 16-bit scales are kept small and finite by clearing the exponents' high bits.
std::vector<std::byte> randomTensor(TensorType type, std::int64_t rows, std::int64_t columns) {
    const TensorTypeInfo& form = info(type);
    std::vector<std::byte> data(static_cast<std::size_t>(rows * columns / form.block * form.bytes));
    std::mt19937_64 random(2);
    for (std::size_t i = 0; i + 8 <= data.size(); i += 8) {
        const std::uint64_t bits = random() & 0xBFBFBFBFBFBFBFBFULL;
        std::memcpy(data.data() + i, &bits, sizeof(bits));
    }
    return data;
}

struct Shape {
    std::int64_t rows;
    std::int64_t columns;
};

std::string label(TensorType type, const Shape& shape) {
    return std::string(info(type).name) + " " + std::to_string(shape.rows) + " x " +
           std::to_string(shape.columns);
}

std::unique_ptr<Weight> randomWeight(Backend& backend, TensorType type, const Shape& shape) {
    const std::vector<std::byte> data = randomTensor(type, shape.rows, shape.columns);
    return backend.pack({type, shape.rows, shape.columns, data.data()}, Activations::Int8);
}

void benchProducts(Backend& backend, std::int64_t n) {
    printHeader("products, n = " + std::to_string(n), "GOP/s");
    const Shape shapes[] = {{896, 896}, {128, 896}, {4864, 896}, {896, 4864}};
    const TensorType types[] = {TensorType::Q5_0, TensorType::Q8_0, TensorType::Q4_0, TensorType::Q4_1,
                                TensorType::Q4_K, TensorType::Q5_K, TensorType::Q6_K, TensorType::F16};
    for (const TensorType type : types) {
        for (const Shape& shape : shapes) {
            if (shape.columns % info(type).block != 0) continue;
            const auto weight = randomWeight(backend, type, shape);
            const std::vector<float> x = randomFloats(static_cast<std::size_t>(n * shape.columns));
            std::vector<float> y(static_cast<std::size_t>(n * shape.rows));
            const Backend::Product product{weight.get(), nullptr, y.data()};
            const Seconds seconds = measure([&] { backend.multiply(x.data(), n, {&product, 1}); });
            const double operations = 2.0 * static_cast<double>(n * shape.rows * shape.columns);
            printRow(label(type, shape), seconds, operations);
        }
    }
}

/// One row times enough different matrices that no cache holds them.
void benchDecode(Backend& backend) {
    printHeader("decoding", "GB/s");
    const Shape shapes[] = {{896, 896}, {4864, 896}, {896, 4864}, {151936, 896}};
    const TensorType types[] = {TensorType::Q5_0, TensorType::Q8_0, TensorType::Q4_0, TensorType::Q4_1,
                                TensorType::Q4_K, TensorType::Q5_K, TensorType::Q6_K, TensorType::F16};
    constexpr std::size_t kFill = std::size_t{200} << 20;
    for (const TensorType type : types) {
        for (const Shape& shape : shapes) {
            if (shape.columns % info(type).block != 0) continue;
            std::vector<std::unique_ptr<Weight>> weights;
            weights.push_back(randomWeight(backend, type, shape));
            const std::size_t bytes = weights[0]->bytes();
            while (weights.size() * bytes < kFill)
                weights.push_back(randomWeight(backend, type, shape));
            const std::vector<float> x = randomFloats(static_cast<std::size_t>(shape.columns));
            std::vector<float> y(static_cast<std::size_t>(shape.rows));
            const Seconds seconds = measure([&] {
                for (const auto& weight : weights) {
                    const Backend::Product product{weight.get(), nullptr, y.data()};
                    backend.multiply(x.data(), 1, {&product, 1});
                }
            });
            printRow(label(type, shape), seconds, static_cast<double>(bytes * weights.size()));
        }
    }
}

void benchAttention(Backend& backend) {
    printHeader("attention (heads x size, n)", "GFLOP/s");
    const AttentionShape shapes[] = {{14, 2, 64, 0.125F, 0}, {12, 2, 128, 0.0884F, 0}, {9, 3, 64, 0.125F, 0}};
    for (const AttentionShape& shape : shapes) {
        for (const std::int64_t n : {256, 8, 1}) {
            const std::int64_t keys = 20480;
            const std::size_t elements = static_cast<std::size_t>(shape.kvHeads * keys * shape.headSize);
            std::vector<std::uint16_t> k(elements, 0x2E66);
            std::vector<std::uint16_t> v(elements, 0x3A00);
            const std::vector<float> q =
                randomFloats(static_cast<std::size_t>(n * shape.heads * shape.headSize));
            std::vector<float> out(q.size());
            std::vector<std::int32_t> positions(static_cast<std::size_t>(n));
            std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(keys - n));
            const KvSpan span{.type = KvType::F16,
                              .keys = reinterpret_cast<const std::byte*>(k.data()),
                              .values = reinterpret_cast<const std::byte*>(v.data()),
                              .stride = keys,
                              .count = keys};
            const Seconds seconds = measure(
                [&] { backend.attention(shape, q.data(), positions.data(), n, {&span, 1}, out.data()); });
            const double operations = 4.0 * static_cast<double>(n * shape.heads * shape.headSize * keys);
            const std::string name = std::to_string(shape.heads) + "/" + std::to_string(shape.kvHeads) +
                                     " x " + std::to_string(shape.headSize) + ", " + std::to_string(n);
            printRow(name, seconds, operations);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int threads = argc > 1 ? std::max(1, std::atoi(argv[1])) : 2;
    const std::string_view what = argc > 2 ? argv[2] : "all";
    const auto backend = makeCpuBackend(threads);
    std::printf("%.*s, %d threads\n", static_cast<int>(backend->name().size()), backend->name().data(),
                threads);
    if (what == "all" || what == "products") {
        benchProducts(*backend, 256);
        benchProducts(*backend, 8);
    }
    if (what == "all" || what == "decode") benchDecode(*backend);
    if (what == "all" || what == "attention") benchAttention(*backend);
    return 0;
}
