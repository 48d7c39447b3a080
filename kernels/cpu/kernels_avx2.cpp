// The kernels' instances for Avx2, compiled with its flags.
#include "kernels/cpu/kernels_make.h"
#include "kernels/cpu/simd_avx2.h"

namespace kvasir::kernels {

const KernelTable& avx2Kernels() {
    return kKernelsOf<Avx2>;
}

}  // namespace kvasir::kernels
