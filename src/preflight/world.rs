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
    /// Objects that were made here, so that nothing that was read can be about them.
    new: BTreeSet<Key>,
    /// Kinds that were not read: that one of their objects is not here says nothing.
    unread: BTreeSet<String>,
    /// Those of them that were asked for in vain.
    failed: BTreeSet<String>,
}

impl World {
    /// The object, if it is stored.
    pub(crate) fn get(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<&Value> {
        self.objects.get(&Key { kind: kind.to_owned(), namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }

    /// The objects of a kind, in a namespace where one is given, by namespace and name.
    pub(crate) fn list<'a>(&'a self, kind: &'a str, namespace: Option<&'a str>) -> impl Iterator<Item = &'a Value> {
        let from = Key { kind: kind.to_owned(), namespace: namespace.map(str::to_owned), name: String::new() };
        self.objects
            .range(from..)
            .take_while(move |(key, _)| {
                key.kind == kind && (namespace.is_none() || key.namespace.as_deref() == namespace)
            })
            .map(|(_, object)| object)
    }

    /// The keys of a kind, by namespace and name.
    pub(crate) fn keys<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Key> {
        let from = Key { kind: kind.to_owned(), namespace: None, name: String::new() };
        self.objects.range(from..).map(|(key, _)| key).take_while(move |key| key.kind == kind)
    }

    /// Says that a kind was asked for and could not be read.
    pub(crate) fn failed(&mut self, kind: &str) {
        self.failed.insert(kind.to_owned());
        self.cover_not(kind);
    }

    /// Whether a kind was asked for in vain.
    pub(crate) fn has_failed(&self, kind: &str) -> bool {
        self.failed.contains(kind)
    }

    /// Says that a kind was not read.
    pub(crate) fn cover_not(&mut self, kind: &str) {
        self.unread.insert(kind.to_owned());
    }

    /// The objects of a namespace.
    pub(crate) fn in_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects
            .iter()
            .filter(move |(key, _)| key.namespace.as_deref() == Some(namespace))
            .map(|(_, object)| object)
    }

    /// Whether the kind was read, so that an object that is not here does not exist.
    pub(crate) fn read(&self, kind: &str) -> bool {
        !self.unread.contains(kind)
    }

    /// Notes that an object did not exist when the cluster was read.
    pub(crate) fn mark_new(&mut self, key: Key) {
        self.new.insert(key);
    }

    /// Whether an object did not exist when the cluster was read.
    pub(crate) fn is_new(&self, kind: &str, namespace: Option<&str>, name: &str) -> bool {
        let (kind, namespace, name) = (kind.to_owned(), namespace.map(str::to_owned), name.to_owned());
        self.new.contains(&Key { kind, namespace, name })
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
