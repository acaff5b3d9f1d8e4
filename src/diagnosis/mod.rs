//! From verdicts to causes: findings, their evidence and chain, and remedies that were tried on a copy of the state.

pub mod finding;
pub mod remedy;

pub use finding::{Confidence, Evidence, Explained, Finding, Severity};
pub use remedy::{Change, Manager, Remedy, Risk, Step, Trial};
