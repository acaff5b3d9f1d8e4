//! Object metadata and references.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::kind::Kind;
use super::lenient::model;

/// Names to values, as labels and annotations have them.
pub(crate) type Map = BTreeMap<String, String>;

/// The annotation in which `kubectl apply` keeps a whole manifest; it is never kept.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Annotations whose value is longer, in bytes, are never kept: whole manifests, certificates, state of tools.
const MAX_ANNOTATION: usize = 4096;

model! {
    /// `metadata` of an object.
    pub struct Meta {
        pub name: String,
        pub generate_name: String,
        pub namespace: String,
        pub uid: String,
        pub resource_version: String,
        pub generation: i64,
        /// RFC 3339.
        pub creation_timestamp: String,
        /// RFC 3339; set while the object waits for its finalizers.
        pub deletion_timestamp: Option<String>,
        pub labels: Map,
        pub annotations: Map,
        pub owner_references: Vec<OwnerReference>,
        pub finalizers: Vec<String>,
    }

    /// An entry of `metadata.ownerReferences`.
    pub struct OwnerReference {
        pub api_version: String,
        pub kind: String,
        pub name: String,
        pub uid: String,
        pub controller: bool,
    }
}

impl Meta {
    /// The owner that is marked as the controller.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller)
    }

    /// Drops what a snapshot never keeps.
    pub fn redact(&mut self) {
        self.annotations.retain(|key, value| key != LAST_APPLIED && value.len() <= MAX_ANNOTATION);
    }

    /// Whether the object is being deleted.
    pub fn deleting(&self) -> bool {
        self.deletion_timestamp.is_some()
    }
}

/// Names one object, for reports and chains.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ObjectRef {
    pub kind: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    pub name: String,
}

impl ObjectRef {
    /// A reference to an object of a kind that the model knows.
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self::other(kind.name(), namespace, name)
    }

    /// A reference to an object of a kind outside the model, such as an Argo CD application.
    pub fn other(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}
