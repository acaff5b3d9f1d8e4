//! The layers of `kubectl-storagewhy`, in the order in which data goes through them:
//! `source` (the only I/O) → `snapshot` → `scheduler`, `volumes`, `admission` → `rules` → `diagnosis` → `report`.
//! `model` has the kinds; `cli` alone reads arguments, the environment and the clock.

mod admission;
pub mod cli;
mod dependencies;
pub mod diagnosis;
pub mod engine;
pub mod model;
#[cfg(feature = "own-rules")]
pub mod own;
pub(crate) mod preflight;
pub mod report;
pub mod rules;
pub mod scheduler;
#[cfg(test)]
mod schema_file;
pub mod snapshot;
pub mod source;
pub mod volumes;
