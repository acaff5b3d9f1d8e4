//! Reading and changing objects in JSON, with null taken for absent as Go's decoder takes it.

use serde_json::{Map, Value};

/// What stands at a JSON pointer.
pub(crate) fn at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    value.pointer(pointer).filter(|found| !found.is_null())
}

/// The text at a pointer; empty where there is none.
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    at(value, pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The text at a pointer, where there is one that isn't empty.
pub(crate) fn some_text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    Some(text(value, pointer)).filter(|text| !text.is_empty())
}

/// The whole number at a pointer.
pub(crate) fn number(value: &Value, pointer: &str) -> Option<i64> {
    at(value, pointer).and_then(Value::as_i64)
}

/// Whether there is `true` at a pointer.
pub(crate) fn truth(value: &Value, pointer: &str) -> bool {
    at(value, pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// The elements of the list at a pointer.
pub(crate) fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    at(value, pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The texts of the list at a pointer.
pub(crate) fn texts<'v>(value: &'v Value, pointer: &str) -> Vec<&'v str> {
    list(value, pointer).iter().filter_map(Value::as_str).collect()
}

/// The entries of the object at a pointer, by name.
pub(crate) fn entries<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = (&'v str, &'v Value)> {
    at(value, pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|map| map.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.as_str(), value)))
}

/// Whether the list or object at a pointer has nothing in it, or isn't there.
pub(crate) fn empty(value: &Value, pointer: &str) -> bool {
    match at(value, pointer) {
        None => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

/// A field to change, with what leads to it made where it isn't there; `None` where something else than an object is in
/// the way.
pub(crate) fn slot<'v>(value: &'v mut Value, path: &[&str]) -> Option<&'v mut Value> {
    let mut here = value;
    for step in path {
        if here.is_null() {
            *here = Value::Object(Map::new());
        }
        here = here.as_object_mut()?.entry(*step).or_insert(Value::Null);
    }
    Some(here)
}

/// Sets a field, with what leads to it made where it isn't there.
pub(crate) fn set(value: &mut Value, path: &[&str], new: impl Into<Value>) {
    if let Some(slot) = slot(value, path) {
        *slot = new.into();
    }
}

/// Sets a field where it is absent, null or the empty text.
pub(crate) fn default(value: &mut Value, path: &[&str], new: impl Into<Value>) {
    if let Some(slot) = slot(value, path)
        && (slot.is_null() || slot.as_str() == Some(""))
    {
        *slot = new.into();
    }
}

/// Takes a field of an object away.
pub(crate) fn remove(value: &mut Value, parent: &str, field: &str) {
    if let Some(fields) = value.pointer_mut(parent).and_then(Value::as_object_mut) {
        fields.remove(field);
    }
}

/// The elements of the list at a pointer, to change.
pub(crate) fn list_mut<'v>(value: &'v mut Value, pointer: &str) -> impl Iterator<Item = &'v mut Value> {
    value.pointer_mut(pointer).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Takes the nulls out of the objects in a value.
pub(crate) fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// A label selector, a list of terms or the like as a typed value; its default where it isn't one.
pub(crate) fn typed<T: serde::de::DeserializeOwned + Default>(value: Option<&Value>) -> T {
    value.and_then(|value| T::deserialize(value).ok()).unwrap_or_default()
}

/// The labels of an object.
pub(crate) fn labels(object: &Value) -> crate::model::meta::Map {
    entries(object, "/metadata/labels")
        .filter_map(|(key, value)| Some((key.to_owned(), value.as_str()?.to_owned())))
        .collect()
}
