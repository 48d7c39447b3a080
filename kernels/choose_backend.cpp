// Chooses the device; loads the CUDA module where one is wanted.
#include <array>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#ifdef __linux__
#include <dlfcn.h>
#endif

#include "kernels/backend.h"
#include "kernels/cuda_module.h"

namespace kvasir::kernels {
namespace {

#ifdef __linux__

constexpr const char* kModuleFile = "libkvasir_cuda.so";

/// Beside the program (as built), and where packages put it.
std::vector<std::filesystem::path> modulePlaces() {
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) return {};
    const std::filesystem::path folder = program.parent_path();
    return {folder / kModuleFile, folder.parent_path() / "lib" / "kvasir" / kModuleFile};
}

/// Stays loaded until the program ends: CUDA does not survive being unloaded. `usual` on failure: as on any
/// machine without a GPU.
const CudaModule* loadModule(std::string& reason, bool& usual) {
    usual = true;
    // Before the module, whose libraries are large: without the driver nothing comes of it.
    if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) == nullptr) {
        reason = "There is no NVIDIA driver on this system.";
        return nullptr;
    }
    for (const std::filesystem::path& path : modulePlaces()) {
        std::error_code error;
        if (!std::filesystem::exists(path, error)) continue;
        usual = false;
        void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) {
            reason = std::string("The CUDA module cannot be loaded: ") + dlerror() + ".";
            return nullptr;
        }
        const auto entry = reinterpret_cast<CudaModuleEntry>(dlsym(library, kCudaModuleEntry));
        const CudaModule* module = entry != nullptr ? entry() : nullptr;
        const CudaModule ours;
        if (module != nullptr && module->abi == ours.abi && module->layout == ours.layout) return module;
        reason = "The CUDA module belongs to another version of Kvasir.";
        return nullptr;
    }
    reason = "This installation has no CUDA module.";
    return nullptr;
}

#else

const CudaModule* loadModule(std::string& reason, bool& usual) {
    usual = true;
    reason = "There is no CUDA module for this system.";
    return nullptr;
}

#endif

BackendChoice makeCudaBackend(bool& usual) {
    BackendChoice choice;
    const CudaModule* module = loadModule(choice.note, usual);
    if (module == nullptr) return choice;
    std::array<char, 512> reason{};
    choice.backend.reset(module->make(reason.data(), reason.size()));
    if (choice.backend == nullptr) choice.note = reason.data();
    return choice;
}

}  // namespace

BackendChoice chooseBackend(Device device, int threads) {
    BackendChoice choice;
    bool usual = false;
    if (device != Device::Cpu) choice = makeCudaBackend(usual);
    if (choice.backend != nullptr || device == Device::Cuda) return choice;
    if (usual) choice.note.clear();
    choice.backend = makeCpuBackend(threads);
    return choice;
}

}  // namespace kvasir::kernels
