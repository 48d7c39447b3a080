#include "kernels/cuda/blas.h"

#include <algorithm>
#include <array>
#include <bit>

namespace kvasir::kernels::cuda {
namespace {

/// From this many multiplications on, the fastest algorithm is measured: a fraction of what one product
/// costs.
constexpr double kMeasuredWork = 1.5e10;
constexpr int kCandidates = 6;
constexpr std::size_t kMostPlans = 512;

cudaDataType_t typeOf(Number number) {
    return number == Number::Float ? CUDA_R_32F : CUDA_R_16BF;
}

std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
    return (seed ^ value) * 0x9E3779B97F4A7C15ULL + (seed >> 29);
}

/// What the library may take for granted of y's address.
std::uint32_t alignment(const void* y) {
    const auto address = reinterpret_cast<std::uintptr_t>(y);
    return static_cast<std::uint32_t>(std::min<std::uintptr_t>(address & (~address + 1), 256));
}

/// `n`: the product's rows, or what stands for them.
std::uint64_t keyOf(const LibraryProduct& p, std::int64_t n) {
    std::uint64_t key = alignment(p.y);
    for (const std::int64_t value : {p.rows, n, p.columns, p.yStride})
        key = mix(key, static_cast<std::uint64_t>(value));
    return mix(
        key, static_cast<std::uint64_t>(p.in) * 8 + static_cast<std::uint64_t>(p.out) * 2 + (p.add ? 1 : 0));
}

}  // namespace

struct Blas::Plan {
    cublasLtMatmulDesc_t operation = nullptr;
    cublasLtMatrixLayout_t w = nullptr, x = nullptr, y = nullptr;
    cublasLtMatmulAlgo_t algorithm{};
    bool usable = false;

    ~Plan() {
        if (operation != nullptr) cublasLtMatmulDescDestroy(operation);
        for (cublasLtMatrixLayout_t layout : {w, x, y}) {
            if (layout != nullptr) cublasLtMatrixLayoutDestroy(layout);
        }
    }
};

Blas::Blas(Context& context) : m_context(context) {}

Blas::~Blas() {
    m_plans.clear();
    if (m_handle != nullptr) cublasLtDestroy(m_handle);
}

bool Blas::open() {
    return cublasLtCreate(&m_handle) == CUBLAS_STATUS_SUCCESS;
}

/// Column-major, as the library counts: y^T (rows, n) = w^T^T (rows, columns) x^T (columns, n).
bool Blas::describe(const LibraryProduct& p, Plan& plan) {
    const auto good = [](cublasStatus_t status) { return status == CUBLAS_STATUS_SUCCESS; };
    const cublasOperation_t transposed = CUBLAS_OP_T;
    const auto rows = static_cast<std::uint64_t>(p.rows), columns = static_cast<std::uint64_t>(p.columns),
               n = static_cast<std::uint64_t>(p.n);
    return good(cublasLtMatmulDescCreate(&plan.operation, CUBLAS_COMPUTE_32F, CUDA_R_32F)) &&
           good(cublasLtMatmulDescSetAttribute(plan.operation, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                               sizeof(transposed))) &&
           good(cublasLtMatrixLayoutCreate(&plan.w, typeOf(p.in), columns, rows, p.columns)) &&
           good(cublasLtMatrixLayoutCreate(&plan.x, typeOf(p.in), columns, n, p.columns)) &&
           good(cublasLtMatrixLayoutCreate(&plan.y, typeOf(p.out), rows, n, p.yStride));
}

bool Blas::run(const LibraryProduct& p, const Plan& plan, const cublasLtMatmulAlgo_t& algorithm, void* y) {
    const float one = 1, beta = p.add ? 1.0F : 0.0F;
    std::byte* space = m_context.workspace(Slot::Library, kLibraryBytes);
    if (space == nullptr) return false;
    return cublasLtMatmul(m_handle, plan.operation, &one, p.w, plan.w, p.x, plan.x, &beta, y, plan.y, y,
                          plan.y, &algorithm, space, kLibraryBytes,
                          m_context.stream()) == CUBLAS_STATUS_SUCCESS;
}

void Blas::choose(const LibraryProduct& p, Plan& plan) {
    cublasLtMatmulPreference_t preference = nullptr;
    std::array<cublasLtMatmulHeuristicResult_t, kCandidates> found{};
    int count = 0;
    const std::uint64_t bytes = kLibraryBytes;
    if (cublasLtMatmulPreferenceCreate(&preference) != CUBLAS_STATUS_SUCCESS) return;
    (void)cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes,
                                               sizeof(bytes));
    const std::uint32_t aligned = alignment(p.y);
    for (const auto which :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
        (void)cublasLtMatmulPreferenceSetAttribute(preference, which, &aligned, sizeof(aligned));
    (void)cublasLtMatmulAlgoGetHeuristic(m_handle, plan.operation, plan.w, plan.x, plan.y, plan.y, preference,
                                         kCandidates, found.data(), &count);
    (void)cublasLtMatmulPreferenceDestroy(preference);
    if (count == 0) return;
    plan.algorithm = found[0].algo;
    plan.usable = true;
    const double work =
        static_cast<double>(p.rows) * static_cast<double>(p.n) * static_cast<double>(p.columns);
    if (work < kMeasuredWork || count == 1) return;
    const auto remembered = m_fastest.find(keyOf(p, std::bit_width(static_cast<std::uint64_t>(p.n - 1))));
    cublasLtMatmulHeuristicResult_t checked{};
    if (remembered != m_fastest.end() &&
        cublasLtMatmulAlgoCheck(m_handle, plan.operation, plan.w, plan.x, plan.y, plan.y, &remembered->second,
                                &checked) == CUBLAS_STATUS_SUCCESS &&
        checked.workspaceSize <= kLibraryBytes) {
        plan.algorithm = remembered->second;
        return;
    }
    measure(p, {found.data(), static_cast<std::size_t>(count)}, plan);
}

void Blas::measure(const LibraryProduct& p, std::span<const cublasLtMatmulHeuristicResult_t> candidates,
                   Plan& plan) {
    // Into memory of its own: a product that adds may run only once.
    void* scratch = m_context.allocate(static_cast<std::size_t>(p.n * p.yStride) * 4);
    cudaEvent_t begin = nullptr, end = nullptr;
    if (scratch != nullptr && cudaEventCreate(&begin) == cudaSuccess &&
        cudaEventCreate(&end) == cudaSuccess) {
        float best = 1e30F;
        for (const cublasLtMatmulHeuristicResult_t& candidate : candidates) {
            if (!run(p, plan, candidate.algo, scratch)) continue;  // warm
            (void)cudaEventRecord(begin, m_context.stream());
            (void)run(p, plan, candidate.algo, scratch);
            (void)run(p, plan, candidate.algo, scratch);
            (void)cudaEventRecord(end, m_context.stream());
            float milliseconds = 0;
            if (!m_context.check(cudaEventSynchronize(end))) break;
            (void)cudaEventElapsedTime(&milliseconds, begin, end);
            if (milliseconds >= best) continue;
            best = milliseconds;
            plan.algorithm = candidate.algo;
        }
        m_fastest[keyOf(p, std::bit_width(static_cast<std::uint64_t>(p.n - 1)))] = plan.algorithm;
    }
    if (begin != nullptr) (void)cudaEventDestroy(begin);
    if (end != nullptr) (void)cudaEventDestroy(end);
    m_context.release(scratch);
}

Blas::Plan* Blas::plan(const LibraryProduct& product) {
    if (m_plans.size() >= kMostPlans) m_plans.clear();
    std::unique_ptr<Plan>& plan = m_plans[keyOf(product, product.n)];
    if (plan == nullptr) {
        plan = std::make_unique<Plan>();
        if (describe(product, *plan)) choose(product, *plan);
    }
    return plan.get();
}

void Blas::multiply(const LibraryProduct& product) {
    if (!m_context.ok() || product.x == nullptr || product.w == nullptr || product.y == nullptr) return;
    const Plan* made = plan(product);
    if (!made->usable || !run(product, *made, made->algorithm, product.y))
        m_context.fail("The GPU's library of matrix products refused a product.");
}

}  // namespace kvasir::kernels::cuda
