//! The `kubectl storagewhy` plugin.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A large snapshot is millions of small objects, which this allocator makes and reads faster than the system's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    storagewhy::cli::run(std::env::args_os().collect()).into()
}
