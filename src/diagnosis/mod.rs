//! From verdicts to causes: findings, their evidence and chain, and remedies that were tried on a copy of the state.

pub mod engine;
pub mod finding;
pub mod remedy;

pub use engine::{Diagnosis, Options, Scope, diagnose};
pub use finding::{Confidence, Evidence, Explained, Finding, Severity};
pub use remedy::{Change, Manager, Remedy, Risk, Step, Trial};
