//! One cause, with its proof and what it explains.

use std::borrow::Cow;

use serde::Serialize;

use super::remedy::Remedy;
use crate::model::ObjectRef;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Severity {
    /// Something is blocked.
    Error,
    /// Nothing is blocked by it now, but something is wrong.
    Warning,
    /// Worth knowing; nothing is wrong.
    Info,
}

/// What can be lost, and how near that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AtRisk {
    pub loss: Loss,
    pub near: Near,
}

/// How near a loss is, the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Near {
    /// It has begun, and ends when something else does.
    Begun,
    /// Somebody or something would have to begin it.
    Possible,
}

/// What can be lost, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Loss {
    /// What stands in volumes.
    Data,
    /// Claims; what stands in their volumes stays.
    Claims,
    /// The class of claims, without which they can't grow and new ones get no volume.
    Class,
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Confidence {
    /// The facts prove it.
    Certain,
    /// The facts point to it; the finding's evidence says what would settle it.
    Likely,
}

/// A fact that a finding rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    pub object: ObjectRef,
    /// The field, such as `spec.containers[0].resources.requests`; empty for the object as a whole.
    pub path: String,
    /// What stands there, in short.
    pub value: String,
    /// Why it matters.
    pub note: String,
}

/// Something that a finding explains.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum Explained {
    /// Another finding, by its id.
    Finding(String),
    /// An object that is a victim of the cause.
    Object(ObjectRef),
}

/// One cause. The rule's page (`explain RULE`) says more.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Stable within a report: the rule and its object, such as `class-not-found/PersistentVolumeClaim/app/data`.
    pub id: String,
    /// The rule: a built-in one's name, or `own/NAME`.
    pub rule: Cow<'static, str>,
    pub severity: Severity,
    pub confidence: Confidence,
    /// The cause in one sentence, with the names in it.
    pub title: String,
    /// The object in which the cause lies.
    pub object: ObjectRef,
    pub evidence: Vec<Evidence>,
    pub explains: Vec<Explained>,
    pub remedies: Vec<Remedy>,
    /// Why no repair that was tried works, where one was searched for.
    pub unrepaired: Option<String>,
    /// What the cause itself waits for: where another error explains one of these, this finding is its symptom.
    pub rests_on: Vec<ObjectRef>,
    /// Whether what the victims wait for is under way, so that they are not blocked.
    pub passing: bool,
    /// What can be lost; `None` for causes, which are about what is so now.
    pub risk: Option<AtRisk>,
}
