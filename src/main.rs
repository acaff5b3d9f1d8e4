//! The `kubectl storagewhy` plugin.

use std::process::ExitCode;

fn main() -> ExitCode {
    storagewhy::cli::run(std::env::args_os().collect()).into()
}
