// The kernels' instances for Avx512, compiled with its flags.
#if defined(__GNUC__) && !defined(__clang__)
// GCC's own AVX-512 header starts from undefined registers on purpose, and GCC 12 warns of it.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/cpu/kernels_make.h"
#include "kernels/cpu/simd_avx512.h"

namespace kvasir::kernels {

const KernelTable& avx512Kernels() {
    return kKernelsOf<Avx512>;
}

}  // namespace kvasir::kernels
