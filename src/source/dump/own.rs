//! The parts of our own snapshot format that stand beside the objects.

use serde::{Deserialize, Serialize};

use crate::model::Kind;
use crate::snapshot::{Broken, Problem, Scope};

/// The API version of snapshots.
pub(super) const API_VERSION: &str = "storagewhy.dev/v1";
/// The group of [`API_VERSION`] with its slash.
pub(super) const GROUP: &str = "storagewhy.dev/";
/// The kind of snapshots.
pub(super) const KIND: &str = "Snapshot";

/// `metadata` of a snapshot.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SnapshotMeta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) taken: Option<String>,
    /// The newest renewal of a Lease, in a snapshot made from a dump.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) renewed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) server_version: Option<String>,
}

/// What a snapshot says of its coverage.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Declared {
    /// `complete`: every object of every kind was read.
    Word(String),
    /// Kind by kind; kinds that are not listed were not read.
    Kinds(Vec<CoverageEntry>),
}

/// How much of a kind was read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CoverageEntry {
    pub(super) kind: String,
    /// `all`, `presumed`, `namespaces`, `named` or `nothing`.
    pub(super) scope: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) namespaces: Vec<String>,
    /// The objects that were asked for: `name`, or `namespace/name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) names: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
}

/// An object that could not be decoded when the snapshot was taken.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BrokenEntry {
    pub(super) kind: String,
    #[serde(default)]
    pub(super) namespace: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) origin: String,
    #[serde(default)]
    pub(super) error: String,
}

impl CoverageEntry {
    pub(super) fn new(kind: Kind, scope: &Scope) -> Self {
        let (word, namespaces, names) = match scope {
            Scope::All => ("all", Vec::new(), Vec::new()),
            Scope::Presumed => ("presumed", Vec::new(), Vec::new()),
            Scope::Namespaces(namespaces, _) => ("namespaces", namespaces.clone(), Vec::new()),
            Scope::Named(asked, _) => ("named", Vec::new(), asked.iter().map(ToString::to_string).collect()),
            Scope::Nothing(_) => ("nothing", Vec::new(), Vec::new()),
        };
        let problem = scope.problem().map(ToString::to_string);
        Self { kind: kind.name().to_owned(), scope: word.to_owned(), namespaces, names, problem }
    }

    /// The kind and scope; `None` for a kind that this version doesn't know. An unknown scope reads as nothing.
    pub(super) fn read(self) -> Option<(Kind, Scope)> {
        let kind = Kind::named(&self.kind)?;
        let problem = self.problem.map_or(Problem::NotInDump, problem_of);
        let scope = match self.scope.as_str() {
            "all" => Scope::All,
            "presumed" => Scope::Presumed,
            "namespaces" => {
                let mut names = self.namespaces;
                names.sort();
                Scope::Namespaces(names, problem)
            }
            "named" => Scope::Named(self.names.iter().map(|name| name.as_str().into()).collect(), problem),
            _ => Scope::Nothing(problem),
        };
        Some((kind, scope))
    }
}

impl BrokenEntry {
    pub(super) fn new(broken: &Broken) -> Self {
        Self {
            kind: broken.kind.name().to_owned(),
            namespace: broken.namespace.clone(),
            name: broken.name.clone(),
            origin: broken.origin.clone(),
            error: broken.error.clone(),
        }
    }

    pub(super) fn read(self) -> Option<Broken> {
        let Self { kind, namespace, name, origin, error } = self;
        Some(Broken { kind: Kind::named(&kind)?, namespace, name, origin, error })
    }
}

fn problem_of(text: String) -> Problem {
    [Problem::Forbidden, Problem::NotServed, Problem::NotInDump, Problem::NotRequested]
        .into_iter()
        .find(|problem| problem.to_string() == text)
        .unwrap_or(Problem::Failed(text))
}
