//! The way back of a change.

use serde_json::{Value, to_value};

use super::command::{self, argument, kept_file};
use super::remedy::Change;
use crate::model::Kind;
use crate::snapshot::Snapshot;

/// The longest patch that is printed, in bytes.
const LONGEST: usize = 2_000;

/// The command that takes a change back, given the state before it; `None` where nothing does. That a claim or a class is
/// made is not taken back: others may use it by then.
pub(crate) fn command(before: &Snapshot, change: &Change) -> Option<String> {
    match change {
        Change::Uncordon { node } => Some(format!("kubectl cordon {}", argument(node)?)),
        Change::Untaint { node, key, effect } => {
            let found = before.nodes.get("", node).found()?;
            let mut taints = found.spec.taints.iter();
            let taint = taints.find(|taint| taint.key == *key && taint.effect == *effect)?;
            let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
            command::kubectl(&["taint", "node"], &[node, &format!("{key}{value}:{effect}")], &[])
        }
        Change::Patch { kind, namespace, name, .. } | Change::JsonPatch { kind, namespace, name, .. } => {
            let operations = back(before, change)?;
            let (kind, namespace, name) = (*kind, namespace.clone(), name.clone());
            command::command(&Change::JsonPatch { kind, namespace, name, operations })
        }
        Change::Remake { kind, namespace, name, .. } => {
            let operations = back(before, change)?;
            let (kind, namespace, name) = (*kind, namespace.clone(), name.clone());
            command::command(&Change::Remake { kind, namespace, name, operations, ask: None })
        }
        Change::RemakeSet { namespace, name, .. } => {
            let operations = back(before, change)?;
            command::command(&Change::RemakeSet { namespace: namespace.clone(), name: name.clone(), operations })
        }
        Change::Delete { kind, name, .. } => Some(format!("kubectl replace --force -f {}", kept_file(*kind, name)?)),
        Change::HelmValues { release, namespace, .. } => {
            Some(format!("helm rollback {} -n {}", argument(release)?, argument(namespace)?))
        }
        Change::Create { .. }
        | Change::Copy { .. }
        | Change::Keep { .. }
        | Change::RecreatePods { .. }
        | Change::AwaitEnd { .. } => None,
    }
}

/// The JSON patch from what the change makes of its object to what it was.
fn back(before: &Snapshot, change: &Change) -> Option<Value> {
    let object = change.object()?;
    let was = before.to_json(Kind::named(&object.kind)?, &object.namespace, &object.name)?;
    let mut is = was.clone();
    match change {
        Change::Patch { patch, .. } => json_patch::merge(&mut is, patch),
        Change::JsonPatch { operations, .. }
        | Change::Remake { operations, .. }
        | Change::RemakeSet { operations, .. } => {
            let patch: json_patch::Patch = serde_json::from_value(operations.clone()).ok()?;
            json_patch::patch(&mut is, &patch).ok()?;
        }
        _ => return None,
    }
    let patch = to_value(json_patch::diff(&is, &was)).ok()?;
    let fits = patch.as_array().is_some_and(|operations| !operations.is_empty()) && patch.to_string().len() <= LONGEST;
    fits.then_some(patch)
}
