//! Changes that leave an object where it is, made on its JSON.

use serde_json::Value;

use crate::diagnosis::remedy::Change;
use crate::model::node::UNSCHEDULABLE_TAINT;

/// Makes of an object what a change makes of it. Changes of other sorts leave it as it is.
///
/// # Errors
/// Where a patch doesn't fit the object.
pub(crate) fn change(object: &mut Value, change: &Change) -> Result<(), String> {
    match change {
        Change::Patch { patch, .. } => json_patch::merge(object, patch),
        Change::JsonPatch { operations, .. }
        | Change::Remake { operations, .. }
        | Change::RemakeSet { operations, .. } => return json_patch(object, operations),
        Change::Untaint { key, effect, .. } => {
            if let Some(Value::Array(taints)) = object.pointer_mut("/spec/taints") {
                taints.retain(|taint| taint["key"] != **key || taint["effect"] != **effect);
            }
        }
        Change::Uncordon { .. } => {
            if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
                spec.remove("unschedulable");
                if let Some(Value::Array(taints)) = spec.get_mut("taints") {
                    taints.retain(|taint| taint["key"] != UNSCHEDULABLE_TAINT);
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// A JSON patch (RFC 6902), made as a whole or not at all.
///
/// # Errors
/// Where it is none, or doesn't fit the object.
pub(crate) fn json_patch(object: &mut Value, operations: &Value) -> Result<(), String> {
    let patch: json_patch::Patch = serde_json::from_value(operations.clone()).map_err(|error| error.to_string())?;
    json_patch::patch(object, &patch).map_err(|error| error.to_string())
}
