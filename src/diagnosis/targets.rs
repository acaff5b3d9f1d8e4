//! From an object that the user names to the pods and claims that it stands for.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Claim, Kind, Meta, Object, ObjectRef, Pod};
use crate::snapshot::{Snapshot, Store};

/// Why an object that was asked for is not in the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// We looked, and it isn't there.
    Absent,
    /// We could not look.
    Unknown,
}

/// The objects that a name stands for, sorted: the object itself; for a workload, class or volume the pods and claims
/// behind it; for a pod its claims, and for a claim its pods. Without a name, every object of the kind is meant;
/// without a namespace, those of all.
///
/// # Errors
/// Where an object is named and isn't there, or can't be looked for.
pub fn expand(
    snapshot: &Snapshot,
    kind: Kind,
    name: Option<&str>,
    namespace: Option<&str>,
) -> Result<BTreeSet<ObjectRef>, Missing> {
    let namespace = namespace.filter(|_| kind.namespaced());
    let metas: Vec<&Meta> = metas(snapshot, kind)
        .into_iter()
        .filter(|meta| namespace.is_none_or(|namespace| meta.namespace == namespace))
        .filter(|meta| name.is_none_or(|name| meta.name == name))
        .collect();
    if metas.is_empty() && name.is_some() {
        return Err(missing(snapshot, kind, namespace));
    }
    let mut found = BTreeSet::new();
    for meta in metas {
        found.insert(ObjectRef::new(kind, &meta.namespace, &meta.name));
        add_related(snapshot, kind, meta, &mut found);
    }
    Ok(found)
}

fn missing(snapshot: &Snapshot, kind: Kind, namespace: Option<&str>) -> Missing {
    let looked = match namespace {
        Some(namespace) => snapshot.scope(kind).covers(namespace),
        None => snapshot.complete(kind),
    };
    if looked { Missing::Absent } else { Missing::Unknown }
}

/// The metadata of every object of a kind that can be asked for.
fn metas(snapshot: &Snapshot, kind: Kind) -> Vec<&Meta> {
    fn all<T: Object>(store: &Store<T>) -> Vec<&Meta> {
        store.seen().iter().map(|object| object.meta()).collect()
    }
    match kind {
        Kind::Pod => all(&snapshot.pods),
        Kind::PersistentVolumeClaim => all(&snapshot.claims),
        Kind::PersistentVolume => all(&snapshot.volumes),
        Kind::StorageClass => all(&snapshot.classes),
        Kind::StatefulSet => all(&snapshot.stateful_sets),
        Kind::Deployment => all(&snapshot.deployments),
        Kind::ReplicaSet => all(&snapshot.replica_sets),
        Kind::DaemonSet => all(&snapshot.daemon_sets),
        Kind::Job => all(&snapshot.jobs),
        _ => Vec::new(),
    }
}

fn add_related(snapshot: &Snapshot, kind: Kind, meta: &Meta, found: &mut BTreeSet<ObjectRef>) {
    let namespace = meta.namespace.as_str();
    match kind {
        Kind::Pod => {
            if let Some(pod) = snapshot.pods.get(namespace, &meta.name).found() {
                add_pod(pod, found);
            }
        }
        Kind::PersistentVolumeClaim => add_claim(snapshot, namespace, &meta.name, found),
        Kind::PersistentVolume | Kind::StorageClass => {
            for claim in snapshot.claims.seen().iter().filter(|claim| uses(snapshot, claim, kind, &meta.name)) {
                add_claim(snapshot, &claim.metadata.namespace, &claim.metadata.name, found);
            }
        }
        Kind::Deployment => {
            let sets = snapshot.replica_sets.in_namespace(namespace).iter();
            for set in sets.filter(|set| controlled(&set.metadata, Kind::Deployment, &meta.name)) {
                found.insert(ObjectRef::new(Kind::ReplicaSet, namespace, &set.metadata.name));
                add_owned(snapshot, Kind::ReplicaSet, &set.metadata, found);
            }
        }
        Kind::StatefulSet => {
            add_owned(snapshot, kind, meta, found);
            add_template_claims(snapshot, meta, found);
        }
        _ => add_owned(snapshot, kind, meta, found),
    }
}

/// A pod with its claims.
fn add_pod(pod: &Arc<Pod>, found: &mut BTreeSet<ObjectRef>) {
    let (namespace, name) = (&pod.metadata.namespace, &pod.metadata.name);
    found.insert(ObjectRef::new(Kind::Pod, namespace, name));
    let claims = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(name));
    found.extend(claims.map(|claim| ObjectRef::new(Kind::PersistentVolumeClaim, namespace, &claim)));
}

/// A claim with the pods that use it.
fn add_claim(snapshot: &Snapshot, namespace: &str, name: &str, found: &mut BTreeSet<ObjectRef>) {
    found.insert(ObjectRef::new(Kind::PersistentVolumeClaim, namespace, name));
    for pod in snapshot.pods.in_namespace(namespace) {
        let pod_name = &pod.metadata.name;
        if pod.spec.volumes.iter().any(|volume| volume.claim_name(pod_name).as_deref() == Some(name)) {
            found.insert(ObjectRef::new(Kind::Pod, namespace, pod_name));
        }
    }
}

/// The pods that an object controls, with their claims.
fn add_owned(snapshot: &Snapshot, kind: Kind, owner: &Meta, found: &mut BTreeSet<ObjectRef>) {
    let pods = snapshot.pods.in_namespace(&owner.namespace).iter();
    for pod in pods.filter(|pod| controlled(&pod.metadata, kind, &owner.name)) {
        add_pod(pod, found);
    }
}

/// The claims of a StatefulSet's templates, whose pods may not exist: `TEMPLATE-SET-ORDINAL`.
fn add_template_claims(snapshot: &Snapshot, meta: &Meta, found: &mut BTreeSet<ObjectRef>) {
    let Some(set) = snapshot.stateful_sets.get(&meta.namespace, &meta.name).found() else { return };
    for template in &set.spec.volume_claim_templates {
        let prefix = format!("{}-{}-", template.metadata.name, meta.name);
        for claim in snapshot.claims.in_namespace(&meta.namespace) {
            let ordinal = claim.metadata.name.strip_prefix(&prefix);
            if ordinal.is_some_and(|ordinal| !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit())) {
                found.insert(ObjectRef::new(Kind::PersistentVolumeClaim, &meta.namespace, &claim.metadata.name));
            }
        }
    }
}

fn controlled(meta: &Meta, kind: Kind, name: &str) -> bool {
    meta.controller().is_some_and(|owner| owner.kind == kind.name() && owner.name == name)
}

/// Whether a claim is of a class, or bound or reserved to a volume.
fn uses(snapshot: &Snapshot, claim: &Claim, kind: Kind, name: &str) -> bool {
    if kind == Kind::StorageClass {
        return claim.class() == name;
    }
    let reserved = snapshot.volumes.get("", name).found().and_then(|volume| volume.spec.claim_ref.clone());
    let reserved = reserved.is_some_and(|reference| {
        reference.namespace == claim.metadata.namespace && reference.name == claim.metadata.name
    });
    reserved || claim.spec.volume_name == name
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::snapshot::{Builder, Problem, Scope};

    fn snapshot() -> Snapshot {
        let owner = |kind: &str, name: &str| json!([{"kind": kind, "name": name, "controller": true}]);
        let pod = |name: &str, owners: Value, claim: &str| {
            json!({
                "metadata": {"namespace": "app", "name": name, "ownerReferences": owners},
                "spec": {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]},
            })
        };
        let named = |name: &str| json!({"metadata": {"namespace": "app", "name": name}});
        let mut builder = Builder::default();
        let objects = [
            (Kind::Pod, pod("db-0", owner("StatefulSet", "db"), "data-db-0")),
            (Kind::Pod, pod("web-1-x", owner("ReplicaSet", "web-1"), "shared")),
            (Kind::PersistentVolumeClaim, named("data-db-0")),
            (Kind::PersistentVolumeClaim, named("data-db-1")),
            (Kind::PersistentVolumeClaim, named("data-db-old")),
            (
                Kind::PersistentVolumeClaim,
                json!({"metadata": {"namespace": "app", "name": "shared"}, "spec": {"storageClassName": "fast"}}),
            ),
            (Kind::StorageClass, json!({"metadata": {"name": "fast"}})),
            (
                Kind::StatefulSet,
                json!({
                    "metadata": {"namespace": "app", "name": "db"},
                    "spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
                }),
            ),
            (
                Kind::ReplicaSet,
                json!({"metadata": {"namespace": "app", "name": "web-1", "ownerReferences": owner("Deployment", "web")}}),
            ),
            (Kind::Deployment, named("web")),
        ];
        for (kind, object) in objects {
            builder.add(kind, object).unwrap();
        }
        builder.cover(Kind::Job, Scope::Nothing(Problem::Forbidden));
        builder.build(&Scope::All)
    }

    fn expanded(kind: Kind, name: &str) -> Vec<String> {
        let found = expand(&snapshot(), kind, Some(name), Some("app")).unwrap();
        found.iter().map(|object| format!("{}/{}", object.kind, object.name)).collect()
    }

    #[test]
    fn pods_and_claims_bring_each_other() {
        assert_eq!(expanded(Kind::Pod, "db-0"), ["PersistentVolumeClaim/data-db-0", "Pod/db-0"]);
        assert_eq!(expanded(Kind::PersistentVolumeClaim, "shared"), ["PersistentVolumeClaim/shared", "Pod/web-1-x"]);
    }

    #[test]
    fn workloads_and_classes_stand_for_their_pods_and_claims() {
        assert_eq!(
            expanded(Kind::StatefulSet, "db"),
            ["PersistentVolumeClaim/data-db-0", "PersistentVolumeClaim/data-db-1", "Pod/db-0", "StatefulSet/db"]
        );
        assert_eq!(
            expanded(Kind::Deployment, "web"),
            ["Deployment/web", "PersistentVolumeClaim/shared", "Pod/web-1-x", "ReplicaSet/web-1"]
        );
        assert_eq!(
            expanded(Kind::StorageClass, "fast"),
            ["PersistentVolumeClaim/shared", "Pod/web-1-x", "StorageClass/fast"]
        );
    }

    #[test]
    fn absent_and_unread_objects_are_told_apart() {
        let snapshot = snapshot();
        assert_eq!(expand(&snapshot, Kind::Pod, Some("no"), Some("app")), Err(Missing::Absent));
        assert_eq!(expand(&snapshot, Kind::Pod, Some("db-0"), Some("other")), Err(Missing::Absent));
        assert_eq!(expand(&snapshot, Kind::Job, Some("no"), Some("app")), Err(Missing::Unknown));
        assert_eq!(expand(&snapshot, Kind::Job, None, None), Ok(BTreeSet::new()));
    }
}
