//! `pkg/controller/replicaset`: as many pods as are wanted.

use serde_json::Value;

use super::pods::{self, Called, base, first_to_go, from_template};
use crate::preflight::fields::{deleting, number, uid_of};
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
        let gone = first_to_go(state, &pods, pods.len() - wanted);
        gone.iter().for_each(|name| pods::delete(state, &namespace, name));
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
