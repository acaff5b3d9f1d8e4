//! What becomes of manifests on a cluster: what the API server makes of each document, what controllers make of the
//! objects, and where the scheduler puts the pods, tried on a copy of the state.

mod controllers;
pub(crate) mod dry_run;
mod fields;
#[cfg(test)]
mod fuzz;

mod hints;
pub(crate) mod issues;
mod judged;
pub(crate) mod manifests;
mod naming;
mod placement;
mod places;
mod rehearsal;
mod removal;
pub(crate) mod repairs;
mod room;
pub(crate) mod run;
pub(crate) mod server;
mod state;
mod unjudged;
mod volumes;
pub(crate) mod world;

pub(crate) use judged::{DocumentResult, WorkloadResult};
pub(crate) use places::Place;
pub(crate) use rehearsal::{Leaving, Move};
pub(crate) use room::Asked;
pub(crate) use run::{Changes, Input, Preflight, Verdict, run};
pub(crate) use server::Action;
pub(crate) use unjudged::{Unjudged, built_in, unjudged, why_unjudged};
