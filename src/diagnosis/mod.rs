//! From verdicts to causes: findings, their evidence and chain, and remedies that were tried on a copy of the state.

pub(crate) mod by_key;
pub(crate) mod command;
pub(crate) mod context;
pub(crate) mod finding;
pub(crate) mod findings;
pub(crate) mod in_the_way;
pub(crate) mod index;
pub(crate) mod looks;
pub(crate) mod manager;
pub(crate) mod more;
pub(crate) mod obstacle_words;
pub(crate) mod on_demand;
pub(crate) mod options;
pub(crate) mod out;
pub(crate) mod release;
pub(crate) mod remedy;
pub(crate) mod text;
pub(crate) mod undo;
pub(crate) mod who;

pub use finding::{AtRisk, Confidence, Evidence, Explained, Finding, Loss, Near, Severity};
pub use more::{MoreRules, NoMore};
pub use options::{Options, Scope};
pub use release::{Release, ReleaseSource};
pub use remedy::{Change, EditOp, Manager, ManifestEdit, Remedy, Risk, Side, Size, Step, Trial};
