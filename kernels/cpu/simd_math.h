// Functions over vectors of 16 floats, written once for all instruction sets. `S` is one of the vector types
// of simd_*.h, so that every instruction set gets instances of its own.
#pragma once

#include <cstdint>

namespace kvasir::kernels {

/// e^x, relative error below 2 units in the last place; 0 for -infinity and everything that underflows, NaN
/// stays NaN. Exactly 1 for 0.
template <typename S>
inline typename S::Floats exponential(typename S::Floats x) {
    using F = typename S::Floats;
    // The second operand of min and max is the one that a NaN comes through.
    x = S::max(S::broadcast(-110.0F), S::min(S::broadcast(89.0F), x));
    const F n = S::round(S::mul(x, S::broadcast(1.44269504F)));
    // ln 2 in two parts, the first of which has few bits, so that n times it is exact.
    F r = S::fusedSubtract(n, S::broadcast(0.693359375F), x);
    r = S::fusedSubtract(n, S::broadcast(-2.12194440e-4F), r);
    // Minimax polynomial of (e^r - 1 - r) / r^2 on [-ln 2 / 2, ln 2 / 2].
    F p = S::broadcast(1.9875691500e-4F);
    p = S::fused(p, r, S::broadcast(1.3981999507e-3F));
    p = S::fused(p, r, S::broadcast(8.3334519073e-3F));
    p = S::fused(p, r, S::broadcast(4.1665795894e-2F));
    p = S::fused(p, r, S::broadcast(1.6666665459e-1F));
    p = S::fused(p, r, S::broadcast(5.0000001201e-1F));
    const F y = S::add(S::fused(p, S::mul(r, r), r), S::broadcast(1.0F));
    return S::scaleByPower(y, n);
}

}  // namespace kvasir::kernels
