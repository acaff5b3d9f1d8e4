//! Lists: every object with `items` stands for these, as kubectl unfolds them.
//!
//! Upstream: `UnstructuredJSONScheme` in apimachinery `pkg/apis/meta/v1/unstructured/helpers.go`.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::tree::{Node, Shape};

/// An object and where its fields stand, as far as that is known.
pub(super) type Placed = (Value, Option<Arc<Node>>);

/// The objects that an object stands for: itself, or its items and theirs. Items without kind and API version take
/// them from the list.
pub(super) fn unfold(object: Placed, found: &mut Vec<Placed>) {
    let (mut value, tree) = object;
    let Some(items) = items_of(&mut value) else {
        found.push((value, tree));
        return;
    };
    let list_kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
    let kind = list_kind.strip_suffix("List").unwrap_or(list_kind);
    let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    for (index, mut item) in items.into_iter().enumerate() {
        if let Value::Object(fields) = &mut item
            && !has(fields, "kind")
            && !has(fields, "apiVersion")
        {
            fields.insert("kind".to_owned(), kind.into());
            fields.insert("apiVersion".to_owned(), version.into());
        }
        unfold((item, tree.as_deref().and_then(|tree| place(tree, index))), found);
    }
}

fn has(fields: &Map<String, Value>, field: &str) -> bool {
    fields.get(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}

fn items_of(object: &mut Value) -> Option<Vec<Value>> {
    match object.get_mut("items")? {
        Value::Array(items) => Some(std::mem::take(items)),
        _ => None,
    }
}

fn place(tree: &Node, index: usize) -> Option<Arc<Node>> {
    match &tree.entry("items")?.value.shape {
        Shape::List(items) => items.get(index).cloned(),
        Shape::Scalar(_) | Shape::Map(_) => None,
    }
}
