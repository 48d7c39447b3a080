// What the program and its CUDA module agree on. The module is a shared library that is loaded when a GPU is
// wanted, so that the program starts where CUDA's libraries are missing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/backend.h"

namespace kvasir::kernels {

/// Counts changes of backend.h that a module must know: program and module must have the same.
constexpr std::uint32_t kCudaModuleAbi = 2;

/// What `kvasirCudaModule` returns; lives as long as the module. Only the first two fields may be read before
/// they are known to fit.
struct CudaModule {
    std::uint32_t abi = kCudaModuleAbi;
    std::uint32_t layout = sizeof(KvSpan) + 64 * sizeof(LayerCall) + 4096 * sizeof(AttentionShape);
    /// A back end on the first usable GPU, owned by the caller; or null, with a sentence in `reason` (at most
    /// `room` bytes, zero-terminated).
    Backend* (*make)(char* reason, std::size_t room) = nullptr;
};

constexpr const char* kCudaModuleEntry = "kvasirCudaModule";
using CudaModuleEntry = const CudaModule* (*)();

}  // namespace kvasir::kernels
