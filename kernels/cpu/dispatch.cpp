// Which instruction set this machine runs.
#include <string_view>

#include "kernels/cpu/kernel_table.h"

namespace kvasir::kernels {

#ifdef KVASIR_X86

namespace {

bool hasAvx2() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

bool hasAvx512() {
    return hasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}

}  // namespace

const KernelTable& chooseKernels(const char* name) {
    __builtin_cpu_init();
    const std::string_view wanted = name == nullptr ? "" : name;
    if (wanted == "portable") return portableKernels();
    if (hasAvx512() && wanted != "avx2") return avx512Kernels();
    if (hasAvx2()) return avx2Kernels();
    return portableKernels();
}

#else

const KernelTable& chooseKernels(const char* /*name*/) {
    return portableKernels();
}

#endif

}  // namespace kvasir::kernels
