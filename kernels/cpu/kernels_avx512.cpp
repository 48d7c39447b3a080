// The kernels' instances for Avx512, compiled with its flags.
#include "kernels/cpu/kernels_make.h"
#include "kernels/cpu/simd_avx512.h"

namespace kvasir::kernels {

const KernelTable& avx512Kernels() {
    return kernelsOf<Avx512>;
}

}  // namespace kvasir::kernels
