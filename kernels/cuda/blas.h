// Products of many rows, through cuBLASLt.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

#include <cublasLt.h>
#include <cuda_bf16.h>

#include "kernels/cuda/context.h"

namespace kvasir::kernels::cuda {

enum class Number : std::uint8_t { Float, Bfloat };

/// y (n, yStride) (+)= x (n, columns) times w (rows, columns)^T; columns a multiple of 8, rows of memory
/// without gaps in x and w. Sums in float32.
struct LibraryProduct {
    Number in = Number::Bfloat;
    Number out = Number::Float;
    const void* w = nullptr;
    const void* x = nullptr;
    void* y = nullptr;
    std::int64_t rows = 0;
    std::int64_t n = 0;
    std::int64_t columns = 0;
    std::int64_t yStride = 0;
    bool add = false;
};

/// Memory that the library may use for a product.
constexpr std::size_t kLibraryBytes = std::size_t{64} << 20;

/// Plans and algorithms are made once per shape; for large ones the fastest of several is measured.
class Blas {
public:
    explicit Blas(Context& context);
    ~Blas();
    Blas(const Blas&) = delete;
    Blas& operator=(const Blas&) = delete;

    bool open();  ///< false: cuBLASLt does not start on this device
    void multiply(const LibraryProduct& product);

private:
    struct Plan;
    Plan* plan(const LibraryProduct& product);
    bool describe(const LibraryProduct& product, Plan& plan);
    void choose(const LibraryProduct& product, Plan& plan);
    /// The fastest of the candidates, remembered for all row counts up to the next power of two.
    void measure(const LibraryProduct& product, std::span<const cublasLtMatmulHeuristicResult_t> candidates,
                 Plan& plan);
    bool run(const LibraryProduct& product, const Plan& plan, const cublasLtMatmulAlgo_t& algorithm, void* y);

    Context& m_context;
    cublasLtHandle_t m_handle = nullptr;
    std::unordered_map<std::uint64_t, std::unique_ptr<Plan>> m_plans;
    std::unordered_map<std::uint64_t, cublasLtMatmulAlgo_t> m_fastest;
};

}  // namespace kvasir::kernels::cuda
