//! What is read only where a cause depends on it.

use super::coverage::{Named, Problem, Scope};
use super::store::{Lookup, Store};
use crate::model::{Kind, Object};

/// Objects that were not read with the others and that a cause depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Demand {
    pub kind: Kind,
    /// The one object that is asked for; `None` for all of the cluster.
    pub object: Option<Named>,
}

impl Demand {
    /// For one object; cluster-scoped ones have an empty namespace.
    pub fn one(kind: Kind, namespace: &str, name: &str) -> Self {
        let object = Named { namespace: namespace.to_owned(), name: name.to_owned() };
        Self { kind, object: Some(object) }
    }

    /// For all objects of a kind.
    pub fn all(kind: Kind) -> Self {
        Self { kind, object: None }
    }
}

impl<T: Object> Store<T> {
    /// Whether an object, or all of them, could still be read: they were not asked for, and nothing speaks against it.
    pub fn may_be_asked(&self, object: Option<(&str, &str)>) -> bool {
        let left = match self.scope() {
            Scope::Named(_, problem) | Scope::Nothing(problem) => *problem == Problem::NotRequested,
            Scope::All | Scope::Presumed | Scope::Namespaces(..) => false,
        };
        left && object.is_none_or(|(namespace, name)| matches!(self.get(namespace, name), Lookup::Unknown))
    }
}
