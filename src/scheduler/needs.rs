//! What distinguishes pods for the scheduler: pods with the same needs are judged once.

use std::fmt::Write as _;

use super::cluster::Cluster;
use crate::model::{Claim, Pod};
use crate::snapshot::Lookup;

/// A text that is the same for pods on which every plugin decides alike.
pub(crate) fn key(cluster: &Cluster<'_>, pod: &Pod) -> String {
    let mut spec = pod.spec.clone();
    let mut claims: Vec<(String, String)> = Vec::new();
    let mut own_name = false;
    for volume in &mut spec.volumes {
        volume.name.clear();
        own_name |= volume.ephemeral.is_some();
        if let Some(source) = &mut volume.persistent_volume_claim {
            let name = source.claim_name.clone();
            let first = claims.iter().position(|(known, _)| *known == name);
            let shape = shape(cluster, &pod.metadata.namespace, &name).unwrap_or_else(|| format!("={name}"));
            source.claim_name = format!("{}:{shape}", first.unwrap_or(claims.len()));
            claims.push((name, String::new()));
        }
    }
    let parts = (&pod.metadata.namespace, &pod.metadata.labels, &spec, &pod.status.nominated_node_name);
    let mut key = serde_json::to_string(&parts).unwrap_or_default();
    if own_name || !spec.resource_claims.is_empty() {
        let _ = write!(key, "{}/{}", pod.metadata.name, pod.metadata.uid);
    }
    key
}

/// What of an unbound claim matters, where its name doesn't: nobody uses it and no volume is reserved for it.
fn shape(cluster: &Cluster<'_>, namespace: &str, name: &str) -> Option<String> {
    let Lookup::Found(claim) = cluster.snapshot.claims.get(namespace, name) else { return None };
    let plain = claim.spec.volume_name.is_empty()
        && !claim.metadata.deleting()
        && claim.status.phase != "Lost"
        && !cluster.claim_in_use(namespace, name)
        && !reserved(cluster, claim);
    plain.then(|| {
        let spec = serde_json::to_string(&claim.spec).unwrap_or_default();
        format!("{}|{}|{spec}", claim.class(), claim.selected_node().map_or_else(String::new, |n| format!("@{n}")))
    })
}

fn reserved(cluster: &Cluster<'_>, claim: &Claim) -> bool {
    cluster.volumes_of_class(claim.class()).iter().any(|volume| {
        volume.spec.claim_ref.as_ref().is_some_and(|reference| {
            reference.namespace == claim.metadata.namespace && reference.name == claim.metadata.name
        })
    })
}
