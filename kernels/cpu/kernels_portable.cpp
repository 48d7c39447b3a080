// The kernels' instances for Portable, compiled with its flags.
#include "kernels/cpu/kernels_make.h"
#include "kernels/cpu/simd_portable.h"

namespace kvasir::kernels {

const KernelTable& portableKernels() {
    return kKernelsOf<Portable>;
}

}  // namespace kvasir::kernels
