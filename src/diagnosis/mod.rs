//! From verdicts to causes: findings, their evidence and chain, and remedies that were tried on a copy of the state.

pub mod command;
pub mod context;
pub mod finding;
pub mod findings;
pub mod in_the_way;
pub(crate) mod index;
pub(crate) mod looks;
pub mod manager;
pub mod more;
pub mod obstacle_words;
pub mod options;
pub mod out;
pub mod release;
pub mod remedy;
pub mod text;
pub(crate) mod undo;

pub use finding::{Confidence, Evidence, Explained, Finding, Severity};
pub use options::{Options, Scope};
pub use release::{Release, ReleaseSource};
pub use remedy::{Change, Manager, Remedy, Risk, Side, Size, Step, Trial};
