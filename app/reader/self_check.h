// Proof, on this machine, that the sandbox holds.
#pragma once

namespace kvasir::reader {

/// Enters the sandbox, tries what it must not allow, and prints one JSON object: "sandbox" (each part active
/// or why not) and "attempts" (each "denied", "allowed" or "ended the process"). Returns the exit code: 0
/// when nothing that was tried worked.
int selfCheck();

}  // namespace kvasir::reader
