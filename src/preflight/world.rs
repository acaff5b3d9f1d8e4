//! The objects of a cluster as the API server stores them, as far as manifests can meet them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// An object's place in the API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The `kind`, such as `Deployment`.
    pub(crate) kind: String,
    /// `None` for kinds without a namespace.
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

/// The objects that the simulated API server stores.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    objects: BTreeMap<Key, Value>,
    /// Kinds that could not be read: that one of their objects is not here says nothing.
    unread: BTreeSet<String>,
}

impl World {
    /// The object, if it is stored.
    pub(crate) fn get(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<&Value> {
        self.objects.get(&Key { kind: kind.to_owned(), namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }

    /// The objects of a kind, in a namespace where one is given, by namespace and name.
    pub(crate) fn list<'a>(&'a self, kind: &'a str, namespace: Option<&'a str>) -> impl Iterator<Item = &'a Value> {
        self.objects
            .iter()
            .filter(move |(key, _)| key.kind == kind && (namespace.is_none() || key.namespace.as_deref() == namespace))
            .map(|(_, object)| object)
    }

    /// Whether the kind was read, so that an object that is not here does not exist.
    pub(crate) fn read(&self, kind: &str) -> bool {
        !self.unread.contains(kind)
    }

    /// Stores an object in the place of the one with its key.
    pub(crate) fn put(&mut self, key: Key, object: Value) {
        self.objects.insert(key, object);
    }

    /// Takes an object away.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Value> {
        self.objects.remove(key)
    }
}
