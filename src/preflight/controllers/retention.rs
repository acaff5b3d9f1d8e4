//! What becomes of a set's claims: `persistentVolumeClaimRetentionPolicy` (`pkg/controller/statefulset`,
//! UpdatePodClaimForRetentionPolicy).

use serde_json::{Value, json};

use super::pods::set;
use crate::model::Kind;
use crate::preflight::fields::{controlled, kind_of, list, name_of, namespace_of, text, uid_of};
use crate::preflight::removal::delete_claim;
use crate::preflight::state::{State, controlled_by};
use crate::preflight::world::Key;

/// Whether the set takes its claims with it at an event, `whenDeleted` or `whenScaled`.
fn goes(set: &Value, event: &str) -> bool {
    text(set, &format!("/spec/persistentVolumeClaimRetentionPolicy/{event}")) == "Delete"
}

/// Gives a new claim its owner, where it goes with the set.
pub(super) fn own(owner: &Value, claim: &mut Value) {
    if goes(owner, "whenDeleted") {
        set(claim, &["metadata", "ownerReferences"], controlled_by(owner));
    }
}

/// Has the claims of pods that are there go with the set, or stay, as it says now. Those that something else controls
/// stay what they are.
pub(super) fn mark(state: &mut State, owner: &Value, claims: impl Iterator<Item = String>) {
    let goes = goes(owner, "whenDeleted");
    for name in claims {
        let key = key(owner, name);
        let Some(claim) = state.world.get(&key.kind, key.namespace.as_deref(), &key.name) else { continue };
        if controlled(claim, uid_of(owner)) == goes || goes && owned_by_others(claim, owner) {
            continue;
        }
        let mut claim = claim.clone();
        let mut owners = list(&claim, "/metadata/ownerReferences").to_vec();
        owners.retain(|reference| !refers(reference, owner));
        if goes {
            owners.extend(list(&controlled_by(owner), "").iter().cloned());
        }
        set(&mut claim, &["metadata", "ownerReferences"], json!(owners));
        state.world.put(key, claim);
    }
}

/// Deletes the claims of a pod that the set has no more.
pub(super) fn scaled_down(state: &mut State, owner: &Value, claims: Vec<String>) {
    if !goes(owner, "whenScaled") {
        return;
    }
    for name in claims {
        let key = key(owner, name);
        let claim = state.world.get(&key.kind, key.namespace.as_deref(), &key.name);
        if claim.is_some_and(|claim| !owned_by_others(claim, owner)) {
            delete_claim(state, &key);
        }
    }
}

fn key(owner: &Value, name: String) -> Key {
    let namespace = Some(namespace_of(owner).to_owned());
    Key { kind: Kind::PersistentVolumeClaim.name().to_owned(), namespace, name }
}

/// `matchesRef`
fn refers(reference: &Value, owner: &Value) -> bool {
    kind_of(reference) == kind_of(owner) && text(reference, "/name") == name_of(owner)
}

/// Whether something else than the set or a pod controls a claim (`hasUnexpectedController`).
fn owned_by_others(claim: &Value, owner: &Value) -> bool {
    let others = |reference: &&Value| !refers(reference, owner) && kind_of(reference) != Kind::Pod.name();
    list(claim, "/metadata/ownerReferences").iter().filter(others).any(|reference| reference["controller"] == true)
}
