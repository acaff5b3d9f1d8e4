//! What a document says and where: nodes with their places. Aliases share the nodes they stand for.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::document::{Duplicate, Region};
use super::path::join;

/// What a value takes in memory beside its text, in bytes.
const VALUE: u64 = 64;

/// How many keys that stand twice are told of one document.
const MANY: usize = 1000;

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) region: Region,
    pub(super) shape: Shape,
    /// Whether a map or list is written between brackets.
    pub(super) flow: bool,
    /// How deep values stand in it, with what aliases stand for.
    pub(super) depth: usize,
}

#[derive(Debug)]
pub(super) enum Shape {
    /// Null, a boolean, a number or a text.
    Scalar(Value),
    List(Vec<Arc<Node>>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Arc<str>,
    pub(super) place: Region,
    pub(super) value: Arc<Node>,
    /// `<<` puts it here; keys that the map has itself are then no duplicates.
    pub(super) merged: bool,
}

impl Entry {
    /// Key and value where the value is a scalar, else the key.
    pub(super) fn region(&self) -> Region {
        let end = self.value.region;
        if matches!(self.value.shape, Shape::Scalar(_))
            && (end.line, end.column) >= (self.place.line, self.place.column)
        {
            Region { end_line: end.end_line, end_column: end.end_column, ..self.place }
        } else {
            self.place
        }
    }
}

/// Why a tree has no value: its aliases unfold to more than the bound.
#[derive(Debug)]
pub(super) struct TooLarge;

impl Node {
    /// Where its first key stands, or the whole where it is a scalar or list.
    pub(super) fn first(&self) -> Region {
        match &self.shape {
            Shape::Map(entries) => entries.iter().find(|entry| !entry.merged).map_or(self.region, |entry| entry.place),
            Shape::Scalar(_) | Shape::List(_) => self.region,
        }
    }

    /// The entry of a key; of several the last, as kubectl takes it.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.shape {
            Shape::Map(entries) => entries.iter().rev().find(|entry| &*entry.key == key),
            Shape::Scalar(_) | Shape::List(_) => None,
        }
    }

    /// The value with aliases written out; `left` is what it may still take, in bytes.
    pub(super) fn value(&self, left: &mut u64) -> Result<Value, TooLarge> {
        *left = left.checked_sub(VALUE).ok_or(TooLarge)?;
        match &self.shape {
            Shape::Scalar(value) => {
                let text = value.as_str().map_or(0, str::len) as u64;
                *left = left.checked_sub(text).ok_or(TooLarge)?;
                Ok(value.clone())
            }
            Shape::List(items) => items.iter().map(|item| item.value(left)).collect::<Result<_, _>>().map(Value::Array),
            Shape::Map(entries) => {
                let mut fields = Map::new();
                for entry in entries {
                    *left = left.checked_sub(entry.key.len() as u64).ok_or(TooLarge)?;
                    fields.insert(entry.key.to_string(), entry.value.value(left)?);
                }
                Ok(Value::Object(fields))
            }
        }
    }

    /// The keys that stand more than once, in the order of the text. What an alias stands for is looked at once.
    pub(super) fn duplicates(&self, found: &mut Vec<Duplicate>) {
        self.twice("", &mut BTreeSet::new(), found);
    }

    fn twice(&self, path: &str, seen: &mut BTreeSet<*const Self>, found: &mut Vec<Duplicate>) {
        let scalar = matches!(self.shape, Shape::Scalar(_));
        if scalar || found.len() >= MANY || !seen.insert(std::ptr::from_ref(self)) {
            return;
        }
        match &self.shape {
            Shape::Scalar(_) => {}
            Shape::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.twice(&format!("{path}[{index}]"), seen, found);
                }
            }
            Shape::Map(entries) => {
                let mut keys = BTreeSet::new();
                for entry in entries.iter().filter(|entry| !entry.merged) {
                    let path = join(path, &entry.key);
                    if !keys.insert(&*entry.key) {
                        found.push(Duplicate { path: path.clone(), region: entry.place });
                    }
                    entry.value.twice(&path, seen, found);
                }
            }
        }
    }
}
