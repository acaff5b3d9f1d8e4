//! What goes when an object is deleted: what it owns, and what is left of claims and volumes
//! (`pkg/controller/garbagecollector`, `pkg/controller/volume/pvcprotection`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::fields::{controlled, deleting, list, text, uid_of};
use super::state::{State, key_of};
use super::world::Key;
use crate::model::{Claim, Kind, Volume};

/// Kinds whose objects can be owned.
const OWNED: [&str; 6] = ["ReplicaSet", "Job", "ControllerRevision", "PersistentVolumeClaim", "StatefulSet", "Pod"];

/// Deletes an object with all that it owns; says whether it was there.
pub(crate) fn delete(state: &mut State, key: &Key) -> bool {
    let Some(object) = state.world.get(&key.kind, key.namespace.as_deref(), &key.name).cloned() else {
        return delete_pod(state, key);
    };
    match key.kind.as_str() {
        "Namespace" => delete_namespace(state, &key.name),
        "PersistentVolumeClaim" => delete_claim(state, key),
        _ => {
            let namespace = key.namespace.clone().unwrap_or_default();
            let uid = uid_of(&object).to_owned();
            let claims = claims_that_go(state, key, &object);
            state.remove(key);
            delete_owned(state, &namespace, &uid);
            claims.iter().for_each(|claim| delete_claim(state, claim));
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
    let owned = OWNED.iter().flat_map(|kind| state.world.list(kind, Some(namespace)));
    let owned: Vec<Key> = owned.filter(|object| controlled(object, uid)).map(key_of).collect();
    for key in owned {
        delete(state, &key);
    }
    let pods: Vec<String> = state.pods_of(namespace, uid).iter().map(|pod| pod.metadata.name.clone()).collect();
    for name in pods {
        let key = Key { kind: Kind::Pod.name().to_owned(), namespace: Some(namespace.to_owned()), name };
        state.remove(&key);
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
    state.remove(&Key { kind: "Namespace".to_owned(), namespace: None, name: name.to_owned() });
}

/// The claims that a StatefulSet takes with it (`persistentVolumeClaimRetentionPolicy.whenDeleted`).
fn claims_that_go(state: &State, key: &Key, set: &Value) -> Vec<Key> {
    if key.kind != "StatefulSet" || text(set, "/spec/persistentVolumeClaimRetentionPolicy/whenDeleted") != "Delete" {
        return Vec::new();
    }
    let templates = list(set, "/spec/volumeClaimTemplates");
    let prefixes: Vec<String> =
        templates.iter().map(|template| format!("{}-{}-", text(template, "/metadata/name"), key.name)).collect();
    let ordinal = |name: &str| {
        prefixes.iter().any(|prefix| name.strip_prefix(prefix).is_some_and(|rest| rest.parse::<u32>().is_ok()))
    };
    let claims = state.world.list("PersistentVolumeClaim", key.namespace.as_deref());
    claims.map(key_of).filter(|claim| ordinal(&claim.name)).collect()
}

/// A claim that a pod uses stays until the pod is gone; the volume of another goes where its policy says so.
fn delete_claim(state: &mut State, key: &Key) {
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

/// What `kubectl apply --prune` deletes: objects of the namespaces that the documents are in which kubectl applied before
/// and of which there is no document any more.
pub(crate) fn pruned(state: &State, documents: &[Key], selects: impl Fn(&Value) -> bool) -> Vec<Key> {
    /// `kubectl/pkg/util/prune`, GetRESTMappings.
    const PRUNED: [&str; 11] = [
        "ConfigMap",
        "PersistentVolumeClaim",
        "Pod",
        "Service",
        "Job",
        "CronJob",
        "Ingress",
        "DaemonSet",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
    ];
    const APPLIED: &str = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";
    let namespaces: BTreeSet<&str> = documents.iter().filter_map(|key| key.namespace.as_deref()).collect();
    let all = PRUNED.iter().flat_map(|kind| state.world.list(kind, None));
    let gone = all.filter(|object| {
        namespaces.contains(text(object, "/metadata/namespace"))
            && !text(object, APPLIED).is_empty()
            && !deleting(object)
            && selects(object)
    });
    gone.map(key_of).filter(|key| !documents.contains(key)).collect()
}
