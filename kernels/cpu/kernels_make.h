// Fills a table with one instruction set's instances.
#pragma once

#include "kernels/cpu/attention.h"
#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/matmul_bytes.h"
#include "kernels/cpu/matmul_floats.h"

namespace kvasir::kernels {

template <typename S>
constexpr KernelTable kKernelsOf{
    .name = S::kName,
    .quantiseRow = quantiseRowWith<S>,
    .multiplyBytes = multiplyBytesWith<S>,
    .multiplyFloats = multiplyFloatsWith<S>,
    .rmsNormRow = rmsNormRowWith<S>,
    .siluMultiply = siluMultiplyWith<S>,
    .geluMultiply = geluMultiplyWith<S>,
    .add = addWith<S>,
    .toHalf = toHalfWith<S>,
    .toCodes = toCodesWith<S>,
    .loadQueries = loadQueriesWith<S>,
    .attendSplit = attendSplitWith<S>,
    .mergeStates = mergeStatesWith<S>,
    .windowSplit = windowSplitWith<S>,
    .windowSums = windowSumsWith<S>,
    .rowMass = rowMassWith<S>,
};

}  // namespace kvasir::kernels
