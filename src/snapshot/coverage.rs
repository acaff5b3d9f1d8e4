//! What was read, what was not, and why.

use std::fmt;

use crate::model::Kind;

/// Why objects of a kind could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The server refused (401 or 403).
    Forbidden,
    /// The server doesn't serve the kind.
    NotServed,
    /// The dump holds no list of the kind.
    NotInDump,
    /// The command had no use for the kind.
    NotRequested,
    /// Reading failed; the text says how.
    Failed(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Forbidden => f.write_str("forbidden"),
            Problem::NotServed => f.write_str("not served"),
            Problem::NotInDump => f.write_str("not in the dump"),
            Problem::NotRequested => f.write_str("not requested"),
            Problem::Failed(text) => f.write_str(text),
        }
    }
}

/// An object that was asked for by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    pub name: String,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

impl From<&str> for Named {
    fn from(text: &str) -> Self {
        let (namespace, name) = text.split_once('/').unwrap_or(("", text));
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// How much of a kind was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every object of the cluster.
    All,
    /// The dump of a whole cluster holds no object of the kind: verdicts take it for empty, and nothing proves that.
    Presumed,
    /// Every object of these namespaces, sorted; the others were not read for the given reason.
    Namespaces(Vec<String>, Problem),
    /// These objects, by name, of which each is there or was looked for and isn't; the others were not read for the given
    /// reason.
    Named(Vec<Named>, Problem),
    /// Nothing, or only single objects.
    Nothing(Problem),
}

impl Scope {
    /// Whether everything in the namespace was read; for cluster-scoped objects the namespace is empty.
    pub fn covers(&self, namespace: &str) -> bool {
        match self {
            Scope::All | Scope::Presumed => true,
            Scope::Namespaces(names, _) => names.iter().any(|name| name == namespace),
            Scope::Named(..) | Scope::Nothing(_) => false,
        }
    }

    /// Whether the object was looked for, be it there or not.
    pub fn covers_object(&self, namespace: &str, name: &str) -> bool {
        match self {
            Scope::Named(asked, _) => asked.iter().any(|one| one.namespace == namespace && one.name == name),
            _ => self.covers(namespace),
        }
    }

    /// Whether every object of the cluster was read, or there are presumed to be none.
    pub fn covers_all(&self) -> bool {
        matches!(self, Scope::All | Scope::Presumed)
    }

    /// Why not everything was read.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Scope::All | Scope::Presumed => None,
            Scope::Namespaces(_, problem) | Scope::Named(_, problem) | Scope::Nothing(problem) => Some(problem),
        }
    }
}

/// An object that could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Broken {
    pub kind: Kind,
    /// Empty where not even that could be read.
    pub namespace: String,
    /// Empty where not even that could be read.
    pub name: String,
    /// Where it stands: a file with a position, or a URL path.
    pub origin: String,
    pub error: String,
}

/// One line of the report's coverage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    pub kind: Kind,
    /// Objects read; `None` where nothing was read.
    pub read: Option<usize>,
    pub problem: Option<String>,
    /// Whether the kind was taken for empty without proof.
    pub presumed: bool,
}
