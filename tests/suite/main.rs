//! The tests that need nothing but the repository and are done in seconds, in one program.

#[path = "../support/binary.rs"]
mod binary;
#[path = "../support/cases.rs"]
mod cases;
#[path = "../support/golden.rs"]
mod golden;

mod catalogue;
mod ci;
mod cli;
mod demands;
mod dump;
mod generated;
mod healthy;
mod known;
mod left_out;
mod manifest_repairs;
mod manifests;
mod obstacles;
#[cfg(feature = "own-rules")]
mod own;
mod preflight;
mod properties;
mod recorded;
mod recorded_causes;
mod recorded_claims;
mod registry;
mod repairs;
mod report;
mod risks;
mod story;
mod workload_repairs;
