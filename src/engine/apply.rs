//! Makes changes on a copy of the state.

use serde_json::Value;

use super::in_place::{self, json_patch};
use crate::admission::expand::{ephemeral_claims, ordinal_of, stateful_set_claims};
use crate::admission::recreate::admit;
use crate::admission::{CreateError, recreate};
use crate::diagnosis::command::new_metadata;
use crate::diagnosis::remedy::{Change, Step};
use crate::model::meta::OwnerReference;
use crate::model::{Claim, Kind, Pod, Workload};
use crate::snapshot::{Lookup, Snapshot};
use crate::volumes::VolumeController;

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
    if step.assumed {
        return Ok(());
    }
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
        Change::AwaitEnd { namespace, name } => {
            state.remove(Kind::Pod, namespace, name);
            Ok(())
        }
        Change::Patch { kind, namespace, name, .. } | Change::JsonPatch { kind, namespace, name, .. } => {
            edit(state, *kind, namespace, name, |object| in_place::change(object, change))
        }
        Change::Create { kind, object, .. } => put(state, *kind, object.clone()),
        Change::Copy { kind, namespace, name, to, operations } => {
            let mut object = object(state, *kind, namespace, name)?;
            object["metadata"] = new_metadata(namespace, to);
            object["metadata"]["uid"] = format!("{kind}-{namespace}-{to}").into();
            object["status"] = Value::Null;
            json_patch(&mut object, operations).map_err(ApplyError::Refused)?;
            put(state, *kind, object)
        }
        Change::Keep { .. } => Ok(()),
        Change::RecreatePods { namespace, names } => {
            for name in names {
                remade(original, state, namespace, name)?;
            }
            Ok(())
        }
        Change::Remake { kind, namespace, name, operations, .. } => again(state, *kind, namespace, name, operations),
        Change::RemakeSet { namespace, name, .. } => {
            edit(state, Kind::StatefulSet, namespace, name, |object| in_place::change(object, change))
        }
        Change::Untaint { node, .. } | Change::Uncordon { node } => {
            edit(state, Kind::Node, "", node, |object| in_place::change(object, change))
        }
        Change::HelmValues { effects, .. } => {
            effects.iter().try_for_each(|effect| self::change(original, state, effect))
        }
    }
}

/// Deletes a pod and has its controller make it anew, unless the controller no longer wants it.
pub(super) fn remade(original: &Snapshot, state: &mut Snapshot, namespace: &str, name: &str) -> Result<(), ApplyError> {
    let pod = recreate(original, state, namespace, name)?;
    state.remove(Kind::Pod, namespace, name);
    let set = pod.metadata.controller().filter(|owner| owner.kind == "StatefulSet");
    let wanted = set.and_then(|owner| {
        let set = state.stateful_sets.get(namespace, &owner.name).found()?;
        Some(ordinal_of(&owner.name, name)? < set.first_ordinal().saturating_add(set.replicas()))
    });
    if wanted != Some(false) {
        if let Some(set) = set.and_then(|owner| state.stateful_sets.get(namespace, &owner.name).found()).cloned() {
            make_claims(state, &set, name);
        }
        let value = serde_json::to_value(&pod).map_err(|error| ApplyError::Unknown(error.to_string()))?;
        put(state, Kind::Pod, value)?;
    }
    Ok(())
}

/// Makes the claims that a StatefulSet makes before its pod, as far as they aren't there, with the default class where
/// they name none.
pub(super) fn make_claims(state: &mut Snapshot, set: &Workload, pod: &str) {
    let claims = ordinal_of(&set.metadata.name, pod).map(|ordinal| stateful_set_claims(set, ordinal));
    add_claims(state, claims.unwrap_or_default());
}

/// The claims of a pod's ephemeral volumes go with it, and the new pod gets new ones.
fn renew_claims(state: &mut Snapshot, old: &str, pod: &Pod) {
    let namespace = &pod.metadata.namespace;
    let claims = state.claims.in_namespace(namespace).iter();
    let of_old = |owner: &OwnerReference| !old.is_empty() && owner.uid == old;
    let own = claims.filter(|claim| claim.metadata.controller().is_some_and(of_old));
    let own: Vec<String> = own.map(|claim| claim.metadata.name.clone()).collect();
    for name in own {
        state.remove(Kind::PersistentVolumeClaim, namespace, &name);
    }
    claims_of_volumes(state, pod);
}

/// Makes the claims of a new pod's ephemeral volumes.
pub(super) fn claims_of_volumes(state: &mut Snapshot, pod: &Pod) {
    add_claims(state, ephemeral_claims(pod));
}

fn add_claims(state: &mut Snapshot, claims: Vec<Claim>) {
    for mut claim in claims {
        if state.claims.get(&claim.metadata.namespace, &claim.metadata.name).found().is_none() {
            if let Some(class) = VolumeController::new(state).judge(&claim).assigns_class {
                claim.spec.storage_class_name = Some(class);
            }
            state.claims.insert(claim);
        }
    }
}

/// Puts a patched copy in an object's place; what the server gave the old one is not the new one's.
fn again(state: &mut Snapshot, kind: Kind, namespace: &str, name: &str, operations: &Value) -> Result<(), ApplyError> {
    let mut object = object(state, kind, namespace, name)?;
    json_patch(&mut object, operations).map_err(ApplyError::Refused)?;
    let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.remove("creationTimestamp");
        meta.remove("deletionTimestamp");
        meta.insert("uid".to_owned(), format!("{uid}-again").into());
    }
    object["status"] = serde_json::json!({"phase": "Pending"});
    if kind != Kind::Pod {
        return put(state, kind, object);
    }
    let mut pod: Pod = serde_json::from_value(object).map_err(|error| ApplyError::Refused(error.to_string()))?;
    admit(state, &mut pod)?;
    renew_claims(state, &uid, &pod);
    state.pods.insert(pod);
    Ok(())
}

fn edit(
    state: &mut Snapshot,
    kind: Kind,
    namespace: &str,
    name: &str,
    with: impl FnOnce(&mut Value) -> Result<(), String>,
) -> Result<(), ApplyError> {
    let mut object = object(state, kind, namespace, name)?;
    with(&mut object).map_err(ApplyError::Refused)?;
    put(state, kind, object)?;
    if kind == Kind::StatefulSet {
        drop_surplus(state, namespace, name);
    }
    Ok(())
}

fn object(state: &Snapshot, kind: Kind, namespace: &str, name: &str) -> Result<Value, ApplyError> {
    let object = state.to_json(kind, namespace, name);
    object.ok_or_else(|| ApplyError::Unknown(format!("{kind} {name} was not read")))
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
