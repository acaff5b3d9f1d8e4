//! `pkg/controller/replicaset`: as many pods as are wanted.

use serde_json::Value;

use super::pods::{self, Called, base, first_to_go, from_template};
use crate::model::Pod;
use crate::preflight::fields::{controlled, deleting, list, namespace_of, number, uid_of};
use crate::preflight::removal::delete_owned_pod;
use crate::preflight::state::State;
use crate::preflight::world::Key;

/// Makes the pods that are missing, one after the other up to the first that the server refuses, or deletes those that
/// are too many.
pub(super) fn sync(state: &mut State, key: &Key) -> bool {
    let Some(set) = state.world.get(&key.kind, key.namespace.as_deref(), &key.name) else { return false };
    if deleting(set) {
        return false;
    }
    let (namespace, uid) = (key.namespace.clone().unwrap_or_default(), uid_of(set).to_owned());
    let wanted = usize::try_from(number(set, "/spec/replicas").unwrap_or(1)).unwrap_or(0);
    let pods = state.pods_of(&namespace, &uid);
    if pods.len() > wanted {
        let related = related(state, set);
        let gone = first_to_go(state, &pods, &related, pods.len() - wanted);
        gone.iter().for_each(|name| delete_owned_pod(state, &namespace, name));
        return true;
    }
    let missing = wanted - pods.len();
    if missing == 0 {
        state.refused.remove(&uid);
        return false;
    }
    let set = set.clone();
    fill(state, &set, missing)
}

/// The pods of the ReplicaSets with the same controller, or of the set alone where it has none.
fn related<'s>(state: &'s State, set: &Value) -> Vec<&'s Pod> {
    let namespace = namespace_of(set);
    let owner = list(set, "/metadata/ownerReferences").iter().find(|owner| owner["controller"] == true);
    let Some(owner) = owner.and_then(|owner| owner["uid"].as_str()) else {
        return state.pods_of(namespace, uid_of(set));
    };
    let siblings = state.world.list("ReplicaSet", Some(namespace)).filter(|other| controlled(other, owner));
    siblings.flat_map(|other| state.pods_of(namespace, uid_of(other))).collect()
}

/// Makes pods from a template; says whether any was made.
pub(super) fn fill(state: &mut State, owner: &Value, missing: usize) -> bool {
    let base = base(owner);
    for made in 0..missing {
        let pod = from_template(state, owner, &owner["spec"]["template"], &Called::Base(&base));
        if !pods::make(state, uid_of(owner), pod) {
            return made > 0;
        }
    }
    missing > 0
}
