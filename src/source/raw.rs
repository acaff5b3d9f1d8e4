//! Objects that are kept as the server wrote them, beside the facts that a snapshot has of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::Kind;

/// Kinds of which no raw object is kept: they are many or secret, and all that matters of them is in a snapshot.
const NEVER: [&str; 10] = [
    "Secret",
    "ConfigMap",
    "Event",
    "Lease",
    "Node",
    "CSINode",
    "CSIStorageCapacity",
    "VolumeAttachment",
    "ResourceSlice",
    "CustomResourceDefinition",
];
/// Kinds that are kept of every namespace: what admission and autoscaling can ask for wherever it is.
const EVERYWHERE: [&str; 3] = ["Namespace", "Service", "EndpointSlice"];

/// Which objects are kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawFilter {
    /// Of these namespaces objects of nearly every kind.
    pub(crate) namespaces: BTreeSet<String>,
    /// Kind and name of cluster-scoped objects of kinds with many.
    pub(crate) named: BTreeSet<(String, String)>,
    /// Versions of custom kinds, `group/version`, of which it matters whether they are served.
    pub(crate) custom: BTreeSet<String>,
    /// Whether volumes are kept whatever their names: pruning asks for those that kubectl applied.
    pub(crate) volumes: bool,
}

/// What was read of a cluster as it has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawObjects {
    pub(crate) objects: Vec<Value>,
    /// Kinds that were read wherever it matters.
    pub(crate) read: BTreeSet<String>,
    /// Kinds of which some objects could not be read.
    pub(crate) unread: BTreeSet<String>,
}

impl RawObjects {
    /// Adds what one reading of a kind gave; `None` where it failed.
    pub(super) fn add(&mut self, kind: &str, objects: Option<Vec<Value>>) {
        match objects {
            Some(objects) => {
                self.objects.extend(objects);
                if !self.unread.contains(kind) {
                    self.read.insert(kind.to_owned());
                }
            }
            None => {
                self.read.remove(kind);
                self.unread.insert(kind.to_owned());
            }
        }
    }
}

impl RawFilter {
    /// Whether an object is kept.
    pub(super) fn keeps(&self, kind: &str, namespace: &str, name: &str) -> bool {
        if NEVER.contains(&kind) {
            return self.named.contains(&(kind.to_owned(), name.to_owned())) && kind != "Secret";
        }
        match (kind, namespace) {
            (kind, _) if EVERYWHERE.contains(&kind) => true,
            ("PersistentVolume", _) => self.volumes || self.named.contains(&(kind.to_owned(), name.to_owned())),
            (_, "") => true,
            (_, namespace) => self.namespaces.contains(namespace),
        }
    }
}

/// An object's text as a value, with its type where its list left that out; `None` where it is no object.
pub(super) fn value(text: &str, kind: Option<Kind>) -> Option<Value> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    let object = value.as_object_mut()?;
    if let Some(kind) = kind {
        let version = match kind.group() {
            "" => kind.versions()[0].to_owned(),
            group => format!("{group}/{}", kind.versions()[0]),
        };
        object.entry("apiVersion").or_insert_with(|| json!(version));
        object.entry("kind").or_insert_with(|| json!(kind.name()));
    }
    Some(value)
}
