// Small GGUF files for tests: valid ones, and the bytes to damage them with.
#pragma once

#include "engine/bench/gguf_writer.h"

namespace kvasir::test {

using bench::ggufString;
using bench::GgufWriter;
using bench::littleEndian;
using bench::writtenByte;

}  // namespace kvasir::test
