//! Makes the steps of a repair that are not about manifests on the first state.

use serde_json::{Value, json};

use crate::diagnosis::command::new_metadata;
use crate::diagnosis::remedy::Change;
use crate::engine::in_place;
use crate::model::{Kind, Pod};
use crate::preflight::removal;
use crate::preflight::state::{Made, State};
use crate::preflight::world::Key;

/// Makes a change.
///
/// # Errors
/// Why it can't be made.
pub(in crate::preflight) fn make(state: &mut State, change: &Change) -> Result<(), String> {
    match change {
        Change::Delete { kind, namespace, name } => {
            removal::delete(state, &key(*kind, namespace, name));
            state.snapshot.remove(*kind, namespace, name);
            Ok(())
        }
        Change::AwaitEnd { namespace, name } => {
            state.remove(&key(Kind::Pod, namespace, name));
            Ok(())
        }
        Change::Keep { .. } => Ok(()),
        Change::RecreatePods { namespace, names } => {
            names.iter().for_each(|name| anew(state, namespace, name));
            Ok(())
        }
        Change::Patch { kind, namespace, name, .. }
        | Change::JsonPatch { kind, namespace, name, .. }
        | Change::Remake { kind, namespace, name, .. } => edit(state, (*kind, namespace, name), change),
        Change::RemakeSet { namespace, name, .. } => edit(state, (Kind::StatefulSet, namespace, name), change),
        Change::Untaint { node, .. } | Change::Uncordon { node } => edit(state, (Kind::Node, "", node), change),
        Change::Create { object, .. } => create(state, object.clone()),
        Change::Copy { kind, namespace, name, to, operations } => {
            let mut object = read(state, &key(*kind, namespace, name), *kind)?;
            object["metadata"] = new_metadata(namespace, to);
            if let Some(fields) = object.as_object_mut() {
                fields.remove("status");
            }
            in_place::json_patch(&mut object, operations)?;
            create(state, object)
        }
        Change::HelmValues { effects, .. } => effects.iter().try_for_each(|effect| make(state, effect)),
    }
}

/// Deletes a pod: its controller makes it anew, also where that is not among what is simulated.
fn anew(state: &mut State, namespace: &str, name: &str) {
    let Some(pod) = state.snapshot.pods.get(namespace, name).found().map(|pod| Pod::clone(pod)) else { return };
    let owner = pod.metadata.controller();
    let simulated = owner.is_some_and(|owner| state.world.get(&owner.kind, Some(namespace), &owner.name).is_some());
    if simulated {
        state.remove(&key(Kind::Pod, namespace, name));
    } else {
        state.make_anew(&pod);
    }
}

fn create(state: &mut State, object: Value) -> Result<(), String> {
    match state.make(object) {
        Made::Stored(_) => Ok(()),
        Made::Refused(why) | Made::Unknown(why) => Err(why),
    }
}

/// Changes an object where it is.
fn edit(state: &mut State, (kind, namespace, name): (Kind, &str, &str), change: &Change) -> Result<(), String> {
    let key = key(kind, namespace, name);
    let mut object = read(state, &key, kind)?;
    in_place::change(&mut object, change)?;
    if state.world.get(&key.kind, key.namespace.as_deref(), &key.name).is_some() {
        state.replace(key, object);
        return Ok(());
    }
    state.openings += 1;
    state.snapshot.put_json(kind, object).map_err(|error| error.to_string())
}

/// The object as the server stores it, or what is known of it.
fn read(state: &State, key: &Key, kind: Kind) -> Result<Value, String> {
    let namespace = key.namespace.as_deref();
    let stored = state.world.get(&key.kind, namespace, &key.name).cloned();
    let object = stored.or_else(|| state.snapshot.to_typed_json(kind, namespace.unwrap_or_default(), &key.name));
    object.ok_or_else(|| format!("{kind} {} was not read", key.name))
}

fn key(kind: Kind, namespace: &str, name: &str) -> Key {
    let namespace = Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty());
    Key { kind: kind.name().to_owned(), namespace, name: name.to_owned() }
}

/// A namespace as somebody would create it.
pub(super) fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}
