//! What distinguishes pods for the scheduler: pods with the same needs are judged once.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use super::cluster::Cluster;
use super::resources::is_extended;
use crate::model::pod::{PodAffinityTerm, PodVolume, TopologySpreadConstraint};
use crate::model::{Kind, Pod};
use crate::snapshot::Lookup;

/// The kinds that decide about pods with volumes.
const STORAGE: [Kind; 7] = [
    Kind::PersistentVolumeClaim,
    Kind::PersistentVolume,
    Kind::StorageClass,
    Kind::CSIDriver,
    Kind::CSINode,
    Kind::CSIStorageCapacity,
    Kind::VolumeAttachment,
];

/// A text that is the same for pods on which every plugin decides alike. `default_spread` says whether the pod's profile
/// has default topology spread constraints, whose selectors come from the pod's labels and controller.
pub(crate) fn key(cluster: &Cluster<'_>, pod: &Pod, default_spread: bool) -> String {
    let mut spec = pod.spec.clone();
    let mut claims: Vec<String> = Vec::new();
    let mut own_name = false;
    for volume in &mut spec.volumes {
        volume.name.clear();
        own_name |= volume.ephemeral.is_some();
        if let Some(source) = &mut volume.persistent_volume_claim {
            let name = source.claim_name.clone();
            let first = claims.iter().position(|known| *known == name);
            let shape = shape(cluster, &pod.metadata.namespace, &name).unwrap_or_else(|| format!("={name}"));
            source.claim_name = format!("{}:{shape}", first.unwrap_or(claims.len()));
            claims.push(name);
        }
    }
    let owner = pod.metadata.controller().filter(|_| default_spread).map(|owner| (&owner.kind, &owner.name));
    let labels = labels(cluster, pod, default_spread);
    let parts = (&pod.metadata.namespace, labels, owner, &spec, &pod.status.nominated_node_name);
    let mut key = serde_json::to_string(&parts).unwrap_or_default();
    if own_name || !spec.resource_claims.is_empty() {
        let _ = write!(key, "{}/{}", pod.metadata.name, pod.metadata.uid);
    }
    key
}

/// The kinds of which objects, or that there are none, can decide about a pod.
pub(crate) fn kinds(pod: &Pod, default_spread: bool) -> Vec<Kind> {
    let mut kinds = vec![Kind::Pod, Kind::Node, Kind::Namespace];
    let has_source = |volume: &PodVolume| PodVolume { name: String::new(), ..volume.clone() } != PodVolume::default();
    if pod.spec.volumes.iter().any(has_source) {
        kinds.extend(STORAGE);
    }
    let containers = pod.spec.init_containers.iter().chain(&pod.spec.containers);
    let mut asked = containers.flat_map(|container| container.resources.requests.keys());
    if !pod.spec.resource_claims.is_empty() || asked.any(|resource| is_extended(resource)) {
        kinds.extend([Kind::ResourceClaim, Kind::ResourceSlice, Kind::DeviceClass]);
    }
    if default_spread {
        kinds.extend([Kind::Service, Kind::ReplicaSet, Kind::StatefulSet]);
    }
    kinds
}

/// The labels that some selector asks for. StatefulSet pods differ in a label with their name, which hardly ever is one.
fn labels<'p>(cluster: &Cluster<'_>, pod: &'p Pod, all: bool) -> BTreeMap<&'p str, &'p str> {
    let terms = pod.spec.affinity_terms().iter().chain(pod.spec.anti_affinity_terms());
    let own: HashSet<&str> = terms
        .flat_map(PodAffinityTerm::label_keys)
        .chain(pod.spec.topology_spread_constraints.iter().flat_map(TopologySpreadConstraint::label_keys))
        .collect();
    let asked = |key: &str| all || own.contains(key) || cluster.asks_for_label(key);
    let labels = pod.metadata.labels.iter().filter(|(key, _)| asked(key));
    labels.map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// What of an unbound claim matters, where its name doesn't: nobody uses it and no volume is reserved for it.
fn shape(cluster: &Cluster<'_>, namespace: &str, name: &str) -> Option<String> {
    let Lookup::Found(claim) = cluster.snapshot.claims.get(namespace, name) else { return None };
    let plain = claim.spec.volume_name.is_empty()
        && !claim.metadata.deleting()
        && claim.status.phase != "Lost"
        && !cluster.claim_in_use(namespace, name)
        && claim.metadata.controller().is_none_or(|owner| owner.kind != "Pod")
        && !cluster.reserves(claim.class(), namespace, name);
    plain.then(|| {
        let spec = serde_json::to_string(&claim.spec).unwrap_or_default();
        format!("{}|{}|{spec}", claim.class(), claim.selected_node().map_or_else(String::new, |n| format!("@{n}")))
    })
}
