//! From verdicts to causes: findings, their evidence and chain, and remedies that were tried on a copy of the state.

mod apply;
pub mod command;
pub mod context;
pub mod engine;
pub mod finding;
pub mod findings;
pub mod in_the_way;
mod index;
mod looks;
pub mod manager;
pub mod obstacle_words;
pub mod obstacles;
mod options;
pub mod out;
mod presumption;
mod release;
pub mod remedy;
mod select;
pub mod text;
mod trial;

pub use engine::{Diagnosis, diagnose};
pub use finding::{Confidence, Evidence, Explained, Finding, Severity};
pub use options::{Options, Scope};
pub use release::{Release, ReleaseSource};
pub use remedy::{Change, Manager, Remedy, Risk, Step, Trial};
