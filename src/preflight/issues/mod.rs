//! What is wrong, by the place of a manifest at which it is to be put right.

mod baseline;
mod collect;
mod fields;
mod rules;

use super::manifests::{Region, Role};

pub(crate) use baseline::Baseline;
pub(crate) use collect::collect;
pub(super) use fields::{invalid, pod_spec, scheduled};
pub(crate) use rules::OWN;

/// The rule of what can't be read.
pub(crate) const UNREADABLE: &str = "unreadable";

/// How bad an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Something is refused or has no place.
    Error,
    /// Whether it fits can't be known.
    Unknown,
    /// It fits, and something is wrong.
    Warning,
}

/// Why an issue does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Suppression {
    /// A comment of the manifest allows it, for this reason.
    Comment(String),
    /// It is in the baseline.
    Baseline,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issue {
    /// A rule of the registry, or one of [`OWN`].
    pub(crate) rule: String,
    pub(crate) level: Level,
    /// In one line.
    pub(crate) message: String,
    /// The file as the user named it.
    pub(crate) file: String,
    /// `None` where the whole file is meant.
    pub(crate) region: Option<Region>,
    /// The object of the document, as `Kind namespace/name`; empty where there is none.
    pub(crate) object: String,
    /// What the document is to the tool that applies it.
    pub(crate) role: Role,
    /// The field; empty for the object as a whole.
    pub(crate) path: String,
    /// The same from run to run, as long as rule, object and field are.
    pub(crate) fingerprint: String,
    pub(crate) suppression: Option<Suppression>,
    /// The id of the finding that it tells.
    pub(crate) finding: Option<String>,
    /// The position of the refusal that it tells among those with repairs.
    pub(crate) refusal: Option<usize>,
}

impl Issue {
    /// Whether it counts.
    pub(crate) fn counts(&self) -> bool {
        self.suppression.is_none()
    }
}
