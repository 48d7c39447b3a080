// The module's one visible function.
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda_module.h"

namespace {

using namespace kvasir::kernels;

Backend* make(char* reason, std::size_t room) {
    std::string why;
    std::unique_ptr<Backend> backend;
    try {
        backend = cuda::CudaBackend::create(why);
    } catch (const std::exception& error) {
        why = std::string("The GPU cannot be used: ") + error.what() + ".";
    }
    if (backend == nullptr && room > 0) std::snprintf(reason, room, "%s", why.c_str());
    return backend.release();
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const CudaModule* kvasirCudaModule() {
    static const CudaModule module = [] {
        CudaModule made;
        made.make = make;
        return made;
    }();
    return &module;
}
