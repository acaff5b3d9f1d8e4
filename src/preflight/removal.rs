//! What goes when an object is deleted: what it owns, and what is left of claims and volumes
//! (`pkg/controller/garbagecollector`, `pkg/controller/volume/pvcprotection`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::fields::{controlled, deleting, text, uid_of};
use super::state::{State, key_of};
use super::world::Key;
use crate::model::{Claim, Kind, Volume};

/// Kinds whose objects can be owned.
const OWNED: [&str; 6] = ["ReplicaSet", "Job", "ControllerRevision", "StatefulSet", "Pod", "PersistentVolumeClaim"];

/// Deletes an object with all that it owns; says whether it was there.
pub(crate) fn delete(state: &mut State, key: &Key) -> bool {
    let Some(object) = state.world.get(&key.kind, key.namespace.as_deref(), &key.name).cloned() else {
        return delete_pod(state, key);
    };
    match key.kind.as_str() {
        "Namespace" => delete_namespace(state, &key.name),
        "PersistentVolumeClaim" => delete_claim(state, key),
        "PersistentVolume" => delete_volume(state, key),
        _ => {
            let namespace = key.namespace.clone().unwrap_or_default();
            let uid = uid_of(&object).to_owned();
            state.remove(key);
            delete_owned(state, &namespace, &uid);
        }
    }
    true
}

/// A pod of a namespace of which nothing else was kept.
fn delete_pod(state: &mut State, key: &Key) -> bool {
    let namespace = key.namespace.as_deref().unwrap_or_default();
    let there = key.kind == Kind::Pod.name() && state.snapshot.pods.get(namespace, &key.name).found().is_some();
    if there {
        state.remove(key);
    }
    there
}

fn delete_owned(state: &mut State, namespace: &str, uid: &str) {
    if uid.is_empty() {
        return;
    }
    let pods: Vec<String> = state.pods_of(namespace, uid).iter().map(|pod| pod.metadata.name.clone()).collect();
    for name in pods {
        delete_owned_pod(state, namespace, &name);
    }
    for kind in OWNED {
        let owned = state.world.list(kind, Some(namespace)).filter(|object| controlled(object, uid));
        let owned: Vec<Key> = owned.map(key_of).collect();
        for key in owned {
            delete(state, &key);
        }
    }
}

/// Deletes a pod of a controller with the claims that are its own; kubelets are taken to let it go at once.
pub(crate) fn delete_owned_pod(state: &mut State, namespace: &str, name: &str) {
    let own =
        |kind: Kind, name: String| Key { kind: kind.name().to_owned(), namespace: Some(namespace.to_owned()), name };
    let pod = state.snapshot.pods.get(namespace, name).found().cloned();
    state.remove(&own(Kind::Pod, name.to_owned()));
    let Some(pod) = pod else { return };
    for volume in pod.spec.volumes.iter().filter(|volume| volume.ephemeral.is_some()) {
        let claim = volume.claim_name(name).map(|name| own(Kind::PersistentVolumeClaim, name));
        let Some(claim) = claim else { continue };
        let object = state.world.get(&claim.kind, claim.namespace.as_deref(), &claim.name);
        if object.is_some_and(|object| controlled(object, &pod.metadata.uid)) {
            delete_claim(state, &claim);
        }
    }
}

fn delete_namespace(state: &mut State, name: &str) {
    let kinds = [
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "CronJob",
        "Job",
        "ReplicaSet",
        "Pod",
        "PersistentVolumeClaim",
        "Service",
        "ResourceQuota",
        "LimitRange",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "ServiceAccount",
    ];
    for kind in kinds {
        let keys: Vec<Key> = state.world.list(kind, Some(name)).map(key_of).collect();
        keys.iter().for_each(|key| _ = delete(state, key));
    }
    let pods: Vec<String> =
        state.snapshot.pods.in_namespace(name).iter().map(|pod| pod.metadata.name.clone()).collect();
    pods.iter().for_each(|pod| delete_owned_pod(state, name, pod));
    let claims = state.snapshot.claims.in_namespace(name).iter();
    let claims: Vec<String> = claims.map(|claim| claim.metadata.name.clone()).collect();
    for claim in claims {
        let kind = Kind::PersistentVolumeClaim.name().to_owned();
        delete_claim(state, &Key { kind, namespace: Some(name.to_owned()), name: claim });
    }
    state.remove(&Key { kind: "Namespace".to_owned(), namespace: None, name: name.to_owned() });
}

/// A claim that a pod uses stays until the pod is gone; the volume of another goes where its policy says so.
pub(crate) fn delete_claim(state: &mut State, key: &Key) {
    let namespace = key.namespace.clone().unwrap_or_default();
    let Some(claim) = state.snapshot.claims.get(&namespace, &key.name).found().cloned() else {
        state.remove(key);
        return;
    };
    let pods = state.snapshot.pods.in_namespace(&namespace).iter();
    if pods.filter(|pod| pod.assigned() && !pod.finished()).any(|pod| pod.names_claim(&key.name)) {
        let mut claim = Claim::clone(&claim);
        claim.metadata.deletion_timestamp = Some(state.now.clone());
        state.snapshot.claims.insert(claim);
        return;
    }
    state.remove(key);
    let Some(volume) = state.snapshot.volumes.get("", &claim.spec.volume_name).found().cloned() else { return };
    if volume.spec.persistent_volume_reclaim_policy == "Delete" {
        state.snapshot.volumes.remove("", &volume.metadata.name);
    } else {
        let mut volume = Volume::clone(&volume);
        "Released".clone_into(&mut volume.status.phase);
        state.snapshot.volumes.insert(volume);
    }
}

/// A volume that is bound stays until its claim is gone.
fn delete_volume(state: &mut State, key: &Key) {
    let volume = state.snapshot.volumes.get("", &key.name).found().cloned();
    match volume.filter(|volume| volume.status.phase == "Bound") {
        Some(volume) => {
            let mut volume = Volume::clone(&volume);
            volume.metadata.deletion_timestamp = Some(state.now.clone());
            state.snapshot.volumes.insert(volume);
        }
        None => state.remove(key),
    }
}

/// What `kubectl apply --prune` deletes: what kubectl applied before and of which there is no document any more, of the
/// namespaces that the documents are in, and namespaces and volumes.
pub(crate) fn pruned(state: &State, documents: &[Key], selects: impl Fn(&Value) -> bool) -> Vec<Key> {
    /// `kubectl/pkg/util/prune`, GetRESTMappings.
    const PRUNED: [&str; 14] = [
        "ConfigMap",
        "PersistentVolumeClaim",
        "Pod",
        "ReplicationController",
        "Service",
        "Job",
        "CronJob",
        "Ingress",
        "DaemonSet",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "Namespace",
        "PersistentVolume",
    ];
    const APPLIED: &str = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";
    let namespaces: BTreeSet<&str> = documents.iter().filter_map(|key| key.namespace.as_deref()).collect();
    let all = PRUNED.iter().flat_map(|kind| state.world.list(kind, None));
    let gone = all.filter(|object| {
        let namespace = text(object, "/metadata/namespace");
        (namespace.is_empty() || namespaces.contains(namespace))
            && !text(object, APPLIED).is_empty()
            && !deleting(object)
            && selects(object)
    });
    gone.map(key_of).filter(|key| !documents.contains(key)).collect()
}
