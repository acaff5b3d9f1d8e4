//! What kube-controller-manager makes of the objects: pods and claims, rollouts, and what autoscalers raise. One file a
//! controller; each looks at the state as it is and makes the next changes.

mod autoscaler;
mod cron_job;
mod daemon_set;
mod deployment;
mod ephemeral;
mod job;
mod pods;
mod replica_set;
mod retention;
mod scaling;
mod stateful_set;
mod template;

use super::fields::uid_of;
use super::state::State;
use super::world::Key;

pub(crate) use autoscaler::sync as autoscale;
pub(crate) use cron_job::run_once;
pub(crate) use daemon_set::desired as desired_of_daemon_set;
pub(crate) use daemon_set::hash as hash_of_daemon_set;
pub(crate) use deployment::newest_replica_set;
pub(crate) use job::desired as desired_of_job;
pub(crate) use template::{Revision, first_revisions};

/// Lets every controller look at the state once; says whether any of them changed it. An object for which the server
/// refused something waits for its back-off, so that the others come first.
pub(crate) fn sync(state: &mut State) -> bool {
    pass(state, false) || pass(state, true)
}

/// The objects whose controllers were refused something last, or the others.
fn pass(state: &mut State, refused: bool) -> bool {
    let mut changed = each(state, "Deployment", refused, deployment::sync);
    changed |= each(state, "ReplicaSet", refused, replica_set::sync);
    changed |= each(state, "StatefulSet", refused, stateful_set::sync);
    changed |= each(state, "DaemonSet", refused, daemon_set::sync);
    changed |= each(state, "Job", refused, job::sync);
    changed | (!refused && ephemeral::sync(state))
}

fn each(state: &mut State, kind: &str, refused: bool, sync: fn(&mut State, &Key) -> bool) -> bool {
    let waits = |key: &&Key| {
        let object = state.world.get(&key.kind, key.namespace.as_deref(), &key.name);
        object.is_some_and(|object| state.refused.contains_key(uid_of(object)))
    };
    let keys: Vec<Key> = state.world.keys(kind).filter(|key| waits(key) == refused).cloned().collect();
    keys.iter().fold(false, |changed, key| {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        changed | (state.snapshot.pods.covers(namespace) && sync(state, key))
    })
}
