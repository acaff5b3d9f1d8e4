//! `pkg/controller/deployment`: a ReplicaSet for each template, and how many pods each has on the way from the old ones
//! to the new one.

use serde_json::{Value, json};

use super::pods::set;
use super::scaling::{self, scale};
use super::template::{HASH, hash, same};
use crate::model::workload;
use crate::preflight::fields::{controlled, deleting, name_of, number, text, uid_of};
use crate::preflight::state::{Made, State, available, controlled_by};
use crate::preflight::world::Key;

/// The ReplicaSets of a Deployment.
pub(super) struct Sets {
    /// The one with the Deployment's template.
    pub(super) new: Option<Value>,
    /// The others, the oldest first.
    pub(super) old: Vec<Value>,
}

/// Makes the next step of a rollout; says whether there was one.
pub(super) fn sync(state: &mut State, key: &Key) -> bool {
    let Some(deployment) = state.world.get(&key.kind, key.namespace.as_deref(), &key.name) else { return false };
    if deleting(deployment) {
        return false;
    }
    let deployment = deployment.clone();
    let sets = sets_of(state, &deployment);
    if deployment["spec"]["paused"] == true {
        return scaling::sync(state, &deployment, &sets);
    }
    if scaling::due(&deployment, &sets) && scaling::sync(state, &deployment, &sets) {
        return true;
    }
    match text(&deployment, "/spec/strategy/type") {
        "Recreate" => recreate(state, &deployment, sets),
        _ => roll(state, &deployment, sets),
    }
}

/// The ReplicaSet with the Deployment's template.
pub(crate) fn newest_replica_set(state: &State, deployment: &Value) -> Option<Value> {
    sets_of(state, deployment).new
}

fn sets_of(state: &State, deployment: &Value) -> Sets {
    let namespace = text(deployment, "/metadata/namespace");
    let owned = state.world.list("ReplicaSet", Some(namespace)).filter(|set| controlled(set, uid_of(deployment)));
    let mut owned: Vec<Value> = owned.cloned().collect();
    let age =
        |set: &Value| (text(set, "/metadata/creationTimestamp").to_owned(), version(set), name_of(set).to_owned());
    owned.sort_by_cached_key(age);
    let template = &deployment["spec"]["template"];
    let new = owned.iter().position(|set| same(&set["spec"]["template"], template));
    Sets { new: new.map(|position| owned.remove(position)), old: owned }
}

fn version(set: &Value) -> u64 {
    text(set, "/metadata/resourceVersion").parse().unwrap_or(0)
}

pub(super) fn wanted(object: &Value) -> i64 {
    number(object, "/spec/replicas").unwrap_or(1)
}

/// Pods of a ReplicaSet that are available.
pub(super) fn available_of(state: &State, replica_set: &Value) -> i64 {
    let pods = state.pods_of(text(replica_set, "/metadata/namespace"), uid_of(replica_set));
    i64::try_from(pods.into_iter().filter(|pod| available(pod)).count()).unwrap_or(i64::MAX)
}

fn pods_left(state: &State, replica_set: &Value) -> bool {
    !state.pods_of(text(replica_set, "/metadata/namespace"), uid_of(replica_set)).is_empty()
}

fn make(state: &mut State, deployment: &Value, replicas: i64) -> bool {
    let mut template = deployment["spec"]["template"].clone();
    let hash = hash(&template);
    let mut selector = deployment["spec"]["selector"].clone();
    set(&mut template, &["metadata", "labels", HASH], json!(hash));
    set(&mut selector, &["matchLabels", HASH], json!(hash));
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", name_of(deployment)),
            "namespace": text(deployment, "/metadata/namespace"),
            "labels": template["metadata"]["labels"],
            "ownerReferences": controlled_by(deployment),
        },
        "spec": {
            "replicas": replicas, "selector": selector, "template": template,
            "minReadySeconds": number(deployment, "/spec/minReadySeconds").unwrap_or(0),
        },
    });
    scaling::note(deployment, &mut object);
    match state.make(object) {
        Made::Stored(_) => true,
        Made::Refused(_) => false,
        Made::Unknown(why) => {
            state.doubted.insert(uid_of(deployment).to_owned(), why);
            false
        }
    }
}

fn recreate(state: &mut State, deployment: &Value, sets: Sets) -> bool {
    let mut changed = false;
    for old in &sets.old {
        changed |= scale(state, deployment, old, 0);
    }
    if changed || sets.old.iter().any(|old| pods_left(state, old)) {
        return changed;
    }
    match sets.new {
        Some(new) => scale(state, deployment, &new, wanted(deployment)),
        None => make(state, deployment, wanted(deployment)),
    }
}

/// How many pods more, and how many fewer, a rollout may have than are wanted.
pub(super) fn fence(deployment: &Value) -> (i64, i64) {
    let bound = |field: &str| deployment.pointer(&format!("/spec/strategy/rollingUpdate/{field}"));
    workload::fence(bound("maxSurge"), bound("maxUnavailable"), wanted(deployment))
}

fn roll(state: &mut State, deployment: &Value, sets: Sets) -> bool {
    let replicas = wanted(deployment);
    let (surge, unavailable) = fence(deployment);
    let others: i64 = sets.old.iter().map(wanted).sum();
    let grown = |present: i64| {
        let room = (replicas + surge - others - present).max(0);
        present + room.min(replicas - present).max(0)
    };
    let Some(new) = sets.new else { return make(state, deployment, grown(0)) };
    let present = wanted(&new);
    let target = if present > replicas { replicas } else { grown(present) };
    if scale(state, deployment, &new, target) {
        return true;
    }
    reconcile_old(state, deployment, (&new, &sets.old), replicas - unavailable)
}

/// Takes old pods away: those that don't run first, then as many as may be missing.
fn reconcile_old(state: &mut State, deployment: &Value, (new, old): (&Value, &[Value]), least: i64) -> bool {
    let others: i64 = old.iter().map(wanted).sum();
    if others == 0 {
        return false;
    }
    let missing = wanted(new) - available_of(state, new);
    let most = others + wanted(new) - least - missing;
    if most <= 0 {
        return false;
    }
    let mut left = most;
    let mut sizes: Vec<i64> = old.iter().map(wanted).collect();
    for (set, size) in old.iter().zip(&mut sizes) {
        let gone = left.min(*size - available_of(state, set)).max(0);
        *size -= gone;
        left -= gone;
    }
    let running: i64 = old.iter().chain([new]).map(|set| available_of(state, set)).sum();
    let mut spare = (running - least).max(0);
    for size in &mut sizes {
        let gone = spare.min(*size);
        *size -= gone;
        spare -= gone;
    }
    old.iter().zip(sizes).fold(false, |changed, (set, size)| scale(state, deployment, set, size) | changed)
}
