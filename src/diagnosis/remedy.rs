//! Repairs: each step is one datum, from which both the printed command and the trial are made.

use serde::Serialize;

use crate::model::{Kind, ObjectRef};

/// What a remedy can cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Risk {
    /// Adds or corrects something; nothing running is touched.
    Low,
    /// Restarts or changes something that runs, or changes what pods and claims ask for.
    Medium,
    /// May lose data or stop more than the victim.
    High,
}

/// Why a remedy of what is only at risk is not tried.
pub(crate) const NOTHING_WAITS: &str = "nothing is blocked by this now, so there is nothing to place";

/// A change of the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Delete an object.
    Delete { kind: Kind, namespace: String, name: String },
    /// Apply a JSON merge patch to an object.
    Patch { kind: Kind, namespace: String, name: String, patch: serde_json::Value },
    /// Apply a JSON patch (RFC 6902: `test`, `add`, `replace` and `remove`) to an object.
    JsonPatch { kind: Kind, namespace: String, name: String, operations: serde_json::Value },
    /// Create an object, given as JSON with its type; where it asks for something, that is left to whoever runs the
    /// command.
    Create { kind: Kind, object: serde_json::Value, ask: Option<Ask> },
    /// Create an object of another name that is like one that is there, with a JSON patch made on it.
    Copy { kind: Kind, namespace: String, name: String, to: String, operations: serde_json::Value },
    /// Write an object to a file of the working directory; changes nothing.
    Keep { kind: Kind, namespace: String, name: String },
    /// Delete pods of a namespace so that their controllers make them anew from the template; admission runs on the
    /// new ones.
    RecreatePods { namespace: String, names: Vec<String> },
    /// Delete a pod or a claim and create it again under its name, with a JSON patch made on it: the way to change what
    /// can't be changed in place. Where it asks for something, that is left to whoever runs the command.
    Remake { kind: Kind, namespace: String, name: String, operations: serde_json::Value, ask: Option<Ask> },
    /// The same with a StatefulSet and its claim templates: the set goes without its pods, and the new one takes them over.
    RemakeSet { namespace: String, name: String, operations: serde_json::Value },
    /// Wait until a pod that is being deleted is gone.
    AwaitEnd { namespace: String, name: String },
    /// Take a taint off a node.
    Untaint { node: String, key: String, effect: String },
    /// Let pods onto a node again: what `kubectl uncordon` does, with the taint that the node controller then removes.
    Uncordon { node: String },
    /// Set values of a Helm release; `effects` is what they change in the cluster, as far as the trial needs it.
    HelmValues {
        release: String,
        namespace: String,
        chart: String,
        values: Vec<(String, String)>,
        effects: Vec<Change>,
    },
}

/// A choice that a command leaves open, as a shell variable without a default.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Where in the object, or in the list of operations, the choice goes: a JSON pointer. What stands there is what the
    /// trial assumes.
    pub pointer: String,
    /// The shell variable.
    pub variable: &'static str,
    /// What to set it to, in words that a POSIX shell can print from within quotes.
    pub hint: String,
}

/// A tool that owns an object and would undo a change made beside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manager {
    /// `Helm` or `Argo CD`.
    pub tool: &'static str,
    /// The release or application.
    pub name: String,
    /// The release's namespace; empty where that isn't known.
    pub namespace: String,
    /// The chart with its version, where the object's labels say it.
    pub chart: Option<String>,
}

/// What is done to a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum EditOp {
    /// A field gets another value.
    Replace,
    /// A field comes to those that are there.
    Add,
    /// A field goes.
    Remove,
    /// A field gets another name.
    Rename,
    /// A document comes before this one.
    Insert,
    /// The document goes to another place.
    Move,
}

/// A change of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestEdit {
    pub op: EditOp,
    /// The file as the user named it, `-` for standard input.
    pub file: String,
    /// The stretch that goes, from 1; empty where nothing does. Of a document that moves, where it begins.
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
    /// What takes the place of the stretch; `None` for a document that moves.
    pub text: Option<String>,
    /// The object of the document, as `Kind namespace/name`.
    pub document: String,
    /// The field, empty for the document as a whole.
    pub path: String,
    /// What stands there; `None` where nothing does.
    pub from: Option<serde_json::Value>,
    /// What is to stand there; `None` where nothing is.
    pub to: Option<serde_json::Value>,
    /// The program that rendered the text, where one did: there is no such file then.
    pub renderer: Option<&'static str>,
    /// The template of a chart that the text was rendered from, as helm's comment says.
    pub template: Option<String>,
}

/// One step of a remedy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// What is done, in words.
    pub what: String,
    /// The change; `None` for what can't be told as a change of objects (a setting outside the cluster).
    pub change: Option<Change>,
    /// The command that makes the change, ready to paste; `None` where there is no such command.
    pub command: Option<String>,
    /// The tool that owns the object and would undo the step.
    pub undone_by: Option<Manager>,
    /// Whether the step is for the time when the victims run: it is no part of the trial.
    pub later: bool,
    /// Whether the trial takes the step for granted: it is outside the cluster, and the steps after it are only for when
    /// it was made.
    pub assumed: bool,
    /// What the change leads to beyond itself, as far as the trial needs it: controllers answer to it.
    pub effects: Vec<Change>,
    /// The command that takes the step back; `None` where nothing does.
    pub undo: Option<String>,
    /// The change of a manifest; `None` for what is done in the cluster.
    pub edit: Option<ManifestEdit>,
}

/// What came of trying a remedy on a copy of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Every pod and claim that the finding explains is placed or bound.
    Schedules,
    /// This cause is gone; the next thing in the way is told.
    NextBlocker {
        /// How many pods are placed all the same.
        placed: usize,
        then: String,
    },
    /// Not tried, and why.
    Untried(String),
}

/// Who makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Side {
    /// Those who run the cluster: nodes, volumes, classes, and which other pods run.
    Cluster,
    /// Those who run the pods: pods, their templates, claims.
    Workload,
    Both,
}

/// How much a repair changes, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Size {
    pub side: Side,
    /// The fields that change, weighted by what they can break: 1 for one that only gives back what was there.
    pub weight: u32,
}

/// A repair: the steps, in order, and what they lead to.
#[derive(Clone, Debug, PartialEq)]
pub struct Remedy {
    pub title: String,
    pub risk: Risk,
    pub steps: Vec<Step>,
    pub trial: Trial,
    /// `None` for repairs that a rule proposes.
    pub size: Option<Size>,
    /// Whether all manifests fit then; `None` where it was not tried on manifests.
    pub fits: Option<bool>,
}

impl Trial {
    /// Not tried yet: the engine tries it before the report.
    pub fn pending() -> Self {
        Trial::Untried(String::new())
    }
}

impl Remedy {
    /// A remedy that is still to be tried.
    pub fn new(title: impl Into<String>, risk: Risk, steps: Vec<Step>) -> Self {
        Self { title: title.into(), risk, steps, trial: Trial::pending(), size: None, fits: None }
    }

    /// A remedy that can't be tried, and why.
    pub fn untried(title: impl Into<String>, risk: Risk, steps: Vec<Step>, reason: impl Into<String>) -> Self {
        Self { title: title.into(), risk, steps, trial: Trial::Untried(reason.into()), size: None, fits: None }
    }
}

impl Step {
    /// A step that is told in words alone.
    pub fn told(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    /// A step outside the cluster that those after it rest on.
    pub fn assumed(what: impl Into<String>) -> Self {
        Self { assumed: true, ..Self::told(what) }
    }

    /// The same step with what it leads to.
    #[must_use]
    pub fn leading_to(mut self, effects: Vec<Change>) -> Self {
        self.effects = effects;
        self
    }
}

impl Change {
    /// The one object that the change is about.
    pub fn object(&self) -> Option<ObjectRef> {
        match self {
            Change::Delete { kind, namespace, name }
            | Change::Patch { kind, namespace, name, .. }
            | Change::JsonPatch { kind, namespace, name, .. }
            | Change::Remake { kind, namespace, name, .. } => Some(ObjectRef::new(*kind, namespace, name)),
            Change::Copy { kind, namespace, to, .. } => Some(ObjectRef::new(*kind, namespace, to)),
            Change::AwaitEnd { namespace, name } => Some(ObjectRef::new(Kind::Pod, namespace, name)),
            Change::RemakeSet { namespace, name, .. } => Some(ObjectRef::new(Kind::StatefulSet, namespace, name)),
            Change::Uncordon { node } | Change::Untaint { node, .. } => Some(ObjectRef::new(Kind::Node, "", node)),
            Change::RecreatePods { namespace, names } => match names.as_slice() {
                [name] => Some(ObjectRef::new(Kind::Pod, namespace, name)),
                _ => None,
            },
            Change::Create { kind, object, .. } => {
                let field = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
                Some(ObjectRef::new(*kind, field("namespace"), field("name")))
            }
            Change::HelmValues { .. } | Change::Keep { .. } => None,
        }
    }
}
