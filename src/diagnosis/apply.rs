//! Makes changes on a copy of the state.

use serde_json::Value;

use super::remedy::{Change, Step};
use crate::admission::expand::ordinal_of;
use crate::admission::{CreateError, recreate};
use crate::model::Kind;
use crate::snapshot::{Lookup, Snapshot};

/// Why a step could not be made on the copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApplyError {
    /// The cluster would refuse it.
    Refused(String),
    /// It can't be told what comes of it.
    Unknown(String),
}

impl From<CreateError> for ApplyError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Refused(text) => Self::Refused(text),
            CreateError::Unknown(text) => Self::Unknown(text),
        }
    }
}

/// Makes a step with all that it leads to. `original` is the state as it was read: what webhooks add is learnt there.
pub(crate) fn step(original: &Snapshot, state: &mut Snapshot, step: &Step) -> Result<(), ApplyError> {
    if step.change.is_none() && step.effects.is_empty() {
        return Err(ApplyError::Unknown(format!("{} can't be tried on a copy of the state", lower(&step.what))));
    }
    step.change.iter().chain(&step.effects).try_for_each(|one| change(original, state, one))
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

fn change(original: &Snapshot, state: &mut Snapshot, change: &Change) -> Result<(), ApplyError> {
    match change {
        Change::Delete { kind, namespace, name } => {
            state.remove(*kind, namespace, name);
            Ok(())
        }
        Change::Patch { kind, namespace, name, patch } => edit(state, *kind, namespace, name, |object| {
            merge_patch(object, patch);
            Ok(())
        }),
        Change::JsonPatch { kind, namespace, name, operations } => {
            edit(state, *kind, namespace, name, |object| json_patch(object, operations))
        }
        Change::Create { kind, object } => put(state, *kind, object.clone()),
        Change::RecreatePods { namespace, names } => {
            for name in names {
                remade(original, state, namespace, name)?;
            }
            Ok(())
        }
        Change::HelmValues { effects, .. } => {
            effects.iter().try_for_each(|effect| self::change(original, state, effect))
        }
    }
}

/// Deletes a pod and has its controller make it anew, unless the controller no longer wants it.
fn remade(original: &Snapshot, state: &mut Snapshot, namespace: &str, name: &str) -> Result<(), ApplyError> {
    let pod = recreate(original, state, namespace, name)?;
    state.remove(Kind::Pod, namespace, name);
    let set = pod.metadata.controller().filter(|owner| owner.kind == "StatefulSet");
    let wanted = set.and_then(|owner| {
        let set = state.stateful_sets.get(namespace, &owner.name).found()?;
        Some(ordinal_of(&owner.name, name)? < set.first_ordinal().saturating_add(set.replicas()))
    });
    if wanted != Some(false) {
        let value = serde_json::to_value(&pod).map_err(|error| ApplyError::Unknown(error.to_string()))?;
        put(state, Kind::Pod, value)?;
    }
    Ok(())
}

fn edit(
    state: &mut Snapshot,
    kind: Kind,
    namespace: &str,
    name: &str,
    with: impl FnOnce(&mut Value) -> Result<(), String>,
) -> Result<(), ApplyError> {
    let Some(mut object) = state.to_json(kind, namespace, name) else {
        return Err(ApplyError::Unknown(format!("{kind} {name} was not read")));
    };
    with(&mut object).map_err(ApplyError::Refused)?;
    put(state, kind, object)?;
    if kind == Kind::StatefulSet {
        drop_surplus(state, namespace, name);
    }
    Ok(())
}

fn put(state: &mut Snapshot, kind: Kind, object: Value) -> Result<(), ApplyError> {
    state.put_json(kind, object).map_err(|error| ApplyError::Refused(error.to_string()))
}

/// A StatefulSet that wants fewer pods deletes those with the highest ordinals.
fn drop_surplus(state: &mut Snapshot, namespace: &str, name: &str) {
    let Lookup::Found(set) = state.stateful_sets.get(namespace, name) else { return };
    let end = set.first_ordinal().saturating_add(set.replicas());
    let surplus = |pod: &&std::sync::Arc<crate::model::Pod>| {
        let owned = pod.metadata.controller().is_some_and(|o| o.kind == "StatefulSet" && o.name == name);
        owned && ordinal_of(name, &pod.metadata.name).is_some_and(|ordinal| ordinal >= end)
    };
    let pods = state.pods.in_namespace(namespace).iter();
    let names: Vec<String> = pods.filter(surplus).map(|pod| pod.metadata.name.clone()).collect();
    for pod in names {
        state.remove(Kind::Pod, namespace, &pod);
    }
}

/// A JSON merge patch (RFC 7386).
fn merge_patch(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(object) = target.as_object_mut() else { return };
    for (name, value) in fields {
        if value.is_null() {
            object.remove(name);
        } else {
            merge_patch(object.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// A JSON patch (RFC 6902) of `test`, `add`, `replace` and `remove`.
fn json_patch(target: &mut Value, operations: &Value) -> Result<(), String> {
    for operation in operations.as_array().into_iter().flatten() {
        let path = operation["path"].as_str().unwrap_or_default();
        let absent = || format!("the object has no {path}");
        if operation["op"] == "test" {
            let equal = target.pointer(path).ok_or_else(absent)? == &operation["value"];
            equal.then_some(()).ok_or_else(|| format!("{path} is not what it was"))?;
            continue;
        }
        let (parent, last) = path.rsplit_once('/').ok_or_else(absent)?;
        let key = last.replace("~1", "/").replace("~0", "~");
        let (value, remove) = (operation["value"].clone(), operation["op"] == "remove");
        match target.pointer_mut(parent).ok_or_else(absent)? {
            Value::Object(object) if remove => drop(object.remove(&key).ok_or_else(absent)?),
            Value::Object(object) => drop(object.insert(key, value)),
            Value::Array(list) => {
                patch_list(list, &key, (!remove).then_some(value), operation["op"] == "add").ok_or_else(absent)?
            }
            _ => return Err(absent()),
        }
    }
    Ok(())
}

fn patch_list(list: &mut Vec<Value>, key: &str, value: Option<Value>, add: bool) -> Option<()> {
    let position = if key == "-" { list.len() } else { key.parse().ok()? };
    match value {
        None => drop((position < list.len()).then(|| list.remove(position))?),
        Some(value) if add && position <= list.len() => list.insert(position, value),
        Some(value) => *list.get_mut(position)? = value,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merge_patches_replace_lists_and_drop_nulls() {
        let mut object = json!({"a": {"b": 1, "c": [1, 2]}, "d": 2});
        merge_patch(&mut object, &json!({"a": {"b": null, "c": [3]}, "e": {"f": 1}}));
        assert_eq!(object, json!({"a": {"c": [3]}, "d": 2, "e": {"f": 1}}));
    }

    #[test]
    fn json_patches_test_before_they_remove() {
        let object = json!({"webhooks": [{"name": "a"}, {"name": "b"}], "m": {"x/y": 1}});
        let mut copy = object.clone();
        let remove = |name: &str| json!([{"op": "test", "path": "/webhooks/1/name", "value": name}, {"op": "remove", "path": "/webhooks/1"}]);
        assert!(json_patch(&mut copy, &remove("a")).is_err());
        assert_eq!(copy, object);
        json_patch(&mut copy, &remove("b")).unwrap();
        json_patch(&mut copy, &json!([{"op": "remove", "path": "/m/x~1y"}])).unwrap();
        json_patch(&mut copy, &json!([{"op": "add", "path": "/webhooks/-", "value": 1}])).unwrap();
        assert_eq!(copy, json!({"webhooks": [{"name": "a"}, 1], "m": {}}));
    }
}
